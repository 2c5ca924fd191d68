"""Valid calls of connections, rules, optimizers and steps."""

from __future__ import annotations

import numpy as np

from synaptic_sampling import (
    SGD,
    Adam,
    Budget,
    Connections,
    DeepR,
    FixedWiring,
    Momentum,
    PotentialConnections,
    PruneAndRegrow,
    SoftConnections,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    pair_elements,
    randomness,
    replace,
    step,
)
from tests.hostile.runner import Call

RULE, SOFT = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2), SoftDeepR(0.1, 0.2, 0.2, 0.2)
DIFFUSION = SynapticSampling(0.1, 0.1, 0.0, 1.0, 1.0)
#: Values that are valid for these arguments, in any class.
FINE = {
    "theta": "none",
    "polarity": "none",
    "candidates": "none",
    "probability": "none",
    "max_in_degree": "none",
    "max_out_degree": "none",
    "capacity": "none",
    "signs": "-1",
    "excitatory": "0.5",
    "autapses": "true",
    "multapses": "true",
    "diagonal": "-1",
    "depth": "2**70",
}
#: Values that are valid for parameters of a rule, whose units are those of the synapses.
RATE = "0.5, 2**70, ms, volt"
RULES = {**dict.fromkeys(["learning_rate", "l1", "temperature", "std", "interval", "max_gradient", "w0"], RATE)}


def fresh(index=0):
    """Return 6 of 20 connections."""
    return Connections.random(4, 5, 6, seed=1, index=index)


def calls(folder):
    """Return all calls."""
    return [*of_classes(), *of_rules(), *of_steps()]


def of_classes():
    """Return calls of sets of connections."""
    sides = {"num_pre": 4, "num_post": 5, "pre": [0, 1], "post": [2, 3]}
    signs = {"signs": "site", "excitatory": 0.5, "autapses": True, "diagonal": 0, "seed": 1, "index": 0}
    own = {"theta": [0.0, 1.0], "polarity": [1, -1], "dtype": np.float64}
    pairs = {"candidates": np.ones((4, 5), bool), "probability": np.ones((4, 5))}
    limits = {"max_in_degree": 3, "max_out_degree": 3, "multapses": False, "capacity": 4}
    soft = {"rule": SOFT, "depth": 10.0, "candidates": lambda pre, post: np.ones(len(pre), bool)}
    c, p, s = fresh(), PotentialConnections(3, 4), SoftConnections(4, 5, [0, 1], [2, 3], rule=SOFT)
    return [
        Call(Connections, {**sides, **signs, **own, **pairs, **limits}, FINE),
        Call(Connections.random, {"num_pre": 4, "num_post": 5, "connections": 6, **signs}, FINE),
        Call(PotentialConnections, {**sides, **signs, **own}, FINE),
        Call(SoftConnections, {**sides, **signs, "theta": [0.0, 1.0], "dtype": np.float64, **soft}, FINE),
        *[Call(it.restore, {"state": it.state()}) for it in (c, p, s)],
        *[Call(it.reseed, {"seed": 1}) for it in (c, p, s)],
        Call(s.check_rule, {"rule": SOFT}),
        Call(c.signs_of, {"pre": [0, 1], "post": [0, 1]}),
        Call(Budget, {"sets": [fresh(), fresh(1)], "split": "density", "targets": [3, 4]}, {"targets": "none"}),
    ]


def of_rules():
    """Return calls of rules and optimizers."""
    deep = {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "optimizer": SGD()}
    diffusion = {
        "learning_rate": 0.1,
        "temperature": 0.1,
        "mean": 0.0,
        "std": 1.0,
        "interval": 1.0,
        "scheme": "exact",
        "theta_range": (-2.0, 5.0),
        "max_gradient": 40.0,
        "w0": 1.0,
        "theta0": 3.0,
    }
    level = f"{RATE}, -1"
    own = {**RULES, "temperature": "0.5, 2**70", "theta_range": "none", "max_gradient": f"{RATE}, none"}
    return [
        Call(DeepR, deep, RULES),
        Call(SoftDeepR, {**deep, "connectivity": 0.2}, {**RULES, "connectivity": "0.5"}),
        Call(FixedWiring, {"learning_rate": 0.1, "optimizer": SGD()}, RULES),
        Call(SynapticSampling, diffusion, {**own, "mean": level, "theta0": level}),
        Call(DIFFUSION.weight, {"theta": np.zeros(3)}, {"theta": "0.5, -1, -inf, [], cube, true"}),
        Call(PruneAndRegrow, {"condition": "w < 1", "regrow": True}, {"condition": "text, none", "regrow": "true"}),
        Call(SynapticElements, {"axonal": "a", "dendritic": "d"}, {"axonal": "text", "dendritic": "text"}),
        Call(Momentum, {"momentum": 0.5}, {"momentum": "0.5"}),
        Call(
            Adam,
            {"beta1": 0.5, "beta2": 0.5, "epsilon": 1e-8},
            {"beta1": "0.5", "beta2": "0.5", "epsilon": "0.5, 2**70"},
        ),
    ]


def stepped(connections, gradient, rule):
    """Perform a step, with names for the arguments that ``step`` takes by position."""
    return step(connections, gradient, rule)


def of_steps():
    """Return calls of functions that change connections."""
    c, p, s = fresh(), PotentialConnections(3, 4), SoftConnections(4, 5, [0, 1], [2, 3], rule=SOFT)
    budget, vacant = Budget([fresh(), fresh(1)]), Connections.random(4, 5, 0, capacity=9)
    none = {"gradient": [np.zeros(6), np.zeros(6)], "retract": [np.zeros(6, bool), np.zeros(6, bool)]}
    address = {"seed": 1, "stream": randomness.Stream.NOISE, "step": 1, "n": 3, "index": 0}
    return [
        Call(stepped, {"connections": c, "gradient": np.zeros(6), "rule": FixedWiring(0.1)}),
        Call(stepped, {"connections": p, "gradient": np.zeros(12), "rule": DIFFUSION}),
        Call(stepped, {"connections": s, "gradient": np.zeros(len(s)), "rule": SoftDeepR(1e-9, 1.0, 1.0, 0.2)}),
        Call(stepped, {"connections": budget, "gradient": none["gradient"], "rule": FixedWiring(0.1)}),
        Call(replace, {"connections": c, "retract": np.zeros(6, bool), "births": 0}, {"births": "none"}),
        Call(replace, {"connections": budget, "retract": none["retract"]}),
        Call(
            pair_elements,
            {"connections": vacant, "axonal": np.ones(4), "dendritic": np.ones(5)},
            errors=(FloatingPointError,),
        ),
        Call(step(c, np.zeros(6), FixedWiring(0.1)).of_set, {"index": 0}),
        *[Call(draw, address) for draw in (randomness.normals, randomness.uniforms, randomness.permutation)],
    ]
