"""How the connections lie: degrees, and pairs that are connected both ways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.log import LogError, RewiringLog

__all__ = ["connections_over_time", "degrees", "density", "reciprocity"]


def degrees(ends: NDArray[np.int32], num_neurons: int) -> NDArray[np.int64]:
    """Return how many connections each neuron has.

    Parameters
    ----------
    ends : ndarray of int, shape (K,)
        Presynaptic indices for the numbers of outgoing connections, postsynaptic ones for incoming.
    num_neurons : int
        On that side.

    Returns
    -------
    ndarray of int64, shape (num_neurons,)
        The degrees.
    """
    return np.bincount(ends, minlength=num_neurons)


def connections_over_time(log: RewiringLog, index: int) -> NDArray[np.int64]:
    """Return how many connections a set has at the start and after each step.

    Parameters
    ----------
    log : RewiringLog
        With a snapshot at its start.
    index : int
        Number of the set.

    Returns
    -------
    ndarray of int64, shape (1 + number of steps,)
        The same number all along where each set has a budget of its own.

    Raises
    ------
    LogError
        If there is no snapshot of the set.
    """
    start = next((taken for taken in log.snapshots if taken.set_index == index), None)
    if start is None:
        raise LogError(f"no snapshot of set {index}: how many there were at the start is not known.")
    events, steps = log.events, log.times["step"]
    own = events[(events["set"] == index) & (events["step"] > start.step)]
    changes = np.zeros(1 + len(steps), np.int64)
    np.add.at(changes, 1 + np.searchsorted(steps, own["step"]), own["kind"])
    return len(start.pre) + np.cumsum(changes)


def density(log: RewiringLog, index: int) -> NDArray[np.float64]:
    """Return which share of its sites a set occupies at the start and after each step.

    Parameters
    ----------
    log : RewiringLog
        In which the set was described.
    index : int
        Number of the set.

    Returns
    -------
    ndarray, shape (1 + number of steps,)
        Connectivity, 0 to 1.

    Raises
    ------
    LogError
        If the set was not described, or has no snapshot.
    """
    if index not in log.sets:
        raise LogError(f"set {index} was not described: how many sites it has is not known.")
    return connections_over_time(log, index) / log.sets[index].num_sites


def reciprocity(pre: NDArray[np.int32], post: NDArray[np.int32]) -> float:
    """Return the share of connections whose reverse exists too, autapses left out.

    Parameters
    ----------
    pre, post : ndarray of int, shape (K,)
        Both in the same group of neurons.

    Returns
    -------
    float
        NaN without connections. Of K random ones among N neurons about K/N^2 is expected.
    """
    pairs = {(i, j) for i, j in zip(pre.tolist(), post.tolist(), strict=True) if i != j}
    return sum((j, i) in pairs for i, j in pairs) / len(pairs) if pairs else float("nan")
