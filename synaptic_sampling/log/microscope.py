"""What an imaging study would have seen of a log: the presence of each connection at a few looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_integer, check_number
from synaptic_sampling.log.file import MAX_STEP, LogError
from synaptic_sampling.observations import Observations

if TYPE_CHECKING:
    from synaptic_sampling.log.record import Record

__all__ = ["observe"]


class _Sites(NamedTuple):
    """Where connections were seen (set, presynaptic and postsynaptic neuron; one row each), and at which looks."""

    place: NDArray[np.int64]
    seen: NDArray[np.bool_]


def observe(
    record: Record, times: ArrayLike, index: int | None, min_weight: float | None, min_age: int
) -> Observations:
    """Return what a microscope would have seen of a record; see ``RewiringLog.observe``."""
    looks = _check_looks(record, times)
    least = None if min_weight is None else check_number("min_weight", min_weight, minimum=0.0)
    age = check_integer("min_age", min_age, minimum=0, maximum=MAX_STEP)
    chosen = sorted(record.sets or {of for _, of in record.snapshot_keys}) if index is None else [index]
    lack = [reason for number in chosen for reason in _without_weights(record, number, looks)]
    if least is not None and lack:
        raise LogError(f"min_weight needs the weights at every look, but {lack[0]}.")
    parts = [_seen_in(record, number, looks, age) for number in chosen]
    place, seen = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    weights = None
    if not lack:
        weights = np.concatenate([_weights_of(record, of, looks, own) for of, own in zip(chosen, parts, strict=True)])
    if least is not None and weights is not None:
        seen = seen & (weights >= least)
    kept = seen.any(axis=1)
    group = np.array([f"{of}:{post}" for of, _, post in place[kept].tolist()], dtype=str)
    return Observations(seen[kept], looks, weights=None if weights is None else weights[kept], group=group)


def _check_looks(record: Record, times: ArrayLike) -> NDArray[np.int64]:
    looks = check_array("times", times)
    if looks.ndim != 1 or len(looks) < 2 or looks.dtype.kind not in "iu" or (np.diff(looks) <= 0).any():
        raise ValueError(f"times must be two or more steps, ascending integers, got {looks}.")
    record.check_step("times", int(looks[-1]))
    if looks[0] < record.first_step:
        raise ValueError(f"times must be at least {record.first_step}, where the record starts, got {looks[0]}.")
    return looks.astype(np.int64)


def _seen_in(record: Record, index: int, looks: NDArray[np.int64], age: int) -> _Sites:
    """Return the sites of one set at which a connection was seen at any look."""
    places, seen = [np.empty((0, 3), np.int64)], [np.empty((0, len(looks)), np.bool_)]
    for lives in record.life_blocks(index):
        own = _seen_lives(lives, looks, age)
        some = own.any(axis=1)
        places.append(np.column_stack([lives[name][some].astype(np.int64) for name in ("set", "pre", "post")]))
        seen.append(own[some])
    found = _Sites(np.concatenate(places), np.concatenate(seen))
    if index in record.sets and record.sets[index].multapses:
        return found  # Several connections may share a pair: each life is one of its own.
    # A microscope knows a connection by its place: one that returned between two looks was never away.
    place, row = np.unique(found.place, axis=0, return_inverse=True)
    merged = np.zeros((len(place), len(looks)), np.bool_)
    np.logical_or.at(merged, row.ravel(), found.seen)
    return _Sites(place, merged)


def _seen_lives(lives: NDArray[Any], looks: NDArray[np.int64], age: int) -> NDArray[np.bool_]:
    birth, end, dead = (lives[name][:, None] for name in ("birth", "end", "dead"))
    return (birth + age <= looks) & ((looks < end) | ~dead)


def _without_weights(record: Record, index: int, looks: NDArray[np.int64]) -> Iterator[str]:
    """Yield reasons why the weights of a set at the looks are not known."""
    about = record.sets.get(index)
    if about is not None and not about.has_theta:
        yield f"the rule of set {index} has no theta"
    if about is not None and about.multapses:
        yield f"in set {index} several connections may share a pair of neurons"
    absent = looks[~np.isin(looks, record.snapshot_steps(index))]
    if len(absent):
        yield f"there is no snapshot of set {index} after step {absent[0]}; take snapshots at these steps"
    elif any(np.isnan(record.snapshot_at(step, index).theta).all() for step in looks.tolist()):
        yield f"the snapshots of set {index} contain no theta"


def _weights_of(record: Record, index: int, looks: NDArray[np.int64], sites: _Sites) -> NDArray[np.float64]:
    """Return abs(theta) of each site of a set at each look, NaN where no connection was seen."""
    weights = np.full(sites.seen.shape, np.nan)
    key = _pairs(sites.place[:, 1], sites.place[:, 2])
    for column, step in enumerate(looks.tolist()):
        taken = record.snapshot_at(step, index)
        there = taken.polarity != 0
        _, own, at = np.intersect1d(_pairs(taken.pre[there], taken.post[there]), key, return_indices=True)
        weights[at, column] = np.abs(taken.theta[there][own])
    return np.where(sites.seen, weights, np.nan)


def _pairs(pre: NDArray[Any], post: NDArray[Any]) -> NDArray[np.int64]:
    """Return the pairs of neurons as single integers."""
    return pre.astype(np.int64) << 32 | post.astype(np.int64)
