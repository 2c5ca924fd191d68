"""All golden programs, and where their results are the same."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from tests.golden import arrays, brian, rate
from tests.golden.registry import Program

PROGRAMS: Mapping[str, Program] = {
    program.name: program for module in (arrays, rate, brian) for program in module.programs()
}
#: What can change last bits, from the least to the most.
SECTIONS = ("everywhere", "libm", "machine")


def section_of(program: Program) -> str:
    """Return under which name the digest of a program is kept."""
    return program.hangs_on or "everywhere"


def fingerprint(section: str) -> dict[str, Any]:
    """Return all besides this package on which the digests of a section hang."""
    library = {"machine": platform.machine(), "C library": platform.libc_ver()[0]}
    if section == "everywhere":
        return {}
    if section == "libm":
        return library
    names = ("numba", "numpy", "scipy", *(["brian2"] if section == "demo" else []))
    packages = {name: version(name) for name in names}
    features = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return {**library, **packages, "features": features, "OpenBLAS for": os.environ.get("OPENBLAS_CORETYPE", "this")}
