"""Carry out the decision of a rule: eliminate connections, form others, close gaps. No other module does this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import dynamics
from synaptic_sampling.events import EVENT, RewiringInfo, events_of, join_events
from synaptic_sampling.randomness import Stream, uniforms

if TYPE_CHECKING:
    from synaptic_sampling.connections.existing import Connections
    from synaptic_sampling.connections.slots import Slots

__all__ = ["Decision", "close", "cross", "eliminate", "fill", "form", "nothing", "rewire", "rewire_at"]

NO_SLOTS = np.empty(0, np.int32)


class Decision(NamedTuple):
    """What a rule decides to do to one set of connections in a step.

    Attributes
    ----------
    deaths : ndarray of int32
        Slots of the connections to be eliminated, ascending, each once; other integers are converted.
    births : int, ndarray of int64 or None
        How many connections are formed at random vacant sites; or at exactly which sites, as keys
        ``pre * num_post + post`` of int64. None: as many as are eliminated or missing, which keeps the number constant.
    crossed : ndarray of int32
        For storages that also hold retracted connections: the slots in which theta crossed 0, ascending. Deaths and
        births follow from its sign.
    wanted : int or None
        With given sites: the number of connections to form. All sites that may be connected and are vacant are then
        taken, also those with a small ``probability``; any shortfall counts as missing and is formed in later steps.
        None: each site is accepted with its ``probability``, and what is rejected is not formed.
    noise_scale : float
        Standard deviation of the noise in this step, which `SoftConnections` need to continue the walk of untracked
        connections.
    """

    deaths: NDArray[np.int32] = NO_SLOTS
    births: int | NDArray[np.int64] | None = None
    crossed: NDArray[np.int32] = NO_SLOTS
    wanted: int | None = None
    noise_scale: float = 0.0


def nothing(step: int) -> RewiringInfo:
    """Return the record of a step in which no connection changed."""
    return RewiringInfo(step, np.empty(0, EVENT), 0, 0)


def cross(c: Slots, slots: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Record the connections whose theta fell below 0, and start a new life for those whose theta rose above 0."""
    alive = c.theta[slots] >= 0
    born = slots[alive]
    c.birth_step[born] = c.steps_done
    c.reset_moments(born)
    return events_of(c, slots[~alive], dynamics.DEATH), born


def rewire(c: Connections, deaths: NDArray[np.int32], births: int | None) -> RewiringInfo:
    """Eliminate connections and form others at random vacant sites."""
    if births is not None:
        return fill(c, eliminate(c, deaths), deaths, births)
    births = len(deaths) + c.missing
    if births == 0:
        return nothing(c.steps_done)
    info = fill(c, eliminate(c, deaths), deaths, births)
    c.missing = info.num_unplaced
    return info


def rewire_at(
    c: Connections, deaths: NDArray[np.int32], keys: NDArray[np.int64], wanted: int | None = None
) -> RewiringInfo:
    """Eliminate connections and form others at given sites, as far as these are vacant and there is capacity.

    Without ``wanted``, sites are also rejected by their probability.
    """
    died, number = eliminate(c, deaths), len(keys)
    spare = c.capacity - len(c) + len(deaths)
    chosen = keys[:spare]
    chances = np.zeros(len(chosen))  # No site is rejected by chance.
    if wanted is None:
        chances = uniforms(c.seed, Stream.BIRTH, c.steps_done, len(chosen), c.index)
    taken = c.take(chosen, deaths, chances)
    slots = _slots_to_fill(c, deaths, len(taken))
    if wanted is None:
        return _connect(c, died, deaths, slots, taken, len(taken) + max(0, number - spare))
    info = _connect(c, died, deaths, slots, taken, wanted)
    c.missing = info.num_unplaced
    return info


def eliminate(c: Connections, slots: NDArray[np.int32]) -> NDArray[Any]:
    """Vacate the sites of connections."""
    died = np.empty(len(slots), EVENT)
    dynamics.retract(slots, c.pre, c.post, c.polarity, c.num_post, c.steps_done, c.index, c.table, died)
    return died


def fill(c: Connections, died: NDArray[Any], gaps: NDArray[np.int32], births: int) -> RewiringInfo:
    """Form connections at random vacant sites, in the slots of those eliminated and behind all others."""
    slots = _slots_to_fill(c, gaps, min(births, c.capacity - len(c) + len(gaps)))
    keys = c.draw_vacant(slots, gaps, Stream.BIRTH, c.steps_done)
    return _connect(c, died, gaps, slots[: len(keys)], keys, births)


def _connect(
    c: Connections,
    died: NDArray[Any],
    gaps: NDArray[np.int32],
    slots: NDArray[np.int32],
    keys: NDArray[np.int64],
    births: int,
) -> RewiringInfo:
    """Form connections at sites already marked as occupied, and close the remaining gaps."""
    if len(keys) > len(gaps):
        c.resize(len(c) + len(keys) - len(gaps))
    born = form(c, slots, keys)
    relocations = close(c, gaps[len(keys) :])
    events = join_events([died, born, relocations])
    return RewiringInfo(c.steps_done, events, len(died), births - len(keys), len(relocations) // 2)


def form(c: Connections, slots: NDArray[np.int32], keys: NDArray[np.int64]) -> NDArray[Any]:
    """Write new connections with theta = 0 into slots."""
    born = np.empty(len(keys), EVENT)
    state = (c.pre, c.post, c.theta, c.polarity, c.birth_step)
    signs = c.signs
    dynamics.regrow(slots, keys, signs.rule, c.num_post, c.steps_done, c.index, *signs.address, state, born)
    c.reset_moments(slots)
    return born


def close(c: Connections, gaps: NDArray[np.int32]) -> NDArray[Any]:
    """Relocate the last connections into gaps."""
    if not len(gaps):
        return np.empty(0, EVENT)
    old, new = c.close(gaps)
    active = c.active(new)
    relocations = np.repeat(events_of(c, new[active], dynamics.MOVE), 2)
    relocations["kind"][0::2], relocations["slot"][0::2] = -dynamics.MOVE, old[active]
    return relocations


def _slots_to_fill(c: Connections, gaps: NDArray[np.int32], births: int) -> NDArray[np.int32]:
    """Return the slots for new connections, ascending: the gaps, then slots behind all connections."""
    if births <= len(gaps):
        return gaps[:births]
    behind = np.arange(len(c), len(c) + births - len(gaps), dtype=np.int32)
    return np.concatenate([gaps, behind])
