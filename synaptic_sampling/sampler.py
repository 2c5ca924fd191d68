"""The algorithm: move, retract, regrow (Bellec, Kappel, Maass, Legenstein 2018; Kappel et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_integer, plain_number, schedules
from synaptic_sampling._kernels import dynamics
from synaptic_sampling._kernels.diffusion import _diffuse
from synaptic_sampling._kernels.soft import _soft
from synaptic_sampling._soft_step import soft_step
from synaptic_sampling.budget import Budget
from synaptic_sampling.connections import Connections
from synaptic_sampling.events import EVENT, RewiringInfo, join_events
from synaptic_sampling.potential import PotentialConnections
from synaptic_sampling.randomness import MAX_STEP, Stream
from synaptic_sampling.rules import DeepR, FixedWiring, SoftDeepR, SynapticSampling
from synaptic_sampling.sites import MAX_NEURONS
from synaptic_sampling.slots import Slots
from synaptic_sampling.soft_connections import SoftConnections

__all__ = ["check_step", "replace", "step", "step_checked"]


@overload
def step(connections: Connections, gradient: NDArray[Any], rule: DeepR | FixedWiring) -> RewiringInfo: ...
@overload
def step(connections: Budget, gradient: Sequence[NDArray[Any]], rule: DeepR | FixedWiring) -> RewiringInfo: ...
@overload
def step(connections: SoftConnections, gradient: NDArray[Any], rule: SoftDeepR) -> RewiringInfo: ...
@overload
def step(
    connections: PotentialConnections, gradient: NDArray[Any], rule: SoftDeepR | SynapticSampling
) -> RewiringInfo: ...


def step(connections: Any, gradient: Any, rule: Any) -> RewiringInfo:
    """Do one step of a rule: move every theta, retract those below 0, let others be born.

    Parameters
    ----------
    connections : Connections, Budget, PotentialConnections or SoftConnections
        Changed in place. The number of `Connections`, and the sum in a `Budget`, stays exactly the same.
    gradient : ndarray, shape (K,), of the type of theta
        dE/dw for every connection; dE/dtheta is ``polarity`` times it. A list of such arrays for a `Budget`. With
        `SynapticSampling`: the derivative of the log-likelihood or of the reward by theta, which theta climbs, for
        every potential connection; it acts on the retracted ones too, so give 0 for those that are to follow the
        prior alone.
    rule : DeepR or FixedWiring; SoftDeepR or SynapticSampling
        The first two for `Connections` and a `Budget`, the others for `PotentialConnections`, `SoftDeepR` for
        `SoftConnections` too. With `FixedWiring` nothing dies and nothing is born. With `SoftDeepR` the gradient of
        retracted ones has no effect.

    Returns
    -------
    RewiringInfo
        What died and what was born.

    Raises
    ------
    TypeError, ValueError
        If the gradient has the wrong type or shape, or the rule is not for these connections. Nothing has changed
        then.
    FloatingPointError
        If the gradient or theta is NaN or infinite; names the connection. Nothing has changed then.

    Notes
    -----
    The order is that of the paper: gradient (through the optimizer), l1, noise, test, regrowth. A site just vacated
    is vacant. A newborn of `DeepR` has theta = 0 and is active until the next step tests it; potential connections
    are born and die where theta crosses 0.
    """
    check_step(connections, gradient, rule)
    return step_checked(connections, gradient, rule)


def step_checked(connections: Any, gradient: Any, rule: Any) -> RewiringInfo:
    """Do what ``step`` does, for those who have called ``check_step``.

    Parameters
    ----------
    connections, gradient, rule : object
        As in ``step``.

    Returns
    -------
    RewiringInfo
        What died and what was born.
    """
    if isinstance(connections, Budget):
        return _step_all(connections, gradient, rule)
    if isinstance(rule, SynapticSampling):
        _begin_step(connections, 0)
        return _cross(connections, _move_diffusing(connections, gradient, rule))
    _begin_step(connections, rule.optimizer.num_moments)
    if isinstance(connections, SoftConnections):
        return soft_step(connections, gradient, rule)
    if isinstance(rule, SoftDeepR):
        return _cross(connections, _move_soft(connections, gradient, rule))
    retracted = _move(connections, gradient, rule)
    if isinstance(rule, FixedWiring):
        return _nothing(connections.steps_done)
    return _rewire_one(connections, retracted)


def check_step(connections: Slots | Budget, gradient: Any, rule: object) -> None:
    """Raise the error that ``step`` would raise; changes nothing.

    Who steps several sets at a time checks all of them first, so that either all move or none.

    Parameters
    ----------
    connections : Connections, Budget or PotentialConnections
        To be changed.
    gradient : ndarray, shape (K,), of the type of theta, or a list of them
        As in ``step``.
    rule : DeepR, FixedWiring, SoftDeepR or SynapticSampling
        The rule.

    Raises
    ------
    TypeError, ValueError
        If the gradient has the wrong type or shape, or the rule is not for these connections.
    FloatingPointError
        If the gradient or theta is NaN or infinite; names the connection.
    """
    if isinstance(connections, Budget):
        if not isinstance(gradient, Sequence) or len(gradient) != len(connections.sets):
            raise TypeError(f"gradient must be a list of {len(connections.sets)} arrays for {connections!r}.")
        for c, own in zip(connections.sets, gradient, strict=True):
            check_step(c, own, rule)
        return
    if not isinstance(connections, Connections | PotentialConnections):
        raise TypeError(
            f"connections must be Connections, PotentialConnections, SoftConnections or a Budget, got {connections!r}."
        )
    if isinstance(connections, PotentialConnections):
        if not isinstance(rule, SoftDeepR | SynapticSampling):
            raise TypeError(f"rule must be a SoftDeepR or a SynapticSampling for PotentialConnections, got {rule!r}.")
    elif isinstance(connections, SoftConnections):
        connections.check_rule(rule)
    elif not isinstance(rule, DeepR | FixedWiring):
        raise TypeError(f"rule must be a DeepR or a FixedWiring for Connections, got {rule!r}.")
    for name in schedules(rule):
        raise TypeError(f"{name} must be a number, got {getattr(rule, name)!r}; only Rewiring follows what changes.")
    _check_finite(connections, "gradient", gradient)
    _check_finite(connections, "theta", connections.theta)


def replace(connections: Any, retract: Any, births: int | None = None) -> RewiringInfo:
    """Retract the chosen connections and let others be born at vacant sites; theta of the rest stays.

    Parameters
    ----------
    connections : Connections or Budget
        Changed in place.
    retract : ndarray of bool, shape (K,)
        Which connections die; a list of such arrays for a `Budget`.
    births : int, optional
        How many are born in one set of connections, no more than its capacity allows; as many as die by default. With
        another number, that of the connections changes.

    Returns
    -------
    RewiringInfo
        What died and what was born.

    Raises
    ------
    TypeError, ValueError
        If ``retract`` has the wrong type or shape, or ``births`` is given for a budget. Nothing has changed then.
    """
    if isinstance(connections, Budget):
        if births is not None:
            raise ValueError("births may not be given for a Budget, whose number of connections stays the same.")
        if not isinstance(retract, Sequence) or len(retract) != len(connections.sets):
            raise TypeError(f"retract must be a list of {len(connections.sets)} arrays for {connections!r}.")
        chosen = [_chosen(c, own) for c, own in zip(connections.sets, retract, strict=True)]
        for c in connections.sets:
            _begin_step(c, len(c.moments))
        return _rewire_all(connections, chosen)
    if not isinstance(connections, Connections) or isinstance(connections, SoftConnections):
        raise TypeError(f"connections must be Connections or a Budget, got {connections!r}.")
    slots = _chosen(connections, retract)
    if births is not None:
        check_integer("births", births, minimum=0, maximum=MAX_NEURONS)
    _begin_step(connections, len(connections.moments))
    return _rewire_one(connections, slots, births)


def _chosen(c: Connections, retract: Any) -> NDArray[np.int32]:
    """Return the slots of chosen connections."""
    if not isinstance(retract, np.ndarray) or retract.dtype != np.bool_:
        raise TypeError(f"retract must be an array of bool, got {getattr(retract, 'dtype', type(retract).__name__)}.")
    if retract.shape != c.pre.shape:
        raise ValueError(f"retract must have shape {c.pre.shape}, got {retract.shape}.")
    return np.flatnonzero(retract).astype(np.int32)


def _begin_step(connections: Slots, num_moments: int) -> None:
    if connections.steps_done >= MAX_STEP:
        raise ValueError(f"a run has at most {MAX_STEP} steps; begin a new one with another seed.")
    connections.begin_moments(num_moments)
    connections.steps_done += 1


def _move(c: Connections, gradient: NDArray[Any], rule: DeepR | FixedWiring) -> NDArray[np.int32]:
    """Move theta along the gradient, against l1, with noise; return the slots where it fell below 0."""
    retracted = np.empty(len(c), np.int32)
    number = dynamics._langevin(
        rule.optimizer.direction(gradient, c),
        c.polarity,
        float(rule.learning_rate),
        float(rule.l1) if isinstance(rule, DeepR) else 0.0,
        rule.noise_scale if isinstance(rule, DeepR) else 0.0,
        np.uint64(c.steps_done),
        c._stream(Stream.NOISE),
        *c._key,
        c.theta,
        retracted,
    )
    return retracted[:number]


def _step_all(budget: Budget, gradients: Sequence[NDArray[Any]], rule: DeepR | FixedWiring) -> RewiringInfo:
    """Move and retract in all sets, then let as many be born as are missing, in whichever set."""
    retracted = []
    for c, gradient in zip(budget.sets, gradients, strict=True):
        _begin_step(c, rule.optimizer.num_moments)
        retracted.append(_move(c, gradient, rule))
    if isinstance(rule, FixedWiring):
        return _nothing(budget.sets[0].steps_done)
    return _rewire_all(budget, retracted)


def _nothing(now: int) -> RewiringInfo:
    return RewiringInfo(now, np.empty(0, EVENT), 0, 0)


def _rewire_all(budget: Budget, retracted: Sequence[NDArray[np.int32]]) -> RewiringInfo:
    """Retract in all sets before any birth; so many are born that the budget is full."""
    deaths = [_retract(c, slots) for c, slots in zip(budget.sets, retracted, strict=True)]
    survivors = [len(c) - len(slots) for c, slots in zip(budget.sets, retracted, strict=True)]
    births = budget.share_out(budget.total - sum(survivors), survivors)
    infos = [_rewire(c, *what) for c, *what in zip(budget.sets, deaths, retracted, births.tolist(), strict=True)]
    parts = [[info.events[: info.num_deaths] for info in infos]]
    parts += [[info.events[info.num_deaths : info.num_deaths + info.num_births] for info in infos]]
    parts += [[info.events[info.num_deaths + info.num_births :] for info in infos]]
    events = join_events(rows for part in parts for rows in part)
    num_deaths, num_moves = sum(info.num_deaths for info in infos), sum(info.num_moves for info in infos)
    return RewiringInfo(infos[0].step, events, num_deaths, budget.total - len(budget), num_moves)


def _move_soft(c: PotentialConnections, gradient: NDArray[Any], rule: SoftDeepR) -> NDArray[np.int32]:
    """Move theta of connected and retracted ones; return the slots where it crossed 0."""
    crossed = np.empty(len(c), np.int32)
    number = _soft(
        rule.optimizer.direction(gradient, c),
        c.polarity,
        float(rule.learning_rate),
        float(rule.l1),
        rule.noise_scale,
        rule.theta_min,
        np.uint64(c.steps_done),
        c._stream(Stream.NOISE),
        *c._key,
        c.theta,
        crossed,
    )
    return crossed[:number]


def _move_diffusing(c: PotentialConnections, gradient: NDArray[Any], rule: SynapticSampling) -> NDArray[np.int32]:
    """Move theta along the gradient and the prior's, with noise; return the slots where it crossed 0."""
    crossed = np.empty(len(c), np.int32)
    limit = math.inf if rule.max_gradient is None else rule.max_gradient
    low, high = rule.theta_range or (-math.inf, math.inf)
    number = _diffuse(
        gradient,
        float(plain_number(rule.mean)),
        *rule.transition,
        *(float(plain_number(bound)) for bound in (limit, low, high)),
        np.uint64(c.steps_done),
        c._stream(Stream.NOISE),
        *c._key,
        c.theta,
        crossed,
    )
    return crossed[:number]


