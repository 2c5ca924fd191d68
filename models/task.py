"""Tasks: a data set, its network and default parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.data import Part
from synaptic_sampling import RateNetwork, Rule
from synaptic_sampling.rate import Decay, LinearDecay
from synaptic_sampling.rate.training.schedules import Schedule
from synaptic_sampling.rules import GradientRule

__all__ = ["Data", "Task"]

Data = tuple[Part, Part]


class Task(NamedTuple):
    """A data set, its network, and the parameters of learning.

    Attributes
    ----------
    load : callable
        From the folder of data sets to the training and test sets.
    make : callable
        From a rule and the number of connections of each layer with weights (None: dense layers) to a network; with the
        options ``budget`` and ``seed``, and those of `RateNetwork` that a rule without an optimizer needs.
    sites : tuple of int
        Possible connections of each layer with weights.
    num_validation : int
        Samples at the end of the training set that serve for choosing parameters.
    batch_size, epochs : int
        Defaults.
    connectivity : tuple of float
        Default of each layer.
    rules : dict
        Rule of each method; other methods that keep their number of connections use 'fixed', those that start with a
        dense network use 'dense'. A task without a rule for 'soft' or 'sampling' is not learned by these.
    final_rate : float
        Final learning rate relative to the initial one, and likewise the temperature; 1 if they are constant.
    l1 : float
        l1 of shrinkage.
    quick : int, optional
        Number of samples for a test run; by default all.
    linear : bool
        Whether the learning rate decreases by a constant amount per epoch, or by a constant factor.
    batch_sizes : dict
        Batch sizes of methods that do not use the default.
    """

    load: Callable[[str | os.PathLike[str] | None], Data]
    make: Callable[..., RateNetwork]
    sites: tuple[int, ...]
    num_validation: int
    batch_size: int
    epochs: int
    connectivity: tuple[float, ...]
    rules: dict[str, Rule]
    final_rate: float
    l1: float = 0.0
    quick: int | None = None
    linear: bool = False
    batch_sizes: Mapping[str, int] = MappingProxyType({})

    def schedule(self, rule: Rule, epochs: int) -> Schedule | None:
        """Return the schedule of the rule, or None if it is constant.

        Parameters
        ----------
        rule : Rule
            Initial rule. One that samples at a constant temperature has no schedule.
        epochs : int
            Total number.

        Returns
        -------
        Decay, LinearDecay or None
            For a `Trainer`.
        """
        if self.final_rate == 1.0 or not isinstance(rule, GradientRule):
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
            One number per layer; or one for the whole network, which is distributed in proportion to the defaults, at
            most 1 in each layer.

        Returns
        -------
        list of int
            Rounded down, at least 1.

        Raises
        ------
        ValueError
            If a value is not a number above 0 and at most 1, or their number is neither 1 nor the number of layers.
        """
        for share in connectivity:
            if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share <= 1:
                raise ValueError(f"connectivity must be above 0 and at most 1 (5 % is 0.05), got {share!r}.")
        sites, fractions = np.array(self.sites), np.array(connectivity, float)
        if len(fractions) not in {1, len(sites)}:
            raise ValueError(f"connectivity must be one number or {len(sites)}, got {len(fractions)}.")
        if len(fractions) == 1:
            fractions = _distribute(fractions[0], sites, np.array(self.connectivity))
        return [max(1, int(count)) for count in np.floor(fractions * sites + 1e-6)]

    def split(self, data: Data) -> Data:
        """Return the training set without its last samples, and these samples in place of the test set.

        Parameters
        ----------
        data : tuple
            Training and test sets.

        Returns
        -------
        tuple
            Training and validation sets.
        """
        (images, labels), _ = data
        n = len(labels) - self.num_validation
        return (images[:n], labels[:n]), (images[n:], labels[n:])


def _distribute(total: float, sites: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return connectivities proportional to ``weights``, at most 1, whose mean over all sites is ``total``."""
    full = np.zeros(len(sites), np.bool_)
    while True:
        left = total * sites.sum() - sites[full].sum()
        scaled = np.where(full, 1.0, weights * left / max((weights * sites)[~full].sum(), 1e-300))
        if (scaled <= 1).all():
            return scaled
        full |= scaled > 1
