"""The published study that the tests compare with, where its table is at hand."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from synaptic_sampling import Observations

PRESENCE, WEIGHTS = "melander2021_presence.csv", "melander2021_synapses.csv"
DAYS = 4.0 * np.arange(8)


@cache
def path_of(name):
    folder = os.environ.get("SYNAPTIC_SAMPLING_DATA")
    return next(iter(sorted(Path(folder).rglob(name))), None) if folder else None


needs_data = pytest.mark.skipif(path_of(PRESENCE) is None, reason="needs data sets")


def study(cell):
    return Observations.from_table(path_of(PRESENCE), DAYS, where={"cell": cell})


def weights(cell):
    return Observations.from_table(path_of(WEIGHTS), DAYS, where={"cell": cell}, weights=True)
