"""Losses over the frames of sequences, from which frames without a label or target are excluded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, read_array
from synaptic_sampling.rate.training.losses import check_range, check_whole

__all__ = ["NO_LABEL", "FrameCrossEntropy", "FrameMeanSquaredError", "frame_accuracy"]

Array = NDArray[Any]

#: The label of a frame that is excluded.
NO_LABEL = -1


class FrameCrossEntropy:
    """-log softmax(output)[label] of each frame, mean over the labelled frames of the batch, in nats.

    Labels have shape (n, steps); -1 excludes a frame, such as one after the end of its sequence.
    """

    def check_frames(self, targets: Any, num_frames: int, num_out: int) -> None:
        """Raise an error unless there is a label for each frame of the outputs of a network.

        Parameters
        ----------
        targets : array_like of int, shape (n, num_frames)
            Labels.
        num_frames, num_out : int
            Numbers of frames and of outputs.
        """
        shape = read_array("labels", targets).shape
        if len(shape) != 2 or shape[1] != num_frames:
            raise ValueError(f"labels must have shape (n, {num_frames}), a label for each frame, got {shape}.")

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return labels as int64, or raise an error if they are invalid.

        Parameters
        ----------
        targets : array_like of int, shape (num_samples, steps)
            Labels, 0 to classes - 1, or -1.
        num_samples, num_out : int
            Numbers of samples and of outputs; ``num_out`` is ``steps * classes``.

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
        if labels.ndim != 2 or len(labels) != num_samples or not labels.shape[1] or num_out % labels.shape[1]:
            raise ValueError(
                f"labels must have shape ({num_samples}, steps) with {num_out} outputs in steps, got {labels.shape}."
            )
        check_range(labels, NO_LABEL, num_out // labels.shape[1])
        return labels.astype(np.int64)

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        out : ndarray of float32, shape (num_out, padded batch)
            Output of the network.
        targets : ndarray of int64, shape (batch, steps)
            Labels.

        Returns
        -------
        loss : float
            In nats; 0 if no frame is labelled.
        delta : ndarray of float32
            dE/d(output), 0 where there is no label.
        """
        (n, steps), delta = targets.shape, np.zeros_like(out)
        values = out.reshape(steps, -1, out.shape[1])[:, :, :n].astype(np.float64)
        values -= values.max(axis=1, keepdims=True)
        logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
        sample, step = np.nonzero(targets != NO_LABEL)
        if not len(sample):
            return 0.0, delta
        label, counts = targets[sample, step], np.zeros((steps, 1, n))
        counts[step, 0, sample] = 1 / len(sample)
        slopes = np.exp(logs) * counts
        slopes[step, label, sample] -= 1 / len(sample)
        delta.reshape(steps, -1, out.shape[1])[:, :, :n] = slopes
        return float(-logs[step, label, sample].mean()), delta

    def accuracy(self, outputs: ArrayLike, labels: ArrayLike) -> float:
        """Return the fraction of labelled frames whose largest output is that of their label."""
        return frame_accuracy(outputs, labels)


class FrameMeanSquaredError:
    """(output - target)^2, mean over all targets of the batch that are not NaN.

    Targets have shape (n, steps, outputs) or (n, steps * outputs); NaN excludes a target.
    """

    def check_frames(self, targets: Any, num_frames: int, num_out: int) -> None:
        """Raise an error unless targets, or the labels of a test, are for the frames of the outputs of a network.

        Parameters
        ----------
        targets : array_like, shape (n, num_frames, outputs), (n, num_out) or, for labels, (n, num_frames)
            Desired outputs, or labels.
        num_frames, num_out : int
            Numbers of frames and of outputs.
        """
        shape = read_array("targets", targets).shape
        if len(shape) < 2 or (shape[1] != num_frames and shape[1:] != (num_out,)):
            raise ValueError(
                f"targets must have shape (n, {num_frames}, {num_out // num_frames}) or (n, {num_out}), and labels of "
                f"a test (n, {num_frames}), got {shape}."
            )

    def check_targets(self, targets: Any, num_samples: int, num_out: int) -> Array:
        """Return targets as float32, or raise an error if they are invalid.

        Parameters
        ----------
        targets : array_like, shape (num_samples, num_out) or (num_samples, steps, outputs)
            Desired outputs, or NaN.
        num_samples, num_out : int
            Numbers of samples and of outputs.

        Returns
        -------
        ndarray of float32, shape (num_samples, num_out)
            The targets.

        Raises
        ------
        ValueError
            If the shape is wrong or a target is infinite.
        """
        values = np.ascontiguousarray(check_array("targets", targets), np.float32)
        if values.ndim not in {2, 3} or len(values) != num_samples or values.size != num_samples * num_out:
            raise ValueError(
                f"targets must have shape ({num_samples}, {num_out}) or ({num_samples}, steps, outputs), "
                f"got {values.shape}."
            )
        if np.isinf(values).any():
            raise ValueError("targets must be finite, or NaN where there is no target.")
        return values.reshape(num_samples, num_out)

    def evaluate(self, out: Array, targets: Array) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        out : ndarray of float32, shape (num_out, padded batch)
            Output of the network.
        targets : ndarray of float32, shape (batch, num_out)
            Desired outputs, or NaN.

        Returns
        -------
        loss : float
            Mean square; 0 if all targets are NaN.
        delta : ndarray of float32
            dE/d(output), 0 where the target is NaN.
        """
        n, delta, given = len(targets), np.zeros_like(out), ~np.isnan(targets.T)
        error = np.where(given, out[:, :n].astype(np.float64) - targets.T, 0.0)
        count = max(1, np.count_nonzero(given))
        delta[:, :n] = 2 * error / count
        return float(np.sum(error**2) / count), delta

    def accuracy(self, outputs: ArrayLike, labels: ArrayLike) -> float:
        """Return the fraction of labelled frames whose largest output is that of their label."""
        return frame_accuracy(outputs, labels)


def frame_accuracy(outputs: ArrayLike, labels: ArrayLike) -> float:
    """Return the fraction of labelled frames whose largest output is that of their label.

    Parameters
    ----------
    outputs : array_like, shape (n, steps * classes)
        From ``RateNetwork.outputs``.
    labels : array_like of int, shape (n, steps)
        The class of each frame, -1 for none.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    TypeError, ValueError
        If shapes or types are wrong, or no frame is labelled.
    """
    out = check_array("outputs", outputs)
    if out.ndim != 2:
        raise ValueError(f"outputs must have shape (n, steps * classes), got {out.shape}.")
    values = FrameCrossEntropy().check_targets(labels, *out.shape)
    counted = values != NO_LABEL
    if not counted.any():
        raise ValueError("labels must contain at least one that is not -1.")
    found = out.reshape(*values.shape, -1).argmax(axis=2)
    return float(np.mean(found[counted] == values[counted]))
