"""Sequences to be classified, and the order in which they are presented."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import (
    check_choice,
    check_instance,
    check_integer,
    check_number,
    check_two,
    has_unit,
    read_array,
)
from synaptic_sampling.brian.stream import read_samples
from synaptic_sampling.randomness import Stream, permutation

__all__ = ["Presentation", "SequenceTask"]

#: Label of what is not taught: a frame, or a whole sequence.
UNTAUGHT = -1
PARTS = ("inputs", "labels")
#: The largest number of classes.
MAX_CLASSES = 2**24
#: Values that are searched for NaN at once.
CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class SequenceTask:
    """Sequences of inputs with a class for each sequence or for each frame.

    Parameters
    ----------
    inputs : array_like or path-like
        Shape (n, steps, channels), one frame per time step, or (n, channels): inputs that are constant during a
        sequence. Currents without a unit, finite, of float64, float32, int32, int64, uint8 or bool, and kept as they
        are. A path is that of a ``.npy`` file in C order, which is mapped into memory.
    labels : array_like of int
        Shape (n,), or (n, steps) for a class per frame; -1 where nothing is taught and nothing counts.
    train, test : array_like of int, optional
        Which of the sequences are learned, and which are tested. By default all are learned, and none is tested.
    steps : int, optional
        Number of time steps of a sequence; needed only if inputs and labels are constant during a sequence.
    score : {'sequences', 'frames'}, optional
        What counts as correct or not: a sequence, of whose labelled frames the mean output decides, or each labelled
        frame. By default 'frames' for labels of shape (n, steps). With 'sequences', all labelled frames of a sequence
        must have the same label.
    scale : float
        Factor of the inputs, for example 1/255 for pixels stored as bytes.
    name : str
        Name in messages and figures.

    Attributes
    ----------
    num_classes : int
        One more than the largest label.

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, indices are out of range, or labels are not integers >= -1.
    """

    inputs: Any
    labels: Any
    train: Any = None
    test: Any = None
    steps: int | None = None
    score: str | None = None
    scale: float = 1.0
    name: str = "task"

    def __post_init__(self) -> None:
        inputs = _inputs(self.inputs)
        if not isinstance(self.inputs, str | os.PathLike):
            object.__setattr__(self, "inputs", inputs)
        labels = _labels(self.labels, inputs)
        object.__setattr__(self, "labels", labels)
        lengths = {axis.shape[1] for axis, framed in ((inputs, inputs.ndim == 3), (labels, labels.ndim == 2)) if framed}
        if self.steps is not None:
            lengths.add(check_integer("steps", self.steps, minimum=1, maximum=2**31 - 1))
        if len(lengths) != 1:
            found = " and ".join(map(str, sorted(lengths))) or "nothing"
            raise ValueError(
                "inputs, labels and steps must agree about the number of time steps of a sequence, got "
                f"{found}; give steps= where both are constant during a sequence."
            )
        object.__setattr__(self, "steps", lengths.pop())
        check_number("scale", self.scale, above=0.0)
        check_instance("name", self.name, str)
        score = self.score if self.score is not None else ("frames" if labels.ndim == 2 else "sequences")
        check_choice("score", score, ("sequences", "frames"))
        if score == "frames" and labels.ndim == 1:
            raise ValueError("score must be 'sequences' where each sequence has one label, got 'frames'.")
        if score == "sequences" and labels.ndim == 2:
            _check_constant(labels)
        object.__setattr__(self, "score", score)
        train = np.arange(len(inputs)) if self.train is None else self.train
        object.__setattr__(self, "train", _indices("train", train, len(inputs)))
        object.__setattr__(self, "test", _indices("test", [] if self.test is None else self.test, len(inputs)))
        for each in ("train", "test"):
            chosen = getattr(self, each)
            if len(chosen) and labels[chosen].max() == UNTAUGHT:
                raise ValueError(f"{each} must have a sequence with a label, got {len(chosen)} without.")

    @classmethod
    def of_parts(
        cls, train: tuple[ArrayLike, ArrayLike], test: tuple[ArrayLike, ArrayLike], **options: Any
    ) -> SequenceTask:
        """Return a task from a training and a test set, each inputs and labels.

        Parameters
        ----------
        train, test : tuple of array_like
            Inputs and labels, as above, but inputs in memory.
        **options
            ``steps``, ``score``, ``scale`` and ``name``.

        Returns
        -------
        SequenceTask
            With both sets, one after the other.

        Raises
        ------
        TypeError, ValueError
            If shapes do not agree, inputs are a path or have a unit, or for the reasons above.
        """
        columns = [_part("train", train), _part("test", test)]
        for part, one, other in zip(PARTS, *columns, strict=True):
            if one.shape[1:] != other.shape[1:]:
                raise ValueError(
                    f"{part} of train and test must have the same shape except for the number of sequences, got "
                    f"{one.shape} and {other.shape}."
                )
        inputs, labels = (np.concatenate(pair) for pair in zip(*columns, strict=True))
        number = len(columns[0][1])
        return cls(inputs, labels, train=np.arange(number), test=np.arange(number, len(inputs)), **options)

    @property
    def num_channels(self) -> int:
        """Return the number of input channels."""
        return int(self.array.shape[-1])

    @property
    def num_classes(self) -> int:
        """Return the number of classes."""
        return int(self.labels.max()) + 1

    @property
    def num_steps(self) -> int:
        """Return the number of time steps of a sequence."""
        assert self.steps is not None
        return self.steps

    @property
    def array(self) -> NDArray[Any]:
        """Return the inputs; those of a file are mapped into memory."""
        if isinstance(self.inputs, str | os.PathLike):
            return np.load(self.inputs, mmap_mode="r")
        return np.asarray(self.inputs)


class Presentation(NamedTuple):
    """The sequences in the order of their presentation.

    Attributes
    ----------
    shown : ndarray of int64, shape (m,)
        Index of each sequence that is presented.
    learning : ndarray of bool, shape (m,)
        Whether it is learned; otherwise it is a test.
    due : ndarray of bool, shape (m,)
        Whether weights and connections are updated after it: after the last sequence of each batch.
    tests : list of slice
        Positions of each test.
    """

    shown: NDArray[np.int64]
    learning: NDArray[np.bool_]
    due: NDArray[np.bool_]
    tests: list[slice]

    @classmethod
    def of_epochs(cls, task: SequenceTask, first: int, last: int, *, batch: int, seed: int) -> Presentation:
        """Return epochs ``first`` to ``last`` - 1, each in its own random order and followed by all test sequences.

        An epoch is the same wherever a run starts, so a run can be continued. Its last batch may be smaller.
        """
        number = len(task.train)
        ends = np.zeros(number, np.bool_)
        ends[batch - 1 :: batch] = True
        ends[-1] = True
        shown, learning, due, tests = [], [], [], []
        position = 0
        for epoch in range(first, last):
            order = task.train[permutation(seed, Stream.ORDER, epoch, number)]
            shown += [order, task.test]
            learning += [np.ones(number, np.bool_), np.zeros(len(task.test), np.bool_)]
            due += [ends, np.zeros(len(task.test), np.bool_)]
            position += number + len(task.test)
            tests.append(slice(position - len(task.test), position))
        return cls(np.concatenate(shown), np.concatenate(learning), np.concatenate(due), tests)


def _part(name: str, pair: Any) -> list[NDArray[Any]]:
    """Return inputs and labels of a training or test set; raise an error if their numbers differ."""
    check_two(name, pair, "inputs and labels")
    if isinstance(pair[0], str | os.PathLike):
        raise TypeError(
            f"inputs of {name} must be an array, got the path {pair[0]!r}; give SequenceTask the path of one file of "
            "all sequences, and their numbers as train and test."
        )
    if has_unit(pair[0]):
        raise TypeError(f"inputs of {name} must be numbers without a unit; divide them by their unit.")
    arrays = [read_array(f"{part} of {name}", values) for part, values in zip(PARTS, pair, strict=True)]
    inputs, labels = (array.shape for array in arrays)
    if not inputs or inputs[:1] != labels[:1]:
        raise ValueError(
            f"{name} must have a label, or labels, for each of its inputs, got shapes {inputs} and {labels}."
        )
    return arrays


def _inputs(values: Any) -> NDArray[Any]:
    """Return the inputs as an array, mapped into memory if they are in a file; raise an error if they are invalid."""
    if has_unit(values):
        raise TypeError("inputs must be numbers without a unit; divide them by their unit.")
    inputs, _ = read_samples("inputs", values)
    if inputs.ndim == 1:
        raise ValueError(f"inputs must have shape (n, steps, channels) or (n, channels), got {inputs.shape}.")
    rows = max(1, CHUNK // inputs[0].size)
    for first in range(0, len(inputs) if inputs.dtype.kind == "f" else 0, rows):
        part = inputs[first : first + rows]
        if not np.isfinite(part).all():
            where = np.argwhere(~np.isfinite(part))[0]
            raise ValueError(f"inputs must be finite, got {part[tuple(where)]} in sequence {first + where[0]}.")
    return inputs


def _check_constant(labels: NDArray[np.int32]) -> None:
    """Raise an error if labelled frames of one sequence have different labels."""
    wrong = np.flatnonzero(((labels != UNTAUGHT) & (labels != labels.max(axis=1, keepdims=True))).any(axis=1))
    if len(wrong):
        raise ValueError(
            "labels of a sequence must be the same in all its labelled frames where score is 'sequences', got "
            f"{np.unique(labels[wrong[0]]).tolist()} in sequence {wrong[0]}; choose score='frames'."
        )


def _labels(labels: ArrayLike, inputs: NDArray[Any]) -> NDArray[np.int32]:
    """Return the labels as int32; raise an error if they do not fit the inputs."""
    array = read_array("labels", labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {array.dtype}.")
    shapes = [(len(inputs),), *([inputs.shape[:2]] if inputs.ndim == 3 else [])]
    if array.shape not in shapes and not (inputs.ndim == 2 and array.ndim == 2 and len(array) == len(inputs)):
        raise ValueError(
            f"labels must have shape {' or '.join(map(str, shapes))} for inputs of shape {inputs.shape}, "
            f"got {array.shape}."
        )
    if array.min() < UNTAUGHT:
        raise ValueError(f"labels must be >= 0, or -1 where nothing is taught, got {array.min()}.")
    if array.max() < 1:
        raise ValueError(f"labels must have at least two classes, 0 and 1, got only {np.unique(array).tolist()}.")
    if array.max() >= MAX_CLASSES:
        raise ValueError(f"labels must be below {MAX_CLASSES}, as each class has a neuron, got {array.max()}.")
    return array.astype(np.int32)


def _indices(name: str, indices: ArrayLike, number: int) -> NDArray[np.int64]:
    """Return indices of sequences; raise an error if one is out of range."""
    array = read_array(name, indices)
    if array.size == 0:
        if name == "train":
            raise ValueError("train must have at least one sequence, got none.")
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be a list of indices of sequences, got {array.dtype} of shape {array.shape}; "
            "np.flatnonzero makes one of a mask."
        )
    if array.min() < 0 or array.max() >= number:
        wrong = array[(array < 0) | (array >= number)][0]
        raise ValueError(f"{name} must be indices from 0 to {number - 1}, got {wrong}.")
    return array.astype(np.int64)
