"""Two patterns and a reward: one pool of neurons should fire more while pattern A is shown, another one during B.

50 Poisson inputs, two pools of ten neurons, and two potential connections from each input to each neuron, as in an
example of SPORE; patterns of 0.5 to 1 s follow each other in random order. The reward is a sigmoid of the difference of
the pools' rates over the last 100 ms, 1/2 where they are equal (in SPORE where they differ by 25 Hz). In the swapped
task, the pools have exchanged their patterns.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import brian2 as b2
import numpy as np
from brian2 import ms, second
from numpy.typing import NDArray

from models import reward
from models.reward import Arm, Learning
from synaptic_sampling.brian import ArrayStream, run_program
from synaptic_sampling.spiking.device import standalone

__all__ = ["LEARNING", "Course", "learn", "start"]

#: Inputs, neurons of both pools, and potential connections of a pair.
INPUTS, NEURONS, MULTIPLE = 50, 20, 2
#: Chosen on the seeds 101 to 103. The learning rate is 20 times that of SPORE: an hour stands for nearly a day there.
LEARNING = Learning(rate=1e-3, gain=0.1, mean=-0.75, w0=2.0, tau_gradient=10.0)
#: Mean and SD of theta at the start.
START = (-0.5, 0.6)
#: Rates of a pattern in Hz are gamma variates within bounds.
LARGEST, SHAPE, SCALE, BOUNDS = 60.0, 0.2, 0.8, (2.0, 60.0)
#: Seconds between two sessions.
LOOK = 50.0
JUDGE = """dmargin/dt = -margin/(100*ms) : 1
           right : 1"""
JUDGED = """reward = 1/(1 + exp(-0.5*goal(t)*margin))
            right += (int(goal(t)*margin > 0) + 0.5*int(margin == 0))*dt/second"""


class Course(NamedTuple):
    """What was seen in each session.

    Attributes
    ----------
    accuracy : ndarray, shape (sessions,)
        Fraction of the time since the session before in which the right pool fired more.
    theta : ndarray, shape (sessions, connections)
        Parameters of all potential connections.
    """

    accuracy: NDArray[np.float64]
    theta: NDArray[np.float64]


def start(seed: int) -> NDArray[np.float64]:
    """Return theta of all potential connections before anything is learned."""
    return np.random.default_rng([seed, 0]).normal(*START, INPUTS * NEURONS * MULTIPLE)


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
    theta : ndarray, shape (2000,)
        Parameters of the potential connections at the start.
    seconds : float
        Simulated time, a multiple of `LOOK`.
    swapped : bool
        Whether the pools have exchanged their patterns.
    seed : int
        Of patterns, spikes and noise.
    learning : Learning
        Parameters.
    arm : Arm, optional
        What is left out; nothing by default.

    Returns
    -------
    Course
        What was seen, without the start.
    """
    with TemporaryDirectory() as folder, standalone(Path(folder) / "program"):
        b2.start_scope()
        b2.defaultclock.dt = 1 * ms
        b2.seed(2 * seed + swapped)
        shown, right = _presented(seconds, swapped=swapped, seed=seed)
        judge = reward.judge(JUDGE, JUDGED, 0.02, goal=right)
        source, target = (
            reward.inputs(INPUTS, "stimulus(t, i)", stimulus=shown),
            reward.neurons(NEURONS, judge, learning),
        )
        votes = b2.Synapses(target, judge, "vote : 1 (constant)", on_pre="margin_post += vote", name="votes")
        votes.connect()
        pool = np.where(np.arange(NEURONS) < NEURONS // 2, 1.0, -1.0)
        votes.vote = pool / (NEURONS // 2 * 0.1)  # The difference of the mean rates in Hz, over 100 ms.
        pairs = np.divmod(np.repeat(np.arange(INPUTS * NEURONS), MULTIPLE), NEURONS)
        synapses, rewiring = reward.plastic(
            source, target, theta, pairs, learning, arm or Arm(), seed=2 * seed + swapped, name="plastic"
        )
        seen = b2.StateMonitor(judge, "right", record=True, dt=LOOK * second, name="seen")
        states = b2.StateMonitor(synapses, "theta", record=True, dt=LOOK * second, name="states")
        network = b2.Network(source, target, judge, votes, synapses, rewiring, seen, states)
        network.run(seconds * second, namespace={})
        run_program(Path(folder) / "program")
        total = np.append(seen.right[0], judge.right[0])
        return Course(np.diff(total) / LOOK, np.vstack([states.theta[:, 1:].T, synapses.theta[:]]))


def _presented(seconds: float, *, swapped: bool, seed: int) -> tuple[ArrayStream, ArrayStream]:
    """Return the rates of all inputs as a function of time, and +1 while the first pool should fire more, else -1."""
    rates = np.clip(LARGEST * np.random.default_rng([seed, 1]).gamma(SHAPE, SCALE, (2, INPUTS)), *BOUNDS)
    rng = np.random.default_rng([seed, 2, swapped])
    frames = round(seconds * second / reward.INTERVAL)
    pattern = np.repeat(rng.integers(0, 2, frames), rng.integers(5, 11, frames))[:frames]
    goal = np.where(pattern == swapped, 1.0, -1.0)
    stream: dict[str, Any] = {"dt": reward.INTERVAL}
    return (
        ArrayStream(rates, order=pattern, name="stimulus", **stream),
        ArrayStream(goal, name="goal", **stream),
    )
