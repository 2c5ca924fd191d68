"""One function per figure: a log or arrays in, matplotlib axes out. The public names are listed in ``__all__``."""

from synaptic_sampling.plotting.brains import brains_in_half_lives, plot_brains
from synaptic_sampling.plotting.comparison import Run, plot_accuracy, plot_comparison
from synaptic_sampling.plotting.connectivity import animate_connectivity, plot_connectivity, plot_matrix
from synaptic_sampling.plotting.observed import (
    plot_estimate,
    plot_loss_by_weight,
    plot_observed_survival,
    plot_predictions,
)
from synaptic_sampling.plotting.style import COLOURS
from synaptic_sampling.plotting.survival import plot_lifetimes, plot_survival
from synaptic_sampling.plotting.topology import plot_degrees, plot_drift, plot_trajectory
from synaptic_sampling.plotting.turnover import plot_turnover, plot_turnover_ratio, plot_visited
from synaptic_sampling.plotting.weights import plot_weights

__all__ = [
    "COLOURS",
    "Run",
    "animate_connectivity",
    "brains_in_half_lives",
    "plot_accuracy",
    "plot_brains",
    "plot_comparison",
    "plot_connectivity",
    "plot_degrees",
    "plot_drift",
    "plot_estimate",
    "plot_lifetimes",
    "plot_loss_by_weight",
    "plot_matrix",
    "plot_observed_survival",
    "plot_predictions",
    "plot_survival",
    "plot_trajectory",
    "plot_turnover",
    "plot_turnover_ratio",
    "plot_visited",
    "plot_weights",
]
