"""How the connections lie: degrees, and pairs that are connected both ways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["degrees", "reciprocity"]


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
