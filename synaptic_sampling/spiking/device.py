"""Brian2's device and preferences during a run, and as they were afterwards."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brian2 import all_devices, get_device, prefs, set_device
from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir
from brian2.devices.device import reset_device

from synaptic_sampling.brian.standalone.program import is_standalone

__all__ = ["check_device", "compiler_flags", "standalone"]

#: Fast, and without the changes of order and precision that -ffast-math and fused operations bring.
FLAGS = ["-w", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-std=c++11"]


def check_device() -> None:
    """Raise an error if Brian2's C++ standalone mode has a network of the script, which would be lost."""
    if is_standalone() or all_devices["cpp_standalone"].networks:
        raise RuntimeError(
            "a run of a Training sets and resets Brian2's device, but the script uses C++ standalone mode itself; run "
            "the Training before set_device, or after device.reinit() and set_device('runtime')."
        )


@contextmanager
def compiler_flags() -> Iterator[None]:
    """Compile with flags under which runtime mode with Cython and a C++ program have the same bits."""
    before = prefs.codegen.cpp.extra_compile_args_gcc, prefs.codegen.runtime.cython.cache_dir
    prefs.codegen.cpp.extra_compile_args_gcc = FLAGS
    # Brian2 finds compiled modules by their code, whatever the flags were.
    folder = get_cython_cache_dir()
    if folder is not None:
        prefs.codegen.runtime.cython.cache_dir = f"{folder}_exact"
    try:
        yield
    finally:
        prefs.codegen.cpp.extra_compile_args_gcc, prefs.codegen.runtime.cython.cache_dir = before


@contextmanager
def standalone(folder: Any) -> Iterator[Any]:
    """Set Brian2's C++ standalone mode, and what was set before at the end."""
    # While objects of a run before exist, those of this one have other names, with which a program is compiled again.
    gc.collect()
    make_options = prefs.devices.cpp_standalone.extra_make_args_unix
    with compiler_flags():
        # By default, Brian2 starts a compiler for each of some thirty files at once.
        prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count() or 1}"]
        set_device("cpp_standalone", directory=str(folder), build_on_run=False)
        device = get_device()
        try:
            yield device
        finally:
            device.reinit()
            reset_device()
            prefs.devices.cpp_standalone.extra_make_args_unix = make_options
