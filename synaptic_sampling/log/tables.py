"""A log as tables: of its events, of the lives of its connections, and of what it contains."""

from __future__ import annotations

from typing import Any

import numpy as np

from synaptic_sampling._tables import dataframe, html_table
from synaptic_sampling.log.replay import LIFE
from synaptic_sampling.log.stored import StoredRecord

__all__ = ["event_table", "life_table", "summary"]


def event_table(log: StoredRecord) -> Any:
    """Return one row per formation or elimination of a connection: step, its time, set, pair, and which of the two."""
    events, times = log.events, log.times
    events = events[np.abs(events["kind"]) == 1]  # Without moves between slots.
    at = np.searchsorted(times["step"], events["step"])
    units = {unit: times[unit][at] for unit in ("seconds", "samples") if np.isfinite(times[unit]).any()}
    kinds = np.where(events["kind"] == 1, "formed", "eliminated")
    columns = {name: events[name] for name in ("set", "pre", "post")}
    return dataframe({"step": events["step"], **units, **columns, "kind": kinds})


def life_table(log: Any) -> Any:
    """Return one row per connection that has existed: its set and pair, from which step to which, and how it ended."""
    lives = log.lives()
    return dataframe({name: lives[name] for name in LIFE.names or ()})


def summary(log: StoredRecord) -> str:
    """Return a table in HTML of the sets of a log."""
    rows = [
        (index, about.name, f"{about.num_pre} by {about.num_post}", about.num_sites)
        for index, about in sorted(log.sets.items())
    ]
    return html_table(repr(log).strip("<>"), ("set", "name", "neurons", "possible connections"), rows)
