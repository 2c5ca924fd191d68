"""Estimators and fits for observations: presence of single connections at a few looks (``Observations``).

- ``presence``: survival of those seen and of newly seen ones, formation, elimination, turnover; differences of groups.
- ``weights``: loss by weight, weight by age, autocorrelation of weights.
- ``fitting``: laws (``laws.presence``) fitted by likelihood, and compared on groups that were left out.
- ``simulation``: simulated studies, and a test of a fit.
- ``matching``: looks at a run that match a study by turnover; ``studies``: a study in numbers, and a published one.

All errors are over groups: connections of one dendrite, cell or animal are not independent.
"""

from synaptic_sampling.statistics.observed.fitting import (
    Fit,
    HeldOut,
    Prediction,
    bootstrap_intervals,
    compare_laws,
    fit,
    held_out,
)
from synaptic_sampling.statistics.observed.matching import matched_looks
from synaptic_sampling.statistics.observed.presence import (
    GroupDifference,
    ObservedChanges,
    changes,
    group_differences,
    survival_of_newly_seen,
    survival_of_seen,
)
from synaptic_sampling.statistics.observed.resampling import Estimate
from synaptic_sampling.statistics.observed.simulation import GoodnessOfFit, goodness_of_fit, simulate
from synaptic_sampling.statistics.observed.studies import PUBLISHED_STUDIES, Study, study_of
from synaptic_sampling.statistics.observed.weights import loss_by_weight, weight_autocorrelation, weight_by_age

__all__ = [
    "PUBLISHED_STUDIES",
    "Estimate",
    "Fit",
    "GoodnessOfFit",
    "GroupDifference",
    "HeldOut",
    "ObservedChanges",
    "Prediction",
    "Study",
    "bootstrap_intervals",
    "changes",
    "compare_laws",
    "fit",
    "goodness_of_fit",
    "group_differences",
    "held_out",
    "loss_by_weight",
    "matched_looks",
    "simulate",
    "study_of",
    "survival_of_newly_seen",
    "survival_of_seen",
    "weight_autocorrelation",
    "weight_by_age",
]
