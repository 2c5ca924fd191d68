"""Good calls of the public functions and classes, into which nonsense is put."""

from __future__ import annotations

from functools import partial  # noqa: F401

import numpy as np

import synaptic_sampling as package
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
    RewiringLog,
    SoftConnections,
    SoftDeepR,
    SynapticElements,
    SynapticSampling,
    pair_elements,
    replace,
    step,
)
from synaptic_sampling.log import LogError
from tests.hostile.runner import Call

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
SOFT = SoftDeepR(0.1, 0.2, 0.2, 0.2)
DIFFUSION = SynapticSampling(0.1, 0.1, 0.0, 1.0, 1.0)
NUMBER, OPTIONAL, SIGNED = "0.5", "none, 0.5", "0.5, -1"
SEED = {"seed": "", "index": ""}


def a_log(steps=40, snapshots=4, side=12, number=30):
    """Return the log of a set of connections with weights, times and samples."""
    c, log = Connections.random(side, side, number, seed=1), RewiringLog()
    c.theta[:] = np.linspace(0.1, 2.0, number)
    log.describe(0, num_pre=side, num_post=side, num_sites=side * side)
    log.annotate(rule=RULE)
    for n in range(steps + 1):
        if n:
            log.record(step(c, np.zeros(number), RULE), samples=10.0 * n, seconds=0.1 * n)
        if n % (steps // (snapshots - 1)) == 0:
            log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)
    return log


def calls():
    """Return calls of what steps need."""
    c, p = Connections.random(4, 5, 6, seed=1), PotentialConnections(3, 4)
    limits, condition = {"max_in_degree": 3, "max_out_degree": 3}, lambda pre, post: np.ones(len(pre), bool)
    sides = {"num_pre": 4, "num_post": 5, "pre": [0, 1], "post": [2, 3]}
    signs = {"signs": "site", "excitatory": 0.5, "autapses": True, "diagonal": 0, "seed": 1, "index": 0}
    own = {"theta": [0.0, 1.0], "polarity": [1, -1], "dtype": np.float64}
    pairs = {"candidates": np.ones((4, 5), bool), "probability": np.ones((4, 5))}
    fine = {
        "theta": "none", "polarity": "none", "candidates": "none", "probability": "none", "max_in_degree": "none",
        "max_out_degree": "none", "capacity": "none", "signs": "true", "excitatory": "0.5", "autapses": "true",
        "multapses": "true", "diagonal": "-1",
    }  # fmt: skip
    random = {**sides, "connections": 6, **signs}
    del random["pre"], random["post"]
    soft = {"rule": SOFT, "depth": 10.0}
    s = SoftConnections(4, 5, [0, 1], [2, 3], **soft)
    hundred = Connections.random(4, 5, 6, seed=1, index=1)
    empty = np.empty(0, np.int32)
    budget = Budget([Connections.random(4, 5, 6, seed=1), hundred])
    return [
        Call(Connections, {**sides, **signs, **own, **pairs, **limits, "multapses": False, "capacity": 4}, fine,
             {"candidates": "candidate"}),
        Call(Connections.random, random, fine),
        Call(PotentialConnections, {**sides, **signs, **own}, {**fine, "pre": "none", "post": "none"}),
        Call(SoftConnections, {**sides, **signs, "theta": [0.0, 1.0], "dtype": np.float64, "candidates": condition, **soft}, fine),
        Call(c.restore, {"state": c.state()}),
        Call(s.restore, {"state": s.state()}),
        Call(p.restore, {"state": p.state()}),
        Call(c.reseed, {"seed": 2}),
        Call(s.reseed, {"seed": 2}),
        Call(s.check_rule, {"rule": SOFT}),
        Call(c.signs_of, {"pre": np.array([0, 1], np.int32), "post": np.array([0, 1], np.int32)}),
        Call(Budget, {"sets": [c, hundred], "split": "density", "targets": [3, 4]}, {"targets": "none"}),
        Call(step, {"connections": c, "gradient": np.zeros(6), "rule": RULE}),
        Call(step, {"connections": p, "gradient": np.zeros(12), "rule": DIFFUSION}),
        Call(step, {"connections": s, "gradient": np.zeros(len(s)), "rule": SOFT}),
        Call(step, {"connections": budget, "gradient": [np.zeros(len(x)) for x in budget.sets], "rule": FixedWiring(0.1)}),
        Call(replace, {"connections": c, "retract": np.zeros(6, bool), "births": 0}, {"births": "none"}),
        Call(pair_elements, {"connections": Connections.random(4, 5, 0, capacity=9), "axonal": np.ones(4), "dendritic": np.ones(5)}),
        Call(DeepR, {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "optimizer": SGD()},
             {"learning_rate": "0.5, ms", "l1": "0.5, ms", "temperature": "0.5, ms"}),
        Call(SoftDeepR, {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "connectivity": 0.2, "optimizer": SGD()},
             {"learning_rate": "0.5, ms", "l1": "0.5, ms", "temperature": "0.5, ms", "connectivity": "0.5"}),
        Call(FixedWiring, {"learning_rate": 0.1, "optimizer": SGD()}, {"learning_rate": "0.5, ms"}),
        Call(SynapticSampling, {"learning_rate": 0.1, "temperature": 0.1, "mean": 0.0, "std": 1.0, "interval": 1.0,
             "scheme": "exact", "theta_range": (-2.0, 5.0), "max_gradient": 40.0, "w0": 1.0, "theta0": 3.0},
             {"learning_rate": "0.5, ms", "temperature": "0.5", "mean": "0.5, ms, -1", "std": "0.5, ms", "interval": "0.5, ms",
              "theta_range": "none", "max_gradient": "0.5, ms, none", "w0": "0.5, ms", "theta0": "0.5, -1, ms"}),
        Call(DIFFUSION.weight, {"theta": np.zeros(3)}, {"theta": "0.5, -1, -inf, [], cube"}),
        Call(PruneAndRegrow, {"condition": "w < 1", "regrow": True}, {"condition": "text", "regrow": "true"}),
        Call(SynapticElements, {"axonal": "axonal", "dendritic": "dendritic"}, {"axonal": "text", "dendritic": "text"}),
        Call(Momentum, {"momentum": 0.5}, {"momentum": "0.5"}),
        Call(Adam, {"beta1": 0.5, "beta2": 0.5, "epsilon": 1e-8}, dict.fromkeys(["beta1", "beta2", "epsilon"], "0.5")),
        Call(package.randomness.normals, {"seed": 1, "stream": 0, "step": 1, "n": 3, "index": 0}, {}),
        Call(step(c, np.zeros(6), RULE).of_set, {"index": 0}),
    ]


