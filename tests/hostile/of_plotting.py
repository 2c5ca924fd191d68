"""Good calls of everything that draws."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from synaptic_sampling import Observations, plotting
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.plotting import Run
from synaptic_sampling.statistics import observed
from tests.hostile.logs import a_log
from tests.hostile.runner import Call

FINE = {
    "ax": "none",
    "axes": "none",
    "step_ratio": "none, 0.5, inf, 2**70",
    "step": "none",
    "lags": "none",
    "weights": "-1, true, 0.5",
}
ALL = {**FINE, "index": "none"}
SAID = {"log": "log must be a RewiringLog", "index": "set|index"}


def axes(*shape):
    """Return new ones."""
    return plt.subplots(*shape)[1]


def calls(folder):
    """Return them."""
    log, samples = a_log(), np.arange(3.0)
    seen = Observations(np.tile([[1, 1, 0], [0, 1, 1], [1, 1, 1]], (4, 1)), [0, 4, 8], weights=np.ones((12, 3)))
    fitted = observed.fit(seen, LAWS["constant"])
    null = {"step_ratio": 0.5, "from_step": 0, "index": 0}
    return [
        Call(
            plotting.plot_accuracy,
            {"samples": samples, "accuracy": samples / 3, "ax": axes()},
            {**FINE, "accuracy": "nans"},
            {"samples": "samples|accuracy"},
        ),
        Call(plotting.plot_brains, {"logs": {"a": log}, "ax": axes()}, FINE),
        Call(plotting.plot_comparison, {"runs": {"a": Run(log)}, "axes": axes(2, 2), "per": 100.0, "bins": 4}, FINE),
        Call(plotting.plot_connectivity, {"log": log, "ax": axes(), "index": 0, "most": 100}, FINE, SAID),
        Call(plotting.plot_degrees, {"log": log, "ax": axes(), "step": 3, "side": "post", "index": 0}, FINE, SAID),
        Call(plotting.plot_drift, {"log": log, "ax": axes(), "index": 0}, FINE, SAID),
        Call(plotting.plot_lifetimes, {"log": log, "ax": axes(), **null}, ALL, SAID),
        Call(plotting.plot_matrix, {"log": log, "step": 3, "ax": axes(), "index": 0}, FINE, SAID),
        Call(
            plotting.plot_estimate,
            {"estimate": observed.survival_of_seen(seen), "ax": axes(), "unit": 4.0},
            {**FINE, "unit": "0.5, 2**70"},
        ),
        Call(plotting.plot_loss_by_weight, {"observations": seen, "ax": axes(), "classes": 2}, FINE),
        Call(
            plotting.plot_observed_survival,
            {"observations": seen, "ax": axes(), "newly_seen": True, "fits": [fitted]},
            {**FINE, "newly_seen": "true", "fits": "[]"},
        ),
        Call(
            plotting.plot_predictions,
            {"observations": seen, "fits": [fitted], "ax": axes(), "most": 1},
            {**FINE, "fits": "[]"},
        ),
        Call(plotting.plot_survival, {"log": log, "ax": axes(), **null}, ALL, SAID),
        Call(plotting.plot_trajectory, {"log": log, "ax": axes(), "index": 0}, FINE, SAID),
        Call(plotting.plot_turnover, {"log": log, "ax": axes(), "per": 100.0, "bins": 4}, FINE, SAID),
        Call(
            plotting.plot_turnover_ratio,
            {"log": log, "ax": axes(), "lags": [1, 2], "step_ratio": 0.5, "index": 0},
            FINE,
            SAID,
        ),
        Call(plotting.plot_visited, {"log": log, "ax": axes(), "index": 0}, FINE, SAID),
        Call(plotting.plot_weights, {"weights": samples + 1, "ax": axes(), "bins": 4}, FINE),
        Call(plotting.brains_in_half_lives, {}),
    ]
