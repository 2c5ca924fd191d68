"""Stochastic neurons that learn from reward by synaptic sampling (Kappel et al. 2018), as Brian2 objects.

The equations are those of SPORE, the authors' module for NEST, with two differences: the reward is taken relative to
its running average, and the adaptation of a neuron decays exponentially. A neuron fires with probability
1 - exp(-rate*dt) in each step. The eligibility trace of a connection sums w*x*(s - p), with the postsynaptic potential
x, spikes s and their probability p; the gradient sums the product of trace and reward. Both are set to 0 when a
connection retracts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import brian2 as b2
import numpy as np
from brian2 import ms, second
from numpy.typing import NDArray

from synaptic_sampling import Rewiring, SynapticSampling

__all__ = ["Arm", "Learning", "fixed", "inhibitory", "inputs", "judge", "neurons", "plastic"]

#: Postsynaptic potentials that a neuron causes, and those that it receives.
SENT = """dsent_fall/dt = -sent_fall/(20*ms) : 1
          dsent_rise/dt = -sent_rise/(2*ms) : 1"""
SENDS = "sent_fall += 1; sent_rise += 1"
SENT_POTENTIAL = "x = 10.0/9.0*(sent_fall - sent_rise)"
RECEIVED = """dfall/dt = -fall/(20*ms) : 1
              drise/dt = -rise/(2*ms) : 1
              dinhibition_fall/dt = -inhibition_fall/(10*ms) : 1
              dinhibition_rise/dt = -inhibition_rise/(1*ms) : 1
              received = 10.0/9.0*((fall - rise) - (inhibition_fall - inhibition_rise)) : 1
              bias : 1 (shared, constant)"""
INPUTS = f"""{SENT}
             x : 1
             p = 1 - exp(-({{rate}})*Hz*dt) : 1"""
NEURONS = f"""{SENT}
              {RECEIVED}
              dadaptation/dt = -adaptation/(2*second) : 1
              drive = clip(received + bias - adaptation, -50, 8) : 1
              p = (1 - exp(-exp(drive)*Hz*dt))*int(not_refractory) : 1
              x : 1
              surprise : 1
              signal : 1
              reward : 1 (linked)"""
SYNAPSES = """theta : 1
              polarity : 1
              gradient : 1
              trace : 1
              w : 1
              present : 1 (constant)
              w0 : 1 (shared, constant)
              gain : 1 (shared, constant)
              keep_trace : 1 (shared, constant)
              keep_gradient : 1 (shared, constant)"""
INHIBITORY = f"""{RECEIVED}
                 p = (1 - exp(-exp(clip(received + bias, -50, 8))*Hz*dt))*int(not_refractory) : 1"""
#: Time between steps of the rule, range of theta, and bound of the gradient.
INTERVAL, RANGE, LARGEST = 100 * ms, (-2.0, 5.0), 40.0
#: Parameter of the weights, in SPORE.
THETA0 = 3.0


class Learning(NamedTuple):
    """How a network learns.

    Attributes
    ----------
    rate : float
        beta, per second.
    gain : float
        Of the gradient, per step of 1 ms.
    mean, std : float
        Of the prior.
    temperature : float
        T.
    w0 : float
        Weight at theta = 3.
    bias : float
        Log of a neuron's rate in Hz without input.
    tau_trace, tau_gradient : float
        Seconds in which trace and gradient are forgotten.
    """

    rate: float
    gain: float
    mean: float
    std: float = 2.0
    temperature: float = 0.1
    w0: float = 1.0
    bias: float = 0.0
    tau_trace: float = 1.0
    tau_gradient: float = 50.0


class Arm(NamedTuple):
    """What a network may do while it learns.

    Attributes
    ----------
    noise : bool
        Whether theta is moved by noise.
    rewiring : bool
        Whether connections form and retract.
    """

    noise: bool = True
    rewiring: bool = True


def inputs(number: int, rate: str, equations: str = "", **namespace: Any) -> b2.NeuronGroup:
    """Return Poisson neurons; ``rate`` is in Hz, a string, and may use variables declared in ``equations``."""
    group = b2.NeuronGroup(
        number, f"{INPUTS.format(rate=rate)}\n{equations}", threshold="rand() < p", reset=SENDS, method="exact",
        name="inputs", namespace=namespace,
    )  # fmt: skip
    group.run_regularly(SENT_POTENTIAL, when="before_thresholds", name="inputs_x")
    return group


def neurons(number: int, reward: b2.NeuronGroup, learning: Learning) -> b2.NeuronGroup:
    """Return stochastic neurons; each spike makes the next ones less likely."""
    group = b2.NeuronGroup(
        number, NEURONS, threshold="surprise > 0", reset=f"adaptation += 0.1; {SENDS}", refractory=5 * ms,
        method="exact", name="neurons",
    )  # fmt: skip
    group.bias = learning.bias
    group.reward = b2.linked_var(reward, "signal", index=np.zeros(number, int))
    code = f"surprise = int(rand() < p) - p; signal = reward; {SENT_POTENTIAL}"
    group.run_regularly(code, when="before_thresholds", name="neurons_surprise")
    return group


def inhibitory(number: int) -> b2.NeuronGroup:
    """Return stochastic neurons that do not learn and do not adapt."""
    return b2.NeuronGroup(
        number, INHIBITORY, threshold="rand() < p", reset="", refractory=2 * ms, method="exact", name="inhibitory"
    )


def fixed(
    source: b2.NeuronGroup, target: b2.NeuronGroup, received: str, weights: NDArray[np.float64], name: str
) -> b2.Synapses:
    """Return synapses that do not change, from a matrix in which 0 means none.

    ``received`` is a prefix: "" for excitatory ones, "inhibition_" for inhibitory ones. All weights are positive.
    """
    synapses = b2.Synapses(
        source, target, "w : 1 (constant)", on_pre=f"{received}fall_post += w; {received}rise_post += w", name=name
    )
    i, j = np.nonzero(weights)
    synapses.connect(i=i, j=j)
    synapses.w = weights[i, j]
    return synapses


def judge(equations: str, code: str, least: float, **namespace: Any) -> b2.NeuronGroup:
    """Return a unit that computes the reward from spikes, and the learning signal, reward/average - 1.

    ``least`` takes the place of a smaller average.
    SPORE has reward/average + 0.02. Another constant leaves the expected gradient as it is, since the expected trace is
    0, and this one reduces its variance.
    """
    group = b2.NeuronGroup(
        1,
        f"""{equations}
            reward : 1
            average : 1
            signal : 1
            rewards : 1""",
        method="exact",
        name="judge",
        namespace=namespace,
    )
    group.average = 0.5
    group.run_regularly(
        f"""{code}
        average += (reward - average)*(dt/(50*second))
        signal = reward/clip(average, {least}, inf) - 1
        rewards += reward*dt/second""",
        when="after_synapses",
        name="judge_reward",
    )
    return group


def plastic(
    source: b2.NeuronGroup,
    target: b2.NeuronGroup,
    theta: NDArray[np.float64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    learning: Learning,
    arm: Arm,
    *,
    seed: int,
    name: str,
) -> tuple[b2.Synapses, Rewiring]:
    """Return potential synapses, and what rewires them.

    Without rewiring, those with theta < 0 are left out for good, and the others keep theta >= 0.
    """
    synapses = b2.Synapses(source, target, SYNAPSES, on_pre="fall_post += w; rise_post += w", name=name)
    synapses.connect(i=pairs[0], j=pairs[1])
    low, high = RANGE
    synapses.theta = theta if arm.rewiring else np.maximum(theta, 0.0)
    synapses.present = 1.0 if arm.rewiring else theta >= 0
    synapses.w0, synapses.gain = learning.w0, learning.gain
    step = float(b2.defaultclock.dt / second)
    synapses.keep_trace = np.exp(-step / learning.tau_trace)
    synapses.keep_gradient = np.exp(-step / learning.tau_gradient)
    synapses.run_regularly(
        """trace = keep_trace*trace + w*x_pre*surprise_post
           gradient = keep_gradient*gradient + gain*signal_post*trace""",
        when="before_synapses",
        name=f"{name}_gradient",
    )
    synapses.run_regularly(
        f"""w = polarity*present*w0*exp(theta - {THETA0})*int(theta >= 0)
            trace *= int(theta >= 0)
            gradient *= int(theta >= 0)""",
        dt=INTERVAL,
        when="end",
        order=1,
        name=f"{name}_weights",
    )
    rule = SynapticSampling(
        learning.rate / second,
        learning.temperature if arm.noise else 0.0,
        learning.mean,
        learning.std,
        INTERVAL,
        scheme="euler",
        theta_range=(low if arm.rewiring else 0.0, high),
        max_gradient=LARGEST,
    )
    return synapses, Rewiring(synapses, rule, signs=1, dt=INTERVAL, seed=seed, name=f"{name}_rewiring")
