"""The strengths of connections, and their mean under noise and l1 alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws.arguments import check_constant
from synaptic_sampling.statistics.sources import Source, holds_sizes, log_of, sizes_in

__all__ = ["expected_strength", "strengths"]


def strengths(log: Source, step: int | None = None, index: int | None = None) -> NDArray[Any]:
    """Return theta = abs(w) of all connections in the last snapshots.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With snapshots.
    step : int, optional
        Snapshots after this step are ignored.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    ndarray
        Includes new connections, with theta = 0; empty slots, and sets without weights, are left out.

    Raises
    ------
    ValueError
        If there is no such snapshot, none has weights, or the step is after the end of the record.
    """
    log = log_of(log)
    if step is not None:
        log.check_step("step", step)
    if index is not None:
        check_index(index)
    last = {
        taken.set_index: taken
        for taken in log.snapshots
        if (step is None or taken.step <= step) and (index is None or taken.set_index == index)
    }
    if not last:
        raise ValueError("the log contains no snapshot to take weights from.")
    with_weights = [taken for taken in last.values() if holds_sizes(log, taken)] or last.values()
    return np.concatenate([sizes_in(log, taken) for taken in with_weights])


def expected_strength(rule: Any) -> float:
    """Return the mean of theta under the null model (noise and l1 only).

    Parameters
    ----------
    rule : DeepR
        With l1 > 0 and temperature > 0.

    Returns
    -------
    float
        Exact for any step size; for small steps it tends to temperature/l1, the mean of the exponential law.

    Raises
    ------
    TypeError, ValueError
        If it is not a DeepR with constant parameters, or l1 or the temperature is 0.
    """
    check_constant(rule, "step_ratio")
    return exact.mean_theta(rule.step_ratio) * rule.noise_scale
