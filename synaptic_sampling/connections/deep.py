"""How long retracted connections stay below 0, where they land, and the number of those that come back in each step.

docs/guide/soft_deepr.md explains why nothing else must be known of untracked connections.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synaptic_sampling._kernels import soft_deep
from synaptic_sampling._kernels.soft_deep import FINENESS, LEVELS, NEAR, REACH, RING
from synaptic_sampling.randomness import Stream, key_words, stream_word

__all__ = ["SHIFT", "Deep", "exit_times", "overshoots", "span_of", "still_below"]

#: Mean overshoot of a Gaussian walk over a distant level, in standard deviations of its steps: -zeta(1/2)/sqrt(2 pi).
SHIFT = 0.5825971579390106
#: Numbers of mirror images on each side and of modes of diffusion; the law of the time is then exact to 1e-15.
IMAGES, MODES = 5, 16
#: Images are used below this time, modes above it; in units of span**2.
EARLY = 0.5
#: Distance from which the walk must start for the law of its overshoot; quadrature nodes per unit of length.
FAR, NODES = 16, 12


class Deep:
    """Untracked connections: how many return in each tick of a clock.

    ``wheel`` holds these numbers (see `_kernels.soft_deep`). ``clock`` is the variance of the noise of all steps so
    far, in units of that of the first rule. ``threshold`` and ``floor`` are in standard deviations of the noise;
    initially theta is uniform between them.
    """

    def __init__(self, number: int, threshold: float, floor: float, seed: int, index: int) -> None:
        self.wheel = np.zeros((LEVELS, RING), np.int64)
        self.clock = np.zeros(1)
        self._key, self._index = key_words(seed), index
        if number:
            self._fill(number, threshold, floor)

    def reseed(self, seed: int) -> None:
        """Use the random numbers of another seed from now on."""
        self._key = key_words(seed)

    @property
    def number(self) -> int:
        """The number of untracked connections."""
        return int(self.wheel.sum())

    def advance(self, step: int, scale: float) -> int:
        """Advance the clock by one step of ``scale`` ticks; return how many connections return to 0."""
        address = np.uint64(step), stream_word(Stream.DEEP, self._index), *self._key
        return int(soft_deep.advance(self.wheel, self.clock, scale, *address))

    def postpone(self, number: int) -> None:
        """Let connections for which there is no slot return in the next tick."""
        self.wheel[0, (int(self.clock[0]) + 1) % RING] += number

    def enter(
        self, slots: NDArray[np.int32], theta: NDArray[np.floating], sigma: float, floor: float, step: int, scale: float
    ) -> None:
        """Stop tracking the connections in some slots: draw when each returns."""
        stream, now = stream_word(Stream.SOJOURN, self._index), int(self.clock[0])
        walk = sigma, SHIFT, span_of(floor, sigma), scale, now, np.uint64(step), stream, *self._key
        soft_deep.enter(slots, theta, *walk, exit_times(), self.wheel)

    def _fill(self, number: int, threshold: float, floor: float) -> None:
        """Draw the return times of all at once: one multinomial over the blocks of the wheel."""
        starts = [(0, delay) for delay in range(1, 2 * NEAR)]
        starts += [(level, block) for level in range(1, LEVELS) for block in range(NEAR, 2 * NEAR)]
        levels, blocks = np.array(starts).T
        classes = 2 ** math.ceil(math.log2(len(starts)))
        below = np.ones(classes + 1)
        # No return before a block means: still below 0 after the last tick that precedes it.
        below[: len(starts)] = 1.0 - still_below(
            (blocks << levels) - 0.75, SHIFT - threshold, SHIFT - floor, SHIFT - floor + SHIFT
        )
        below[0] = 0.0
        counts = np.empty(classes, np.int64)
        address = np.uint64(0), stream_word(Stream.DEEP, self._index), *self._key
        soft_deep.spread(number, np.maximum.accumulate(below), *address, counts)
        self.wheel[levels, blocks % RING] = counts[: len(starts)]


def span_of(floor: float, sigma: float) -> float:
    """Return the distance between the absorbing and the reflecting wall, in standard deviations of the noise."""
    return 2.0 * SHIFT - floor / sigma


def still_below(time: NDArray[np.float64], nearest: float, farthest: float, span: float) -> NDArray[np.float64]:
    """Return the probability that a Brownian motion has not reached 0 at each time > 0.

    It starts at a distance from 0 that is uniform between ``nearest`` and ``farthest``, and is reflected at ``span``.
    """
    width = farthest - nearest
    early, late = time < EARLY * span**2, time >= EARLY * span**2
    probability = np.empty(len(time))
    root = np.sqrt(time[early])
    hit = np.zeros(len(root))
    for n in range(-IMAGES, IMAGES):
        sign = 1.0 if n % 2 == 0 else -1.0
        far, near = (2.0 * n * span + distance for distance in (farthest, nearest))
        if n < 0:  # As seen from the mirror image of 0.
            far, near, sign = -near, -far, -sign
        hit += 2.0 * sign * (_tail(near, root) - _tail(far, root)) / width
    probability[early] = 1.0 - hit
    mode = (2 * np.arange(MODES) + 1)[:, None] * np.pi / (2.0 * span)
    size = 2.0 / span / mode * (np.cos(mode * nearest) - np.cos(mode * farthest)) / (mode * width)
    probability[late] = np.sum(size * np.exp(-0.5 * mode**2 * time[late]), axis=0)
    return probability


def _tail(distance: float, root: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral of Phi(-x/root) over x from ``distance`` to infinity."""
    z = distance / root
    return root * (np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) - z * ndtr(-z))


