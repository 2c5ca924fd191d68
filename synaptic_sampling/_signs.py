"""Signs of connections: by which rule, and whether given ones are signs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array
from synaptic_sampling._kernels import dynamics

__all__ = ["SIGNS", "check_signs", "polarities", "sign_rule"]

#: Rules for the sign of a newborn connection.
SIGNS = {
    "site": dynamics.SIGN_OF_SITE,
    "presynaptic": dynamics.SIGN_OF_PRE,
    "redrawn": dynamics.SIGN_REDRAWN,
}


def check_signs(name: str, array: NDArray[Any]) -> NDArray[np.int8]:
    """Return an array as signs, or raise an error that names it.

    Parameters
    ----------
    name : str
        Of the array.
    array : ndarray
        Must hold +1 and -1 only.

    Returns
    -------
    ndarray of int8
        The signs.

    Raises
    ------
    ValueError
        Shows the first value that is none.
    """
    if array.size and not np.all((array == 1) | (array == -1)):
        wrong = array[(array != 1) & (array != -1)].flat[0]
        raise ValueError(f"{name} must hold +1 and -1 only, got {wrong}.")
    return array.astype(np.int8)


def polarities(polarity: ArrayLike, pre: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the signs of connections that were given, or raise an error.

    Parameters
    ----------
    polarity : array_like of +1 and -1, shape (K,)
        The signs.
    pre : ndarray of int32, shape (K,)
        The presynaptic neurons.

    Returns
    -------
    ndarray of int8, shape (K,)
        The signs.

    Raises
    ------
    TypeError, ValueError
        If they are none, or not as many as connections.
    """
    array = check_array("polarity", polarity)
    if array.shape != pre.shape:
        raise ValueError(f"polarity must have shape {pre.shape}, got {array.shape}.")
    return check_signs("polarity", array)


def sign_rule(signs: Any, num_pre: int, num_post: int) -> tuple[int, NDArray[np.int8]]:
    """Return how signs are found, and the given ones if they are given.

    Parameters
    ----------
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        As in `Connections`.
    num_pre, num_post : int
        Numbers of neurons on both sides.

    Returns
    -------
    rule : int
        As the kernels know it.
    table : ndarray of int8
        One for each presynaptic neuron or each pair; of size 0 where none are given.

    Raises
    ------
    TypeError, ValueError
        If ``signs`` is nothing of this.
    """
    if isinstance(signs, str):
        if signs not in SIGNS:
            raise ValueError(f"signs must be one of {', '.join(map(repr, SIGNS))}, +1, -1 or an array, got {signs!r}.")
        return SIGNS[signs], np.empty(0, np.int8)
    try:
        given = check_array("signs", signs, "iuf")
        table = check_signs("signs", given)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"signs must be one of {', '.join(map(repr, SIGNS))}, +1, -1 or an array of +1 and -1, got {signs!r}."
        ) from error
    if given.ndim == 0:
        return dynamics.SIGN_GIVEN_PRE, np.full(num_pre, table, np.int8)
    if given.shape == (num_pre,):
        return dynamics.SIGN_GIVEN_PRE, table
    if given.shape == (num_pre, num_post):
        return dynamics.SIGN_GIVEN_SITE, table.ravel()
    raise ValueError(f"signs must have shape ({num_pre},) or ({num_pre}, {num_post}), got {given.shape}.")
