"""Train a spiking network on a task, in runtime mode or as a compiled C++ program."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import (
    check_callable,
    check_choice,
    check_instance,
    check_integer,
    check_number,
    check_seed,
    is_schedule,
)
from synaptic_sampling._tables import html_table
from synaptic_sampling.brian import run_program
from synaptic_sampling.brian.interruptions import interruptions
from synaptic_sampling.brian.signals import acts_on_soft
from synaptic_sampling.checkpoint import CheckpointError, check_checkpoints
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.rules import Rule
from synaptic_sampling.spiking.device import check_device, compiler_flags, standalone
from synaptic_sampling.spiking.network import EpropNetwork
from synaptic_sampling.spiking.progress import Progress, identity
from synaptic_sampling.spiking.simulation import SETS, Simulation
from synaptic_sampling.spiking.tasks import Presentation, SequenceTask

__all__ = ["SpikingResult", "Training"]


@dataclass(frozen=True, eq=False, repr=False)
class SpikingResult:
    """What a run has led to.

    Attributes
    ----------
    accuracies : list of float
        Fraction of the labelled test sequences, or of their labelled frames, that is classified correctly, after each
        epoch; empty without test sequences.
    training_accuracies : list of float
        Likewise of the training sequences, as they were presented.
    samples : list of int
        Training sequences presented before each test.
    rate : float
        Mean firing rate over the whole run, in Hz.
    weights : dict of str to tuple of ndarray
        For each set of synapses: presynaptic neuron, postsynaptic neuron, and weight.
    sites : dict of str to int
        Number of possible connections of each set.
    log : RewiringLog
        Formation and elimination of the input and recurrent synapses, in this order.
    seconds : float
        Duration of the run without compilation in C++ standalone mode, and with everything in runtime mode.
    """

    accuracies: list[float]
    training_accuracies: list[float]
    samples: list[int]
    rate: float
    weights: dict[str, tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]]
    sites: dict[str, int]
    log: RewiringLog
    seconds: float

    def __repr__(self) -> str:
        tested = f", test accuracy {100 * self.accuracies[-1]:.1f} %" if self.accuracies else ""
        return f"<SpikingResult: {self.connections} connections, {self.rate:.3g} Hz{tested}, {self.seconds:.3g} s>"

    def _repr_html_(self) -> str:
        rows = [(name, len(pre), self.sites[name]) for name, (pre, _, _) in self.weights.items()]
        return html_table(repr(self).strip("<>"), ("synapses", "connections", "possible"), rows)

    @property
    def tests(self) -> list[tuple[int, float]]:
        """Return (training sequences presented so far, accuracy) for each test: one per epoch, or none at all."""
        return list(zip(self.samples, self.accuracies, strict=bool(self.accuracies)))

    @property
    def connections(self) -> int:
        """Return the number of connections of all sets, those of the readout included."""
        return sum(len(pre) for pre, _, _ in self.weights.values())

    @property
    def connectivity(self) -> float:
        """Return the fraction of all possible connections that exist, those of the readout included."""
        return self.connections / sum(self.sites.values())


class Training:
    """Epochs of a task, each in a random order and followed by a test.

    Parameters
    ----------
    net : EpropNetwork
        The network.
    task : SequenceTask
        What it learns.
    epochs : int
        Number of passes over the training sequences.
    batch : int
        Number of sequences between two updates of weights and connections.
    decay : float
        Learning rates and temperatures decrease exponentially from update to update, from their values in the first
        one to this fraction of them in the last; 1 keeps them constant. Those that are strings of t or TimedArrays
        are left as they are, and so is the temperature of `SoftDeepR`, whose law depends on its ratio to l1.
    seed : int
        0 to 2**64 - 1; determines connectivity, signs, initial weights, order of the sequences, noise and formation.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    """

    def __init__(
        self,
        net: EpropNetwork,
        task: SequenceTask,
        *,
        epochs: int = 1,
        batch: int = 32,
        decay: float = 1.0,
        seed: int = 0,
    ) -> None:
        check_instance("net", net, EpropNetwork)
        check_instance("task", task, SequenceTask)
        self.net, self.task = net, task
        self.epochs = check_integer("epochs", epochs, minimum=1, maximum=2**31 - 1)
        self.batch = check_integer("batch", batch, minimum=1, maximum=2**31 - 1)
        self.decay = check_number("decay", decay, above=0.0, maximum=1.0)
        self.seed = check_seed(seed)

    def run(
        self,
        *,
        device: str = "runtime",
        report: Callable[..., None] | str | None = None,
        log: Any = None,
        directory: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
        watch: Callable[[SpikingResult], object] | None = None,
    ) -> SpikingResult:
        """Train, from the start or a checkpoint to the end.

        Parameters
        ----------
        device : {'runtime', 'cpp_standalone'}
            Brian2's runtime mode, or a C++ program, which is compiled once for all networks that differ only in data,
            seeds, wiring and numbers. With Cython, both give the same bits.
        report : callable or str, optional
            Progress, as for ``brian2.run``: 'text', 'stdout', 'stderr' or a function; a program reports only as text,
            to standard output.
        log : path-like, optional
            File for the log of runtime mode; in memory by default. The log of a program, or of a run with checkpoints,
            is saved afterwards, by ``result.log.save``.
        directory : path-like, optional
            Folder of the program; by default one that is deleted at the end.
        cache : path-like, optional
            Folder of compiled programs, as for `brian.run_program`.
        checkpoint : path-like, optional
            File that contains all that the next epoch needs, and is replaced after every epoch: a run that is stopped,
            even by a power failure, loses no more. The checkpoint before it is kept as ``run.previous.npz`` beside
            ``run.npz``. The log then has a snapshot at each checkpoint; all else is as without checkpoints, bit for
            bit.
        checkpoint_every : int
            Number of epochs between two checkpoints.
        resume : bool
            Continue from the checkpoint if it exists, in this device or the other. Without ``decay``, more epochs may
            have been added. By default, a checkpoint that exists is an error.
        watch : callable, optional
            Called with the `SpikingResult` so far after each checkpoint.

        Returns
        -------
        SpikingResult
            Accuracies, weights and log.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or is out of range.
        FileExistsError
            If the checkpoint exists and ``resume`` is False.
        CheckpointError
            If the checkpoint is damaged, or of another network, task or seed.
        RuntimeError
            If a C++ standalone mode of your own is in use, the program cannot be compiled, or it stops with an error,
            such as a gradient that is not finite.
        KeyboardInterrupt
            If Ctrl+C ended the run early, which Brian2 does not report.
        """
        check_choice("device", device, ("runtime", "cpp_standalone"))
        _check_options(device, report, log, directory, cache)
        each = _check_checkpoints(checkpoint, checkpoint_every, resume, watch, log)
        check_device()
        progress = self._progress(checkpoint, resume)
        with ExitStack() as stack:
            interrupted = stack.enter_context(interruptions())
            folder = directory or (device == "runtime" or stack.enter_context(tempfile.TemporaryDirectory()))
            while progress.epochs < self.epochs:
                until = self.epochs if checkpoint is None else min(progress.epochs + each, self.epochs)
                if device == "runtime":
                    progress = self._in_runtime(progress, until, log, report)
                else:
                    progress = self._in_program(progress, until, folder, cache, report)
                if checkpoint is not None:
                    progress.save(checkpoint, self._identity())
                if watch is not None:
                    watch(self._result(progress))
                if interrupted:
                    raise KeyboardInterrupt
        result = self._result(progress)
        if result.tests:
            result.log.annotate(last_test=dict(zip(("samples", "accuracy"), result.tests[-1], strict=True)))
            result.log.flush()
        return result

    def _progress(self, checkpoint: Any, resume: bool) -> Progress:
        """Return where the run starts."""
        if checkpoint is None or not resume:
            return Progress()
        progress = Progress.load(checkpoint, self._identity())
        if progress.epochs > self.epochs:
            raise CheckpointError(
                f"{checkpoint} has {progress.epochs} epochs, which is more than epochs={self.epochs}; increase it."
            )
        return progress

    def _identity(self) -> dict[str, Any]:
        return identity(self.net, self.task, batch=self.batch, decay=self.decay, seed=self.seed, epochs=self.epochs)

    def _in_runtime(self, progress: Progress, until: int, log: Any, report: Any) -> Progress:
        """Run some epochs in this process."""
        start = time.perf_counter()
        with compiler_flags():
            simulation = self._simulation(progress, until, log)
            simulation.run(report)
        simulation.check_complete()
        return progress.after(simulation, until, time.perf_counter() - start)

    def _in_program(self, progress: Progress, until: int, folder: Any, cache: Any, report: Any) -> Progress:
        """Build and run a C++ program, with Brian2's device and preferences as they were afterwards."""
        with standalone(folder) as device:
            simulation = self._simulation(progress, until)
            simulation.run("text" if report else None)
            run_program(folder, cache=cache, with_output=bool(report))
            simulation.check_complete()
            progress = progress.after(simulation, until, device.timers["run_binary"])
            del simulation
            return progress

    def simulation(self, log: Any = None) -> Simulation:
        """Return the Brian2 objects of the whole run, not run yet: for monitors of your own, or another device.

        Parameters
        ----------
        log : path-like, optional
            File for the log of runtime mode; in memory by default.

        Returns
        -------
        Simulation
            Its ``network`` runs for its ``length``.
        """
        return self._simulation(Progress(), self.epochs, log)

    def _simulation(self, progress: Progress, until: int, log: Any = None) -> Simulation:
        """Return the Brian2 objects of the epochs up to ``until``."""
        factor = factor_of_rates(self)
        rules = {
            name: decayed(getattr(self.net, name).rule, factor) for name in SETS if getattr(self.net, name) is not None
        }
        shown = len(self.task.train) + len(self.task.test)
        return Simulation(
            self.net,
            self.task,
            self._presentation(),
            rules=rules,
            batch=self.batch,
            seed=self.seed,
            log=log,
            part=(progress.epochs * shown, until * shown),
            state=progress.state,
        )

    def _presentation(self) -> Presentation:
        return Presentation.of_epochs(self.task, 0, self.epochs, batch=self.batch, seed=self.seed)

    def _weights(self, name: str, state: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return endpoints and weights of one set, without retracted connections, which only soft rules store."""
        pre, post, theta, polarity = (state[f"{name}/{part}"] for part in ("pre", "post", "theta", "polarity"))
        active = theta >= 0 if getattr(self.net, name).is_soft else slice(None)
        return pre[active], post[active], polarity[active].astype(float) * theta[active]

    def _result(self, progress: Progress) -> SpikingResult:
        assert progress.state is not None
        assert progress.log is not None
        _, learning, _, tests = self._presentation()
        tests, state = tests[: progress.epochs], progress.state

        def accuracy(part: slice) -> float:
            return float(progress.right[part].sum() / progress.counted[part].sum())

        learned = np.cumsum(learning)
        starts = [0, *(test.stop for test in tests[:-1])]
        weights = {name: self._weights(name, state) for name in progress.sites}
        length = float(len(progress.right) * (self.task.num_steps * self.net.dt) + self.net.dt)
        return SpikingResult(
            accuracies=[accuracy(test) for test in tests if test.stop > test.start],
            training_accuracies=[accuracy(slice(start, test.start)) for start, test in zip(starts, tests, strict=True)],
            samples=[int(learned[test.start - 1]) for test in tests],
            rate=float(progress.spikes / (length * self.net.num_neurons)),
            weights=weights,
            sites=progress.sites,
            log=progress.log,
            seconds=progress.seconds,
        )


def _check_options(device: str, report: Any, log: Any, directory: Any, cache: Any) -> None:
    """Raise an error for options of a run that would be noticed late, or not at all."""
    if not callable(report) and report not in (None, "text", "stdout", "stderr"):
        raise ValueError(f"report must be 'text', 'stdout', 'stderr' or a function, got {report!r}.")
    if device == "cpp_standalone" and log is not None:
        raise ValueError(f"log must be None with device='cpp_standalone', got {log!r}; use result.log.save(path).")
    for name, path in (("directory", directory), ("cache", cache)):
        if path is not None:
            check_instance(name, path, (str, os.PathLike))
            if not os.fspath(path) or (os.path.exists(path) and not os.path.isdir(path)):
                raise ValueError(f"{name} must be a folder, got {path!r}.")


def _check_checkpoints(checkpoint: Any, checkpoint_every: Any, resume: Any, watch: Any, log: Any) -> int:
    """Return the interval of checkpoints, or raise an error for options that are wrong, or would have no effect."""
    each = check_checkpoints(checkpoint, checkpoint_every, resume)
    if watch is not None:
        check_callable("watch", watch)
    if checkpoint is None and watch is not None:
        raise ValueError("watch needs checkpoint=, the path of a file; it is None.")
    if checkpoint is not None and log is not None:
        raise ValueError(
            f"log must be None with a checkpoint, which contains it, got {log!r}; use result.log.save(path)."
        )
    return each


def factor_of_rates(training: Training) -> str | None:
    """Return the factor of learning rates as a string of t: 1 at the first update, ``decay`` at the last; None if 1."""
    task, batch = training.task, training.batch
    # An epoch has as many updates with few test sequences as with many, which must not matter.
    per_epoch, shown = math.ceil(len(task.train) / batch), len(task.train) + len(task.test)
    last = f"floor(t/({float(task.num_steps * training.net.dt)!r}*second) - 0.5)"
    update = f"({last}//{shown}*{per_epoch} + {last}%{shown}//{batch})"
    number = training.epochs * per_epoch
    return None if training.decay == 1.0 or number == 1 else f"{training.decay!r}**({update}/{number - 1})"


def decayed(rule: Rule, factor: str | None) -> Rule:
    """Return a rule whose learning rate and temperature are multiplied by a factor that changes with time.

    In soft DEEP R, temperature and l1 determine how deep retracted connections fall: the learning rate alone changes.
    """
    if factor is None:
        return rule
    own = {each.name: getattr(rule, each.name) for each in fields(rule)}
    decaying = ("learning_rate",) if acts_on_soft(rule) else ("learning_rate", "temperature")
    changed = {name: own[name] for name in decaying if name in own}
    return replace(
        rule, **{name: f"{float(value)!r}*{factor}" for name, value in changed.items() if not is_schedule(value)}
    )
