"""Invalid values of every public argument: a TypeError or ValueError that names it, and nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

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
    SoftDeepR,
    SynapticSampling,
    replace,
    step,
)

NONSENSE = {
    "None": None,
    "text": "seven",
    "list of text": ["a", "b"],
    "object": object(),
    "complex": 1j,
    "nan": float("nan"),
    "ragged": [[1], [2, 3]],
    "dict": {"a": 1},
    "class": Adam,
    "huge": 10**400,
    "negative": -5,
    "cube": np.zeros((2, 2, 2)),
}
#: Of each class: good arguments, and what else is allowed among the nonsense.
CLASSES = {
    Connections: (
        {
            "num_pre": 4, "num_post": 5, "pre": [0, 1], "post": [2, 3], "theta": [0.0, 1.0], "polarity": [1, -1],
            "signs": "site", "excitatory": 0.5, "autapses": False, "diagonal": 0, "candidates": np.ones((4, 5), bool),
            "probability": np.ones((4, 5)), "multapses": False, "max_in_degree": 3, "max_out_degree": 3, "capacity": 4,
            "seed": 1, "index": 0, "dtype": np.float64,
        },
        {
            "theta": {"None"}, "polarity": {"None"}, "candidates": {"None", "class"}, "probability": {"None", "class"},
            "max_in_degree": {"None"}, "max_out_degree": {"None"}, "capacity": {"None"}, "diagonal": {"negative"},
            "dtype": {"None"},
        },
    ),
    PotentialConnections: (
        {
            "num_pre": 4, "num_post": 5, "pre": [0, 1], "post": [2, 3], "theta": [0.0, -1.0], "polarity": [1, -1],
            "signs": "site", "excitatory": 0.5, "autapses": False, "diagonal": 0, "seed": 1, "index": 0,
            "dtype": np.float64,
        },
        {"theta": {"None"}, "polarity": {"None"}, "diagonal": {"negative"}, "dtype": {"None"}},
    ),
    DeepR: ({"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "optimizer": SGD()}, {}),
    SoftDeepR: (
        {"learning_rate": 0.1, "l1": 0.1, "temperature": 0.1, "connectivity": 0.2, "optimizer": SGD()}, {}
    ),
    SynapticSampling: (
        {
            "learning_rate": 0.1, "temperature": 0.1, "mean": 0.0, "std": 1.0, "interval": 1.0, "scheme": "exact",
            "theta_range": (-2.0, 5.0), "max_gradient": 40.0, "w0": 1.0, "theta0": 3.0,
        },
        {
            "theta_range": {"None"}, "max_gradient": {"None"}, "mean": {"negative", "huge"},
            "theta0": {"negative", "huge"},
        },
    ),
    FixedWiring: ({"learning_rate": 0.1, "optimizer": SGD()}, {}),
    PruneAndRegrow: ({"condition": "w < 1"}, {"condition": {"text", "None"}}),
    Momentum: ({"momentum": 0.5}, {}),
    Adam: ({"beta1": 0.5, "beta2": 0.5, "epsilon": 1e-8}, {"epsilon": {"huge"}}),
}  # fmt: skip
#: Numbers without an upper bound.
UNBOUNDED = {"learning_rate", "l1", "temperature", "std", "interval", "max_gradient", "w0", "epsilon"}
CASES = [
    pytest.param(kind, name, value, id=f"{kind.__name__}-{name}-{label}")
    for kind, (good, allowed) in CLASSES.items()
    for name in good
    for label, value in NONSENSE.items()
    if label not in allowed.get(name, set()) and not (name in UNBOUNDED and label == "huge")
]


@pytest.mark.parametrize("kind", CLASSES)
def test_good_arguments_are_good(kind):
    kind(**CLASSES[kind][0])


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_nonsense_is_refused_by_name(kind, name, value):
    with pytest.raises((TypeError, ValueError), match=name.removesuffix("s")):
        kind(**{**CLASSES[kind][0], name: value})


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_in_a_step(value):
    c = Connections.random(4, 5, 6, seed=1)
    p, budget = PotentialConnections(3, 3), Budget([Connections.random(4, 5, 6, seed=1)])
    soft, hard = SoftDeepR(0.1, 0.1, 0.1, 0.2), DeepR(0.1, 0.1, 0.1)
    for it, rule in ((c, hard), (p, soft), (budget, hard)):
        with pytest.raises((TypeError, ValueError), match="gradient must"):
            step(it, value, rule)
    with pytest.raises((TypeError, ValueError), match="retract must"):
        replace(c, value)
    with pytest.raises((TypeError, ValueError), match="retract must"):
        replace(budget, value)
    for it, gradient in ((c, np.zeros(6)), (p, np.zeros(9)), (budget, [np.zeros(6)])):
        with pytest.raises(TypeError, match="rule must be"):
            step(it, gradient, value)
    with pytest.raises(TypeError, match="connections must be"):
        step(value, np.zeros(6), hard)
    with pytest.raises(TypeError, match="connections must be"):
        replace(value, np.zeros(6, bool))
    assert c.steps_done == p.steps_done == budget.sets[0].steps_done == 0


@pytest.mark.parametrize("kind", [Connections, PotentialConnections])
@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
def test_theta_that_is_set_must_fit(kind, value):
    c = kind(4, 5, [0, 1], [2, 3])
    with pytest.raises((TypeError, ValueError), match="theta must"):
        c.theta = value
    assert_array_equal(c.theta, 0)


def test_arrays_that_may_not_be_written():
    c, rule = Connections.random(4, 5, 6, seed=1), DeepR(0.1, 0.1, 0.1)
    theta, gradient, retract = np.zeros(6), np.zeros(6), np.zeros(6, bool)
    for array in (theta, gradient, retract):
        array.flags.writeable = False
    with pytest.raises(ValueError, match="theta must be writeable"):
        c.theta = theta
    # What is only read may be read-only.
    assert step(c, gradient, rule).step == 1
    assert replace(c, retract).step == 2
    made = Connections(4, 5, c.pre, c.post, theta=theta)
    assert step(made, gradient, rule).step == 1
