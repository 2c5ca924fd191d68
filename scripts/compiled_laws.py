"""Exact laws of rules that are part of a C++ program, and incorrect versions, which must be rejected.

A program simulates one network, whose log and final state are compared with the laws of ``sampler_laws`` and
``rule_laws``. Where these need independent small networks, one network is observed at intervals of six relaxation times
of theta. Programs that differ in parameters alone are compiled once.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import brian2 as b2
import numpy as np
from numpy.typing import NDArray

from scripts.rule_laws import LAG, SOFT, SYNAPTIC, TARGETS, fraction_law, synaptic_laws
from scripts.sampler_laws import (
    AGES,
    BURN_IN,
    CENTRE,
    CHANCE,
    POSTERIOR,
    STIFFNESS,
    Law,
    ages_law,
    exact_law,
    mean_law,
    theta_given_wiring,
    theta_laws,
    vacated_law,
    wiring_law_test,
)
from synaptic_sampling import Decision, DeepR, Rewiring, RewiringLog, RewiringMonitor
from synaptic_sampling._kernels.dynamics import BIRTH, DEATH
from synaptic_sampling.brian import connect_exactly, run_program
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws.posterior import wiring_law
from synaptic_sampling.laws.soft_deepr import soft_law
from synaptic_sampling.rules import run_sweep, sweep
from synaptic_sampling.spiking.device import standalone

__all__ = ["FULL", "LAWS", "QUICK", "WRONG", "Effort", "Programs", "ages", "vacated", "violations"]

STEP = 1 * b2.ms
#: Steps, in units of the slowest relaxation time, between two observations of one network.
APART = 6
#: Slowest relaxation time, in steps, of DEEP R without a gradient (1/r^2), and with that of the test (times eta).
RELAXATION, RELAXATION_OF_GRADIENT = 100, 4.0


@dataclass(frozen=True)
class Effort:
    """The amount of simulation."""

    networks: int  # programs with other seeds, for the null law
    steps: int
    observations: int  # of each small network
    side: int  # neurons on each side of the potential connections


FULL = Effort(networks=64, steps=2000, observations=30_000, side=300)
QUICK = Effort(networks=12, steps=200, observations=3_000, side=100)


def reflected(theta: float, gradient: float, polarity: float, nu: float, parameters: tuple[float, ...]) -> float:
    """Return the absolute value of theta after the step of DEEP R."""
    eta, alpha, sigma = parameters
    moved = (theta - eta * (polarity * gradient + alpha)) + sigma * nu
    return moved if moved >= 0.0 else -moved


sweep_reflected = sweep(reflected, always_active=True)


@dataclass(frozen=True)
class Reflected(DeepR):
    """An incorrect rule, with a move of its own in C++: theta is reflected at 0 in place of elimination."""

    move: ClassVar[Callable[..., float] | None] = staticmethod(reflected)

    def decide(self, connections: Any, gradient: NDArray[Any]) -> Decision:
        """Eliminate nothing, since theta is never below 0."""
        slope = self.optimizer.direction(gradient, connections)
        return Decision(run_sweep(sweep_reflected, connections, slope, self.parameters, noisy=True))


@dataclass
class Found:
    """Results of a program: the log, the final connections, and observations of sites and theta."""

    log: RewiringLog
    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    theta: NDArray[np.float64]
    seen: tuple[NDArray[Any], NDArray[np.float64]] | None = None


@dataclass
class Programs(AbstractContextManager["Programs"]):
    """Compiles and runs programs in a temporary folder, which is removed at the end."""

    number: int = 0
    _folder: Any = field(default_factory=tempfile.TemporaryDirectory)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def run(
        self,
        rule: Any,
        shape: tuple[int, int],
        connections: int | None,
        steps: int,
        *,
        seed: int = 1,
        slope: str | None = None,
        theta: NDArray[np.float64] | None = None,
        every: int | None = None,
        **options: Any,
    ) -> Found:
        """Simulate a set of connections, all pairs if no number is given, and return the log and the final state."""
        self.number += 1
        project = Path(self._folder.name) / str(self.number)
        with standalone(project):
            b2.start_scope()
            b2.defaultclock.dt = STEP
            first, last = (
                b2.NeuronGroup(n, "stiffness : 1 (constant)\ncentre : 1 (constant)", name=name)
                for n, name in zip(shape, ("first", "last"), strict=True)
            )
            model = f"theta : 1\ngradient : 1\npolarity : 1\nsite = i*{shape[1]} + j : integer"
            s = b2.Synapses(first, last, model, name="s")
            if connections is None:
                s.connect()
            else:
                connect_exactly(s, connections=connections, seed=seed)
            if theta is not None:
                s.theta = theta
            if slope is not None:
                if shape[1] == len(CENTRE):
                    last.stiffness, last.centre = STIFFNESS, CENTRE
                s.run_regularly(f"gradient = {slope}", dt=STEP, when="start", name="slope")
            rewiring = Rewiring(s, rule, dt=STEP, seed=seed, name="rewiring", **options)
            monitor = RewiringMonitor(rewiring, name="monitor")
            parts = [first, last, s, rewiring, monitor]
            if every is not None:
                parts.append(b2.StateMonitor(s, ["site", "theta"], record=True, dt=every * STEP, name="seen"))
            net = b2.Network(parts, name="net")
            net.run((steps + 1) * STEP)  # There is no event at time 0.
            run_program(project, cache=Path(self._folder.name) / "cache")
            seen = (parts[-1].site.T[1:], parts[-1].theta.T[1:]) if every is not None else None
            c = rewiring.connections
            if monitor.log.last_step != steps:
                raise RuntimeError(f"the program performed {monitor.log.last_step} steps, not {steps}.")
            return Found(monitor.log, np.array(c.pre), np.array(c.post), np.array(c.theta), seen)


def chance(programs: Programs, effort: Effort, rule: DeepR = CHANCE) -> list[Law]:
    """Test the null law of DEEP R: turnover, lifetimes, theta, formation at vacated sites, invariants."""
    k, side = 500, 40
    deaths, theta, lived, sums, wrong = [], [], np.zeros(len(AGES) + 1), np.zeros(3), 0
    for seed in range(effort.networks):
        found = programs.run(rule, (side, side), k, BURN_IN + effort.steps, seed=seed)
        events = found.log.events
        recent = events[events["step"] > BURN_IN]
        deaths.append(np.count_nonzero(recent["kind"] == DEATH) / effort.steps)
        lived += np.bincount(np.searchsorted(AGES, ages(events)), minlength=len(AGES) + 1)
        sums += vacated(recent, side, k)
        theta.append(found.theta)
        keys = found.pre * side + found.post
        wrong += (len(np.unique(keys)) != k) + int((found.theta < 0).sum()) + violations(events, side)
    return [
        mean_law("turnover per step", np.array(deaths), k * exact.turnover_rate(CHANCE.step_ratio)),
        ages_law(lived),
        *theta_laws(theta),
        vacated_law(*sums.tolist()),
        Law("number, distinct sites, constant signs, theta >= 0: violations", float(wrong), 0.0),
    ]


def ages(events: NDArray[Any]) -> NDArray[np.int64]:
    """Return the ages at all eliminations after the burn-in."""
    order = np.lexsort((np.arange(len(events)), events["slot"]))
    step, slot, kind = (events[name][order].astype(np.int64) for name in ("step", "slot", "kind"))
    # Before an elimination, the slot's last event is the formation; without one, the connection is there from step 0.
    born = np.where(np.append(False, slot[1:] == slot[:-1]), np.append(0, step[:-1]), 0)
    counts = (kind == DEATH) & (step > BURN_IN)
    return (step - born)[counts]


def vacated(events: NDArray[Any], side: int, k: int) -> NDArray[np.float64]:
    """Return how many connections form at sites vacated in the same step, and mean and variance of this number."""
    keys = events["step"].astype(np.int64) * side**2 + events["pre"] * np.int64(side) + events["post"]
    died = events["kind"] == DEATH
    returned = np.isin(keys[events["kind"] == BIRTH], keys[died]).sum()
    number = np.unique(events["step"][died], return_counts=True)[1]
    p = number / (side**2 - k + number)
    return np.array([returned, (number * p).sum(), (number * p * (1 - p)).sum()])


def violations(events: NDArray[Any], side: int) -> int:
    """Return in how many steps formations and eliminations differ in number, and how many sites change their sign."""
    steps = events["step"].astype(np.int64)
    differ = np.bincount(steps, np.sign(events["kind"].astype(float)))
    sign = np.zeros((2, side, side))
    for n, polarity in enumerate((1, -1)):
        own = events[events["polarity"] == polarity]
        sign[n, own["pre"], own["post"]] = 1
    return int(np.count_nonzero(differ) + (sign.sum(axis=0) == 2).sum())


def uniformity(programs: Programs, effort: Effort, slope: str | None = None) -> list[Law]:
    """Test that all sets of connected sites are equally likely without a gradient."""
    every = APART * RELAXATION
    steps = (effort.observations + 1) * every
    found = programs.run(CHANCE, (2, 3), 3, steps, every=every, slope=slope, signs=1)
    counts = _counts(found)
    return [wiring_law_test("connectivity without a gradient (chi2)", counts, wiring_law(np.ones(6), 3))]


def gradient(programs: Programs, effort: Effort, slope: str = "stiffness_post*(theta - centre_post)") -> list[Law]:
    """Test the law of connectivity, and of theta given the connectivity, with a gradient."""
    laws = []
    for eta in (0.1, 0.3):
        every = math.ceil(APART * RELAXATION_OF_GRADIENT / eta)
        rule = replace(POSTERIOR, learning_rate=eta)
        steps = (effort.observations + 1) * every
        found = programs.run(rule, (1, 6), 3, steps, every=every, slope=slope, signs=1)
        sites, law = exact_law(eta)
        assert found.seen is not None
        places, theta = (values.ravel() for values in found.seen)
        laws += [
            wiring_law_test(f"connectivity with a gradient, learning rate {eta:g} (chi2)", _counts(found), law),
            theta_given_wiring(
                f"theta given the connectivity, learning rate {eta:g} (chi2)",
                list(zip(places.astype(int).tolist(), theta.tolist(), strict=True)),
                sites,
            ),
        ]
    return laws


def _counts(found: Found) -> NDArray[np.int64]:
    """Return how often each set of connected sites was observed."""
    index = {wiring: n for n, wiring in enumerate(wiring_law(np.ones(6), 3))}
    assert found.seen is not None
    counts = np.zeros(len(index), np.int64)
    for sites in np.sort(found.seen[0], axis=1).astype(int).tolist():
        counts[index[tuple(sites)]] += 1
    return counts


def soft(
    programs: Programs, effort: Effort, change: Callable[[Any], Any] = lambda rule: rule, *, depth: float | None = None
) -> list[Law]:
    """Test soft DEEP R, on all pairs or in slots: active fraction and formation at each target."""
    laws = []
    for target in TARGETS:
        rule, number = replace(SOFT, connectivity=target), effort.side**2
        law, floor = soft_law(rule), rule.theta_min
        steps, seed = round(8 / math.pi**2 * (1.0 - floor / rule.noise_scale) ** 2), round(1e4 * target)
        shape = effort.side, effort.side
        if depth is None:
            theta = np.float64(floor) * (np.arange(number, dtype=np.float64) * 0.6180339887498949 % 1.0)
            found = programs.run(change(rule), shape, None, steps, seed=seed, theta=theta)
        else:
            found = programs.run(change(rule), shape, round(number * target), steps, seed=seed, depth=depth)
        active = int(np.count_nonzero(found.theta >= 0))
        events = found.log.events
        formed = int(np.count_nonzero((events["step"] == steps) & (events["kind"] == BIRTH)))
        name = f"soft DEEP R{'' if depth is None else ' in slots'}, target {target:.1%}"
        laws.append(fraction_law(f"{name}: active fraction", active, number, law.active_share))
        laws.append(fraction_law(f"{name}: formed", formed, number, law.turnover))
    return laws


def synaptic(programs: Programs, effort: Effort, change: Callable[[Any], Any] = lambda rule: rule) -> list[Law]:
    """Test synaptic sampling with both schemes: mean, variance, correlation, turnover."""
    laws = []
    for rule in (SYNAPTIC, replace(SYNAPTIC, scheme="euler")):
        # In Brian2, the interval is that of events.
        own = change(replace(rule, learning_rate=rule.learning_rate / STEP, interval=STEP))
        shape, zero = (effort.side, effort.side), np.zeros(effort.side**2)
        # The same run, once to a time and once some steps further.
        first, last = (programs.run(own, shape, None, 40 + n, seed=7, theta=zero).theta for n in (0, LAG))
        laws += synaptic_laws(rule, first, last)
    return laws


def _with(**factors: float) -> Callable[[Any], Any]:
    """Return a function that multiplies parameters of a rule."""
    return lambda rule: replace(rule, **{name: factor * getattr(rule, name) for name, factor in factors.items()})


Check = Callable[[Programs, Effort], list[Law]]

LAWS: dict[str, Check] = {
    "chance": chance,
    "uniformity": uniformity,
    "gradient": gradient,
    "soft": soft,
    "soft in slots": partial(soft, depth=5.0),
    "synaptic": synaptic,
}

#: Name, and the test of the incorrect version, which must reject it.
WRONG: dict[str, Check] = {
    "noise times sqrt 2": partial(chance, rule=_with(temperature=2.0)(CHANCE)),
    "noise divided by sqrt 2": partial(chance, rule=_with(temperature=0.5)(CHANCE)),
    "l1 missing": partial(chance, rule=_with(l1=0.0)(CHANCE)),
    "l1 doubled": partial(chance, rule=_with(l1=2.0)(CHANCE)),
    "theta reflected at 0": partial(chance, rule=Reflected(CHANCE.learning_rate, CHANCE.l1, CHANCE.temperature)),
    "no gradient": partial(gradient, slope="0*(theta - centre_post)"),
    "soft DEEP R: noise times sqrt 2": partial(soft, change=_with(temperature=2.0)),
    "soft DEEP R: floor twice as deep": partial(soft, change=_with(connectivity=0.5)),
    "soft DEEP R in slots: floor twice as deep": partial(soft, change=_with(connectivity=0.5), depth=5.0),
    "one site preferred": partial(uniformity, slope="-0.1*int(site == 0)"),
    "synaptic sampling: noise times sqrt 2": partial(synaptic, change=_with(temperature=2.0)),
    "synaptic sampling: prior half as wide": partial(synaptic, change=_with(std=0.5)),
}