def _cross(c: PotentialConnections, slots: NDArray[np.int32]) -> RewiringInfo:
    """Write down the deaths and births at these slots; what the optimizer remembers of newborns starts afresh."""
    alive = c.theta[slots] >= 0
    died, born = slots[~alive], slots[alive]
    c.birth_step[born] = c.steps_done
    for moment in c.moments:
        moment[born] = 0.0
    events = np.empty(len(slots), EVENT)
    events["step"], events["set"], events["slot"] = c.steps_done, c.index, np.concatenate([died, born])
    for name, values in (("pre", c.pre), ("post", c.post), ("polarity", c.polarity)):
        events[name] = values[events["slot"]]
    events["kind"][: len(died)], events["kind"][len(died) :] = dynamics.DEATH, dynamics.BIRTH
    return RewiringInfo(c.steps_done, events, len(died), 0)


def _rewire_one(c: Connections, retracted: NDArray[np.int32], births: int | None = None) -> RewiringInfo:
    """Let as many be born as are retracted or missing, or the given number."""
    if births is not None:
        return _rewire(c, _retract(c, retracted), retracted, births)
    births = len(retracted) + c.missing
    if births == 0:
        return _nothing(c.steps_done)
    info = _rewire(c, _retract(c, retracted), retracted, births)
    c.missing = info.num_unplaced
    return info


