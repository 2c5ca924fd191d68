"""Snapshots: all connections of a set after a step; their checks, comparison and file format."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_array, check_index, check_integer
from synaptic_sampling.log.file import MAX_STEP

__all__ = ["MAX_INDEX", "Snapshot", "are_equal", "make", "pack", "unpack"]

MAX_INDEX = 2**16 - 1


class Snapshot(NamedTuple):
    """All connections of a set after a step, one entry per slot; polarity is 0 in slots without a connection."""

    step: int
    set_index: int
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    theta: NDArray[Any]
    polarity: NDArray[np.int8]


def make(step: int, index: int, pre: Any, post: Any, theta: Any, polarity: Any) -> Snapshot:
    """Return a snapshot, after checking all values."""
    taken = Snapshot(
        check_integer("step", step, minimum=0, maximum=MAX_STEP),
        check_index(index),
        check_array("pre", pre, "iu").astype(np.int32, copy=False),
        check_array("post", post, "iu").astype(np.int32, copy=False),
        check_array("theta", theta),
        _signs(polarity),
    )
    shapes = {values.shape for values in taken[2:]}
    if len(shapes) != 1 or taken.pre.ndim != 1:
        raise ValueError(f"pre, post, theta and polarity must be vectors of equal length, got {sorted(shapes)}.")
    if min(taken.pre.min(initial=0), taken.post.min(initial=0)) < 0:
        raise ValueError("pre and post must be >= 0.")
    return taken


def _signs(polarity: Any) -> NDArray[np.int8]:
    """Return signs as int8, or raise an error."""
    signs = check_array("polarity", polarity, "iuf")
    if not (
        signs.min(initial=0) >= -1 and signs.max(initial=0) <= 1 and (signs.dtype.kind != "f" or not (signs % 1).any())
    ):
        raise ValueError(f"polarity must be -1 or 1, or 0 where a slot holds no connection, got {polarity!r}.")
    return signs.astype(np.int8, copy=False)


def are_equal(one: Snapshot, other: Snapshot) -> bool:
    """Return whether two snapshots are bit-identical."""
    arrays = ((getattr(one, name), getattr(other, name)) for name in ("pre", "post", "theta", "polarity"))
    return one[:2] == other[:2] and all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in arrays)


def pack(taken: Snapshot) -> bytes:
    """Return the bytes that represent a snapshot in a file."""
    about = json.dumps([taken.step, taken.set_index, len(taken.pre), taken.theta.dtype.str]).encode()
    # Joined once, from the arrays themselves: each copy of 1e7 connections takes 130 MB.
    columns = [np.ascontiguousarray(values).data for values in taken[2:]]
    return b"".join([struct.pack("<I", len(about)), about, *columns])


def unpack(payload: bytes) -> Snapshot:
    """Return a snapshot from its bytes; its arrays are views."""
    begin = 4 + struct.unpack_from("<I", payload)[0]
    step, index, number, theta = json.loads(payload[4:begin])
    dtypes = [np.dtype("<i4"), np.dtype("<i4"), np.dtype(theta), np.dtype("i1")]
    if dtypes[2].kind != "f" or len(payload) != begin + number * sum(dtype.itemsize for dtype in dtypes):
        raise ValueError("a snapshot has the wrong size or type")
    columns = []
    for dtype in dtypes:
        columns.append(np.frombuffer(payload, dtype, number, begin))
        begin += number * dtype.itemsize
    return Snapshot(step, index, *columns)
