"""Good calls of everything in ``synaptic_sampling.statistics``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from synaptic_sampling import DeepR, Observations, SoftDeepR, SynapticSampling, statistics
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import posterior, presence
from synaptic_sampling.laws import soft_deepr as soft
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.log.recorder import LogError, RewiringLog
from synaptic_sampling.statistics import (
    biology,
    changes,
    comparison,
    drift,
    evidence,
    heterogeneity,
    lifetables,
    lifetimes,
    null_law,
    observed,
    rates,
    sizes,
    survival,
    tables,
    topology,
    turnover,
    weight_laws,
    weights,
)
from tests.hostile.logs import a_log
from tests.hostile.runner import Call

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
DIFFUSION = SynapticSampling(0.1, 0.1, 0.0, 1.0, 1.0)
#: What may be said of arguments that have the same name everywhere.
#: How messages call these arguments, where not by their names.
SAID = {
    "log": "log must be a RewiringLog",
    "begin": "begin|step",
    "end": "end|step",
    "age": "age|num_steps",
    "older_than": "age",
    "index": "index|set",
    "first": "first|RewiringLog|pre and post",
    "second": "second|RewiringLog|pre and post",
    "lifetimes": "lifetimes|num_active",
    "step_ratio": "step_ratio|age",
    "lower": "lower|above",
    "table": "table|No such file",
}
#: What is none for these, of whichever function; an optional argument may be None.
FINE = {
    "step_ratio": "0.5, inf, 2**70",
    "connectivity": "0.5",
    "gradient": "0.5, -1, 2**70",
    "mean": "0.5, -1",
    "rho": "0.5",
    "confidence": "0.5",
    "per": "0.5, 2**70",
    "days": "0.5, 2**70",
    "theta": "-1",
    "lower": "0.5",
    "largest": "0.5",
}
#: And of these alone.
OF = {
    exact.survival_of_old: {"step_ratio": "0.5"},
    lifetimes.fit_lifetimes: {"shortest": "none", "alternatives": "[]"},
    diffusion.turnover_ratio: {"rho": "0.5, -1"},
    exact.mean_theta: {"step_ratio": "0.5, 2**70"},
    exact.std_theta: {"step_ratio": "0.5, 2**70"},
    posterior.limit_of_small_steps: {"largest": "0.5, 2**70"},
    topology.degrees_over_time: {"steps": "[]"},
    observed.changes: {"pooled": "true"},
    observed.study_of: {"name": "text"},
    observed.simulate: {"unit": "0.5, 2**70"},
    Observations: {"missing": "-1, 0.5, 2**70"},
    Observations.from_table.__func__: {"weights": "true", "missing": "-1, 0.5, 2**70", "where": "{}"},
    Observations.select: {"synapses": "[]"},
    RewiringLog.observe: {"min_weight": "0.5, 2**70"},
    topology.degrees: {"ends": "[]"},
    weight_laws.WeightFit.log_density: {"weights": "true, [], 0.5, -1, cube"},
}


def calls(folder: Any) -> list[Call]:
    """Return them."""
    log, rng = a_log(), np.random.default_rng(1)
    table, curve = survival.table_of_newborns(log), survival.survival_of_newborns(log)
    ends = {"pre": [0, 1, 2, 3], "post": [1, 0, 3, 4]}
    numbers = rng.lognormal(size=50)
    fits = weight_laws.fit_weights(numbers)
    row, pairs = biology.PUBLISHED[0], ([0, 1], [1, 2])
    durations = {"durations": [1, 2, 3], "dead": [True, False, True], "entry": [0, 0, 1]}
    of_log = [
        (heterogeneity.young_against_old, {}),
        (null_law.newborns_against_null, {}),
        (null_law.step_ratio, {}),
        (null_law.stretches, {}),
        (null_law.why_no_law, {}),
        (changes.changes_between, {"steps": [0, 5]}),
        (changes.changes_since, {"steps": [0, 5]}),
        (changes.turnover_by_lag, {"lags": [1, 2], "starts": 3}),
        (comparison.clock, {"unit": "samples"}),
        (comparison.survival_in, {"unit": "samples", "at_step": 3}),
        (drift.drift, {}),
        (drift.principal_components, {"number": 2}),
        (drift.weight_correlations, {}),
        (drift.weight_vectors, {}),
        (lifetimes.lifetimes_within, {"longest": 9, "from_step": 0}),
        (sizes.matched_sizes, {"begin": 0, "end": 40}),
        (sizes.size_lifetime, {"step": 0, "groups": 2}),
        (survival.hazard_of_newborns, {"edges": [0, 2, 9], "from_step": 0}),
        (survival.survival_during, {"begin": 0, "end": 9}),
        (survival.survival_of_all, {"at_step": 3}),
        (survival.survival_of_newborns, {"from_step": 0}),
        (survival.survival_of_old, {"at_step": 9, "age": 3}),
        (survival.table_of_newborns, {"from_step": 0}),
        (topology.connections_over_time, {}),
        (topology.degrees_over_time, {"steps": [0, 5], "side": "post"}),
        (topology.density, {}),
        (rates.formation_and_elimination, {}),
        (turnover.deaths_beyond_age, {"age": 2}),
        (turnover.established, {"age": 2}),
        (turnover.rewired_per_samples, {"per": 100.0, "bins": 4, "older_than": 0}),
        (turnover.rewired_per_second, {"bins": 4}),
        (turnover.rewired_per_step, {"older_than": 0}),
        (turnover.turnover_ratio, {"begin": 0, "end": 9}),
        (turnover.visited_by_chance, {}),
        (turnover.visited_share, {}),
        (weights.strengths, {"step": 40}),
    ]
    seen = Observations(np.tile([[1, 1, 0], [0, 1, 1], [1, 1, 1]], (4, 1)), [0, 4, 8], weights=np.ones((12, 3)))
    law = presence.LAWS["constant"]
    fitted, often = observed.fit(seen, law), {"resamples": 20, "seed": 1}
    of_observations = [
        (observed.bootstrap_intervals, {"observations": seen, "fitted": fitted, **often}),
        (observed.changes, {"observations": seen, "pooled": False, **often}),
        (observed.compare_laws, {"observations": seen, "laws": {"constant": law}}),
        (observed.fit, {"observations": seen, "law": law}),
        (observed.goodness_of_fit, {"observations": seen, "fitted": fitted, **often}),
        (observed.group_differences, {"observations": seen}),
        (observed.held_out, {"observations": seen, "fitted": fitted}),
        (observed.loss_by_weight, {"observations": seen, "classes": 2, **often}),
        (observed.simulate, {"law": law, "values": [0.1], "times": [0, 1], "sizes": [9], "unit": 1.0, "seed": 1}),
        (observed.matched_looks, {"log": log, "turnover": 0.3, "looks": 8, "index": 0}),
        (observed.study_of, {"name": "mine", "observations": seen}),
        (observed.survival_of_newly_seen, {"observations": seen, "start": 1, "every": 1, **often}),
        (observed.survival_of_seen, {"observations": seen, "start": 0, "every": 1, **often}),
        (observed.weight_autocorrelation, {"observations": seen, **often}),
        (observed.weight_by_age, {"observations": seen, **often}),
        (law.survival_of_newly_seen, {"values": [0.1], "times": [0, 1]}),
        (law.survival_of_seen, {"values": [0.1], "times": [0, 1]}),
        (fitted.survival_of_newly_seen, {"times": [0, 1]}),
        (fitted.survival_of_seen, {"times": [0, 1]}),
        (fitted.at_coarser_looks, {"factor": 1, "number": 2}),
        (Observations, {"presence": [[1, 0]], "times": [0, 1], "weights": [[1, 1]], "group": ["a"], "missing": -1}),
        (
            Observations.from_table,
            {
                "table": {"d0": [1], "d1": [0]},
                "times": [0, 1],
                "weights": True,
                "group": None,
                "missing": -1,
                "where": None,
            },
        ),
        (seen.select, {"synapses": [0, 1]}),
        (seen.at_looks, {"looks": [0, 1]}),
        (log.observe, {"times": [0, 10], "index": 0, "min_weight": 0.1, "min_age": 1}),
    ]
    others = [
        (
            evidence.gather,
            {"successes": [1, 0], "trials": [9, 9], "probability": [0.1, 0.1], "ages": [1, 2]},
        ),
        (biology.published, {"quantity": row.quantity, "evidence": row.evidence}),
        (
            biology.stays_after,
            {"row": biology.published("survival")[0] if biology.published("survival") else row, "days": 1.0},
        ),
        (changes.compare_wirings, {"first": pairs, "second": pairs}),
        (comparison.compare, {"logs": {"a": log}, "unit": "samples", "index": None}),
        (comparison.half_life_at_one_rate, {"curve": curve}),
        (comparison.in_half_lives, {"curve": curve}),
        (diffusion.active_share, {"rule": DIFFUSION, "gradient": 0.0}),
        (diffusion.correlation, {"rule": DIFFUSION, "steps": 1}),
        (diffusion.stationary_mean, {"rule": DIFFUSION, "gradient": 0.0}),
        (diffusion.stationary_std, {"rule": DIFFUSION}),
        (diffusion.survival_of_all, {"rho": 0.9, "num_intervals": 3, "mean": 0.0}),
        (diffusion.survival_of_newborns, {"rho": 0.9, "num_intervals": 3, "mean": 0.0}),
        (diffusion.turnover_ratio, {"rho": 0.9}),
        (exact.established_turnover, {"step_ratio": 0.5, "age": 3}),
        (exact.hazard, {"step_ratio": 0.5, "num_steps": 3}),
        (exact.mean_lifetime, {"step_ratio": 0.5}),
        (exact.mean_theta, {"step_ratio": 0.5}),
        (exact.null_law, {"step_ratio": 0.5}),
        (exact.overlap, {"step_ratio": 0.5, "num_steps": 3, "connectivity": 0.1}),
        (exact.std_theta, {"step_ratio": 0.5}),
        (exact.survival_of_all, {"step_ratio": 0.5, "num_steps": 3}),
        (exact.survival_of_newborns, {"step_ratio": 0.5, "num_steps": 3}),
        (exact.survival_of_old, {"step_ratio": 0.5, "age": 2, "num_steps": 3}),
        (exact.turnover_rate, {"step_ratio": 0.5}),
        (exact.turnover_ratio, {"step_ratio": 0.5, "num_steps": 3, "connectivity": 0.1}),
        (lifetables.half_life, {"curve": curve}),
        (lifetables.halved, {"probability": [1.0, 0.5]}),
        (lifetables.hazard, {"table": table, "edges": [0, 2, 9], "confidence": 0.9}),
        (lifetables.kaplan_meier, durations),
        (lifetables.life_table, durations),
        (lifetables.log_rank, {"first": table, "second": table}),
        (lifetables.survival_curve, {"table": table, "confidence": 0.9}),
        (
            lifetimes.fit_lifetimes,
            {
                "lifetimes": rng.integers(1, 30, 200),
                "shortest": 1,
                "longest": None,
                "alternatives": ("exponential",),
                "most": 100,
            },
        ),
        (posterior.limit_of_small_steps, {"rule": RULE, "energy": np.square, "largest": 5.0}),
        (posterior.site_law, {"rule": RULE, "slope": np.zeros_like, "largest": 5.0}),
        (posterior.wiring_law, {"lifetimes": [1.0, 2.0, 3.0], "num_active": 2}),
        (sizes.change_components, {"before": numbers, "after": numbers + 0.1 * rng.standard_normal(50)}),
        (soft.share_still_retracted, {"rule": SoftDeepR(0.1, 0.2, 0.2, 0.2), "theta": -0.1, "num_steps": 3}),
        (soft.soft_law, {"rule": SoftDeepR(0.1, 0.2, 0.2, 0.2)}),
        (tables.to_pandas, {"result": curve}),
        (survival.compare_newborns, {"first": log, "second": log, "index": None}),
        (topology.clustering, {**ends, "num_neurons": 5}),
        (topology.degrees, {"ends": [0, 1], "num_neurons": 5}),
        (topology.dyads, {**ends, "num_neurons": 5}),
        (topology.reciprocity, ends),
        (topology.spectrum, {**ends, "weights": [1.0, 1.0, 1.0, 1.0], "num_neurons": 5, "number": 3}),
        (topology.triads, {**ends, "num_neurons": 5}),
        (weight_laws.fit_weights, {"weights": numbers, "lower": None}),
        (weight_laws.likelihood_ratio, {"weights": numbers, "first": fits[0], "second": fits[1]}),
        (fits[0].log_density, {"weights": numbers}),
        (weights.expected_strength, {"rule": RULE}),
        (wiring_laws.degree_law, {"num_sites": 20, "sites_of_neuron": 5, "num_connections": 6}),
        (wiring_laws.reciprocity, {"num_sites": 20, "num_connections": 6}),
        (wiring_laws.triads, {"num_neurons": 5, "num_connections": 6}),
        (wiring_laws.visited_share, {"births": [0, 1, 2], "num_sites": 20, "num_connections": 6, "deaths": [0, 1, 2]}),
    ]
    cases = [(function, {"log": log, **own, **of_set(function)}) for function, own in of_log]
    cases += [*of_observations, *others]
    return [Call(function, own, fine_of(function), SAID, (LogError, OSError)) for function, own in cases]


def of_set(function: Any) -> dict[str, int]:
    """Return the set, where one can be given."""
    return {"index": 0} if "index" in inspect.signature(function).parameters else {}


def fine_of(function: Any) -> dict[str, str]:
    """Return what is none of these arguments."""
    parameters = inspect.signature(function).parameters
    optional = {name: "none" for name, one in parameters.items() if one.default is None}
    known = {
        name: fine
        for name, fine in {**FINE, **OF.get(getattr(function, "__func__", function), {})}.items()
        if name in parameters
    }
    return {name: ", ".join(filter(None, (known.get(name), optional.get(name)))) for name in {*known, *optional}}


def public_functions() -> Iterator[Any]:
    """Return all that can be called, but for result types."""
    for module in statistics.__all__:
        home = import_module(f"{statistics.__name__}.{module}")
        yield from (each for each in map(home.__dict__.get, home.__all__) if inspect.isfunction(each))
