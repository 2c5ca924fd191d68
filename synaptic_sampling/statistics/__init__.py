"""Estimators from logs and arrays: turnover, survival, weights, topology, and comparison with null laws and imaging.

The public modules are listed in ``__all__``. From a log, or from an object that has one as ``log``:

- ``rates``: rates of formation and elimination per connection, with intervals.
- ``turnover``: rewired connections per step, second and sample; turnover ratio; established connections; visited sites.
- ``changes``: differences between time points: gained, lost, kept, overlap, Jaccard index.
- ``survival``: survival of new, existing and all connections, with censoring and truncation; hazard rates.
- ``lifetimes``: heavy-tailed lifetimes, compared by likelihood.
- ``sizes``: sizes at two times, what their change depends on, and whether large connections live longer.
- ``drift``: distances and correlations of the weights between times, and their principal components.
- ``topology``: degrees, motifs, clustering, eigenvalues.
- ``weights``, ``weight_laws``: the sizes of connections, and the distributions that they follow.
- ``comparison``: several runs on one scale.
- ``null_law``, ``heterogeneity``: tests against noise and l1 only, and against equal hazard rates; exact for any size.

From observations (``Observations``), of imaging studies and by ``RewiringLog.observe``:

- ``observed``: survival, turnover and weights as seen at a few looks; laws fitted by likelihood, and their tests.

``tables.to_pandas`` makes a DataFrame of what they return.

From arrays: ``lifetables``, ``evidence``, ``weight_laws``, ``changes.compare_wirings``, ``sizes.change_components``,
``topology``. Published numbers from in vivo imaging: ``biology``. Exact null laws: ``synaptic_sampling.laws``.
"""

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

__all__ = [
    "biology",
    "changes",
    "comparison",
    "drift",
    "evidence",
    "heterogeneity",
    "lifetables",
    "lifetimes",
    "null_law",
    "observed",
    "rates",
    "sizes",
    "survival",
    "tables",
    "topology",
    "turnover",
    "weight_laws",
    "weights",
]
