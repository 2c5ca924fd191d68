"""Topology of the connectivity: degrees, motifs of two and three neurons, clustering, eigenvalues."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigs

from synaptic_sampling._checks import check_array, check_choice, check_index, check_integer
from synaptic_sampling.log.recorder import LogError
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = [
    "Dyads",
    "clustering",
    "connections_over_time",
    "degrees",
    "degrees_over_time",
    "density",
    "dyads",
    "reciprocity",
    "spectrum",
    "triads",
]

#: Largest number of neurons for which all eigenvalues are computed; beyond it, only the largest ones.
DENSE = 2000


class Dyads(NamedTuple):
    """Numbers of pairs of neurons that are connected in both directions, in one direction, or not at all."""

    mutual: int
    asymmetric: int
    null: int


def degrees(ends: NDArray[np.int32], num_neurons: int) -> NDArray[np.int64]:
    """Return the number of connections of each neuron.

    Parameters
    ----------
    ends : ndarray of int, shape (K,)
        Presynaptic indices for out-degrees, postsynaptic ones for in-degrees.
    num_neurons : int
        Number of neurons on that side.

    Returns
    -------
    ndarray of int64, shape (num_neurons,)
        The degrees.

    Raises
    ------
    TypeError, ValueError
        If these are not indices of neurons.
    """
    number = check_integer("num_neurons", num_neurons, minimum=1, maximum=2**31 - 1)
    found = check_array("ends", ends, "iu")
    if found.ndim != 1 or (len(found) and not 0 <= found.min() <= found.max() < number):
        raise ValueError(f"ends must be a vector of indices of neurons from 0 to {number - 1}, got {found!r}.")
    return np.bincount(found.astype(np.int64), minlength=number)


def connections_over_time(log: Source, index: int = 0) -> NDArray[np.int64]:
    """Return the number of connections of a set at the start and after each step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a snapshot at its start.
    index : int
        Index of the set.

    Returns
    -------
    ndarray of int64, shape (1 + number of steps,)
        Constant if each set has a budget of its own.

    Raises
    ------
    LogError
        If there is no snapshot of the set.
    """
    log = log_of(log)
    number = check_index(index)
    start = next((taken for taken in log.snapshots if taken.set_index == number), None)
    if start is None:
        raise LogError(
            f"the log contains no snapshot of set {index}, so its initial number of connections is not known."
        )
    steps = log.times["step"]
    changes = np.zeros(1 + len(steps), np.int64)
    for events in log.event_blocks(index, after=start.step):
        own = events[np.abs(events["kind"]) == 1]
        np.add.at(changes, 1 + np.searchsorted(steps, own["step"]), own["kind"])
    return np.count_nonzero(start.polarity) + np.cumsum(changes)


def density(log: Source, index: int = 0) -> NDArray[np.float64]:
    """Return the connectivity of a set, the fraction of possible connections, at the start and after each step.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set.
    index : int
        Index of the set.

    Returns
    -------
    ndarray, shape (1 + number of steps,)
        0 to 1.

    Raises
    ------
    LogError
        If the set was not described, or has no snapshot.
    """
    log = log_of(log)
    if check_index(index) not in log.sets:
        raise LogError(f"set {index} was not described, so its number of possible connections is not known.")
    return connections_over_time(log, index) / log.sets[index].num_sites


def degrees_over_time(log: Source, steps: ArrayLike, index: int = 0, *, side: str = "post") -> NDArray[np.int64]:
    """Return the degree of each neuron after several steps.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With a description of the set, and a snapshot at or before the first step.
    steps : array_like of int, shape (n,)
        Ascending.
    index : int
        Index of the set.
    side : {'pre', 'post'}
        Out-degrees of presynaptic neurons, or in-degrees of postsynaptic ones.

    Returns
    -------
    ndarray of int64, shape (n, number of neurons)
        The degrees. Their law for uniformly random connectivity is ``laws.wiring.degree_law``.

    Raises
    ------
    ValueError
        If the side is unknown, or the steps do not ascend.
    LogError
        If the set was not described, or has no snapshot.
    """
    log = log_of(log)
    check_choice("side", side, ("pre", "post"))
    if check_index(index) not in log.sets:
        raise LogError(f"set {index} was not described, so its number of neurons is not known.")
    number = log.sets[index].num_pre if side == "pre" else log.sets[index].num_post
    found = [degrees(pre if side == "pre" else post, number) for pre, post, _ in log.wirings(steps, index)]
    return np.array(found, np.int64).reshape(-1, number)


def dyads(pre: ArrayLike, post: ArrayLike, num_neurons: int) -> Dyads:
    """Count the pairs of neurons by how they are connected, without autapses.

    Parameters
    ----------
    pre, post : array_like of int, shape (K,)
        Both in the same group of neurons.
    num_neurons : int
        Number of neurons in the group.

    Returns
    -------
    Dyads
        The three numbers sum to N(N - 1)/2.

    Raises
    ------
    ValueError
        If an index is out of range.
    """
    joined = _matrix(pre, post, num_neurons, None)
    mutual = int(joined.multiply(joined.T).sum()) // 2
    asymmetric = int(joined.sum()) - 2 * mutual
    return Dyads(mutual, asymmetric, num_neurons * (num_neurons - 1) // 2 - mutual - asymmetric)


def triads(pre: ArrayLike, post: ArrayLike, num_neurons: int) -> dict[str, int]:
    """Count the 16 motifs of three neurons (Holland and Leinhardt 1970), without autapses.

    Parameters
    ----------
    pre, post, num_neurons
        As for ``dyads``.

    Returns
    -------
    dict of str to int
        By their usual names, '003' to '300'. Expected for uniformly random connectivity: ``laws.wiring.triads``.

    Raises
    ------
    ImportError
        If networkx is missing.
    ValueError
        If an index is out of range.
    """
    networkx, graph = _graph(pre, post, num_neurons)
    return {str(name): int(count) for name, count in networkx.triadic_census(graph).items()}


def clustering(pre: ArrayLike, post: ArrayLike, num_neurons: int) -> float:
    """Return the mean clustering coefficient of directed graphs (Fagiolo 2007), without autapses.

    Parameters
    ----------
    pre, post, num_neurons
        As for ``dyads``.

    Returns
    -------
    float
        0 to 1; about K/N**2 for uniformly random connectivity.

    Raises
    ------
    ImportError
        If networkx is missing.
    ValueError
        If an index is out of range, or there are no neurons.
    """
    networkx, graph = _graph(pre, post, num_neurons)
    return float(networkx.average_clustering(graph))


def spectrum(
    pre: ArrayLike, post: ArrayLike, weights: ArrayLike, num_neurons: int, *, number: int = 20
) -> NDArray[np.complex128]:
    """Return the eigenvalues of the weight matrix, largest absolute value first.

    Parameters
    ----------
    pre, post, num_neurons
        As for ``dyads``; autapses are included.
    weights : array_like, shape (K,)
        Signed. Weights of several connections of the same pair are summed.
    number : int
        Number of eigenvalues if there are more than 2000 neurons; otherwise all are computed.

    Returns
    -------
    ndarray of complex
        The absolute value of the first one is the spectral radius.

    Raises
    ------
    ValueError
        If an index or number is out of range, or the lengths differ.
    """
    matrix = _matrix(pre, post, num_neurons, check_array("weights", weights))
    most = check_integer("number", number, minimum=1, maximum=DENSE)
    if num_neurons <= DENSE:
        found = np.linalg.eigvals(matrix.toarray())
    else:  # From a fixed vector, so that results are reproducible.
        found = eigs(matrix, min(most, num_neurons - 2), v0=np.ones(num_neurons), return_eigenvectors=False)
    found = found.astype(complex)
    return found[np.lexsort([found.imag, found.real, np.abs(found)])[::-1]]


def reciprocity(pre: NDArray[np.int32], post: NDArray[np.int32]) -> float:
    """Return the fraction of connections whose reverse also exists, without autapses.

    Parameters
    ----------
    pre, post : ndarray of int, shape (K,)
        Both in the same group of neurons.

    Returns
    -------
    float
        NaN if there are no connections. For uniformly random connectivity, ``laws.wiring.reciprocity`` is expected.
    """
    pre, post = (check_array(name, ends, "iu") for name, ends in (("pre", pre), ("post", post)))
    if pre.ndim != 1 or pre.shape != post.shape:
        raise ValueError(f"pre and post must be vectors of equal length, got {pre.shape} and {post.shape}.")
    distinct = pre != post
    pairs = np.unique(pre[distinct].astype(np.int64) << 32 | post[distinct])
    reverse = (pairs & 0xFFFFFFFF) << 32 | pairs >> 32
    return float(np.mean(np.isin(reverse, pairs))) if len(pairs) else float("nan")


def _ends(pre: ArrayLike, post: ArrayLike, num_neurons: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the endpoints, after checking them."""
    number = check_integer("num_neurons", num_neurons, minimum=1, maximum=2**31 - 1)
    one, other = (check_array(name, ends, "iu").astype(np.int64) for name, ends in (("pre", pre), ("post", post)))
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"pre and post must be vectors of equal length, got {one.shape} and {other.shape}.")
    if len(one) and not (min(one.min(), other.min()) >= 0 and max(one.max(), other.max()) < number):
        raise ValueError(f"pre and post must be between 0 and {number - 1}: both in the same group of neurons.")
    return one, other


def _matrix(pre: ArrayLike, post: ArrayLike, num_neurons: int, weights: ArrayLike | None) -> Any:
    """Return the weight matrix; if there are no weights, the adjacency matrix without autapses."""
    one, other = _ends(pre, post, num_neurons)
    if weights is None:
        pairs = np.unique(one[one != other] << 32 | other[one != other])
        one, other, values = pairs >> 32, pairs & 0xFFFFFFFF, np.ones(len(pairs))
    else:
        values = check_array("weights", weights).astype(float)
        if values.shape != one.shape:
            raise ValueError(f"weights must have the shape of pre, {one.shape}, got {values.shape}.")
    return csr_array((values, (one, other)), shape=(num_neurons, num_neurons))


def _graph(pre: ArrayLike, post: ArrayLike, num_neurons: int) -> tuple[Any, Any]:
    """Return networkx and its graph of the connections, without autapses."""
    try:
        import networkx  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError("motifs and clustering need networkx: pip install 'synaptic-sampling[analysis]'.") from error
    one, other = _ends(pre, post, num_neurons)
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(num_neurons))
    graph.add_edges_from(zip(one[one != other].tolist(), other[one != other].tolist(), strict=True))
    return networkx, graph