@cache
def exit_times() -> NDArray[np.float64]:
    """Return the time at which a Brownian motion from 0 leaves (-1, 1), as a table over a standard normal number."""
    time = np.geomspace(5e-3, 40.0, 40_001)
    odd = 2 * np.arange(MODES)[:, None] + 1
    sign = 1.0 - 2.0 * (np.arange(MODES)[:, None] % 2)
    left = 4.0 * np.sum(sign * ndtr(-odd / np.sqrt(time)), axis=0)
    stays = 4.0 / np.pi * np.sum(sign / odd * np.exp(-(odd**2) * np.pi**2 * time / 8.0), axis=0)
    normal = np.where(left < 0.5, ndtri(left), -ndtri(stays))
    inside = np.isfinite(normal)
    return _tabulated(lambda z: np.interp(z, normal[inside], time[inside]))


@cache
def overshoots() -> NDArray[np.float64]:
    """Return the overshoot over 0 of a Gaussian walk from far below, as a table over a standard normal number.

    Notes
    -----
    The density at y is P(H > y)/E(H), H the first value above 0 of a walk that starts at 0. It follows from u, the
    expected number of visits below 0 before, with u(x) = phi(x) + integral_{-inf}^0 u(z) phi(x - z) dz, which far
    below 0 is sqrt(2).
    """
    node, weight = np.polynomial.legendre.leggauss(NODES)
    x = (np.arange(-FAR, 0)[:, None] + (node + 1.0) / 2.0).ravel()
    weight = np.tile(weight / 2.0, FAR)
    kernel = np.exp(-0.5 * (x[:, None] - x) ** 2) / math.sqrt(2.0 * math.pi)
    source = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) + math.sqrt(2.0) * ndtr(-FAR - x)
    visits = weight * np.linalg.solve(np.eye(len(x)) - kernel * weight, source)
    y = np.linspace(0.0, 9.0, 9001)
    beyond = ndtr(-y) + ndtr(x - y[:, None]) @ visits
    above = np.append(np.cumsum(((beyond[1:] + beyond[:-1]) / 2.0)[::-1])[::-1], 0.0) * (y[1] - y[0])
    fraction = above / above[0]
    inner = (fraction > 1e-13) & (y > 0.0)
    normal = -ndtri(fraction[inner])
    # Between 0 and the first point, the law is uniform.
    first = y[1] / (1.0 - fraction[1])
    return _tabulated(lambda z: np.where(z > normal[0], np.interp(z, normal, y[inner]), first * ndtr(z)))


def _tabulated(function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return values at -REACH, -REACH + 1/FINENESS, ..., REACH, read-only.

    They are rounded to 24 bits: matrix products differ in their last bits between processors, and results would too.
    """
    table = function(np.arange(-REACH * FINENESS, REACH * FINENESS + 1) / FINENESS).astype(np.float32).astype(float)
    table.flags.writeable = False
    return table
