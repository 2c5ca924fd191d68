"""The twin of every rule with a ``move``: its own lines, in plain Python, connection by connection.

Noise and optimizers are those of tests/naive.py; nothing here is compiled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling import SGD, Adam, Connections, Momentum, Rule, SoftConnections
from synaptic_sampling.randomness import Stream
from tests import naive


class Outcome(NamedTuple):
    """What a rule must do to one set of connections in a step, before its decision is carried out."""

    theta: list[float]
    #: Which connections are eliminated; on potential and soft connections, in which slots theta crosses 0.
    slots: list[int]
    #: How many connections are formed, or between which neurons; None: as many as are eliminated, at random.
    births: int | list[tuple[int, int]] | None = None


def replay(rule: Rule, c: Any, **signal: Any) -> Outcome:
    """Return the outcome of a rule that applies its ``move`` and eliminates where theta is negative or crosses 0.

    ``c`` is the set after ``begin_step``; ``signal`` is the gradient under any name, or nothing. A rule that has a
    move and eliminates other connections takes theta from here: ``replay(...)._replace(slots=...)``.
    """
    assert rule.move is not None, f"{type(rule).__name__} has no move: its row must bring a twin, a plain function."
    assert len(signal) <= 1, f"{type(rule).__name__} has several signals: its twin must say what gradient they give."
    gradient = next(iter(signal.values()), np.zeros_like(c.theta))
    nu = naive.fill_normals(c.steps_done, int(Stream.NOISE) + 256 * c.index, *_key(c), len(c))
    before = c.theta.tolist()
    each = zip(before, _direction(rule, c, gradient), c.polarity.tolist(), nu, strict=True)
    moved = [rule.move(x, slope, float(sign), noise, rule.parameters) for x, slope, sign, noise in each]
    theta = [naive.stored(x, c.theta.dtype) for x in moved]
    if not isinstance(c, Connections) or isinstance(c, SoftConnections):
        return Outcome(theta, naive.crossings(before, theta))
    return Outcome(theta, [k for k, x in enumerate(theta) if x < 0]) if rule.forms else Outcome(theta, [], 0)


def _key(c: Any) -> tuple[int, int]:
    return c.seed % naive.WORD, c.seed // naive.WORD


def _direction(rule: Any, c: Any, gradient: Any) -> list[float]:
    """Return what the optimizer of a rule, if it has one, makes of the gradient."""
    match getattr(rule, "optimizer", SGD()):
        case SGD():
            return gradient.tolist()
        case Momentum(momentum):
            return naive.momentum(gradient, momentum, c.moments[0])
        case Adam(beta1, beta2, epsilon):
            return naive.adam(gradient, c.moment_age.tolist(), beta1, beta2, epsilon, *c.moments)[2]
        case other:
            raise TypeError(f"tests/naive.py has no {other!r}.")
