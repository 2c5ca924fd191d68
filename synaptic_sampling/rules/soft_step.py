"""One step of soft DEEP R where the deep ones have no slots."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._kernels import dynamics
from synaptic_sampling._kernels.soft import _soft
from synaptic_sampling._kernels.soft_deep import _land
from synaptic_sampling._kernels.vacancy import _remove_all
from synaptic_sampling.connections.deep import overshoots
from synaptic_sampling.connections.soft import SoftConnections
from synaptic_sampling.events import EVENT, RewiringInfo, join_events
from synaptic_sampling.randomness import Stream
from synaptic_sampling.rules.deepr import SoftDeepR

__all__ = ["soft_step"]

Slots = NDArray[np.int32]


def soft_step(c: SoftConnections, gradient: NDArray[Any], rule: SoftDeepR) -> RewiringInfo:
    """Move all in slots; let go who is below the edge; let in who comes back; close the gaps.

    Parameters
    ----------
    c : SoftConnections
        Of which the step has begun.
    gradient : ndarray
        dE/dw of each slot.
    rule : SoftDeepR
        The rule.

    Returns
    -------
    RewiringInfo
        Deaths and births where theta crossed 0, those that come back among them; moves of connected ones.
    """
    crossed = _move(c, gradient, rule)
    alive = c.theta[crossed] >= 0
    deaths = _events(c, crossed[~alive], dynamics.DEATH)
    ascended = crossed[alive]
    _begin_life(c, ascended)
    lost = np.flatnonzero(c.theta < c.edge).astype(np.int32)
    born, gaps = _exchange(c, lost, rule)
    births = _events(c, np.sort(np.concatenate([ascended, born])), dynamics.BIRTH)
    moves = _close(c, gaps)
    # As plain bytes: NumPy copies records field by field, a hundred times slower.
    events = join_events([deaths, births, moves])
    return RewiringInfo(c.steps_done, events, len(deaths), 0, len(moves) // 2)


def _move(c: SoftConnections, gradient: NDArray[Any], rule: SoftDeepR) -> Slots:
    """Move theta; return the slots where it crossed 0."""
    crossed = np.empty(len(c), np.int32)
    direction = rule.optimizer.direction(gradient, c)
    numbers = float(rule.learning_rate), float(rule.l1), rule.noise_scale, c.theta_min
    address = np.uint64(c.steps_done), c._stream(Stream.NOISE), *c._key
    return crossed[: _soft(direction, c.polarity, *numbers, *address, c.theta, crossed)]


def _begin_life(c: SoftConnections, slots: Slots) -> None:
    """Let retracted ones that rose above 0 be born now."""
    c.birth_step[slots] = c.steps_done
    for moment in c.moments:
        moment[slots] = 0.0


def _exchange(c: SoftConnections, lost: Slots, rule: SoftDeepR) -> tuple[Slots, Slots]:
    """Free the sites of the lost, let those that are due be born; return their slots, and those left empty."""
    scale = (rule.noise_scale / c.noise_scale) ** 2
    due = c.deep.tick(c.steps_done, scale)
    c.deep.enter(lost, c.theta, rule.noise_scale, c.theta_min, c.steps_done, scale)
    _remove_all(c._table, c.sites.keys(c.pre[lost], c.post[lost]))
    behind = np.arange(len(c), len(c) + max(0, due - len(lost)), dtype=np.int32)
    slots = np.concatenate([lost[:due], behind])
    c.bear(slots, lost, Stream.BIRTH)
    address = np.uint64(c.steps_done), c._stream(Stream.LANDING), *c._key
    _land(slots, rule.noise_scale, *address, overshoots(), c.theta)
    return slots, lost[due:]


def _close(c: SoftConnections, gaps: Slots) -> NDArray[Any]:
    """Let the last slots move into gaps; return the moves of connected ones, two events each."""
    old, new = c.close(gaps)
    connected = c.theta[new] >= 0
    arrivals = _events(c, new[connected], dynamics.MOVE)
    moves = np.repeat(arrivals, 2)
    moves["kind"][0::2], moves["slot"][0::2] = -dynamics.MOVE, old[connected]
    return moves


def _events(c: SoftConnections, slots: Slots, kind: int) -> NDArray[Any]:
    events = np.empty(len(slots), EVENT)
    events["step"], events["set"], events["slot"], events["kind"] = c.steps_done, c.index, slots, kind
    for name, values in (("pre", c.pre), ("post", c.post), ("polarity", c.polarity)):
        events[name] = values[slots]
    return events
