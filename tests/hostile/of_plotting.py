"""Good calls of everything that draws."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from synaptic_sampling import Run, plotting
from tests.hostile.logs import a_log
from tests.hostile.runner import Call

FINE = {
    "ax": "none",
    "axes": "none",
    "index": "none",
    "step_ratio": "none, 0.5",
    "step": "none",
    "steps": "none",
    "lags": "none",
    "per": "0.5, 2**70",
    "interval": "0.5, 2**70",
}
SAID = {"log": "a RewiringLog is needed", "index": "set|index"}


def calls(folder):
    """Return them."""
    log, samples = a_log(), np.arange(3.0)
    _, ax = plt.subplots()
    _, axes = plt.subplots(2, 2)
    null = {"step_ratio": 0.5, "from_step": 0, "index": 0}
    one = {key: value for key, value in FINE.items() if key != "index"}
    return [
        Call(plotting.plot_accuracy, {"samples": samples, "accuracy": samples / 3, "ax": ax}, FINE),
        Call(plotting.plot_brains, {"logs": {"a": log}, "ax": ax}, FINE),
        Call(plotting.plot_comparison, {"runs": {"a": Run(log)}, "axes": axes, "per": 100.0, "bins": 4}, FINE),
        Call(plotting.plot_connectivity, {"log": log, "ax": ax, "index": 0, "most": 100}, one, SAID),
        Call(plotting.plot_degrees, {"log": log, "ax": ax, "step": 3, "side": "post", "index": 0}, one, SAID),
        Call(plotting.plot_drift, {"log": log, "ax": ax, "index": 0}, one, SAID),
        Call(plotting.plot_lifetimes, {"log": log, "ax": ax, **null}, FINE, SAID),
        Call(plotting.plot_matrix, {"log": log, "step": 3, "ax": ax, "index": 0}, one, SAID),
        Call(plotting.plot_survival, {"log": log, "ax": ax, **null}, FINE, SAID),
        Call(plotting.plot_trajectory, {"log": log, "ax": ax, "index": 0}, one, SAID),
        Call(plotting.plot_turnover, {"log": log, "ax": ax, "per": 100.0, "bins": 4}, FINE, SAID),
        Call(
            plotting.plot_turnover_ratio,
            {"log": log, "ax": ax, "lags": [1, 2], "step_ratio": 0.5, "index": 0},
            one,
            SAID,
        ),
        Call(plotting.plot_visited, {"log": log, "ax": ax, "index": 0}, one, SAID),
        Call(plotting.plot_weights, {"weights": samples + 1, "ax": ax, "bins": 4}, FINE),
        Call(plotting.brains_in_half_lives, {}),
    ]
