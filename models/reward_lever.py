"""A recurrent network that moves a lever, for reward: first below one level, then above another one.

30 of 40 hidden neurons receive 50 Poisson inputs; 20 output neurons, half of which push the lever up and half down, are
connected with all of them and with each other; 20 inhibitory neurons, whose connections do not change, limit their
rates. Between excitatory neurons and from inputs there are two potential connections per pair. The position of the
lever is the difference of the rates of both halves, over 300 ms. In a trial, inputs are on, and the lever has to pass
-LEVEL and then LEVEL within 10 s. If it does, there is reward for 0.3 s; a pause of 0.5 to 1 s follows. In the swapped
task, up and down have changed their roles. Network and task are those of an example of SPORE, the authors' module for
NEST, where there are ten potential connections per pair, half of which exist, and LEVEL is 15 Hz.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import brian2 as b2
import numpy as np
from brian2 import ms, second
from numpy.typing import NDArray

from models import reward
from models.reward import Arm, Learning
from synaptic_sampling.brian import run_program
from synaptic_sampling.spiking.device import standalone

__all__ = ["LEARNING", "NO_REWARD", "Course", "learn", "start"]

#: Numbers of inputs, hidden neurons, those of them with input, output and inhibitory neurons, and of potential
#: connections per pair.
INPUTS, HIDDEN, RECEIVING, OUTPUT, INHIBITORY, MULTIPLE = 50, 40, 30, 20, 20, 2
NEURONS = HIDDEN + OUTPUT
#: Chosen on the seeds 101 and 102. The learning rate is 20 times that of SPORE: an hour stands for nearly a day there.
LEARNING = Learning(rate=1e-3, gain=0.1, mean=-0.75, w0=5.0, tau_gradient=10.0, bias=0.5)
#: The same without a gradient.
NO_REWARD = LEARNING._replace(gain=0.0)
#: Mean and SD of theta at the start.
START = (-0.5, 0.6)
#: Probability of a fixed connection, mean and SD of its weight, by source and target.
FIXED = {"excite": (0.575, 0.4, 0.1), "inhibit": (0.6, 0.5, 0.2), "disinhibit": (0.55, 0.5, 0.2)}
#: Rates of inputs in a trial are gamma variates within bounds, in Hz; in a pause they are those of the lower bound.
LARGEST, SHAPE, SCALE, BOUNDS = 60.0, 0.2, 0.8, (2.0, 60.0)
#: Seconds between two sessions.
LOOK = 100.0
#: Position in Hz that the lever has to pass.
LEVEL = 4.0
#: Of the average reward; SPORE has 0.02, with which rare rewards are followed by steps as large as they may be.
LEAST = 0.1
JUDGE = """dlever/dt = -lever/(300*ms) : 1
           goal : 1 (shared, constant)
           open : 1
           waited : 1
           armed : 1
           done : 1
           late : 1
           rewarded : 1
           rest : 1
           successes : 1
           trials : 1
           spent : 1"""
JUDGED = f"""waited += open*dt/second
             spent += open*dt/second
             armed = open*clip(armed + int(goal*lever < -{LEVEL}), 0, 1)
             done = armed*int(goal*lever > {LEVEL})
             late = open*(1 - done)*int(waited > 10 - 0.5*dt/second)
             successes += done
             trials += done + late
             rewarded = clip(rewarded - dt/second, 0, inf) + 0.3*done
             reward = int(rewarded > 0)
             rest = clip(rest - dt/second, 0, inf) + 0.3*done + (done + late)*(0.5 + 0.5*rand())
             open = int(rest <= 0)
             waited *= open
             armed *= open"""


class Course(NamedTuple):
    """What was seen in each session.

    Attributes
    ----------
    successes : ndarray, shape (sessions,)
        Fraction of the trials since the session before that were rewarded.
    seconds : ndarray, shape (sessions,)
        Mean duration of these trials.
    theta : ndarray, shape (sessions, connections)
        Parameters of all potential connections: those from inputs, and those between neurons.
    """

    successes: NDArray[np.float64]
    seconds: NDArray[np.float64]
    theta: NDArray[np.float64]


def pairs() -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return source and target of each potential connection, from inputs and between neurons."""
    first = np.divmod(np.repeat(np.arange(INPUTS * RECEIVING), MULTIPLE), RECEIVING)
    i, j = np.divmod(np.repeat(np.arange(NEURONS**2), MULTIPLE), NEURONS)
    return first, (i[i != j], j[i != j])


