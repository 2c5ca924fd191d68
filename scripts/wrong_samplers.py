"""Negative controls: deliberately incorrect samplers, each of which a valid verification must reject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling import Connections, DeepR, RewiringInfo, step
from synaptic_sampling._kernels.vacancy import EMPTY, insert, remove

__all__ = ["WRONG", "Step"]

#: A sampler: takes connections, gradient and rule, and performs a step.
Step = Callable[[Connections, NDArray[Any], DeepR], RewiringInfo]


def with_rule(change: Callable[[DeepR], DeepR]) -> Callable[[], Step]:
    """Return a factory of samplers that follow a different rule."""
    return lambda: lambda c, gradient, rule: step(c, gradient, change(rule))


def after(change: Callable[[Connections, RewiringInfo, DeepR], None]) -> Callable[[], Step]:
    """Return a factory of samplers that corrupt the connections after a correct step."""

    def make() -> Step:
        def do(c: Connections, gradient: NDArray[Any], rule: DeepR) -> RewiringInfo:
            info = step(c, gradient, rule)
            change(c, info, rule)
            return info

        return do

    return make


def choosing(choose: Callable[[Connections, RewiringInfo, np.random.Generator], None]) -> Callable[[], Step]:
    """Return a factory of samplers that move new connections to other sites."""

    def make() -> Step:
        rng = np.random.default_rng(1)

        def do(c: Connections, gradient: NDArray[Any], rule: DeepR) -> RewiringInfo:
            info = step(c, gradient, rule)
            choose(c, info, rng)
            return info

        return do

    return make


def move(c: Connections, info: RewiringInfo, n: int, key: int) -> None:
    """Move the n-th new connection to another vacant site."""
    slot, event = info.born.slot[n], info.events[info.num_deaths + n]
    remove(c.table, np.int64(c.pre[slot]) * c.num_post + c.post[slot])
    insert(c.table, np.int64(key))
    c.pre[slot], c.post[slot] = divmod(key, c.num_post)
    event["pre"], event["post"] = c.pre[slot], c.post[slot]
    c.polarity[slot] = c.signs_of(c.pre[slot : slot + 1], c.post[slot : slot + 1])[0]


def row_first(c: Connections, info: RewiringInfo, rng: np.random.Generator) -> None:
    """Draw a presynaptic neuron with vacant sites, then one of these sites."""
    free = vacant_sites(c)
    for n in range(info.num_births):
        free[c.pre[info.born.slot[n]], c.post[info.born.slot[n]]] = True
        row = rng.choice(np.flatnonzero(free.any(axis=1)))
        column = rng.choice(np.flatnonzero(free[row]))
        move(c, info, n, int(row * c.num_post + column))
        free[row, column] = False


def not_where_just_vacated(c: Connections, info: RewiringInfo, rng: np.random.Generator) -> None:
    """Redraw new connections at sites vacated in this step, if there are other vacant sites."""
    free = vacant_sites(c)
    free[info.died.pre, info.died.post] = False
    vacated = set((info.died.pre * c.num_post + info.died.post).tolist())
    for n in range(info.num_births):
        key = int(info.born.pre[n]) * c.num_post + int(info.born.post[n])
        sites = np.flatnonzero(free)
        if key in vacated and len(sites):
            chosen = int(rng.choice(sites))
            move(c, info, n, chosen)
            free.flat[chosen] = False


def anywhere(c: Connections, info: RewiringInfo, rng: np.random.Generator) -> None:
    """Draw among all sites, occupied ones included."""
    for slot in info.born.slot:
        c.pre[slot], c.post[slot] = rng.integers(c.num_pre), rng.integers(c.num_post)
    c.table[:] = EMPTY
    for key in c.pre.astype(np.int64) * c.num_post + c.post:
        insert(c.table, key)


def vacant_sites(c: Connections) -> NDArray[np.bool_]:
    """Return which sites are vacant, shape (num_pre, num_post)."""
    free = np.ones((c.num_pre, c.num_post), np.bool_)
    free[c.pre, c.post] = False
    return free


def reflecting() -> Step:
    """Return a sampler that reflects theta at 0 in place of elimination."""

    def do(c: Connections, gradient: NDArray[Any], rule: DeepR) -> RewiringInfo:
        before = {name: np.array(values) for name, values in c.state().items()}
        info = step(c, gradient, rule)
        slots = info.died.slot
        moved = before["theta"][slots] - rule.learning_rate * (before["polarity"][slots] * gradient[slots] + rule.l1)
        now = {name: np.array(values) for name, values in c.state().items()}
        for name in ("pre", "post", "polarity", "birth_step"):
            now[name][slots] = before[name][slots]
        now["theta"][slots] = np.abs(moved)
        c.restore(now)
        return info._replace(events=info.events[:0], num_deaths=0)

    return do


def stale() -> Step:
    """Return a sampler that uses the gradient of the previous step."""
    last: dict[int, NDArray[Any]] = {}

    def do(c: Connections, gradient: NDArray[Any], rule: DeepR) -> RewiringInfo:
        used = last.pop(id(c), np.zeros_like(gradient)) if c.steps_done else np.zeros_like(gradient)
        last[id(c)] = gradient.copy()
        return step(c, used, rule)

    return do


def formed_at_a_tenth(c: Connections, info: RewiringInfo, rule: DeepR) -> None:
    """Set theta of new connections to 0.1 sigma."""
    c.theta[info.born.slot] = 0.1 * rule.noise_scale


def one_missing(c: Connections, info: RewiringInfo, rule: DeepR) -> None:
    """Omit the last new connection."""
    if info.num_births:
        c.theta[info.born.slot[-1]] = -1.0


def flip_signs(c: Connections, info: RewiringInfo, rule: DeepR) -> None:
    """Flip the signs of every other new connection."""
    slots = info.born.slot[info.born.slot % 2 == info.step % 2]
    c.polarity[slots] *= -1


#: Name, factory, and the tests that should reject it: those of the null law, of connectivity, or with a gradient.
WRONG: dict[str, tuple[Callable[[], Step], str]] = {
    "noise times sqrt 2": (with_rule(lambda rule: replace(rule, temperature=2 * rule.temperature)), "chance"),
    "noise divided by sqrt 2": (with_rule(lambda rule: replace(rule, temperature=rule.temperature / 2)), "chance"),
    "learning rate outside the root": (
        with_rule(lambda rule: replace(rule, temperature=rule.learning_rate * rule.temperature)),
        "chance",
    ),
    "l1 missing": (with_rule(lambda rule: replace(rule, l1=0.0)), "chance"),
    "l1 doubled": (with_rule(lambda rule: replace(rule, l1=2 * rule.l1)), "chance"),
    "theta reflected at 0": (reflecting, "chance"),
    "new connections at 0.1 sigma": (after(formed_at_a_tenth), "chance"),
    "site chosen by row first": (choosing(row_first), "connectivity"),
    "just-vacated sites excluded": (choosing(not_where_just_vacated), "chance"),
    "duplicates allowed": (choosing(anywhere), "connectivity"),
    "signs flipped": (after(flip_signs), "chance"),
    "gradient of the previous step": (stale, "gradient"),
    "no gradient": (lambda: lambda c, gradient, rule: step(c, 0 * gradient, rule), "gradient"),
    "one connection missing": (after(one_missing), "chance"),
}
