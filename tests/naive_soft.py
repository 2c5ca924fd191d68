"""Reference implementations of the kernels of untracked connections; the wheel is a dict (level, block) -> number."""

from __future__ import annotations

import math
from fractions import Fraction

from tests import naive


def coins(number, address, attempt):
    """Return the tosses, and the next try."""
    tosses = []
    for n in range(0, number, 128):
        words = naive.philox(*address[:3], attempt + n // 128, *address[3:])
        tosses += [word >> bit & 1 for word in words for bit in range(32)]
    return tosses[:number], attempt + (number + 127) // 128


def heads(number, *address):
    tosses, attempt = coins(number, address, 0)
    return sum(tosses), attempt


def binomial(number, p, *address):
    """Each undecided one tosses a coin per binary digit of p; it is below p where its first other digit is 0."""
    below, undecided, attempt, rest = 0, number, 0, Fraction(p)
    if rest >= 1:
        return number
    for _ in range(53):
        rest *= 2
        digit, rest = int(rest), rest - int(rest)
        tosses, attempt = coins(undecided, address, attempt)
        below += sum(toss < digit for toss in tosses)
        undecided = sum(toss == digit for toss in tosses)
    return below


def spread(number, below, first, last, *address):
    """Return the counts of the classes first to last - 1."""
    if last - first == 1:
        return [number]
    middle = (first + last) // 2
    whole = below[last] - below[first]
    share = (below[middle] - below[first]) / whole if whole > 0 else 0.0
    left = binomial(number, share, middle, *address)
    return spread(left, below, first, middle, *address) + spread(number - left, below, middle, last, *address)


def look_up(table, x):
    place = (x + 7) * 256
    n = math.floor(place)
    return float(table[n]) + (place - n) * (float(table[n + 1]) - float(table[n]))


def sojourn(distance, span, slot, step, stream, k0, k1, exits):
    time, attempt = 0.0, 0
    while True:
        w0, w1, coin, _ = naive.philox(slot, step, stream, attempt, k0, k1)
        time += distance * distance * look_up(exits, naive.gauss_pair(w0, w1)[0])
        if coin < 2**31:
            return time
        distance, attempt = min(2 * distance, 2 * span - 2 * distance), attempt + 1


def enter(slots, theta, sigma, shift, span, scale, now, step, stream, k0, k1, exits, wheel):
    for k in slots:
        time = sojourn(shift - float(theta[k]) / sigma, span, k, step, stream, k0, k1, exits)
        delay = max(math.ceil((time - 0.25) * scale), 1)
        level = max(delay.bit_length() - 7, 0)
        block = level, (now + delay) // 2**level
        wheel[block] = wheel.get(block, 0) + 1


def start(wheel, now, step, stream, k0, k1):
    """Split the blocks that start with tick ``now``."""
    for level in range(28, 0, -1):
        if now % 2**level == 0 and (level, now // 2**level) in wheel:
            block = now // 2**level
            number = wheel.pop((level, block))
            first, _ = heads(number, level * 2**26 + block % 2**26, step, stream, k0, k1)
            for half, members in ((2 * block, first), (2 * block + 1, number - first)):
                wheel[level - 1, half] = wheel.get((level - 1, half), 0) + members


def advance(wheel, clock, ticks, *address):
    """Return how many are due: all of ticks that end, and of the one that does not, each with equal probability."""
    end, due = clock + ticks, 0
    for now in range(math.floor(clock) + 1, math.floor(end) + 2):
        begun = max(clock, now - 1)
        if begun < end:
            start(wheel, now, *address)
            inside = wheel.pop((0, now), 0)
            leaving = inside if now <= end else binomial(inside, (end - begun) / (now - begun), 2**25, *address)
            wheel[0, now] = inside - leaving
            due += leaving
    return due


def land(slots, sigma, step, stream, k0, k1, overshoots, theta):
    """Return theta."""
    theta = [float(x) for x in theta]
    for k in slots:
        w0, w1, _, _ = naive.philox(k, step, stream, 0, k0, k1)
        theta[k] = sigma * look_up(overshoots, naive.gauss_pair(w0, w1)[0])
    return theta
