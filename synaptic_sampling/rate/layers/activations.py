"""Layers without weights: functions of every number alone."""

from __future__ import annotations

from synaptic_sampling._kernels import linear
from synaptic_sampling.rate.layers.linear import Activations, Signs
from synaptic_sampling.rate.layers.parameters import Parameter, aligned

__all__ = ["ReLU", "Tanh"]


class _Activation:
    """What stands after a layer that has weights, and has as many outputs."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []
        self._out = aligned(0, 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def outputs_after(self, num_before: int | None) -> int:
        """Return as many outputs as there are inputs.

        Parameters
        ----------
        num_before : int or None
            Outputs of the layer before.

        Returns
        -------
        int
            ``num_before``.

        Raises
        ------
        ValueError
            If there is no layer before.
        """
        if num_before is None:
            raise ValueError(f"{self} cannot be the first layer; begin with SparseLinear or Linear.")
        return num_before

    def build(self, seed: int, index: int, signs: Signs) -> None:
        """Do nothing: there are no weights.

        Parameters
        ----------
        seed, index, signs : object
            Not used.
        """


class ReLU(_Activation):
    """max(x, 0)."""

    def forward(self, x: Activations) -> Activations:
        """Return max(x, 0), written over x.

        Parameters
        ----------
        x : ndarray of float32
            The input.

        Returns
        -------
        ndarray of float32
            The output; NaN where x is NaN.
        """
        linear.relu(x)
        self._out = x
        return x

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx, written over ``delta``.

        Parameters
        ----------
        delta : ndarray of float32
            dE/d(output).
        wanted : bool
            Not used.

        Returns
        -------
        ndarray of float32
            ``delta`` where the output was above 0, else 0.
        """
        linear.relu_backward(self._out, delta)
        return delta


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Activations) -> Activations:
        """Return tanh(x), written over x.

        Parameters
        ----------
        x : ndarray of float32
            The input.

        Returns
        -------
        ndarray of float32
            The output.
        """
        linear.tanh(x)
        self._out = x
        return x

    def backward(self, delta: Activations, *, wanted: bool) -> Activations:
        """Return dE/dx, written over ``delta``.

        Parameters
        ----------
        delta : ndarray of float32
            dE/d(output).
        wanted : bool
            Not used.

        Returns
        -------
        ndarray of float32
            ``delta * (1 - tanh(x)**2)``.
        """
        linear.tanh_backward(self._out, delta)
        return delta
