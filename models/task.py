"""What a training script needs to know about a data set and its network."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Part
from synaptic_sampling import DeepR, FixedWiring, RateNetwork
from synaptic_sampling.rate import Decay, LinearDecay
from synaptic_sampling.rate.training.schedules import Schedule

__all__ = ["Data", "Task"]

Data = tuple[Part, Part]


class Task(NamedTuple):
    """A data set, the network for it, and how it learns.

    Attributes
    ----------
    load : callable
        From the folder of data sets to training and test part.
    make : callable
        From a rule and the connections of each layer that has weights, or None for dense layers, to a network, with
        options ``budget`` and ``seed``.
    sites : tuple of int
        Possible connections of each layer that has weights.
    num_validation : int
        Images at the end of the training part for choosing parameters.
    batch_size, epochs : int
        Defaults.
    connectivity : tuple of float
        Of each layer, by default.
    rules : dict
        By method; other methods that keep their number of connections learn as 'fixed', those that begin with a dense
        network as 'dense'.
    final_rate : float
        The learning rate in the end relative to that at the begin; and the temperature likewise. 1 if all is constant.
    l1 : float
        Of l1 shrinkage.
    quick : int, optional
        Samples that are enough to see that all works; all of them by default.
    linear : bool
        Whether the learning rate falls by the same amount per epoch, or by the same factor.
    batch_sizes : dict
        By method, where it is not the default.
    """

    load: Callable[[str | os.PathLike[str] | None], Data]
    make: Callable[..., RateNetwork]
    sites: tuple[int, ...]
    num_validation: int
    batch_size: int
    epochs: int
    connectivity: tuple[float, ...]
    rules: dict[str, DeepR | FixedWiring]
    final_rate: float
    l1: float = 0.0
    quick: int | None = None
    linear: bool = False
    batch_sizes: Mapping[str, int] = MappingProxyType({})

    def schedule(self, rule: DeepR | FixedWiring, epochs: int) -> Schedule | None:
        """Return the rule of each epoch, if it changes.

        Parameters
        ----------
        rule : DeepR or FixedWiring
            At the begin.
        epochs : int
            In all.

        Returns
        -------
        Decay, LinearDecay or None
            For a `Trainer`.
        """
        if self.final_rate == 1.0:
            return None
        if self.linear:
            return LinearDecay(rule, epochs, self.final_rate)
        factor = self.final_rate ** (1 / epochs)
        return Decay(rule, learning_rate=factor, temperature=factor)

    def counts(self, connectivity: Sequence[float]) -> list[int]:
        """Return the number of connections of each layer.

        Parameters
        ----------
        connectivity : sequence of float
            Of each layer; or one for the whole network, which is shared out in proportion to the defaults, no layer
            getting more than all of its connections.

        Returns
        -------
        list of int
            Rounded down, at least 1.

        Raises
        ------
        ValueError
            If there are neither one nor as many as layers.
        """
        sites, shares = np.array(self.sites), np.array(connectivity, float)
        if len(shares) not in {1, len(sites)}:
            raise ValueError(f"connectivity must be one number or {len(sites)}, got {len(shares)}.")
        if len(shares) == 1:
            shares = _share_out(shares[0], sites, np.array(self.connectivity))
        return [max(1, int(count)) for count in np.floor(shares * sites + 1e-6)]

    def split(self, data: Data) -> Data:
        """Return the training part without its last images, and these in the place of the test part.

        Parameters
        ----------
        data : tuple
            Training and test part.

        Returns
        -------
        tuple
            For the choice of parameters.
        """
        (images, labels), _ = data
        n = len(labels) - self.num_validation
        return (images[:n], labels[:n]), (images[n:], labels[n:])


def _share_out(total: float, sites: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return connectivities in proportion to ``shares``, none above 1, whose mean over all sites is ``total``."""
    full = np.zeros(len(sites), np.bool_)
    while True:
        left = total * sites.sum() - sites[full].sum()
        scaled = np.where(full, 1.0, shares * left / max((shares * sites)[~full].sum(), 1e-300))
        if (scaled <= 1).all():
            return scaled
        full |= scaled > 1
