"""The progress of a training, as checkpoints store it, checked when it is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_callable, check_flag, check_instance, check_integer, check_number, check_two
from synaptic_sampling._progress import tqdm
from synaptic_sampling.checkpoint import CheckpointError
from synaptic_sampling.rate.training.augmentation import Augment, augmented

__all__ = [
    "Course",
    "Epoch",
    "Progress",
    "Report",
    "Shown",
    "check_options",
    "number_of_epochs",
    "shown_progress",
]

LARGEST = 2**62

#: Called after each epoch with the number of epochs done, their total number, and the mean loss of the last one.
Report = Callable[[int, int, float], None]


class Epoch(NamedTuple):
    """Summary of one epoch.

    Attributes
    ----------
    samples : int
        Samples presented since the start.
    loss : float
        Mean over its batches.
    accuracy : float or None
        In the test after it, if there was one.
    connections : list of int
        In each sparse layer, at its end.
    births, deaths : int
        Connections formed and eliminated in this epoch, in all layers together.
    """

    samples: int
    loss: float
    accuracy: float | None
    connections: list[int]
    births: int
    deaths: int

    @property
    def figures(self) -> dict[str, str]:
        """Return loss and accuracy as shown in a progress bar."""
        tested = {} if self.accuracy is None else {"accuracy": f"{100 * self.accuracy:.1f} %"}
        return {"loss": f"{self.loss:.4f}", **tested}


class Course:
    """Samples, targets and batch size of a training; the data is hashed only when it is compared or saved.

    Parameters
    ----------
    data : str or tuple of ndarray
        SHA-256 of samples and targets, or both arrays.
    batch_size : int
        Number of samples per step.
    """

    def __init__(self, data: str | tuple[NDArray[Any], NDArray[Any]], batch_size: int) -> None:
        self._data, self.batch_size = data, batch_size

    @property
    def data(self) -> str:
        """Return the SHA-256 of samples and targets."""
        if not isinstance(self._data, str):
            total = hashlib.sha256()
            for values in map(np.ascontiguousarray, self._data):
                total.update(f"{values.dtype.str} {values.shape}".encode())
                total.update(values.data if values.size else b"")
            self._data = total.hexdigest()
        return self._data

    @property
    def stored(self) -> tuple[str, int]:
        """Return what a checkpoint holds."""
        return self.data, self.batch_size

    def compare(self, other: Course) -> None:
        """Raise a CheckpointError if training is to go on with other samples, targets or batch size."""
        hint = "give the same ones, or use load(path, same_data=False) to go on with others."
        if other.data != self.data:
            raise CheckpointError(f"samples or targets differ from those of the checkpoint; {hint}")
        if other.batch_size != self.batch_size:
            raise CheckpointError(f"batch_size is {other.batch_size}, but {self.batch_size} in the checkpoint; {hint}")


class Shown(NamedTuple):
    """Samples and targets of a call of ``fit``, and how they are presented.

    Attributes
    ----------
    samples : ndarray of float32, shape (n, num_in)
        From ``check_samples``.
    targets : ndarray, shape (n, ...)
        From ``check_targets``.
    batch_size : int
        Number of samples per step.
    watch : callable or None
        Called with the trainer after every step.
    augment : callable or None
        Changes each batch before it is shown.
    """

    samples: NDArray[np.float32]
    targets: NDArray[Any]
    batch_size: int
    watch: Callable[[Any], object] | None
    augment: Augment | None = None

    @property
    def one_by_one(self) -> bool:
        """Whether something has to be done in Python at every step."""
        return self.watch is not None or self.augment is not None

    def batch(self, numbers: NDArray[np.int64], seed: int, step: int) -> NDArray[np.float32]:
        """Return the samples of these numbers as they are shown in a step of a network with this seed."""
        chosen = self.samples[numbers]
        return chosen if self.augment is None else augmented(chosen, self.augment, seed, step)


class Progress(NamedTuple):
    """How far a training has progressed.

    Attributes
    ----------
    steps_done, samples_done : int
        Since the start.
    position : int
        Number of samples presented in the present epoch.
    under_way : list of float
        In this epoch: sum of losses, batches, births, deaths.
    rewired_at : int
        The step before which ``between`` was applied last.
    most_connections : int
        The largest number after any step.
    history : list of Epoch
        The epochs that are complete.
    course : tuple or None
        SHA-256 of samples and targets, and batch size, of the last ``fit``.
    plan : dict or None
        What else must be equal where a run goes on: loss, schedule, and what rewires between steps.
    stopped : bool
        Whether ``stop`` ended the last ``fit``.
    notes : dict
        The user's.
    """

    steps_done: int
    samples_done: int
    position: int
    under_way: list[float]
    rewired_at: int
    most_connections: int
    history: list[Epoch]
    course: tuple[str, int] | None
    plan: dict[str, Any] | None = None
    stopped: bool = False
    notes: dict[str, Any] = {}  # noqa: RUF012 (never changed)

    @classmethod
    def read(cls, about: Mapping[str, Any]) -> Progress:
        """Return the progress in a checkpoint, or raise a KeyError, TypeError or ValueError if it is invalid."""
        # Files of earlier versions lack the last ones.
        values = {name: about[name] for name in cls._fields if name in about or name not in cls._field_defaults}
        for name in ("steps_done", "samples_done", "position", "rewired_at", "most_connections"):
            check_integer(name, values[name], minimum=0, maximum=LARGEST)
        if values["rewired_at"] > values["steps_done"]:
            raise ValueError(f"rewired_at must be <= {values['steps_done']}, got {values['rewired_at']}.")
        total, *counts = values["under_way"]
        check_number("loss", total)
        if len(counts) != 3:
            raise ValueError(f"under_way must hold 4 numbers, got {values['under_way']}.")
        for count in counts:
            check_integer("under_way", count, minimum=0, maximum=LARGEST)
        values["history"] = [_checked(entry) for entry in values["history"]]
        before = values["history"][-1].samples if values["history"] else 0
        if before + values["position"] != values["samples_done"]:
            raise ValueError(f"samples_done must be {before + values['position']}, got {values['samples_done']}.")
        if values["course"] is not None:
            data, batch_size = values["course"]
            if re.fullmatch("[0-9a-f]{64}", data) is None:
                raise ValueError(f"course must hold a SHA-256, got {data!r}.")
            values["course"] = data, check_integer("batch_size", batch_size, minimum=1, maximum=LARGEST)
        progress = cls(**values)
        check_flag("stopped", progress.stopped)
        check_instance("notes", progress.notes, dict)
        return progress


def _checked(entry: Any) -> Epoch:
    """Return an entry of a history, or raise an error if it is invalid."""
    epoch = Epoch(*entry)
    check_number("loss", epoch.loss)
    if epoch.accuracy is not None:
        check_number("accuracy", epoch.accuracy, minimum=0.0, maximum=1.0)
    for count in (epoch.samples, epoch.births, epoch.deaths, *epoch.connections):
        check_integer("history", count, minimum=0, maximum=LARGEST)
    return epoch


def number_of_epochs(epochs: Any, until_epoch: Any, *, resume: Any) -> int:
    """Return the number of epochs, or raise an error unless exactly one of both arguments states it."""
    if resume and until_epoch is None:
        raise ValueError("resume needs until_epoch, the number of epochs in total.")
    if (epochs is None) == (until_epoch is None):
        raise TypeError("give either epochs (further epochs) or until_epoch (epochs in total).")
    name, number = ("epochs", epochs) if until_epoch is None else ("until_epoch", until_epoch)
    return check_integer(name, number, minimum=1, maximum=2**31)


def check_options(*, test: Any, stop: Any, report: Any, watch: Any, augment: Any) -> None:
    """Raise a TypeError if an option of ``fit`` is of the wrong kind."""
    if test is not None:
        check_two("test", test, "samples and labels")
    if not (isinstance(report, str) and report == "bar") and not (report is None or callable(report)):
        raise TypeError(f"report must be 'bar', a function or None, got {report!r}.")
    own = None if isinstance(report, str) else report
    for name, value in (("report", own), ("stop", stop), ("watch", watch), ("augment", augment)):
        if value is not None:
            check_callable(name, value)


@contextmanager
def shown_progress(
    done: int, total: int, report: Report | str | None, prepare: Callable[[], None]
) -> Iterator[Callable[[list[Epoch]], None]]:
    """Provide a function that reports the last epoch of a history: by a bar, by ``report``, or not at all.

    ``prepare``, which may take long the first time, is called before, and the bar does not count it.
    """
    bar = tqdm(total=total, initial=done, unit="epoch", postfix="compiling", disable=report != "bar")

    def advance(history: list[Epoch]) -> None:
        bar.update()
        bar.set_postfix(history[-1].figures)
        if callable(report):
            report(len(history), total, history[-1].loss)

    with bar:
        prepare()
        bar.set_postfix_str("")
        bar.unpause()
        yield advance
