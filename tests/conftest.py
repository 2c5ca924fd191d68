"""Fixtures of all rooms."""

from __future__ import annotations

import os
from pathlib import Path

# Before Numba is imported: the tests keep compiled kernels here, not in the user's folder.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "numba"))

import numba
import numpy as np
import pytest
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def no_figure_outlives_its_test():
    """Close the figures of a test and restore matplotlib's settings, so that the next one has plain, new axes."""
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def rng(request):
    """Return a generator that is the same for every run of a test, and different for different tests."""
    seed = [ord(letter) for letter in request.node.nodeid]
    return np.random.default_rng(seed)


def pytest_configure(config):
    if numba.config.DISABLE_JIT:
        # NumPy's scalars warn where compiled code is silent: at inf - inf, and where a product of words wraps around.
        config.addinivalue_line("filterwarnings", "ignore::RuntimeWarning")


def pytest_collection_modifyitems(items):
    if numba.config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(pytest.mark.skip(reason="would take minutes without compilation"))
