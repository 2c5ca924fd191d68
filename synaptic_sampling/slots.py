"""Slots of connections, whatever the rule: endpoints, parameter, sign, age; how signs are found; what is checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer, check_number, check_seed
from synaptic_sampling._columns import Columns
from synaptic_sampling._kernels import dynamics
from synaptic_sampling._signs import SIGNS, check_signs, polarities, sign_rule
from synaptic_sampling.randomness import MAX_SET, MAX_STEP, Stream, key_words, stream_word
from synaptic_sampling.sites import Sites

__all__ = ["SIGNS", "Slots", "check_count"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Slots:
    """What `Connections` and `PotentialConnections` have in common; not made by itself.

    Parameters
    ----------
    sites : Sites
        Which pairs may be connected.
    pre, post : array_like of int, shape (K,)
        Endpoints.
    theta, polarity : array_like, shape (K,), optional
        Zeros and the signs that ``signs`` gives, by default.
    smallest : float
        The smallest theta allowed.
    signs, excitatory, seed, index, dtype
        As in `Connections`.
    """

    def __init__(
        self,
        sites: Sites,
        pre: ArrayLike,
        post: ArrayLike,
        *,
        theta: ArrayLike | None,
        polarity: ArrayLike | None,
        smallest: float,
        signs: str | int | ArrayLike,
        excitatory: float,
        seed: int,
        index: int,
        dtype: Any,
    ) -> None:
        self.sites = sites
        self.num_pre, self.num_post, self.autapses = sites.num_pre, sites.num_post, sites.autapses
        self._set_randomness(seed, index, signs, excitatory)
        pre, post = _pairs(pre, post, sites)
        self._columns = Columns(0)
        self._wire(pre, post)
        self.theta = _parameters(theta, len(pre), dtype, smallest)
        self._columns["polarity"] = self.signs_of(pre, post) if polarity is None else polarities(polarity, pre)
        self._columns["birth_step"] = np.zeros(len(pre), np.int64)
        self.steps_done = self.optimizer_since = 0

    def __len__(self) -> int:
        return self._columns.number

    @property
    def pre(self) -> NDArray[np.int32]:
        """Return the presynaptic neuron of each slot, not copied."""
        return self._columns["pre"]

    @property
    def post(self) -> NDArray[np.int32]:
        """Return the postsynaptic neuron of each slot, not copied."""
        return self._columns["post"]

    @property
    def polarity(self) -> NDArray[np.int8]:
        """Return the sign of each slot, not copied."""
        return self._columns["polarity"]

    @property
    def birth_step(self) -> NDArray[np.int64]:
        """Return the step in which each connection was born, not copied; 0 for the first ones."""
        return self._columns["birth_step"]

    @property
    def theta(self) -> NDArray[Any]:
        """Return the parameter of each slot, not copied; set it to let an array of yours be worked on in place."""
        return self._columns["theta"]

    @theta.setter
    def theta(self, values: NDArray[Any]) -> None:
        if not isinstance(values, np.ndarray) or values.dtype not in FLOATS:
            kind = getattr(values, "dtype", type(values).__name__)
            raise TypeError(f"theta must be an array of float32 or float64, got {kind}.")
        if values.ndim != 1 or len(values) < len(self):
            raise ValueError(f"theta must have shape ({len(self)},) or more, got {values.shape}.")
        if not values.flags.writeable:
            raise ValueError("theta must be writeable, got an array that is not; give a copy.")
        self._columns["theta"] = values

    @property
    def moments(self) -> tuple[NDArray[Any], ...]:
        """Return what the optimizer remembers of each slot, not copied."""
        return tuple(self._columns[name] for name in self._columns if name.startswith("moment"))

    @moments.setter
    def moments(self, values: tuple[NDArray[Any], ...]) -> None:
        for name in [name for name in self._columns if name.startswith("moment")]:
            del self._columns[name]
        for n, moment in enumerate(values):
            self._columns[f"moment{n}"] = moment

    @property
    def age(self) -> NDArray[np.int64]:
        """Return the steps since the birth of each connection, a new array."""
        return self.steps_done - self.birth_step

    @property
    def moment_age(self) -> NDArray[np.int64]:
        """Return the steps over which the moments of each connection have accumulated, a new array.

        Its age; less where the optimizer came into use after its birth.
        """
        return self.steps_done - np.maximum(self.birth_step, self.optimizer_since)

    def begin_moments(self, number: int) -> None:
        """Start the moments of an optimizer at zero, unless there are as many already.

        Parameters
        ----------
        number : int
            Of moments per connection. Called before a step is counted.
        """
        if len(self.moments) != number:
            self.moments = tuple(np.zeros_like(self.theta) for _ in range(number))
            self.optimizer_since = self.steps_done

    def signs_of(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int8]:
        """Return the signs that connections born now at the given pairs have.

        Parameters
        ----------
        pre, post : ndarray of int32, shape (n,)
            The pairs; with 'redrawn' signs, the n-th pair is taken to be born in slot n before the first step.

        Returns
        -------
        ndarray of int8, shape (n,)
            +1 or -1.

        Raises
        ------
        TypeError, ValueError
            If they are no pairs of these neurons.
        """
        pre, post = _pairs(pre, post, self.sites)
        out = np.empty(len(pre), np.int8)
        dynamics._polarities(pre, post, self._sign_rule, self.num_post, self._stream(Stream.SIGN), *self._sign_key, out)
        return out

    @property
    def sign_digest(self) -> str:
        """Return a number for the rule of signs: equal ones give the same signs under the same seed."""
        rule, table, threshold = self._sign_rule
        return hashlib.sha256(f"{rule} {threshold} ".encode() + table.tobytes()).hexdigest()[:16]

    def reseed(self, seed: int) -> None:
        """Let all random numbers be those of another seed from now on, except drawn signs, which belong to the model.

        Parameters
        ----------
        seed : int
            0 to 2**64 - 1.

        Raises
        ------
        TypeError, ValueError
            If it is none.
        """
        self.seed = check_seed(seed)
        self._key = key_words(self.seed)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next step needs, besides the arguments of the class.

        Returns
        -------
        dict of str to ndarray
            ``pre``, ``post``, ``theta``, ``polarity``, ``birth_step`` and the moments, not copied; ``steps_done`` and
            ``optimizer_since``, the step after which the moments started at zero.
        """
        names = ("pre", "post", "theta", "polarity", "birth_step")
        moments = {f"moment{n}": moment for n, moment in enumerate(self.moments)}
        counts = {name: np.array(getattr(self, name)) for name in ("steps_done", "optimizer_since")}
        return {**{name: getattr(self, name) for name in names}, **counts, **moments}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take on the state of connections that were made with the same arguments.

        Parameters
        ----------
        state : mapping of str to ndarray
            What ``state`` returned.

        Raises
        ------
        TypeError
            If it is no state.
        ValueError
            If the number of connections differs, or they cannot be. Nothing has changed then.
        """
        if not isinstance(state, Mapping) or "pre" not in state:
            raise TypeError(f"state must be a mapping that state() has returned, got {state!r}.")
        self._check_number(len(state["pre"]))
        self._wire(_endpoints("pre", state["pre"], self.num_pre), _endpoints("post", state["post"], self.num_post))
        self.theta[:] = state["theta"]
        self.polarity[:] = state["polarity"]
        self.birth_step[:] = state["birth_step"]
        self.steps_done, self.optimizer_since = int(state["steps_done"]), int(state["optimizer_since"])
        count = sum(name.startswith("moment") for name in state)
        self.moments = tuple(np.array(state[f"moment{n}"]) for n in range(count))

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless ``restore`` can take this on, and a run can go on from it; changes nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            What ``state`` returned, of connections that were made with the same arguments.

        Raises
        ------
        TypeError, ValueError
            Names the array, and the connection where one is wrong.
        """
        for name, own in self.state().items():
            if name not in state and not name.startswith("moment"):
                raise ValueError(f"the state lacks {name!r}.")
            if name in state and np.asarray(state[name]).dtype != own.dtype:
                raise TypeError(f"{name} must hold {own.dtype}, got {np.asarray(state[name]).dtype}.")
        number, now = len(state["pre"]), int(check_count("steps_done", state["steps_done"], MAX_STEP))
        self._check_number(number)
        check_count("optimizer_since", state["optimizer_since"], now)
        moments = [name for name in state if name.startswith("moment")]
        for name in ("post", "theta", "polarity", "birth_step", *moments):
            if state[name].shape != (number,):
                raise ValueError(f"{name} must have shape ({number},), got {state[name].shape}.")
        for name in ("theta", *moments):
            k = dynamics._first_not_finite(state[name])
            if k >= 0:
                raise ValueError(f"{name} must be finite, got {state[name][k]} for connection {k}.")
        late = np.flatnonzero((state["birth_step"] < 0) | (state["birth_step"] > now))
        if len(late):
            raise ValueError(f"birth_step must be 0 to {now}, got {state['birth_step'][late[0]]}.")
        pre, post = _endpoints("pre", state["pre"], self.num_pre), _endpoints("post", state["post"], self.num_post)
        self._check_wiring(pre, post)
        self._check_polarity(pre, post, check_signs("polarity", state["polarity"]))

    def _check_polarity(self, pre: NDArray[np.int32], post: NDArray[np.int32], polarity: NDArray[np.int8]) -> None:
        """Refuse signs against the rule, where signs have followed the rule so far."""
        if self._sign_rule[0] == dynamics.SIGN_REDRAWN or (self.signs_of(self.pre, self.post) != self.polarity).any():
            return
        wrong = np.flatnonzero(self.signs_of(pre, post) != polarity)
        if len(wrong):
            k = wrong[0]
            raise ValueError(
                f"connection {k} ({pre[k]} -> {post[k]}) has a different sign in this network; make it with the signs "
                "of the state."
            )

    def _check_number(self, number: int) -> None:
        """Refuse a state of another number of slots, where this cannot change."""
        if number != len(self):
            raise ValueError(f"the state is one of {number} connections, but there are {len(self)}.")

    def _check_wiring(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Refuse endpoints that ``_wire`` would refuse."""
        self._check_pairs(pre, post)

    def _check_pairs(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Refuse endpoints of which some pair may not be connected."""
        wrong = self.sites.first_forbidden(pre, post)
        if wrong:
            k, why = wrong
            raise ValueError(f"connection {k} ({pre[k]} -> {post[k]}) is {why}.")

    def _wire(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Take on endpoints, unless some pair may not be connected."""
        self._check_pairs(pre, post)
        self._columns.resize(len(pre))
        self._columns["pre"], self._columns["post"] = pre, post

    def _stream(self, stream: Stream) -> np.uint64:
        return stream_word(stream, self.index)

    def _set_randomness(self, seed: int, index: int, signs: Any, excitatory: float) -> None:
        """Keep the key of the random numbers and the rule for signs."""
        self.seed = check_seed(seed)
        self.index = check_integer("index", index, minimum=0, maximum=MAX_SET)
        self._key = self._sign_key = key_words(self.seed)
        share = check_number("excitatory", excitatory, minimum=0.0, maximum=1.0)
        mode, table = sign_rule(signs, self.num_pre, self.num_post)
        self._sign_rule = mode, table, np.uint64(round(share * 2**32))


def check_count(name: str, value: Any, largest: int) -> int:
    """Return a counter of a state, or raise an error that names it.

    Parameters
    ----------
    name : str
        Of the counter.
    value : object
        What the state holds: an integer, shape ().
    largest : int
        The largest value possible.

    Returns
    -------
    int
        The value.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.
    """
    array = check_array(name, value, "iu")
    if array.ndim:
        raise ValueError(f"{name} must be one number, got shape {array.shape}.")
    return check_integer(name, int(array), minimum=0, maximum=largest)


def _integers(name: str, values: ArrayLike) -> NDArray[Any]:
    array = check_array(name, values, "iu")
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {array.shape}.")
    return array


def _endpoints(name: str, values: ArrayLike, num_neurons: int) -> NDArray[np.int32]:
    array = _integers(name, values)
    outside = np.flatnonzero((array < 0) | (array >= num_neurons))
    if len(outside):
        k = outside[0]
        raise ValueError(f"{name}[{k}] must be between 0 and {num_neurons - 1}, got {array[k]}.")
    return array.astype(np.int32)


def _pairs(pre: ArrayLike, post: ArrayLike, sites: Sites) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the neurons at both ends, if they are there and as many."""
    pre, post = _endpoints("pre", pre, sites.num_pre), _endpoints("post", post, sites.num_post)
    if pre.shape != post.shape:
        raise ValueError(f"pre and post must have equal lengths, got {len(pre)} and {len(post)}.")
    return pre, post


def _float_type(dtype: Any) -> np.dtype[Any]:
    try:
        # NumPy takes None for float64, even where two types are compared.
        if dtype is not None and np.dtype(dtype) in FLOATS:
            return np.dtype(dtype)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"dtype must be float32 or float64, got {dtype!r}.")


def _parameters(theta: ArrayLike | None, size: int, dtype: Any, minimum: float) -> NDArray[Any]:
    dtype = _float_type(dtype)
    if theta is None:
        return np.zeros(size, dtype)
    array = check_array("theta", theta).astype(dtype)
    if array.shape != (size,):
        raise ValueError(f"theta must have shape ({size},), got {array.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= minimum)))
    if len(wrong):
        allowed = "finite" if minimum == -math.inf else f"finite and >= {minimum:g}"
        raise ValueError(f"theta must be {allowed}, got {array[wrong[0]]} for connection {wrong[0]}.")
    return array
