"""What is not what a statistic needs is a TypeError or a ValueError that names the argument, whatever it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synaptic_sampling import DeepR, SoftDeepR, SynapticSampling
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import posterior
from synaptic_sampling.laws import soft_deepr as soft
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.statistics import (
    biology,
    comparison,
    lifetables,
    sizes,
    topology,
    turnover,
    weight_laws,
    weights,
)
from tests.statistics.test_nonsense import log as log_fixture

log = log_fixture

HARD = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
SOFT = SoftDeepR(learning_rate=0.1, l1=0.5, temperature=0.2, connectivity=0.3)
SAMPLING = SynapticSampling(learning_rate=0.1, temperature=1.0, mean=0.0, std=1.0, interval=1.0)
TABLE = lifetables.life_table([1, 2, 3, 4], [True, True, False, True])
CURVE = lifetables.survival_curve(TABLE)
WEIGHTS = np.linspace(0.1, 3, 40)
FITS = weight_laws.fit_weights(WEIGHTS)

#: Functions, with valid arguments by name, in the order of their signature.
CALLS = [
    (lifetables.life_table, {"durations": [1, 2], "dead": [True, False], "entry": [0, 1]}),
    (lifetables.kaplan_meier, {"durations": [1, 2], "dead": [True, False]}),
    (lifetables.survival_curve, {"table": TABLE, "confidence": 0.9}),
    (lifetables.half_life, {"curve": CURVE}),
    (lifetables.hazard, {"table": TABLE, "edges": [0, 1, 2], "confidence": 0.9}),
    (lifetables.log_rank, {"first": TABLE, "second": TABLE}),
    (comparison.half_life_at_one_rate, {"curve": CURVE}),
    (comparison.in_half_lives, {"curve": CURVE}),
    (soft.soft_law, {"rule": SOFT}),
    (soft.share_still_retracted, {"rule": SOFT, "theta": -0.1, "num_steps": 3}),
    (posterior.site_law, {"rule": HARD, "slope": np.zeros_like, "largest": 5.0}),
    (posterior.limit_of_small_steps, {"rule": HARD, "energy": np.zeros_like, "largest": 5.0}),
    (posterior.wiring_law, {"lifetimes": [1.0, 2.0, 3.0], "num_active": 2}),
    (diffusion.correlation, {"rule": SAMPLING, "steps": 2}),
    (diffusion.stationary_mean, {"rule": SAMPLING, "gradient": 0.1}),
    (diffusion.stationary_std, {"rule": SAMPLING}),
    (diffusion.active_share, {"rule": SAMPLING, "gradient": 0.1}),
    (diffusion.turnover_ratio, {"rho": 0.5}),
    (diffusion.survival_of_all, {"rho": 0.5, "num_intervals": 3, "mean": 0.1}),
    (diffusion.survival_of_newborns, {"rho": 0.5, "num_intervals": 3, "mean": 0.1}),
    (weights.expected_strength, {"rule": HARD}),
    (biology.stays_after, {"row": biology.PUBLISHED[0], "days": 3.0}),
    (exact.survival_of_newborns, {"step_ratio": 0.1, "num_steps": 3}),
    (exact.overlap, {"step_ratio": 0.1, "num_steps": 3, "connectivity": 0.1}),
    (sizes.change_components, {"before": WEIGHTS, "after": WEIGHTS[::-1]}),
    (topology.dyads, {"pre": [0, 1], "post": [1, 0], "num_neurons": 3}),
    (topology.spectrum, {"pre": [0, 1], "post": [1, 0], "weights": [0.5, 1.0], "num_neurons": 3}),
    (weight_laws.fit_weights, {"weights": WEIGHTS, "lower": 0.05}),
    (weight_laws.likelihood_ratio, {"weights": WEIGHTS, "first": FITS[0], "second": FITS[1]}),
    (wiring_laws.degree_law, {"num_sites": 9, "sites_of_neuron": 3, "num_connections": 4}),
    (wiring_laws.visited_share, {"births": [1, 2], "num_sites": 9, "num_connections": 2, "deaths": [1, 1]}),
]
#: None of them is right anywhere, but for functions where one is needed.
NONSENSE = ["nonsense", object(), {}, {"a": 1}, [None], ["a"], 1j, print, int, HARD.optimizer, b"x"]
OPTIONAL = {("life_table", "entry"), ("fit_weights", "lower"), ("visited_share", "deaths")}
FUNCTIONS = {"slope", "energy"}
CASES = [(call, given, name) for call, given in CALLS for name in given]


@pytest.mark.parametrize(("call", "given", "argument"), CASES, ids=[f"{c.__name__}-{a}" for c, _, a in CASES])
def test_what_is_wrong_is_named(call, given, argument):
    call(**given)
    wrong = [*NONSENSE, *([] if (call.__name__, argument) in OPTIONAL else [None])]
    for value in wrong:
        if argument in FUNCTIONS and callable(value):
            continue
        with pytest.raises((TypeError, ValueError)) as raised:
            call(**{**given, argument: value})
        assert argument in str(raised.value), (value, raised.value)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (soft.soft_law, SoftDeepR("1e-2*exp(-t/second)", 0.5, 0.2, 0.3)),
        (lambda rule: posterior.site_law(rule, np.zeros_like, 5.0), DeepR("1e-2*exp(-t/second)", 0.5, 0.2)),
        (diffusion.stationary_std, SynapticSampling("1e-2*exp(-t/second)", 1.0, 0.0, 1.0, 1.0)),
        (weights.expected_strength, DeepR(0.1, "0.1*t/second", 0.2)),
    ],
)
def test_a_rule_that_changes_with_time_has_no_law(call, rule):
    with pytest.raises(TypeError, match=r"must be a constant number here, got .* which changes with time"):
        call(rule)


@pytest.mark.parametrize("per", [math.nan, math.inf, -1.0, 0.0, "a", None, [1.0], True])
def test_numbers_of_samples_are_positive(log, per):
    with pytest.raises((TypeError, ValueError), match="per must be"):
        turnover.rewired_per_samples(log, per)


@pytest.mark.parametrize("wrong", [[], {}, None, 3, "days", b"steps"])
def test_units_and_sides_are_known(log, wrong):
    for call in (
        lambda: comparison.clock(log, wrong),
        lambda: comparison.survival_in(log, wrong),
        lambda: comparison.compare({"a": log}, wrong),
        lambda: topology.degrees_over_time(log, [0], side=wrong),
    ):
        with pytest.raises((TypeError, ValueError), match="must be"):
            call()