def _retract(c: Connections, slots: NDArray[np.int32]) -> NDArray[Any]:
    """Free the sites of connections; return their deaths."""
    deaths = np.empty(len(slots), EVENT)
    dynamics._retract(slots, c.pre, c.post, c.polarity, c.num_post, c.steps_done, c.index, c._table, deaths)
    return deaths


def _rewire(c: Connections, deaths: NDArray[Any], retracted: NDArray[np.int32], births: int) -> RewiringInfo:
    """Let connections be born in the slots of the retracted, or behind all others; close the gaps that are left."""
    slots = _slots_of_newborn(c, retracted, min(births, c.capacity - len(c) + len(retracted)))
    keys = c.draw_vacant(slots, retracted, Stream.BIRTH, c.steps_done)
    return _connect(c, deaths, retracted, keys, births)


def _rewire_at(c: Connections, retracted: NDArray[np.int32], keys: NDArray[np.int64]) -> RewiringInfo:
    """Retract connections, and let others be born at the proposed sites, as far as there may be and is room."""
    deaths, number = _retract(c, retracted), len(keys)
    room = c.capacity - len(c) + len(retracted)
    taken = c.take(keys[:room], retracted, Stream.BIRTH, c.steps_done)
    return _connect(c, deaths, retracted, taken, len(taken) + max(0, number - room))


