"""What a network is asked to make small."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import linear

__all__ = ["CrossEntropy", "Loss", "MeanSquaredError"]

Array = NDArray[Any]


class Loss(Protocol):
    """The contract of a loss."""

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
        labels = np.asarray(targets)
        if not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"labels must be integers, got {labels.dtype}.")
        if labels.shape != (num_samples,):
            raise ValueError(f"labels must have shape ({num_samples},), got {labels.shape}.")
        if num_samples and not 0 <= labels.min() <= labels.max() < num_out:
            wrong = labels[(labels < 0) | (labels >= num_out)][0]
            raise ValueError(f"labels must be between 0 and {num_out - 1}, got {wrong}.")
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
        wanted = np.ascontiguousarray(targets, np.float32)
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
