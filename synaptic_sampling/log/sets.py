"""Descriptions of the sets of connections in a log, and the checks that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index, check_integer
from synaptic_sampling.log.file import MAX_STEP
from synaptic_sampling.log.snapshots import Snapshot

__all__ = ["FEWEST_FIELDS", "SetInfo", "check_neurons", "make_set", "neuron_limits"]

#: Number of fields in files written before sets could be unsigned or without theta.
FEWEST_FIELDS = 6


class SetInfo(NamedTuple):
    """Description of a set of connections; the last two fields are missing in files written before they existed."""

    set_index: int
    num_pre: int
    num_post: int
    num_sites: int
    name: str
    multapses: bool
    signed: bool = True
    has_theta: bool = True


def make_set(index: int, num_pre: int, num_post: int, num_sites: int, name: str, **flags: Any) -> SetInfo:
    """Return the description of a set, after checking every value."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}.")
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{flag} must be True or False, got {value!r}.")
    return SetInfo(
        check_index(index),
        check_integer("num_pre", num_pre, minimum=1, maximum=2**31 - 1),
        check_integer("num_post", num_post, minimum=1, maximum=2**31 - 1),
        check_integer(
            "num_sites", num_sites, minimum=0, maximum=MAX_STEP if flags["multapses"] else num_pre * num_post
        ),
        name,
        **flags,
    )


def check_neurons(taken: Snapshot, sets: Mapping[int, SetInfo]) -> Snapshot:
    """Return a snapshot, after checking that its neurons exist in the set, if that is described."""
    about = sets.get(taken.set_index)
    for name, ends in () if about is None else (("pre", taken.pre), ("post", taken.post)):
        number, largest = getattr(about, f"num_{name}"), int(ends.max(initial=-1))
        if largest >= number:
            raise ValueError(
                f"{name} must be below {number}, the number of neurons of set {taken.set_index}, got {largest}."
            )
    return taken


def neuron_limits(sets: Mapping[int, SetInfo], with_snapshot: set[int]) -> NDArray[np.int64]:
    """Return the numbers of neurons of each set, for ``check_events``; 0 where there is no set of an index."""
    known = {*sets, *with_snapshot}
    limits = np.zeros((max(known, default=-1) + 1, 2), np.int64)
    for index in known:
        limits[index] = sets[index][1:3] if index in sets else 2**31
    return limits
