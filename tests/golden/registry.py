"""What a program is called, and what of its results is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling import RewiringInfo, RewiringLog


class Program(NamedTuple):
    """A small run whose results are kept as a digest.

    ``name`` is "front end/rule/storage/what is special"; ``speed`` is '' or 'slow' or 'cython', which is slow too.
    ``hangs_on`` says what can change its last bits besides this package: '' (nothing: integers, and sums, products
    and roots of floats, which are the same everywhere), 'libm' (exp, log and tanh of the C library) or 'machine'
    (matrix products and exponentials of NumPy, which differ from processor to processor).
    """

    name: str
    run: Callable[[], Any]
    speed: str = ""
    hangs_on: str = ""

    @property
    def combination(self) -> tuple[str, str, str]:
        """Return front end, rule and storage."""
        front, rule, storage, _ = self.name.split("/")
        return front, rule, storage


#: Of a state. What a later version adds to it is no change of what it had.
KEPT = (
    "pre", "post", "theta", "polarity", "birth_step", "steps_done", "missing", "moment0", "moment1", "wheel", "clock",
    "value",
)  # fmt: skip


def kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of what is kept of a state, whose names may begin with the number of a part."""
    return {name: np.array(values) for name, values in state.items() if name.split("/")[-1] in KEPT}


def told(info: RewiringInfo) -> list[Any]:
    """Return what a step said that it did."""
    return [info.step, info.events, info.num_deaths, info.num_births, info.num_moves, info.num_unplaced]


def recorded(log: RewiringLog) -> list[Any]:
    """Return what a log holds of events and wirings, without versions, dates and parameters."""
    times = [log.times[name] for name in ("step", "seconds", "samples")]
    snapshots = [[s.step, s.set_index, s.pre, s.post, s.theta, s.polarity] for s in log.snapshots]
    return [log.events, times, snapshots, [list(log.wiring(index=index)) for index in sorted(log.sets)]]
