"""Parts of a step: slope by the optimizer, elimination, formation.

Symbols are those of Bellec et al. (2018): theta, eta (learning rate), alpha (l1), sigma = sqrt(2 eta T).
State may be float32 or float64; the arithmetic is float64 and rounded once when stored, the noise has the 24 bits of
a float32.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._kernels.lanes import fetch
from synaptic_sampling._kernels.philox import philox
from synaptic_sampling._kernels.signs import address_of_sign, sign_of
from synaptic_sampling._kernels.vacancy import AHEAD, remove_all
from synaptic_sampling._numba import jit

__all__ = [
    "adam",
    "draw_sign",
    "draw_signs",
    "first_not_finite",
    "momentum",
    "regrow",
    "retract",
]

MASK = np.uint64(0xFFFFFFFF)
BITS_32 = np.uint64(32)
#: Kinds of events; births and deaths, as in birth-death processes, are formations and eliminations of connections.
BIRTH, DEATH = 1, -1
#: A connection arrives in another slot by relocation; minus this, it leaves its slot.
MOVE = 2


@jit
def first_not_finite(values):
    """Return the first index whose value is NaN or infinite, or -1."""
    # x - x is NaN where x is not finite, else 0; without early exit, so that the loop is vectorised.
    wrong = False
    for k in range(values.size):
        wrong |= math.isnan(values[k] - values[k])
    if not wrong:
        return -1
    for k in range(values.size):
        if not math.isfinite(values[k]):
            return k
    return -1


@jit
def momentum(gradient, decay, velocity, slope):
    """Heavy-ball momentum: update ``velocity`` and write it into ``slope``."""
    for k in range(gradient.size):
        velocity[k] = decay * np.float64(velocity[k]) + gradient[k]
        slope[k] = velocity[k]


@jit
def adam(gradient, age, betas, corrections, epsilon, first, second, slope):
    """Adam (Kingma and Ba 2015) with every slot's own step count ``age``, the steps since its birth.

    A new connection has zero moments; with the global count its first step would be up to 3.2 times too long.
    ``corrections`` holds 1 - beta**age for both betas, up to the age where they are 1.
    Updates the moments ``first`` and ``second`` and writes the direction into ``slope``.
    """
    beta_1, beta_2 = betas
    correction_1, correction_2 = corrections
    for k in range(gradient.size):
        g = np.float64(gradient[k])
        m = beta_1 * np.float64(first[k]) + (1.0 - beta_1) * g
        v = beta_2 * np.float64(second[k]) + (1.0 - beta_2) * g * g
        m_hat = m / correction_1[min(age[k], correction_1.size - 1)]
        v_hat = v / correction_2[min(age[k], correction_2.size - 1)]
        first[k] = m
        second[k] = v
        slope[k] = m_hat / (math.sqrt(v_hat) + epsilon)


@jit
def draw_sign(mode, table, threshold, pre, post, num_post, slot, step, stream, k0, k1):
    """Return the sign, +1 or -1, of a connection formed at the site (pre, post)."""
    first, second = address_of_sign(mode, pre, post, slot, step)
    word, _, _, _ = philox(first, second, stream, np.uint64(0), k0, k1)
    return sign_of(mode, table, threshold, pre, post, num_post, word)


@jit
def draw_signs(pre, post, signs, num_post, stream, k0, k1, out):
    """Write the signs of connections at the given pairs into ``out``; redrawn ones are those of step 0."""
    mode, table, threshold = signs
    for n in range(pre.size):
        out[n] = draw_sign(mode, table, threshold, pre[n], post[n], num_post, n, np.uint64(0), stream, k0, k1)


@jit
def retract(slots, pre, post, polarity, num_post, step, index, table, events):
    """Vacate the sites of the given slots in ``table`` and write their elimination into ``events``."""
    keys = np.empty(slots.size, np.int64)
    for n in range(slots.size):
        if n + AHEAD < slots.size:
            k = slots[n + AHEAD]
            fetch(pre, k)
            fetch(post, k)
            fetch(polarity, k)
        k = slots[n]
        keys[n] = np.int64(pre[k]) * num_post + post[k]
        write_event(events, n, step, pre[k], post[k], k, index, DEATH, polarity[k])
    remove_all(table, keys)


@jit
def regrow(slots, keys, signs, num_post, step, index, sign_stream, k0, k1, state, events):
    """Form a connection with theta = 0 in each slot at the site of its key; changes ``state`` and ``events``."""
    pre, post, theta, polarity, birth_step = state
    mode, sign_table, threshold = signs
    first, words = np.empty(slots.size, np.uint64), np.empty(slots.size, np.uint64)
    for n in range(slots.size):
        i = keys[n] // num_post
        first[n], words[n] = address_of_sign(mode, i, keys[n] - i * num_post, slots[n], np.uint64(step) & MASK)
    # Random words have a loop of their own, which vector units process.
    for n in range(slots.size):
        words[n], _, _, _ = philox(first[n], words[n], sign_stream, np.uint64(0), k0, k1)
    for n in range(slots.size):
        if n + AHEAD < slots.size:
            k = slots[n + AHEAD]
            fetch(pre, k)
            fetch(post, k)
            fetch(theta, k)
            fetch(polarity, k)
            fetch(birth_step, k)
        k, i = slots[n], keys[n] // num_post
        pre[k], post[k] = i, keys[n] - i * num_post
        theta[k] = 0.0
        polarity[k] = sign_of(mode, sign_table, threshold, pre[k], post[k], num_post, words[n])
        birth_step[k] = step
        write_event(events, n, step, pre[k], post[k], k, index, BIRTH, polarity[k])


@jit
def write_event(events, n, step, pre, post, slot, index, kind, polarity):
    """Fill record ``n`` of ``events`` (dtype ``events.EVENT``)."""
    events["step"][n] = step
    events["pre"][n] = pre
    events["post"][n] = post
    events["slot"][n] = slot
    events["set"][n] = index
    events["kind"][n] = kind
    events["polarity"][n] = polarity