def _slots_of_newborn(c: Connections, retracted: NDArray[np.int32], births: int) -> NDArray[np.int32]:
    """Return the slots of the retracted, then those behind all others, in ascending order."""
    behind = np.arange(len(c), len(c) + max(0, births - len(retracted)), dtype=np.int32)
    return np.concatenate([retracted[:births], behind])


def _connect(
    c: Connections, deaths: NDArray[Any], retracted: NDArray[np.int32], keys: NDArray[np.int64], births: int
) -> RewiringInfo:
    """Let connections be born at sites that are occupied already; ``births`` were wanted."""
    slots, born = _slots_of_newborn(c, retracted, len(keys)), np.empty(len(keys), EVENT)
    if len(keys) > len(retracted):
        c.resize(len(c) + len(keys) - len(retracted))
    _bear(c, slots, keys, born)
    moves = _close(c, retracted[len(keys) :])
    events = join_events([deaths, born, moves])
    return RewiringInfo(c.steps_done, events, len(deaths), births - len(keys), len(moves) // 2)


def _bear(c: Connections, slots: NDArray[np.int32], keys: NDArray[np.int64], born: NDArray[Any]) -> None:
    """Write newborn connections into their slots, and their births into ``born``."""
    now, state = c.steps_done, (c.pre, c.post, c.theta, c.polarity, c.birth_step)
    address = c._stream(Stream.SIGN), *c._sign_key
    dynamics._regrow(slots, keys, c._sign_rule, c.num_post, now, c.index, *address, state, born)
    for moment in c.moments:
        moment[slots] = 0.0


def _close(c: Connections, gaps: NDArray[np.int32]) -> NDArray[Any]:
    """Let the last connections move into gaps; return the moves, two events each."""
    if not len(gaps):
        return np.empty(0, EVENT)
    old, new = c.close(gaps)
    moves = np.empty(2 * len(old), EVENT)
    moves["step"], moves["set"] = c.steps_done, c.index
    for kind, slots, rows in ((-dynamics.MOVE, old, moves[0::2]), (dynamics.MOVE, new, moves[1::2])):
        rows["kind"], rows["slot"] = kind, slots
        for name, values in (("pre", c.pre), ("post", c.post), ("polarity", c.polarity)):
            rows[name] = values[new]
    return moves


def _check_finite(connections: Slots, name: str, values: Any) -> None:
    theta = connections.theta
    if not isinstance(values, np.ndarray) or values.dtype != theta.dtype:
        kind = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name} must be an array of {theta.dtype} like theta, got {kind}.")
    if values.shape != connections.pre.shape:
        raise ValueError(f"{name} must have shape {connections.pre.shape}, got {values.shape}.")
    k = dynamics._first_not_finite(values)
    if k >= 0:
        raise FloatingPointError(
            f"{name} of connection {k} ({connections.pre[k]} -> {connections.post[k]}) is {values[k]} "
            f"in step {connections.steps_done + 1}; lower the learning rate or find where it diverges."
        )
