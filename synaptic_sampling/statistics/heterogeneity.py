"""A test of whether connections differ in their hazard rates, however the common hazard rate varies with time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.evidence import Evidence, gather
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["young_against_old"]

#: Ages, in steps, up to which a connection counts as young.
CUTOFFS = tuple(2**n for n in range(0, 13))


def young_against_old(log: Source, index: int | None = None) -> Evidence:
    """Return the evidence that young connections are eliminated more (or less) often than old ones in the same steps.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations and eliminations.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    Evidence
        ``more``: that young ones are eliminated more often. It exceeds log(1/p) with a probability of at most p if,
        within each step, all connections have the same probability of elimination, however that varies between steps:
        every 100th step, in bursts, or slowly.

    Notes
    -----
    Given the number eliminated in a step, the number of young ones among them is hypergeometric under this hypothesis.
    Its moment-generating function is bounded by that of the binomial law (Hoeffding 1963, theorem 4), which
    ``evidence.gather`` uses, so the statement holds for any number of connections.
    """
    log = log_of(log)
    alive, gone, young, young_gone = _counts(log, index)
    found = [
        gather(lost[some], gone[some], young[n][some] / alive[some], np.ones(np.count_nonzero(some)))
        for n, lost in enumerate(young_gone)
        for some in [gone > 0]
    ]
    return Evidence(*(float(logsumexp(side) - math.log(len(found))) for side in zip(*found, strict=True)))


def _counts(
    log: RewiringLog, index: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers at risk and eliminated in each step, and of young ones among both, for each cutoff."""
    first, size = log.first_step + 1, log.last_step - log.first_step + 2
    alive, gone = np.zeros((2, size), np.int64)
    young, young_gone = np.zeros((2, len(CUTOFFS), size), np.int64)
    for lives in log.life_blocks(index):
        birth, end, dead = lives["birth"], lives["end"], lives["dead"]
        np.add.at(alive, birth + 1 - first, 1)
        np.add.at(alive, end + 1 - first, -1)
        np.add.at(gone, end[dead] - first, 1)
        new = ~lives["initial"]
        for n, cutoff in enumerate(CUTOFFS):
            np.add.at(young[n], birth[new] + 1 - first, 1)
            np.add.at(young[n], np.minimum(end, birth + cutoff)[new] + 1 - first, -1)
            np.add.at(young_gone[n], end[new & dead & (end - birth <= cutoff)] - first, 1)
    return np.cumsum(alive), gone, np.cumsum(young, axis=1), young_gone
