"""One budget of connections for several sets: the number in each set varies, the total is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array
from synaptic_sampling._kernels.split import split_births
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.rewire import Decision, eliminate, fill, nothing
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.events import RewiringInfo, join_events
from synaptic_sampling.randomness import Stream

__all__ = ["Budget", "check_split"]

SPLITS = ("vacant", "density")


class Budget:
    """Several sets of connections with one total number; ``step`` accepts it in place of one set.

    A connection eliminated in one set may be replaced in any other. The total is exact after every step, unless no
    site is available (all sets are full, or degrees are limited); missing connections are then formed in later steps.

    Parameters
    ----------
    sets : sequence of Connections
        Sets with the same seed and different ``index``, which must not be stepped individually from now on. Each may
        grow up to the total of the budget, or up to its ``capacity`` if one was given.
    split : {'vacant', 'density'}
        How new connections are divided among the sets. 'vacant': every vacant site of all sets is equally likely, as
        in the theorem of the paper; sites blocked by a limit on degrees count as vacant. 'density': a set is drawn for
        each new connection in proportion to ``targets``, among the sets that are not full, as in the script of the
        authors, which prevents small sets from becoming empty.
    targets : array_like, shape (number of sets,), optional
        With 'density': the target number of connections of each set, its number of sites times its target density.
        By default the present numbers.

    Attributes
    ----------
    total : int
        The fixed total number of connections.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, if the sets do not fit together, or if sites with acceptance
        probabilities, which are not equally likely, are combined with split 'vacant'.

    Notes
    -----
    Without a gradient, all ``total``-subsets of the sites of all sets are equally likely under 'vacant': the numbers
    of the sets are multivariate hypergeometric. Under 'density' they are multinomial in proportion to ``targets``,
    as long as no set is nearly full.
    """

    def __init__(self, sets: Sequence[Connections], *, split: str = "vacant", targets: ArrayLike | None = None) -> None:
        self.sets = _checked(sets)
        check_split(split)
        if targets is not None and split != "density":
            raise ValueError("targets apply only to split='density'; omit them, or set split='density'.")
        if split == "vacant" and any(c.sites.has_probability for c in self.sets):
            raise ValueError(
                "split='vacant' requires equally likely sites; use split='density', or sets without probability."
            )
        self.split = split
        self.total = sum(len(c) + c.missing for c in self.sets)
        self.targets = _targets(targets, self.sets)
        for c in self.sets:
            c.allow(self.total)

    def __repr__(self) -> str:
        return f"<Budget of {self.total} connections in {len(self.sets)} sets>"

    def __len__(self) -> int:
        return sum(len(c) for c in self.sets)

    def carry_out(self, decisions: Sequence[Decision]) -> RewiringInfo:
        """Eliminate connections in all sets before any is formed; then form as many as the budget lacks."""
        now, gaps = self.sets[0].steps_done, [decision.deaths for decision in decisions]
        if not any(map(len, gaps)) and all(_forms_none(decision) for decision in decisions):
            return nothing(now)
        if any(decision.births is not None for decision in decisions):
            raise TypeError(
                "rule must leave the number of new connections to the Budget: return Decision(deaths) with births=None."
            )
        deaths = [eliminate(c, slots) for c, slots in zip(self.sets, gaps, strict=True)]
        survivors = [len(c) - len(slots) for c, slots in zip(self.sets, gaps, strict=True)]
        births = self.share_out(self.total - sum(survivors), survivors)
        infos = [fill(c, *what) for c, *what in zip(self.sets, deaths, gaps, births.tolist(), strict=True)]
        parts = [part for kind in zip(*(_parts(info) for info in infos), strict=True) for part in kind]
        num_deaths, num_moves = sum(info.num_deaths for info in infos), sum(info.num_moves for info in infos)
        return RewiringInfo(now, join_events(parts), num_deaths, self.total - len(self), num_moves)

    def share_out(self, births: int, survivors: Sequence[int]) -> NDArray[np.int64]:
        """Divide new connections among sets, given how many each keeps; fewer in total if all sets are full."""
        c = self.sets[0]
        vacant = np.array(
            [s.num_sites - n * (not s.sites.multapses) for s, n in zip(self.sets, survivors, strict=True)]
        )
        spare = np.array([s.capacity - n for s, n in zip(self.sets, survivors, strict=True)])
        unlimited = np.array([s.sites.multapses for s in self.sets])
        spare = np.where(unlimited, spare, np.minimum(vacant, spare))
        weight, shrink = self.targets.copy(), np.zeros(len(self.sets))
        if self.split == "vacant":
            weight, shrink = vacant.astype(float), np.where(unlimited, 0.0, 1.0)
        counts = np.zeros(len(self.sets), np.int64)
        split_births(
            births,
            np.uint64(c.steps_done),
            c.stream(Stream.SPLIT),
            *c.key,
            spare,
            weight,
            shrink,
            counts,
        )
        return counts


def _forms_none(decision: Decision) -> bool:
    return isinstance(decision.births, int) and decision.births == 0


def _parts(info: RewiringInfo) -> list[NDArray[Any]]:
    """Return eliminations, formations and moves."""
    return np.split(info.events, [info.num_deaths, info.num_deaths + info.num_births])


def check_split(split: Any) -> None:
    """Raise an error unless this is a way to divide new connections among sets."""
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(f"split must be 'vacant' or 'density', got {split!r}.")


def _checked(sets: Sequence[Connections]) -> tuple[Connections, ...]:
    """Return the sets, or raise an error if they cannot form a budget."""
    if not isinstance(sets, Sequence) or not sets or not all(isinstance(c, Connections) for c in sets):
        raise TypeError(f"sets must be a list of Connections, got {sets!r}.")
    if any(isinstance(c, SoftConnections) for c in sets):
        # A site connected by the budget could belong to an untracked connection.
        raise TypeError("sets of a budget must not be SoftConnections; use Connections with DeepR.")
    indices = [c.index for c in sets]
    if len(set(indices)) < len(sets):
        raise ValueError(f"sets must have different indices, got {indices}; pass index=0, 1, ... to Connections.")
    for name in ("seed", "steps_done"):
        values = [getattr(c, name) for c in sets]
        if len(set(values)) > 1:
            raise ValueError(f"sets of a budget must have the same {name}, got {values}.")
    return tuple(sets)


def _targets(targets: ArrayLike | None, sets: Sequence[Connections]) -> NDArray[np.float64]:
    numbers = check_array("targets", [len(c) for c in sets] if targets is None else targets).astype(float)
    if numbers.shape != (len(sets),):
        raise ValueError(f"targets must have shape ({len(sets)},), got {numbers.shape}.")
    if not (np.isfinite(numbers) & (numbers >= 0)).all() or (numbers.sum() == 0 and targets is not None):
        raise ValueError(f"targets must be finite, >= 0 and not all 0, got {numbers.tolist()}.")
    return numbers
