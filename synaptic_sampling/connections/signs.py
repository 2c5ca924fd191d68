"""Signs of connections: the rule that gives them, and the check of those that a user gives."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_number
from synaptic_sampling._kernels import dynamics
from synaptic_sampling._kernels.signs import SIGN_GIVEN_PRE, SIGN_GIVEN_SITE, SIGN_OF_PRE, SIGN_OF_SITE, SIGN_REDRAWN
from synaptic_sampling.randomness import Stream, key_words, stream_word

__all__ = ["SIGNS", "Signs", "check_signs", "polarities"]

#: Rules for the sign of a new connection.
SIGNS = {
    "site": SIGN_OF_SITE,
    "presynaptic": SIGN_OF_PRE,
    "redrawn": SIGN_REDRAWN,
}
#: The rules as error messages list them.
ALLOWED = ", ".join(map(repr, SIGNS))


class Signs:
    """The rule by which connections get their sign, +1 or -1.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    signs : {'site', 'presynaptic', 'redrawn'}, int or array_like
        'site': a fixed sign per pair, computed from a keyed hash and therefore not stored (the rule of the paper).
        'presynaptic': a fixed sign per presynaptic neuron (Dale's law). 'redrawn': drawn whenever a connection is
        formed. +1 or -1: the same for all. An array of +1 and -1, shape (num_pre,) or (num_pre, num_post): the sign
        of each presynaptic neuron or pair.
    excitatory : float
        Probability of +1 where signs are drawn.
    seed, index : int
        Seed and number of the set of connections. Signs always depend on the initial seed, because they are part of
        the model.

    Attributes
    ----------
    mode : int
        The rule, one of the ``SIGN_`` constants of ``_kernels.signs``.
    table : ndarray of int8
        Given signs, per presynaptic neuron or per pair; of size 0 where signs are drawn.
    threshold : uint64
        A sign is +1 where its random 32-bit word is below this number.

    Raises
    ------
    TypeError, ValueError
        If ``signs`` or ``excitatory`` is of the wrong type or out of range.
    """

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        *,
        signs: str | int | ArrayLike = "site",
        excitatory: float = 0.5,
        seed: int = 0,
        index: int = 0,
    ) -> None:
        self.num_post = num_post
        self.key, self.stream = key_words(seed), stream_word(Stream.SIGN, index)
        probability = check_number("excitatory", excitatory, minimum=0.0, maximum=1.0)
        self.mode, self.table = _mode_and_table(signs, num_pre, num_post)
        self.threshold = np.uint64(round(probability * 2**32))

    @property
    def rule(self) -> tuple[int, NDArray[np.int8], np.uint64]:
        """Return mode, table and threshold, as the kernels take them."""
        return self.mode, self.table, self.threshold

    @property
    def address(self) -> tuple[np.uint64, np.uint64, np.uint64]:
        """Return stream word and key, as the kernels take them."""
        return self.stream, *self.key

    @property
    def redrawn(self) -> bool:
        """Return whether the sign of a pair can differ from one formation to the next."""
        return self.mode == SIGN_REDRAWN

    @property
    def digest(self) -> str:
        """Return a hash of the rule: rules with equal hashes give the same signs under the same seed."""
        return hashlib.sha256(f"{self.mode} {self.threshold} ".encode() + self.table.tobytes()).hexdigest()[:16]

    def of(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int8]:
        """Return the signs of connections at the given pairs; redrawn signs are those of the start.

        Parameters
        ----------
        pre, post : ndarray of int32, shape (n,)
            The pairs.

        Returns
        -------
        ndarray of int8, shape (n,)
            +1 and -1.
        """
        out = np.empty(len(pre), np.int8)
        dynamics.draw_signs(pre, post, self.rule, self.num_post, *self.address, out)
        return out


def check_signs(name: str, array: NDArray[Any]) -> NDArray[np.int8]:
    """Return an array of +1 and -1 as int8, or raise an error that names it."""
    if array.size and not np.all((array == 1) | (array == -1)):
        wrong = array[(array != 1) & (array != -1)].flat[0]
        raise ValueError(f"{name} must hold +1 and -1 only, got {wrong}.")
    return array.astype(np.int8)


def polarities(polarity: ArrayLike, pre: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the signs that the user gave for existing connections, or raise an error."""
    array = check_array("polarity", polarity)
    if array.shape != pre.shape:
        raise ValueError(f"polarity must have shape {pre.shape}, got {array.shape}.")
    return check_signs("polarity", array)


def _mode_and_table(signs: Any, num_pre: int, num_post: int) -> tuple[int, NDArray[np.int8]]:
    """Return the rule as the kernels know it, and the table of given signs."""
    if isinstance(signs, str):
        if signs not in SIGNS:
            raise ValueError(f"signs must be one of {ALLOWED}, +1, -1 or an array, got {signs!r}.")
        return SIGNS[signs], np.empty(0, np.int8)
    try:
        given = check_array("signs", signs, "iuf")
        table = check_signs("signs", given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"signs must be one of {ALLOWED}, +1, -1 or an array of +1 and -1, got {signs!r}.") from error
    if given.ndim == 0:
        return SIGN_GIVEN_PRE, np.full(num_pre, table, np.int8)
    if given.shape == (num_pre,):
        return SIGN_GIVEN_PRE, table
    if given.shape == (num_pre, num_post):
        return SIGN_GIVEN_SITE, table.ravel()
    raise ValueError(f"signs must have shape ({num_pre},) or ({num_pre}, {num_post}), got {given.shape}.")
