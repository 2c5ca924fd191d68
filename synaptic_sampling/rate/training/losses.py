"""Loss functions."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, read_array
from synaptic_sampling._kernels import linear

__all__ = [
    "CrossEntropy",
    "Loss",
    "MeanSquaredError",
    "accuracy_in",
    "check_range",
    "check_test",
    "check_whole",
    "targets_for",
]

Array = NDArray[Any]


class Loss(Protocol):
    """The contract of a loss.

    If it has a method ``accuracy(outputs, labels)`` as well, `Trainer` uses it for tests; otherwise the accuracy is the
    fraction of samples whose largest output is that of their label. If it has ``check_frames(targets, num_frames,
    num_out)`` and the outputs of the network are arranged in frames, that method is called before ``check_targets``,
    and with the labels before ``accuracy``.
    """

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return the targets in the layout of ``evaluate``, or raise an error."""

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss over the batch and its gradient with respect to the output."""


def accuracy_in(test: Any, network: Any, loss: Loss) -> float:
    """Return the accuracy of a network in a test of samples and labels, as the loss defines it if it does."""
    samples, labels = test
    own = getattr(loss, "accuracy", None)
    if own is None:
        return network.accuracy(samples, labels)
    _check_frames(loss, labels, network)
    return own(network.outputs(samples), labels)


def targets_for(loss: Loss, targets: Any, num_samples: int, network: Any) -> Array:
    """Return targets in the layout of ``evaluate``, or raise an error if they do not fit the outputs of a network."""
    _check_frames(loss, targets, network)
    return loss.check_targets(targets, num_samples, network.num_out)


def _check_frames(loss: Loss, targets: Any, network: Any) -> None:
    """Raise an error if the loss finds that targets or labels are for another number of frames."""
    own = getattr(loss, "check_frames", None)
    if own is not None and network.num_frames is not None:
        own(targets, network.num_frames, network.num_out)


def check_test(test: Any, network: Any, loss: Loss) -> None:
    """Raise before the first epoch the error that the test would raise after it."""
    try:
        accuracy_in(test, network, loss)
    except (TypeError, ValueError) as error:
        raise type(error)(f"test: {error}") from error


class CrossEntropy:
    """-log softmax(output)[label], mean over the batch, in nats."""

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return labels as int64, or raise an error if they are invalid.

        Parameters
        ----------
        targets : array_like of int, shape (num_samples,)
            Labels, 0 to num_out - 1.
        num_samples, num_out : int
            Numbers of samples and of classes.

        Returns
        -------
        ndarray of int64
            The labels.

        Raises
        ------
        TypeError, ValueError
            If they are not labels of this shape and range.
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
        return linear.cross_entropy(out, targets, delta), delta


def check_whole(labels: Array) -> None:
    """Raise a TypeError if labels are not integers, and say how to convert them."""
    if labels.dtype.kind in "iu":
        return
    hint = "give the number of each class, starting at 0"
    if labels.dtype.kind in "SUO":
        hint = "convert names to numbers by np.unique(labels, return_inverse=True)[1]"
    elif _are_one_hot(labels):
        hint = "they are one-hot, so give labels.argmax(axis=1)"
    elif labels.dtype.kind in "bf" and np.all(labels == np.round(labels)):
        hint = "give labels.astype(int)"
    raise TypeError(f"labels must be integers, got {labels.dtype} in shape {labels.shape}; {hint}.")


def check_range(labels: Array, smallest: int, num_classes: int) -> None:
    """Raise a ValueError if a label is out of range, and say what to do if they start at 1."""
    wrong = labels[(labels < smallest) | (labels >= num_classes)]
    if wrong.size:
        from_one = labels.max() == num_classes and not (labels == 0).any()
        hint = "; they start at 1, so give labels - 1" if from_one else ""
        none = ", or -1 for none" if smallest < 0 else ""
        raise ValueError(f"labels must be between 0 and {num_classes - 1}{none}, got {wrong.flat[0]}{hint}.")


def _are_one_hot(labels: Array) -> bool:
    """Return whether each row holds a single 1 and zeros."""
    return labels.ndim == 2 and bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())


def _hint(labels: Array, num_samples: int) -> str:
    """Return what to do about labels of the wrong shape."""
    if labels.shape == (num_samples, 1):
        return "; give labels.ravel()"
    if _are_one_hot(labels):
        return "; they are one-hot, so give labels.argmax(axis=1)"
    return "; for one label per frame, use FrameCrossEntropy" if labels.ndim > 1 else ""


class MeanSquaredError:
    """(output - target)^2, mean over batch and outputs."""

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return targets as float32, or raise an error.

        Parameters
        ----------
        targets : array_like, shape (num_samples, num_out)
            Desired outputs.
        num_samples, num_out : int
            Numbers of samples and of outputs.

        Returns
        -------
        ndarray of float32
            The targets.

        Raises
        ------
        ValueError
            If the shape is wrong or a target is not finite.
        """
        values = np.ascontiguousarray(check_array("targets", targets), np.float32)
        if values.shape != (num_samples, num_out):
            raise ValueError(f"targets must have shape ({num_samples}, {num_out}), got {values.shape}.")
        if not np.isfinite(values).all():
            raise ValueError("targets must be finite.")
        return values

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        out : ndarray of float32, shape (num_out, padded batch)
            Output of the network.
        targets : ndarray of float32, shape (batch, num_out)
            Desired outputs.

        Returns
        -------
        loss : float
            Mean square.
        delta : ndarray of float32
            dE/d(output), 0 in the padding.
        """
        delta = np.empty_like(out)
        return linear.mean_squared_error(out, targets, delta), delta
