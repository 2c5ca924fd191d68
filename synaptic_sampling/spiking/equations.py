"""e-prop as Brian2 equations.

With every decay at the start of a time step, e-prop (Bellec et al. 2020, Nature Communications 11:3625) reads for a
synapse i -> j

    e_ji^t = psi_j^t (z_i^t - beta_j eps_ji^t),     eps_ji^t = rho_j (eps_ji^{t-1} + e_ji^{t-1})    eligibility
    f_ji^t = kappa (f_ji^{t-1} + e_ji^{t-1}),       dE/dw_ji = sum_t L_j^t f_ji^t                   gradient
    L_j^t = sum_k B_jk (p_k^t - target_k^t)                                                         learning signal

where z_i is the trace of presynaptic spikes or currents, filtered like the membrane of j, psi_j the pseudo-derivative
of the spike, p the output, B the readout weights or random ones, and E the cross-entropy, summed over the labelled
frames. Between sequences, everything except weights and connections is reset.

If inputs do not change during a sequence, z_i is the input x_i times the response of the filter to a current of 1. All
terms are linear in z_i, so dE/dw_ji is x_i times a gradient that depends on j only: it is accumulated in each neuron,
and input synapses need no traces.

In each time step the readout comes first (order -8), then sums over it (-6), the error (-4), what counts as correct
(-2), learning signals and currents (-1), the neurons (0), the pseudo-derivative (1), and at last the eligibility.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synaptic_sampling.spiking.network import EpropNetwork, Wiring

__all__ = [
    "ABOVE",
    "COUNT_FRAMES",
    "OF_LABEL",
    "ORDER",
    "READOUT_GRADIENT",
    "SOFTMAX_SUM",
    "THRESHOLD",
    "UNIT_GRADIENT",
    "at_start",
    "companion",
    "drive",
    "eligibility",
    "error",
    "inputs",
    "is_common",
    "neurons",
    "on_spike",
    "plastic",
    "pseudo_derivative",
    "readout",
    "readout_synapses",
    "reset",
    "unit_eligibility",
]

#: Priority of each group within a time step; sums into a group are computed one earlier.
ORDER = {"readout": -8, "softmax": -5, "label": -5, "error": -4, "score": -1, "neurons": 0, "psi": 1}

#: For all synapses. The weight is not stored; theta is >= 0 with DEEP R, and of either sign with fixed connections.
#: With soft DEEP R, connections with theta < 0 are retracted.
WEIGHT, ACTIVE_WEIGHT = "w = polarity*theta : 1", "w = polarity*theta*int(theta >= 0) : 1"
LEARNED = """
theta : 1
polarity : 1
gradient : 1
due : boolean (shared)
"""

#: For synapses at all pairs, whose gradient is integrated during the sequences before an event that reads it.
COMPANION = """
gradient : 1
needed : boolean (shared)
integrates : boolean (shared)
"""

TRACES = """
eligibility : 1
filtered : 1
"""

#: In each neuron, for inputs that are constant during a sequence: of a synapse with an input of 1.
UNIT = """
dresponse/dt = (1 - response)/tau : 1
unit_eligibility : 1
unit_filtered : 1
unit_gradient : 1
"""

#: The exponent is bounded, since the sum would overflow before the gradient shows that the learning rate is too large.
EXPONENTIAL = "exp(clip({y}, -300, 300))"
SOFTMAX_SUM = f"total_post = {EXPONENTIAL.format(y='y_pre')} : 1 (summed)"

#: The output of the labelled class, and how many others are above it; of equal outputs, the first one counts.
OF_LABEL = "of_label_post = y_pre*int(i == label(t)) : 1 (summed)"
IS_ABOVE = "is_above = int(y > of_label) + int(y == of_label)*int(i < label(t))"
ABOVE = "above_post = is_above_pre : 1 (summed)"
COUNT_FRAMES = "correct += int(label(t) >= 0)*int(above < 0.5)"

THRESHOLD = "v > 1 + beta*b"
READOUT_GRADIENT = "gradient += error_post*readout_trace_pre"
UNIT_GRADIENT = "gradient += x_pre*unit_gradient_post"


def is_common(time_constant: Any) -> bool:
    """Return whether a time constant is the same for all neurons."""
    return np.ndim(time_constant) == 0


def inputs(net: EpropNetwork, *, held: bool) -> str:
    """Return the equations of the inputs, and of their traces where these do not differ between neurons.

    ``held``, here and below: whether inputs are constant during a sequence.
    """
    lines = ["x : 1", "scale : 1 (shared, constant)"]
    if is_common(net.tau) and not held:
        lines += ["dzbar/dt = (x - zbar)/tau : 1", "tau : second (shared, constant)"]
    return "\n".join(lines)


def drive(*, held: bool) -> str:
    """Return what the input synapses change: a current, which is computed once per sequence if inputs are constant."""
    return "current : 1\nunit_gradient : 1 (linked)" if held else "current : 1"


def neurons(net: EpropNetwork, *, held: bool) -> str:
    """Return the equations of the neurons."""
    tau, tau_b = ("shared, constant" if is_common(each) else "constant" for each in (net.tau, net.tau_adaptation))
    lines = [
        "dv/dt = (current - v)/tau : 1",
        "db/dt = -b/tau_adaptation : 1",
        "dreadout_trace/dt = -readout_trace/tau_readout : 1",
        "current : 1 (linked)" if held else drive(held=False),
        "learning_signal : 1",
        "psi : 1",
        "beta : 1 (constant)",
        "rho : 1 (constant)",
        "kappa : 1 (shared, constant)",
        "gamma : 1 (shared, constant)",
        f"tau : second ({tau})",
        f"tau_adaptation : second ({tau_b})",
        "tau_readout : second (shared, constant)",
        "dzbar/dt = -zbar/tau : 1" if is_common(net.tau) else "decay : 1 (constant)",
    ]
    if held:
        lines += [UNIT, *["unit_slow : 1"] * bool(net.alif)]
    if net.rate_penalty is not None:
        # Tests, in which the rate stays the same, have no influence on learning.
        lines += [
            "drate/dt = -rate*is_learned(t)/tau_rate : 1",
            "pull : 1",
            *(f"{name} : 1 (shared, constant)" for name in ("pull_strength", "target_rate", "rate_step")),
            "tau_rate : second (shared, constant)",
        ]
    return "\n".join(lines)


def reset(net: EpropNetwork) -> str:
    """Return what a spike changes in its neuron."""
    lines = ["v -= 1", "b += 1", "readout_trace += 1"]
    if is_common(net.tau):
        lines.append("zbar += 1")
    if net.rate_penalty is not None:
        lines.append("rate += rate_step*is_learned(t)")
    return "\n".join(lines)


def pseudo_derivative(net: EpropNetwork) -> str:
    """Return the code for the pseudo-derivative, and for the pull towards the target rate."""
    code = "psi = gamma*clip(1 - abs(v - 1 - beta*b), 0, 1)"
    if net.rate_penalty is not None:
        code += "\npull = pull_strength*(rate - target_rate)*is_learned(t)"
    return code


def readout(net: EpropNetwork, *, frames: bool) -> str:
    """Return the equations of the readout; ``frames``: whether each frame counts."""
    lines = ["dy/dt = -y/tau_readout : 1", "tau_readout : second (shared, constant)", "error : 1"]
    if net.loss == "softmax":
        lines += [f"p = {EXPONENTIAL.format(y='y')}/total : 1", "total : 1 (linked)"]
    else:
        lines.append("p = 1/(1 + exp(-y)) : 1")
    lines += ["of_label : 1 (linked)", "is_above : 1"] if frames else ["votes : 1"]
    return "\n".join(lines)


def error(*, frames: bool) -> str:
    """Return the code for the derivative of the loss with respect to the outputs, 0 in tests."""
    code = "error = is_learned(t)*int(label(t) >= 0)*(p - int(i == label(t)))"
    return f"{code}\n{IS_ABOVE}" if frames else f"{code}\nvotes += int(label(t) >= 0)*p"


def _learned(wiring: Wiring) -> str:
    """Return the equations of weight and gradient."""
    return (ACTIVE_WEIGHT if wiring.is_soft else WEIGHT) + LEARNED


def plastic(net: EpropNetwork, source: str, *, held: bool) -> str:
    """Return the equations of the synapses from the inputs or between neurons."""
    lines = [_learned(getattr(net, source))]
    if source == "input":
        lines.append("current_post = w*x_pre : 1 (summed)")
    lines += _traces(net, source, held=held)
    return "\n".join(lines)


def companion(net: EpropNetwork, source: str, *, held: bool) -> str:
    """Return the equations of synapses at all pairs, which have a gradient and no weight."""
    return "\n".join([COMPANION, *_traces(net, source, held=held)])


def _traces(net: EpropNetwork, source: str, *, held: bool) -> list[str]:
    """Return the variables of e-prop in the synapses from a source."""
    if source == "readout" or (source == "input" and held):
        return []
    return [TRACES, *["slow : 1"] * bool(net.alif), *["zbar : 1"] * (not is_common(net.tau))]


def on_spike(net: EpropNetwork, *, weighted: bool = True) -> str | None:
    """Return what a presynaptic spike changes in a recurrent synapse, and in its target if it has a weight."""
    # No delay: a spike reaches the membrane at the end of its step, so z^{t-1} of e-prop is available in the next.
    lines = ["v_post += w"] * weighted + ["zbar += 1"] * (not is_common(net.tau))
    return "\n".join(lines) or None


def eligibility(net: EpropNetwork, source: str) -> str:
    """Return the code of a step of e-prop in synapses."""
    if is_common(net.tau):
        return _eligibility(net, "zbar_pre")
    drive = " + (1 - decay_post)*x_pre" if source == "input" else ""
    return f"zbar = decay_post*zbar{drive}\n{_eligibility(net, 'zbar')}"


def unit_eligibility(net: EpropNetwork) -> str:
    """Return the code of a step of e-prop in neurons, for a synapse with a constant input of 1."""
    return _eligibility(net, "response", "unit_", "")


def _eligibility(net: EpropNetwork, trace: str, own: str = "", post: str = "_post") -> str:
    """Return a step of e-prop; ``own`` and ``post``: how names of the synapse start, and those of its target end."""
    lines = []
    if net.alif:
        lines.append(f"{own}slow = rho{post}*({own}slow + {own}eligibility)")
        trace = f"({trace} - beta{post}*{own}slow)"
    lines += [
        f"{own}filtered = kappa{post}*({own}filtered + {own}eligibility)",
        f"{own}eligibility = psi{post}*{trace}",
        f"{own}gradient += learning_signal{post}*{own}filtered",
    ]
    if net.rate_penalty is not None:
        lines.append(f"{own}gradient += pull{post}*{own}eligibility")
    return "\n".join(lines)


def at_start(net: EpropNetwork, group: str, *, held: bool) -> str:
    """Return the code that resets a group between sequences."""
    slow = ["slow"] * bool(net.alif)
    unit = ["response", *(f"unit_{name}" for name in ("eligibility", "filtered", "gradient", *slow))]
    traces = ["eligibility", "filtered", *slow, *["zbar"] * (not is_common(net.tau))]
    names = {
        "inputs": ["zbar"] * (is_common(net.tau) and not held),
        "neurons": ["v", "b", "readout_trace", *["zbar"] * is_common(net.tau), *unit * held],
        "readout": ["y", "votes"],
        "frame readout": ["y"],
        "input": traces * (not held),
        "recurrent": traces,
    }
    return "\n".join(f"{name} = 0" for name in names[group])


def readout_synapses(net: EpropNetwork) -> str:
    """Return the equations of the synapses to the readout, with the feedback that they give."""
    if net.feedback == "symmetric":
        return _learned(net.readout) + "learning_signal_pre = w*error_post : 1 (summed)"
    return _learned(net.readout) + "feedback : 1 (constant)\nlearning_signal_pre = feedback*error_post : 1 (summed)"
