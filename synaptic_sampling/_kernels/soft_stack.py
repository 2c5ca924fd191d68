"""Many steps of a stack of sparse layers under soft DEEP R without Python in between.

Slots hold active and retracted connections. In each step, the active ones are copied to adjacent memory, on which the
kernels of ``stack`` compute outputs and gradients. The kernels and their order are those of the step-by-step path
(`connections.soft`), so that results are bit-identical.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling._kernels.dynamics import BIRTH, DEATH, regrow, write_event
from synaptic_sampling._kernels.linear import cross_entropy
from synaptic_sampling._kernels.rewire import close, draw, places, reset
from synaptic_sampling._kernels.soft_deep import LEVELS, RING, advance, enter, land
from synaptic_sampling._kernels.soft_langevin import sweep_soft
from synaptic_sampling._kernels.stack import direction_of, learn_biases, present, propagate_back, set_ages
from synaptic_sampling._kernels.vacancy import remove_all
from synaptic_sampling._numba import inlined, jit

__all__ = ["SoftLearning", "SoftState"]


class SoftState(NamedTuple):
    """The state of a layer besides that in ``stack.LayerConnections``, and memory for a step."""

    birth_step: Any
    table: Any
    moments: Any  # None with SGD
    bias_moments: Any
    grid: tuple[int, int, int]
    crowded: int  # if fewer sites are vacant, they are listed
    signs: Any
    set_index: int
    streams: Any  # words for noise, births, signs, times of return, sojourns, landing points
    steps_done: int
    bias_steps_done: int
    wheel: Any
    clock: Any
    floor: float
    threshold: Any  # float32, as theta
    span: float
    capacity: int
    gradient: Any  # of every slot
    chosen: Any  # active slots
    crossed: Any
    lost: Any


class SoftLearning(NamedTuple):
    """A rule, the key of its random numbers, its optimizer, and the laws of untracked connections."""

    eta: float
    alpha: float
    sigma: float
    key: Any
    optimizer: int
    betas: tuple[float, float]
    epsilon: float
    corrections: Any
    ticks: float
    shift: float
    exits: Any
    overshoots: Any


@jit
def most_due(wheel, clock, ticks):
    """Return a number that the returns of the next step do not exceed: all in blocks that start or end in it."""
    if ticks > RING:  # The step passes through the ring more than once.
        return wheel.sum()
    most, end = np.int64(0), np.int64(clock + ticks) + 1
    for now in range(np.int64(clock) + 1, end + 1):
        for level in range(LEVELS):
            if now % (1 << level) == 0:
                most += wheel[level, (now >> level) % RING]
    return most


@jit
def _has_free_slots(sizes, available, states, rule):
    """Return whether all connections that may return in the next step have a slot and a place in the table."""
    for n in range(len(states)):
        s = states[n]
        needed = sizes[n] + most_due(s.wheel, s.clock[0], rule.ticks)
        if needed > available[n] or 2 * needed + 1 > s.table.size:
            return False
    return True


@jit
def _choose(theta, size, chosen):
    """Write the active slots, ascending, into ``chosen``; return their number."""
    n = 0
    for k in range(size):
        chosen[n] = k
        n += theta[k] >= 0.0
    return n


@jit
def _copy(chosen, values, out):
    """Write the values of some slots, one after the other."""
    for n in range(chosen.size):
        out[n] = values[chosen[n]]


@inlined
def _select(c, s, a, size):
    """Copy the active connections of a layer to ``a``; return their number."""
    number = _choose(c.theta, size, s.chosen)
    chosen = s.chosen[:number]
    _copy(chosen, c.pre, a.pre)
    _copy(chosen, c.post, a.post)
    _copy(chosen, c.theta, a.theta)
    _copy(chosen, c.polarity, a.polarity)
    return number


@jit
def _put_back(gradient, chosen, size, out):
    """Write the gradient of each slot, 0 where retracted."""
    out[:size] = 0.0
    for n in range(chosen.size):
        out[chosen[n]] = gradient[n]


@jit
def _cross(crossed, theta, birth_step, now, died, born):
    """Sort slots in which theta crossed 0 into ``died`` and ``born``; return the numbers of both."""
    below, above = 0, 0
    for n in range(crossed.size):
        k = crossed[n]
        if theta[k] >= 0.0:
            birth_step[k] = now
            born[above] = k
            above += 1
        else:
            died[below] = k
            below += 1
    return below, above


@jit
def _write(slots, pre, post, polarity, now, index, kind, events):
    """Write an event for each slot."""
    for n in range(slots.size):
        k = slots[n]
        write_event(events, n, now, pre[k], post[k], k, index, kind, polarity[k])


@jit
def _below(theta, threshold, lost):
    """Write the slots with theta below the threshold, ascending, into ``lost``; return their number."""
    n = 0
    for k in range(theta.size):
        lost[n] = k
        n += theta[k] < threshold
    return n


@inlined
def _return(c, s, lost, size, now, rule, events):
    """Stop tracking connections below the threshold, and form those that return; return the slots of these.

    ``events`` is memory for as many events.
    """
    key, address = rule.key, np.uint64(now)
    returning = advance(s.wheel, s.clock, rule.ticks, address, s.streams[3], key[0], key[1])
    due = min(returning, s.capacity - size + lost.size)
    clock = np.int64(s.clock[0])
    s.wheel[0, (clock + 1) % RING] += returning - due
    enter(
        lost,
        c.theta,
        rule.sigma,
        rule.shift,
        s.span,
        rule.ticks,
        clock,
        address,
        s.streams[4],
        key[0],
        key[1],
        rule.exits,
        s.wheel,
    )
    keys = np.empty(lost.size, np.int64)
    for n in range(lost.size):
        keys[n] = np.int64(c.pre[lost[n]]) * s.grid[1] + c.post[lost[n]]
    remove_all(s.table, keys)
    slots = places(lost, due, size)
    sites = draw(s, slots, size - lost.size, now, key)
    state = (c.pre, c.post, c.theta, c.polarity, s.birth_step)
    regrow(slots, sites, s.signs, s.grid[1], now, s.set_index, s.streams[2], key[0], key[1], state, events)
    reset(s.moments, slots)
    land(slots, rule.sigma, address, s.streams[5], key[0], key[1], rule.overshoots, c.theta)
    return slots


@jit
def _merged(first, second):
    """Return two ascending lists as one."""
    both = np.empty(first.size + second.size, np.int32)
    i, j = 0, 0
    for n in range(both.size):
        if j == second.size or (i < first.size and first[i] < second[j]):
            both[n] = first[i]
            i += 1
        else:
            both[n] = second[j]
            j += 1
    return both


@inlined
def _move(c, s, signals, size, rule, step):
    """Update weights and biases; return the number of slots in ``s.crossed``."""
    now = s.steps_done + step
    set_ages(s.moments, now, s.birth_step)
    number = sweep_soft(
        direction_of(s.gradient[:size], s.moments, rule),
        c.polarity,
        (rule.eta, rule.alpha, rule.sigma, s.floor),
        True,
        np.uint64(now),
        s.streams[0],
        rule.key[0],
        rule.key[1],
        c.theta[:size],
        s.crossed,
    )
    learn_biases(signals, s, rule, step)
    return number


@jit
def learn(parts, memory, sizes, before, rule, samples, labels, order, batch_size, losses, events, enough):
    """Do one step for every ``batch_size`` samples of ``order``; write the loss of each into ``losses``.

    ``parts`` are, for all layers, the connections, memory for active ones, the signals and the state; ``sizes`` are the
    numbers of slots in use, which change, ``before`` those before the last step. Return the steps done, the events,
    their number, the largest number of active connections, and whether everything was finite. The loop ends early
    before a step with a gradient or parameter that is not finite, or for which arrays may be too short, and after a
    step with which there are ``enough`` events; those of a step are at most three times as many as there are slots.
    """
    layers, compact, signals, states = parts
    first, delta = memory
    used, most = np.int64(0), np.int64(0)
    counts, available = np.zeros(len(layers), np.int64), np.zeros(len(layers), np.int64)
    for n in range(len(layers)):
        available[n] = layers[n].pre.size
    for step in range(1, losses.size + 1):
        if not _has_free_slots(sizes, available, states, rule):
            return step - 1, events, used, most, True
        for n in range(len(layers)):
            counts[n] = _select(layers[n], states[n], compact[n], sizes[n])
        before[:] = sizes
        batch = order[(step - 1) * batch_size : step * batch_size]
        out = present(compact, signals, counts, samples, batch, first)
        losses[step - 1] = cross_entropy(out, labels[batch], delta)
        finite = propagate_back(compact, signals, counts, first, delta)
        for n in range(len(layers)):
            s = states[n]
            _put_back(signals[n].gradient, s.chosen[: counts[n]], sizes[n], s.gradient)
        if not finite:
            return step - 1, events, used, most, False
        for n in range(len(layers)):
            c, s, size = layers[n], states[n], sizes[n]
            now = s.steps_done + step
            crossed = s.crossed[: _move(c, s, signals[n], size, rule, step)]
            died, born = np.empty(crossed.size, np.int32), np.empty(crossed.size, np.int32)
            below, above = _cross(crossed, c.theta, s.birth_step, now, died, born)
            died, born = died[:below], born[:above]
            reset(s.moments, born)
            lost = s.lost[: _below(c.theta[:size], s.threshold, s.lost)]
            _write(died, c.pre, c.post, c.polarity, now, s.set_index, DEATH, events[used:])
            used += below
            returned = _return(c, s, lost, size, now, rule, events[used:])
            own = _merged(born, returned)
            _write(own, c.pre, c.post, c.polarity, now, s.set_index, BIRTH, events[used:])
            used += own.size
            if lost.size > returned.size:
                used += close(c, s, lost[returned.size :], size, now, events[used:])
            sizes[n] = size + returned.size - lost.size
            counts[n] += own.size - below
        most = max(most, counts.sum())
        if used >= enough:
            return step, events, used, most, True
    return losses.size, events, used, most, True
