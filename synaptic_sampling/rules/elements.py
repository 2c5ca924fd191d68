"""Structural plasticity by synaptic elements: neurons with unoccupied elements form new connections.

Butz and van Ooyen (2013), A simple rule for dendritic spine and axonal bouton formation can account for cortical
reorganization after focal retinal lesions, PLoS Computational Biology 9:e1003259.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.randomness import Stream, permutation, uniforms
from synaptic_sampling.rules.base import Decision, Rule, Signal
from synaptic_sampling.rules.stepping import step

__all__ = ["SynapticElements", "pair_elements"]

#: Largest number of elements on one side, since all unoccupied elements are listed.
MAX_ELEMENTS = 2**26


@dataclass(frozen=True)
class SynapticElements(Rule):
    """Homeostatic structural plasticity by axonal and dendritic elements (Butz and van Ooyen 2013).

    Your equations govern the number of elements of each neuron, usually so that its activity approaches a target:
    ``daxonal/dt = growth*(1 - calcium/target) : 1``. In each step, a neuron with fewer elements than connections loses
    randomly chosen connections, and all unoccupied axonal and dendritic elements are paired at random. The number of
    connections varies.

    Parameters
    ----------
    axonal, dendritic : str
        Names of the variables of the presynaptic and postsynaptic neurons that hold the number of elements. Real
        numbers are rounded down, and negative ones count as 0.

    Raises
    ------
    TypeError
        If a name is not a string.
    """

    axonal: str = "axonal"
    dendritic: str = "dendritic"

    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("axonal", of="presynaptic neuron", exclusive=True),
        Signal("dendritic", of="postsynaptic neuron", exclusive=True),
    )
    has_theta: ClassVar[bool] = False
    grows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for side, name in (("axonal", self.axonal), ("dendritic", self.dendritic)):
            if not isinstance(name, str):
                raise TypeError(f"{side} must be the name of a variable of the neurons, a string, got {name!r}.")

    def check(self, connections: Any, signals: Mapping[str, Any]) -> None:
        """Raise an error unless the elements fit the neurons, and are not too many; nothing changes."""
        super().check(connections, signals)
        for side, elements in signals.items():
            number = np.floor(np.maximum(elements, 0.0)).sum()
            if number > MAX_ELEMENTS:
                raise ValueError(
                    f"{side} elements must be at most {MAX_ELEMENTS} in total, got {number:g}; limit their growth."
                )

    def decide(self, connections: Any, axonal: ArrayLike, dendritic: ArrayLike) -> Decision:
        """Break connections that lack an element at either end, and pair vacant elements at random."""
        c, out, into = connections, _whole(axonal), _whole(dendritic)
        broken = _without_element(c.pre, out, _uniforms(c, Stream.AXONAL))
        left = np.flatnonzero(~broken)
        broken[left] = _without_element(c.post[left], into, _uniforms(c, Stream.DENDRITIC)[left])
        left = np.flatnonzero(~broken)
        pre = _vacant(c, c.pre[left], out, Stream.AXONAL_PAIR)
        post = _vacant(c, c.post[left], into, Stream.DENDRITIC_PAIR)
        number = min(len(pre), len(post))
        return Decision(np.flatnonzero(broken).astype(np.int32), c.sites.keys(pre[:number], post[:number]))


def pair_elements(connections: Connections, axonal: ArrayLike, dendritic: ArrayLike) -> RewiringInfo:
    """Eliminate connections that lack an element at either end, and pair unoccupied elements at random.

    Parameters
    ----------
    connections : Connections
        Changed in place; their number never exceeds the capacity.
    axonal, dendritic : array_like, shape (num_pre,), (num_post,)
        Number of elements of each neuron; real numbers are rounded down, and negative ones count as 0.

    Returns
    -------
    RewiringInfo
        Which connections were eliminated and formed. ``num_unplaced`` counts the pairs that exceeded the capacity.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or shape; nothing changes then.
    FloatingPointError
        If a number of elements is NaN or infinite; names the neuron; nothing changes then.

    Notes
    -----
    A lack of axonal elements is resolved first, then that of dendritic elements among the remaining connections; the
    element at the other end becomes unoccupied. A pair that may not be connected, or is connected already and
    ``multapses`` are not allowed, is not formed: both elements stay unoccupied until the next step, as in NEST.
    """
    return step(connections, SynapticElements(), axonal=axonal, dendritic=dendritic)


def _whole(elements: ArrayLike) -> NDArray[np.int64]:
    """Return the number of whole elements of each neuron."""
    return np.floor(np.maximum(elements, 0.0)).astype(np.int64)


def _uniforms(c: Connections, stream: Stream) -> NDArray[np.float64]:
    return uniforms(c.seed, stream, c.steps_done, len(c), c.index)


def _without_element(
    neurons: NDArray[np.int32], elements: NDArray[np.int64], uniform_numbers: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which connections are eliminated: for a neuron with n too many, the n with the smallest random numbers."""
    excess = np.bincount(neurons, minlength=len(elements)) - elements
    order = np.lexsort((uniform_numbers, neurons))
    own = neurons[order]
    rank = np.arange(len(own)) - np.searchsorted(own, own)
    broken = np.empty(len(neurons), np.bool_)
    broken[order] = rank < excess[own]
    return broken


def _vacant(c: Connections, ends: NDArray[np.int32], elements: NDArray[np.int64], stream: Stream) -> NDArray[np.int32]:
    """Return the neurons of all unoccupied elements, in random order."""
    free = np.maximum(elements - np.bincount(ends, minlength=len(elements)), 0)
    neurons = np.repeat(np.arange(len(elements), dtype=np.int32), free)
    return neurons[permutation(c.seed, stream, c.steps_done, len(neurons), c.index)]
