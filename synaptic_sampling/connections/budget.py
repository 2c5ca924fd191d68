"""One budget of connections over several sets: their numbers change, the sum does not."""

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
from synaptic_sampling.randomness import Stream, key_words, stream_word

__all__ = ["Budget", "check_split"]

SPLITS = ("vacant", "density")


class Budget:
    """Several sets of connections that share one budget, to be given to ``step`` in the place of one set.

    Whatever dies in one set may be born in any. The total is exact after every step, unless no place is left (all sets
    full, or limits on degrees in the way); what is missing then tries again in every step.

    Parameters
    ----------
    sets : sequence of Connections
        With the same seed and different ``index``, none of them stepped alone from now on. Each may grow to as many
        connections as the budget has, or to its ``capacity`` where one was given.
    split : {'vacant', 'density'}
        How newborns are shared out. 'vacant': every vacant site of all sets is equally likely, as in the theorem of
        the paper; sites that a limit on degrees blocks count as vacant. 'density': each newborn goes to a set in
        proportion to ``targets``, and a full set's share goes to the others, as in the script of the authors, which
        keeps small sets from dying out.
    targets : array_like, shape (number of sets,), optional
        With 'density': the number of connections wanted in each set, its size times its target density. By default
        how many there are now.

    Attributes
    ----------
    total : int
        The number of connections at the start, for ever.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, the sets do not fit together, or there are acceptance probabilities with
        split 'vacant', whose sites are not equally likely.

    Notes
    -----
    Without a gradient, all ``total``-subsets of the sites of all sets are equally likely under 'vacant': the numbers
    of the sets are multivariate hypergeometric. Under 'density' they are multinomial in proportion to ``targets``,
    as long as no set comes near to being full.
    """

    def __init__(self, sets: Sequence[Connections], *, split: str = "vacant", targets: ArrayLike | None = None) -> None:
        self.sets = _checked(sets)
        check_split(split)
        if targets is not None and split != "density":
            raise ValueError("targets are of use with split='density' only; leave them out.")
        if split == "vacant" and any(c.sites.has_probability for c in self.sets):
            raise ValueError("split='vacant' needs sites that are equally likely; use 'density', or no probabilities.")
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
        """Eliminate connections in all sets before any is formed; form as many as the budget lacks."""
        now, gaps = self.sets[0].steps_done, [decision.deaths for decision in decisions]
        if not any(map(len, gaps)) and all(_forms_none(decision) for decision in decisions):
            return nothing(now)
        if any(decision.births is not None for decision in decisions):
            raise TypeError("a rule for a Budget must leave the number of new connections to it (births=None).")
        deaths = [eliminate(c, slots) for c, slots in zip(self.sets, gaps, strict=True)]
        survivors = [len(c) - len(slots) for c, slots in zip(self.sets, gaps, strict=True)]
        births = self.share_out(self.total - sum(survivors), survivors)
        infos = [fill(c, *what) for c, *what in zip(self.sets, deaths, gaps, births.tolist(), strict=True)]
        parts = [part for kind in zip(*(_parts(info) for info in infos), strict=True) for part in kind]
        num_deaths, num_moves = sum(info.num_deaths for info in infos), sum(info.num_moves for info in infos)
        return RewiringInfo(now, join_events(parts), num_deaths, self.total - len(self), num_moves)

    def share_out(self, births: int, survivors: Sequence[int]) -> NDArray[np.int64]:
        """Return how many of the newborns of this step each set gets."""
        c = self.sets[0]
        vacant = np.array(
            [s.num_sites - n * (not s.sites.multapses) for s, n in zip(self.sets, survivors, strict=True)]
        )
        spare = np.array([s.capacity - n for s, n in zip(self.sets, survivors, strict=True)])
        unlimited = np.array([s.sites.multapses for s in self.sets])
        room = np.where(unlimited, spare, np.minimum(vacant, spare))
        weight, shrink = self.targets.copy(), np.zeros(len(self.sets))
        if self.split == "vacant":
            weight, shrink = vacant.astype(float), np.where(unlimited, 0.0, 1.0)
        counts = np.zeros(len(self.sets), np.int64)
        split_births(
            births, np.uint64(c.steps_done), stream_word(Stream.SPLIT), *key_words(c.seed), room, weight, shrink, counts
        )
        return counts


def _forms_none(decision: Decision) -> bool:
    return isinstance(decision.births, int) and decision.births == 0


def _parts(info: RewiringInfo) -> list[NDArray[Any]]:
    """Return eliminations, formations and moves."""
    return np.split(info.events, [info.num_deaths, info.num_deaths + info.num_births])


def check_split(split: Any) -> None:
    """Raise an error unless this is a way to share out newborns."""
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(f"split must be 'vacant' or 'density', got {split!r}.")


def _checked(sets: Sequence[Connections]) -> tuple[Connections, ...]:
    """Return the sets, if they can share a budget."""
    if not isinstance(sets, Sequence) or not sets or not all(isinstance(c, Connections) for c in sets):
        raise TypeError(f"sets must be a list of Connections, got {sets!r}.")
    if any(isinstance(c, SoftConnections) for c in sets):
        # A site connected by the budget could be one that the deep ones hold.
        raise TypeError("SoftConnections have no budget to share; use Connections with DeepR.")
    indices = [c.index for c in sets]
    if len(set(indices)) < len(sets):
        raise ValueError(f"each set needs an index of its own, got {indices}; give index=0, 1, ... to Connections.")
    for name in ("seed", "steps_done"):
        values = [getattr(c, name) for c in sets]
        if len(set(values)) > 1:
            raise ValueError(f"all sets of a budget must have the same {name}, got {values}.")
    return tuple(sets)


def _targets(targets: ArrayLike | None, sets: Sequence[Connections]) -> NDArray[np.float64]:
    wanted = check_array("targets", [len(c) for c in sets] if targets is None else targets).astype(float)
    if wanted.shape != (len(sets),):
        raise ValueError(f"targets must have shape ({len(sets)},), got {wanted.shape}.")
    if not (np.isfinite(wanted) & (wanted >= 0)).all() or (wanted.sum() == 0 and targets is not None):
        raise ValueError(f"targets must be finite, >= 0 and not all 0, got {wanted.tolist()}.")
    return wanted
