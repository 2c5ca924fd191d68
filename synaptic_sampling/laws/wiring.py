"""Null distributions of connectivity if new connections form uniformly at vacant sites, whatever eliminates them.

Under DEEP R without a gradient all sets of K sites are equally likely, because lifetimes do not depend on the sites.
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom

from synaptic_sampling._checks import check_array, check_integer

__all__ = ["degree_law", "reciprocity", "triads", "visited_share"]

#: For each kind of triad: its number of connections, and how many of the 64 digraphs of three neurons are of this kind.
TRIADS = {
    "003": (0, 1), "012": (1, 6), "102": (2, 3), "021D": (2, 3), "021U": (2, 3), "021C": (2, 6), "111D": (3, 6),
    "111U": (3, 6), "030T": (3, 6), "030C": (3, 2), "201": (4, 3), "120D": (4, 3), "120U": (4, 3), "120C": (4, 6),
    "210": (5, 6), "300": (6, 1),
}  # fmt: skip


def degree_law(num_sites: int, sites_of_neuron: int, num_connections: int) -> NDArray[np.float64]:
    """Return the probability that a neuron has 0, 1, ... connections.

    Parameters
    ----------
    num_sites : int
        All pairs that may be connected.
    sites_of_neuron : int
        Pairs of one neuron: the number of neurons on the other side.
    num_connections : int
        K.

    Returns
    -------
    ndarray, shape (min(sites_of_neuron, num_connections) + 1,)
        The hypergeometric law.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or out of range.
    """
    sites = check_integer("num_sites", num_sites, minimum=0, maximum=2**62)
    own = check_integer("sites_of_neuron", sites_of_neuron, minimum=0, maximum=sites)
    number = check_integer("num_connections", num_connections, minimum=0, maximum=sites)
    return np.asarray(hypergeom.pmf(np.arange(min(own, number) + 1), sites, own, number))


def reciprocity(num_sites: int, num_connections: int) -> float:
    """Return the expected fraction of connections whose reverse exists too.

    Parameters
    ----------
    num_sites : int
        All pairs that may be connected, without autapses, each with its reverse.
    num_connections : int
        K.

    Returns
    -------
    float
        (K - 1)/(num_sites - 1); NaN without connections.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or out of range.
    """
    sites = check_integer("num_sites", num_sites, minimum=2, maximum=2**62)
    number = check_integer("num_connections", num_connections, minimum=0, maximum=sites)
    return (number - 1) / (sites - 1) if number else float("nan")


def triads(num_neurons: int, num_connections: int) -> dict[str, float]:
    """Return the expected number of each kind of three neurons (``topology.triads``).

    Parameters
    ----------
    num_neurons : int
        N; all pairs except autapses may be connected.
    num_connections : int
        K.

    Returns
    -------
    dict of str to float
        For a kind with e connections that comprises c of the 64 digraphs, C(N, 3)*c*C(M - 6, K - e)/C(M, K), with
        M = N(N - 1).

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer or out of range.
    """
    number = check_integer("num_neurons", num_neurons, minimum=3, maximum=2**31 - 1)
    sites = number * (number - 1)
    connections = check_integer("num_connections", num_connections, minimum=0, maximum=sites)
    triples = number * (number - 1) * (number - 2) / 6
    # Of the 6 sites of three neurons, e are connected with this probability; all choices of e are equally likely.
    chance = hypergeom.pmf(np.arange(7), sites, 6, connections)
    return {name: float(triples * c * chance[e] / comb(6, e)) for name, (e, c) in TRIADS.items()}


def visited_share(
    births: ArrayLike, num_sites: int, num_connections: int, deaths: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the expected fraction of sites ever connected so far, given the number of births in each step.

    Parameters
    ----------
    births : array_like of int, shape (n,)
        Number of new connections in each step.
    num_sites : int
        All pairs that may be connected.
    num_connections : int
        K, connected at the start.
    deaths : array_like of int, shape (n,), optional
        Number of connections eliminated in each step, before its births; as many as births by default.

    Returns
    -------
    ndarray, shape (n + 1,)
        1 - (1 - K/M) * product over the steps of 1 - b/(M - K + d), with K the number connected before the step: b of
        so many vacant sites are taken. This holds whatever eliminates connections: a site never connected is vacant.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.
    """
    sites = check_integer("num_sites", num_sites, minimum=1, maximum=2**62)
    number = check_integer("num_connections", num_connections, minimum=0, maximum=sites)
    born = check_array("births", births).astype(float)
    died = born if deaths is None else check_array("deaths", deaths).astype(float)
    if born.ndim != 1 or died.shape != born.shape:
        raise ValueError(f"births and deaths must be vectors of equal length, got {born.shape} and {died.shape}.")
    before = number + np.concatenate([[0.0], np.cumsum(born - died)[:-1]])[: len(born)]
    vacant = sites - before + died
    if not ((died >= 0) & (died <= before) & (born >= 0) & (born <= vacant)).all():
        raise ValueError(
            "births and deaths must be >= 0, with no more deaths than connections and no more births than vacant sites."
        )
    missed = np.where(born > 0, 1.0 - born / np.maximum(vacant, 1.0), 1.0)
    return 1.0 - (1.0 - number / sites) * np.concatenate([[1.0], np.cumprod(missed)])
