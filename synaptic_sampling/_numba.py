"""The one place that decides how kernels are compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["inlined", "jit", "merged"]


def _cache_wanted() -> bool:
    """Read the switch for Numba's on-disk cache from the environment."""
    value = os.environ.get("SYNAPTIC_SAMPLING_CACHE", "0")
    if value not in {"0", "1"}:
        raise ValueError(
            f"SYNAPTIC_SAMPLING_CACHE must be 0 or 1, got {value!r}; "
            "unset it, or set 1 to keep compiled kernels between processes."
        )
    return value == "1"


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel to machine code.

    No ``fastmath``: it makes ``isnan(nan)`` False and lets results differ between machines. No ``parallel``:
    a reduction over threads changes last bits. The cache is off unless asked for, since a cache on a shared file
    system can be read while it is written.

    Parameters
    ----------
    function : callable
        Arrays and scalars in, arrays changed in place; raises nothing, prints nothing.

    Returns
    -------
    callable
        The compiled dispatcher (``.py_func`` is the Python original).
    """
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a kernel into each that calls it: one that takes so many arrays that to pass them takes time.

    Parameters
    ----------
    function : callable
        As for ``jit``.

    Returns
    -------
    callable
        The compiled dispatcher.
    """
    return _compiled(function, inline="always")


def merged(function: Callable[..., Any]) -> Any:
    """Compile a kernel that LLVM must put into each that calls it, however large: one for the vector units to do.

    A loop around a call is left to them only if nothing is left of the call; by itself LLVM decides anew, by size,
    in each caller.

    Parameters
    ----------
    function : callable
        As for ``jit``.

    Returns
    -------
    callable
        The compiled dispatcher.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    return njit(function, cache=_cache_wanted(), nogil=True, error_model="numpy", boundscheck=False, **options)
