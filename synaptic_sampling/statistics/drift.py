"""How the weights of a network change over snapshots: distances, correlations and principal components."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synaptic_sampling._checks import check_index, check_integer
from synaptic_sampling._tables import vectors_html
from synaptic_sampling.log.recorder import LogError
from synaptic_sampling.statistics.sources import Source, log_of, sizes_in

__all__ = ["Drift", "Trajectory", "drift", "principal_components", "weight_correlations", "weight_vectors"]


class Drift(NamedTuple):
    """Distance of the weights from the initial ones; one entry per snapshot.

    Attributes
    ----------
    step : ndarray of int64
        Steps of the snapshots.
    norm : ndarray
        Euclidean length of the vector of all weights.
    from_start : ndarray
        Euclidean distance from the first snapshot.
    last_move : ndarray
        Euclidean distance from the snapshot before; 0 for the first.
    cosine : ndarray
        Cosine of the angle to the first snapshot; NaN if one of the vectors is 0.
    """

    step: NDArray[np.int64]
    norm: NDArray[np.float64]
    from_start: NDArray[np.float64]
    last_move: NDArray[np.float64]
    cosine: NDArray[np.float64]

    def _repr_html_(self) -> str:
        return vectors_html(self)


class Trajectory(NamedTuple):
    """PCA trajectory of the weights: their coordinates at each snapshot.

    Attributes
    ----------
    step : ndarray of int64, shape (n,)
        Steps of the snapshots.
    position : ndarray, shape (n, d)
        Principal components, in units of the weights.
    explained : ndarray, shape (d,)
        Fraction of the variance over snapshots explained by each component.
    """

    step: NDArray[np.int64]
    position: NDArray[np.float64]
    explained: NDArray[np.float64]


def weight_vectors(log: Source, index: int = 0) -> tuple[NDArray[np.int64], Any]:
    """Return the weights at each snapshot as rows of a sparse matrix.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With snapshots.
    index : int
        Index of the set.

    Returns
    -------
    steps : ndarray of int64, shape (n,)
        Steps of the snapshots.
    weights : scipy.sparse.csr_array, shape (n, m)
        polarity*abs(theta) of each of the m pairs that are connected in any snapshot; several connections of the same
        pair of neurons are summed.

    Raises
    ------
    LogError
        If there is no snapshot of the set.
    ValueError
        If the log contains no weights.
    """
    log = log_of(log)
    steps = log.snapshot_steps(index)
    if not len(steps):
        raise LogError(f"the log contains no snapshot of set {index}, so its weights are not known.")
    sites, values = [], []
    for step in steps.tolist():
        taken = log.snapshot_at(step, index)
        there = taken.polarity != 0
        sites.append(taken.pre[there].astype(np.int64) << 32 | taken.post[there])
        values.append(taken.polarity[there] * sizes_in(log, taken).astype(float))
    columns, place = np.unique(np.concatenate(sites), return_inverse=True)
    begins = np.concatenate([[0], np.cumsum([len(some) for some in sites])])
    weights = csr_array((np.concatenate(values), place, begins), shape=(len(steps), len(columns)))
    weights.sum_duplicates()
    return steps, weights


def drift(log: Source, index: int = 0) -> Drift:
    """Return the distance of the weights from those of the first snapshot.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With snapshots.
    index : int
        Index of the set.

    Returns
    -------
    Drift
        Of the vector of all weights; pairs without a connection have weight 0.

    Raises
    ------
    LogError
        If there is no snapshot of the set.
    ValueError
        If the log contains no weights.
    """
    log = log_of(log)
    steps, weights = weight_vectors(log, index)
    products = (weights @ weights.T).toarray()
    squares = np.diag(products)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * products, 0.0))
    norm = np.sqrt(squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = products[0] / (norm[0] * norm)
    last_move = np.concatenate([[0.0], np.diag(distances, 1)])
    return Drift(steps, norm, distances[0], last_move, np.where(norm[0] * norm > 0, cosine, np.nan))


def weight_correlations(log: Source, index: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return Pearson correlations of the weights between all pairs of snapshots.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With snapshots and a description of the set.
    index : int
        Index of the set.

    Returns
    -------
    steps : ndarray of int64, shape (n,)
        Steps of the snapshots.
    correlations : ndarray, shape (n, n)
        Over all possible connections; those not connected have weight 0 (as in Bellec et al. 2018, between tasks). NaN
        if all weights are equal.

    Raises
    ------
    LogError
        If there is no snapshot of the set, or it was not described.
    ValueError
        If the log contains no weights.
    """
    log = log_of(log, observed="weight_autocorrelation")
    if check_index(index) not in log.sets:
        raise LogError(f"set {index} was not described, so its number of possible connections is not known.")
    steps, weights = weight_vectors(log, index)
    number = max(log.sets[index].num_sites, weights.shape[1])
    mean = np.asarray(weights.sum(axis=1)).ravel() / number
    covariance = (weights @ weights.T).toarray() / number - np.outer(mean, mean)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.outer(deviation, deviation)
    with np.errstate(divide="ignore", invalid="ignore"):
        return steps, np.where(scale > 0, np.clip(covariance / scale, -1.0, 1.0), np.nan)


def principal_components(log: Source, index: int = 0, number: int = 2) -> Trajectory:
    """Return the trajectory of the weights in their principal components (PCA).

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With at least two snapshots.
    index : int
        Index of the set.
    number : int
        Number of components.

    Returns
    -------
    Trajectory
        Exact, from the inner products of the snapshots; memory does not grow with the number of pairs.

    Raises
    ------
    LogError
        If there is no snapshot of the set.
    ValueError
        If there are fewer snapshots than components, or the log contains no weights.

    Notes
    -----
    The trajectory of an undirected random walk in many dimensions resembles half a cosine (Antognini and
    Sohl-Dickstein 2018): a smooth curve alone is not evidence of learning.
    """
    log = log_of(log)
    steps, weights = weight_vectors(log, index)
    dimensions = check_integer("number", number, minimum=1, maximum=len(steps))
    products = (weights @ weights.T).toarray()
    mean = products.mean(axis=0)
    centred = products - mean - mean[:, None] + mean.mean()
    values, vectors = np.linalg.eigh(centred)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    # The sign of a component is arbitrary: each coordinate ends above its initial value.
    vectors = vectors * np.where(vectors[-1] < vectors[0], -1.0, 1.0)
    position = vectors[:, :dimensions] * np.sqrt(values[:dimensions])
    return Trajectory(steps, position, values[:dimensions] / max(values.sum(), np.finfo(float).tiny))
