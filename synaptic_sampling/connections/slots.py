"""Slots of connections, the same for every rule: endpoints, parameter, sign, age, and the checks of all of these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer, check_seed
from synaptic_sampling._kernels import dynamics
from synaptic_sampling.connections.columns import Columns
from synaptic_sampling.connections.signs import Signs, check_signs, polarities
from synaptic_sampling.connections.sites import Sites
from synaptic_sampling.randomness import LAST_STEP, Stream, key_words, stream_word

__all__ = ["Slots", "check_count", "wrong_storage"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Slots:
    """The common base of `Connections` and `PotentialConnections`, not to be used by itself."""

    def __init__(
        self,
        sites: Sites,
        signs: Signs,
        pre: ArrayLike,
        post: ArrayLike,
        *,
        theta: ArrayLike | None,
        polarity: ArrayLike | None,
        smallest: float,
        seed: int,
        index: int,
        dtype: Any,
    ) -> None:
        self.sites, self.signs = sites, signs
        self.num_pre, self.num_post, self.autapses = sites.num_pre, sites.num_post, sites.autapses
        self.seed, self.index, self.key = check_seed(seed), int(index), key_words(seed)
        pre, post = _pairs(pre, post, sites)
        self._columns = Columns(0)
        self._wire(pre, post)
        self.theta = _parameters(theta, len(pre), dtype, smallest)
        self._columns["polarity"] = signs.of(pre, post) if polarity is None else polarities(polarity, pre)
        self._columns["birth_step"] = np.zeros(len(pre), np.int64)
        self.steps_done = self.optimizer_since = 0
        #: Whether a step has started and not been completed, so that slots, theta and the table of sites may disagree.
        self.unfinished = False
        #: The rule that was last found to act on these connections.
        self.accepted: Any = None

    def __len__(self) -> int:
        return self._columns.number

    @property
    def pre(self) -> NDArray[np.int32]:
        """The presynaptic neuron of each slot, not a copy."""
        return self._columns["pre"]

    @property
    def post(self) -> NDArray[np.int32]:
        """The postsynaptic neuron of each slot, not a copy."""
        return self._columns["post"]

    @property
    def polarity(self) -> NDArray[np.int8]:
        """The sign of each slot, not a copy."""
        return self._columns["polarity"]

    @property
    def birth_step(self) -> NDArray[np.int64]:
        """The step in which each connection was formed, not a copy; 0 for those present at the start."""
        return self._columns["birth_step"]

    @property
    def theta(self) -> NDArray[Any]:
        """The parameter of each slot, not a copy; assign an array of yours to have it changed in place."""
        return self._columns["theta"]

    @theta.setter
    def theta(self, values: NDArray[Any]) -> None:
        if not isinstance(values, np.ndarray) or values.dtype not in FLOATS:
            kind = getattr(values, "dtype", type(values).__name__)
            raise TypeError(f"theta must be an array of float32 or float64, got {kind}.")
        if values.ndim != 1 or len(values) < len(self):
            raise ValueError(f"theta must have shape ({len(self)},) or more, got {values.shape}.")
        if not values.flags.writeable:
            raise ValueError("theta must be writeable, got an array that is not; pass a copy.")
        self._columns["theta"] = values

    @property
    def moments(self) -> tuple[NDArray[Any], ...]:
        """The optimizer's state of each slot, not a copy."""
        return tuple(self._columns[name] for name in self._columns if name.startswith("moment"))

    @moments.setter
    def moments(self, values: tuple[NDArray[Any], ...]) -> None:
        for name in [name for name in self._columns if name.startswith("moment")]:
            del self._columns[name]
        for n, moment in enumerate(values):
            self._columns[f"moment{n}"] = moment

    @property
    def age(self) -> NDArray[np.int64]:
        """The number of steps since each connection was formed, a new array."""
        return self.steps_done - self.birth_step

    @property
    def moment_age(self) -> NDArray[np.int64]:
        """The number of steps over which the moments of each connection have accumulated, a new array.

        It is the age, or less where the optimizer was first used after the connection was formed.
        """
        if self.optimizer_since == 0:
            return self.age
        return self.steps_done - np.maximum(self.birth_step, self.optimizer_since)

    @property
    def active_slots(self) -> NDArray[np.intp] | slice:
        """The slots of active connections, ascending: ``slice(None)``, which makes no copies, where all are active."""
        return slice(None)

    @property
    def num_active(self) -> int:
        """The number of active connections."""
        return len(self)

    def signs_in(self, state: Mapping[str, NDArray[Any]]) -> NDArray[np.int8]:
        """Return the sign of each slot in a state, as logs contain it: 0 where no connection is active."""
        return state["polarity"]

    def begin_step(self, num_moments: int | None) -> None:
        """Start the next step."""
        if self.steps_done >= LAST_STEP:
            raise ValueError(f"a run has at most {LAST_STEP} steps; start a new run with another seed.")
        self.unfinished = True
        if num_moments is not None:
            self.begin_moments(num_moments)
        self.steps_done += 1

    def end_step(self) -> None:
        """Note that the step has been carried out completely."""
        self.unfinished = False

    def check_finished(self) -> None:
        """Raise an error if an exception, such as Ctrl+C, has ended the last step before its end."""
        if self.unfinished:
            raise RuntimeError(
                f"an exception has ended step {self.steps_done} of {self!r} before it was complete; "
                "restore() a state that was saved before, or create the connections again."
            )

    def begin_moments(self, number: int) -> None:
        """Set the moments of an optimizer to zero, unless the same number of moments exists already."""
        if len(self.moments) != number:
            self.moments = tuple(np.zeros_like(self.theta) for _ in range(number))
            self.optimizer_since = self.steps_done

    def reset_moments(self, slots: NDArray[np.int32]) -> None:
        """Reset the optimizer's state of some slots."""
        for moment in self.moments:
            moment[slots] = 0.0

    def check_rule(self, rule: Any) -> None:
        """Raise an error unless the rule acts on connections of this kind."""
        if not isinstance(self, getattr(rule, "storage", ())):
            raise wrong_storage(rule, self)

    def signs_of(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> NDArray[np.int8]:
        """Return the signs of connections formed now at the given pairs."""
        return self.signs.of(*_pairs(pre, post, self.sites))

    def resize(self, number: int) -> None:
        """Resize to ``number`` slots; new slots are uninitialised."""
        self._columns.resize(number)

    def reseed(self, seed: int) -> None:
        """Use the random numbers of another seed from now on, except for signs, which belong to the model."""
        self.seed = check_seed(seed)
        self.key = key_words(self.seed)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that the next step needs besides the arguments of the class.

        Returns
        -------
        dict of str to ndarray
            Endpoints, theta, polarity and step of formation of each slot, the optimizer's state, and counters; copies.

        Raises
        ------
        RuntimeError
            If an exception has ended the last step before it was complete.
        """
        self.check_finished()
        return {name: np.array(values) for name, values in self.live_state().items()}

    def live_state(self) -> dict[str, NDArray[Any]]:
        """Return what ``state`` returns, not copied: valid until the next step, and not checked."""
        names = ("pre", "post", "theta", "polarity", "birth_step")
        moments = {f"moment{n}": moment for n, moment in enumerate(self.moments)}
        counts = {name: np.array(getattr(self, name)) for name in ("steps_done", "optimizer_since")}
        return {**{name: getattr(self, name) for name in names}, **counts, **moments}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state of connections that were created with the same arguments."""
        if not isinstance(state, Mapping) or "pre" not in state:
            raise TypeError(f"state must be a mapping returned by state(), got {state!r}.")
        self._check_number(len(state["pre"]))
        self._wire(_endpoints("pre", state["pre"], self.num_pre), _endpoints("post", state["post"], self.num_post))
        self.unfinished = True
        self.theta[:] = state["theta"]
        self.polarity[:] = state["polarity"]
        self.birth_step[:] = state["birth_step"]
        self.steps_done, self.optimizer_since = int(state["steps_done"]), int(state["optimizer_since"])
        count = sum(name.startswith("moment") for name in state)
        self.moments = tuple(np.array(state[f"moment{n}"]) for n in range(count))
        self.unfinished = False

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise an error unless ``restore`` accepts this state and a run can continue from it; changes nothing."""
        for name, own in self.live_state().items():
            if name not in state and not name.startswith("moment"):
                raise ValueError(f"the state lacks {name!r}; pass what state() returned.")
            if name in state and np.asarray(state[name]).dtype != own.dtype:
                raise TypeError(f"{name} must hold {own.dtype}, got {np.asarray(state[name]).dtype}.")
        number, now = len(state["pre"]), int(check_count("steps_done", state["steps_done"], LAST_STEP))
        self._check_number(number)
        check_count("optimizer_since", state["optimizer_since"], now)
        moments = [name for name in state if name.startswith("moment")]
        for name in ("post", "theta", "polarity", "birth_step", *moments):
            if state[name].shape != (number,):
                raise ValueError(f"{name} must have shape ({number},), got {state[name].shape}.")
        for name in ("theta", *moments):
            k = dynamics.first_not_finite(state[name])
            if k >= 0:
                raise ValueError(f"{name} must be finite, got {state[name][k]} for connection {k}.")
        late = np.flatnonzero((state["birth_step"] < 0) | (state["birth_step"] > now))
        if len(late):
            raise ValueError(f"birth_step must be between 0 and {now}, got {state['birth_step'][late[0]]}.")
        pre, post = _endpoints("pre", state["pre"], self.num_pre), _endpoints("post", state["post"], self.num_post)
        self._check_wiring(pre, post)
        self._check_polarity(pre, post, check_signs("polarity", state["polarity"]))

    def _check_polarity(self, pre: NDArray[np.int32], post: NDArray[np.int32], polarity: NDArray[np.int8]) -> None:
        """Raise an error for signs that differ from the rule, if those of the present connections follow it."""
        if self.unfinished or self.signs.redrawn or (self.signs.of(self.pre, self.post) != self.polarity).any():
            return
        wrong = np.flatnonzero(self.signs.of(pre, post) != polarity)
        if len(wrong):
            k = wrong[0]
            raise ValueError(
                f"connection {k} ({pre[k]} -> {post[k]}) has another sign here; use the same signs and seed."
            )

    def _check_number(self, number: int) -> None:
        """Raise an error for a state with another number of slots, where this number is fixed."""
        if number != len(self):
            raise ValueError(f"the state holds {number} connections, but this set has {len(self)}.")

    def _check_wiring(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Raise the error that ``_wire`` would raise; changes nothing."""
        self._check_pairs(pre, post)

    def _check_pairs(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Raise an error if a pair may not be connected."""
        wrong = self.sites.first_forbidden(pre, post)
        if wrong:
            k, why = wrong
            raise ValueError(f"connection {k} ({pre[k]} -> {post[k]}) is {why}.")

    def _wire(self, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
        """Replace all endpoints, unless a pair may not be connected."""
        self._check_pairs(pre, post)
        self._columns.resize(len(pre))
        self._columns["pre"], self._columns["post"] = pre, post

    def stream(self, stream: Stream) -> np.uint64:
        """Return the address word of a stream of random numbers of this set."""
        return stream_word(stream, self.index)


def wrong_storage(rule: Any, connections: Any) -> TypeError:
    """Return the error for a rule that does not act on these connections, or is not a rule."""
    if not hasattr(rule, "storage"):
        return TypeError(f"rule must be a rule such as DeepR(...), got {rule!r}.")
    kinds = " or ".join(kind.__name__ for kind in rule.storage)
    return TypeError(
        f"connections must be {kinds} for {type(rule).__name__}, got {type(connections).__name__}: {connections!r}."
    )


def check_count(name: str, value: Any, largest: int) -> int:
    """Return a counter from a state, or raise an error that names it."""
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
    """Return presynaptic and postsynaptic indices, checked."""
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