def logs(folder):
    """Return calls of logs and checkpoints."""
    log, two = a_log(), [a_log(), a_log()]
    log.save(folder / "a.rewiring")
    path, none = folder / "a.rewiring", np.zeros(0)
    c = Connections.random(12, 12, 30, seed=1)
    info = step(c, np.zeros(30), RULE)._replace(step=0, events=np.empty(0, package.EVENT), num_deaths=0)
    arrays = {"pre": [0, 1], "post": [2, 3], "theta": [0.1, 0.2], "polarity": [1, -1]}
    fresh = RewiringLog()
    return [
        Call(log.describe, {"index": 0, "num_pre": 12, "num_post": 12, "num_sites": 9, "name": "a", "multapses": False},
             {"name": "text", "multapses": "true"}),
        Call(fresh.snapshot, {"step": 0, "index": 0, **arrays}),
        Call(fresh.record, {"info": info, "seconds": 0.0, "samples": 0.0}, {"seconds": "nan, 0.5", "samples": "nan, 0.5"}),
        Call(RewiringLog.open, {"path": path}, errors=(LogError,)),
        Call(RewiringLog.load, {"path": path}, errors=(LogError,)),
        Call(log.save, {"path": folder / "b"}, {"path": "text"}),
        Call(log.fates, {"from_step": 0}),
        Call(log.rule_of, {"index": 0}),
        Call(log.wiring_at, {"step": 3, "index": 0}, errors=(LogError,), said={"index": "set"}),
        Call(package.merge_logs, {"logs": two, "path": folder / "m"}, {"path": "none, text"}, errors=(LogError,)),
        Call(package.join_logs, {"parts": [log], "path": folder / "j"}, {"path": "none, text"}, errors=(LogError,)),
        Call(package.save_checkpoint, {"path": folder / "c", "arrays": {"a": none}, "about": {"b": 1}},
             {"path": "text", "arrays": "{}", "about": "{}"}),
        Call(package.load_checkpoint, {"path": folder / "c"}, errors=(package.CheckpointError,)),
    ]
