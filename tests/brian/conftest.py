"""Brian2 as the tests want it: numpy target unless asked for, equal random numbers, nothing left of the test before."""

from __future__ import annotations

import brian2 as b2
import pytest

from synaptic_sampling.brian.internals import queues

#: Under these, C++ programs and the runtime mode give the same bits.
EXACT = ["-w", "-O2", "-ffp-contract=off", "-std=c++11"]


@pytest.fixture(params=["numpy"], autouse=True)
def target(request, monkeypatch):
    b2.start_scope()
    b2.prefs.codegen.target = "numpy" if request.param == "edited" else request.param
    if request.param == "edited":
        monkeypatch.setattr(queues, "_editor", queues._compiled)
    b2.defaultclock.dt = 0.1 * b2.ms
    b2.seed(1)  # What draws from Brian2's own numbers (conditions, births, seeds left out) is the same in every run.
    yield request.param
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms


@pytest.fixture
def exact_flags():
    """Have C++ programs give the bits of the runtime mode, and be compiled by few processes at a time."""
    cpp, device = b2.prefs.codegen.cpp, b2.prefs.devices.cpp_standalone
    before = cpp.extra_compile_args_gcc, device.extra_make_args_unix
    cpp.extra_compile_args_gcc, device.extra_make_args_unix = EXACT, ["-j2"]
    yield
    cpp.extra_compile_args_gcc, device.extra_make_args_unix = before


#: For tests that must hold on both targets of the runtime mode, and with the editor of queues that belongs to cython
#: beside Brian2's numpy code, which spares the test the time for compiling the rest.
both_targets = pytest.mark.parametrize(
    "target",
    ["numpy", "edited", pytest.param("cython", marks=[pytest.mark.cython, pytest.mark.slow])],
    indirect=True,
)
