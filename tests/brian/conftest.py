"""Brian2 as the tests want it: numpy target unless asked for, equal random numbers, nothing left of the test before."""

from __future__ import annotations

import brian2 as b2
import pytest


@pytest.fixture(params=["numpy"], autouse=True)
def target(request):
    b2.start_scope()
    b2.prefs.codegen.target = request.param
    b2.defaultclock.dt = 0.1 * b2.ms
    b2.seed(1)  # What draws from Brian2's own numbers (conditions, births, seeds left out) is the same in every run.
    yield request.param
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms


#: For tests that must hold on both targets of the runtime mode.
both_targets = pytest.mark.parametrize(
    "target", ["numpy", pytest.param("cython", marks=[pytest.mark.cython, pytest.mark.slow])], indirect=True
)
