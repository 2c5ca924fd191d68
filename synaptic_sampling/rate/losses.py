"""What a network is asked to make small."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, read_array
from synaptic_sampling._kernels import linear

__all__ = ["CrossEntropy", "Loss", "MeanSquaredError", "check_range", "check_whole"]

Array = NDArray[Any]


class Loss(Protocol):
    """The contract of a loss.

    It may have ``accuracy(outputs, labels)`` too, by which `Trainer` tests; else the largest output is compared.
    """

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return the targets as the kernel wants them, or raise an error."""

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss over the batch and its gradient with respect to the output."""


class CrossEntropy:
    """-log softmax(output)[label], mean over the batch, in nats."""

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return labels as int64, or raise an error.

        Parameters
        ----------
        targets : array_like of int, shape (num_samples,)
            Labels, 0 to num_out - 1.
        num_samples, num_out : int
            What they must fit.

        Returns
        -------
        ndarray of int64
            The labels.

        Raises
        ------
        TypeError, ValueError
            If they are no labels.
        """
        labels = read_array("labels", targets)
        check_whole(labels)
        if labels.shape != (num_samples,):
            raise ValueError(
                f"labels must have shape ({num_samples},), got {labels.shape}{_hint(labels, num_samples)}."
            )
        check_range(labels, 0, num_out)
        return labels.astype(np.int64)

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        out : ndarray of float32, shape (num_out, padded batch)
            Output of the network.
        targets : ndarray of int64, shape (batch,)
            Labels.

        Returns
        -------
        loss : float
            In nats.
        delta : ndarray of float32
            dE/d(output), 0 in the padding.
        """
        delta = np.empty_like(out)
        return linear._cross_entropy(out, targets, delta), delta


def check_whole(labels: Array) -> None:
    """Refuse labels that are not integers, with what makes integers of them.

    Parameters
    ----------
    labels : ndarray
        As the user gave them.

    Raises
    ------
    TypeError
        Says what they are and what to do.
    """
    if labels.dtype.kind in "iu":
        return
    hint = "give the number of each class, from 0"
    if labels.dtype.kind in "SUO":
        hint = "number the names by np.unique(labels, return_inverse=True)[1]"
    elif _are_one_hot(labels):
        hint = "they are one-hot, give labels.argmax(axis=1)"
    elif labels.dtype.kind in "bf" and np.all(labels == np.round(labels)):
        hint = "give labels.astype(int)"
    raise TypeError(f"labels must be integers, got {labels.dtype} in shape {labels.shape}; {hint}.")


def check_range(labels: Array, smallest: int, num_classes: int) -> None:
    """Refuse labels out of range, with what to do where they count from 1.

    Parameters
    ----------
    labels : ndarray of int
        As the user gave them.
    smallest : int
        The smallest allowed.
    num_classes : int
        One more than the largest allowed.

    Raises
    ------
    ValueError
        Shows the first one that is out of range.
    """
    wrong = labels[(labels < smallest) | (labels >= num_classes)]
    if wrong.size:
        from_one = labels.max() == num_classes and not (labels == 0).any()
        hint = "; they count from 1, give labels - 1" if from_one else ""
        none = ", or -1 for none" if smallest < 0 else ""
        raise ValueError(f"labels must be between 0 and {num_classes - 1}{none}, got {wrong.flat[0]}{hint}.")


def _are_one_hot(labels: Array) -> bool:
    """Return whether each row holds a single 1 and zeros."""
    return labels.ndim == 2 and bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())


def _hint(labels: Array, num_samples: int) -> str:
    """Return what to do about labels of a wrong shape."""
    if labels.shape == (num_samples, 1):
        return "; give labels.ravel()"
    if _are_one_hot(labels):
        return "; they are one-hot, give labels.argmax(axis=1)"
    return "; for labels of frames, take FrameCrossEntropy" if labels.ndim > 1 else ""


class MeanSquaredError:
    """(output - target)^2, mean over batch and outputs."""

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return targets as float32, or raise an error.

        Parameters
        ----------
        targets : array_like, shape (num_samples, num_out)
            What the outputs should be.
        num_samples, num_out : int
            What they must fit.

        Returns
        -------
        ndarray of float32
            The targets.

        Raises
        ------
        ValueError
            If the shape is wrong or a target is not finite.
        """
        wanted = np.ascontiguousarray(check_array("targets", targets), np.float32)
        if wanted.shape != (num_samples, num_out):
            raise ValueError(f"targets must have shape ({num_samples}, {num_out}), got {wanted.shape}.")
        if not np.isfinite(wanted).all():
            raise ValueError("targets must be finite.")
        return wanted

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        out : ndarray of float32, shape (num_out, padded batch)
            Output of the network.
        targets : ndarray of float32, shape (batch, num_out)
            What it should be.

        Returns
        -------
        loss : float
            Mean square.
        delta : ndarray of float32
            dE/d(output), 0 in the padding.
        """
        delta = np.empty_like(out)
        return linear._mean_squared_error(out, targets, delta), delta
