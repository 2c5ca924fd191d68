"""Fixtures of all rooms."""

from __future__ import annotations

import numba
import numpy as np
import pytest


@pytest.fixture
def rng(request):
    """Return a generator that is the same for every run of a test, and different for different tests."""
    seed = [ord(letter) for letter in request.node.nodeid]
    return np.random.default_rng(seed)


def pytest_configure(config):
    if numba.config.DISABLE_JIT:
        # NumPy's scalars warn where compiled code is silent: at inf - inf, and where a product of words wraps around.
        config.addinivalue_line("filterwarnings", "ignore::RuntimeWarning")