def start(seed: int) -> NDArray[np.float64]:
    """Return theta of all potential connections before anything is learned."""
    return np.random.default_rng([seed, 0]).normal(*START, sum(len(i) for i, _ in pairs()))


def learn(
    theta: NDArray[np.float64],
    *,
    seconds: float,
    swapped: bool,
    seed: int,
    learning: Learning = LEARNING,
    arm: Arm | None = None,
) -> Course:
    """Simulate some seconds in a C++ program, which is compiled once for all settings.

    Parameters
    ----------
    theta : ndarray, shape (connections,)
        Parameters of the potential connections at the start.
    seconds : float
        Simulated time, a multiple of `LOOK`.
    swapped : bool
        Whether up and down have changed their roles.
    seed : int
        Of the network, spikes and noise.
    learning : Learning
        Parameters.
    arm : Arm, optional
        What is left out; nothing by default.

    Returns
    -------
    Course
        What was seen, without the start.
    """
    arm = arm or Arm()
    with TemporaryDirectory() as folder, standalone(Path(folder) / "program"):
        b2.start_scope()
        b2.defaultclock.dt = 1 * ms
        b2.seed(2 * seed + swapped)
        judge = _judge(swapped=swapped)
        source, target = _inputs(judge, seed), reward.neurons(NEURONS, judge, learning)
        votes = b2.Synapses(target, judge, "vote : 1 (constant)", on_pre="lever_post += vote", name="votes")
        votes.connect(i=np.arange(HIDDEN, NEURONS), j=0)
        half = OUTPUT // 2
        votes.vote = np.where(np.arange(OUTPUT) < half, 1.0, -1.0) / (half * 0.3)  # Rates in Hz, over 300 ms.
        from_inputs, between = pairs()
        number, first = len(from_inputs[0]), 2 * (2 * seed + swapped)
        objects = [
            part
            for name, origin, own, ends, key in (
                ("from_inputs", source, theta[:number], from_inputs, first),
                ("between", target, theta[number:], between, first + 1),
            )
            for part in reward.plastic(origin, target, own, ends, learning, arm, seed=key, name=name)
        ]
        seen = b2.StateMonitor(judge, ["successes", "trials", "spent"], record=True, dt=LOOK * second, name="seen")
        plastic = objects[::2]
        states = [
            b2.StateMonitor(s, "theta", record=True, dt=LOOK * second, name=f"states_{n}")
            for n, s in enumerate(plastic)
        ]
        network = b2.Network(judge, source, target, votes, objects, _inhibition(target, seed), seen, states)
        network.run(seconds * second, namespace={})
        run_program(Path(folder) / "program")
        successes, trials, spent = (
            np.diff(np.append(getattr(seen, name)[0], getattr(judge, name)[0])) for name in seen.record_variables
        )
        return Course(
            successes / trials,
            spent / trials,
            np.hstack([np.vstack([m.theta[:, 1:].T, s.theta[:]]) for m, s in zip(states, plastic, strict=True)]),
        )


def _judge(*, swapped: bool) -> b2.NeuronGroup:
    """Return the unit that watches the lever, at the start of a trial."""
    judge = reward.judge(JUDGE, JUDGED, LEAST)
    judge.open, judge.goal = 1, -1 if swapped else 1
    return judge


def _inputs(judge: b2.NeuronGroup, seed: int) -> b2.NeuronGroup:
    """Return Poisson inputs that are on in trials."""
    low = BOUNDS[0]
    group = reward.inputs(INPUTS, f"{low} + (own - {low})*shown", "own : 1 (constant)\nshown : 1 (linked)")
    group.own = np.clip(LARGEST * np.random.default_rng([seed, 1]).gamma(SHAPE, SCALE, INPUTS), *BOUNDS)
    group.shown = b2.linked_var(judge, "open", index=np.zeros(INPUTS, int))
    return group


def _inhibition(target: b2.NeuronGroup, seed: int) -> list[b2.BrianObject]:
    """Return inhibitory neurons, and the synapses to, from and between them."""
    group = reward.inhibitory(INHIBITORY)
    rng = np.random.default_rng([seed, 2])
    ends = {"excite": (target, group), "inhibit": (group, target), "disinhibit": (group, group)}
    synapses = []
    for name, (source, other) in ends.items():
        p, mean, std = FIXED[name]
        shape = len(source), len(other)
        weights = np.where(rng.random(shape) < p, np.clip(rng.normal(mean, std, shape), 0.0, None), 0.0)
        synapses.append(reward.fixed(source, other, "" if name == "excite" else "inhibition_", weights, name))
    return [group, *synapses]
