"""Compilation options of all kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from numba import njit

from synaptic_sampling._cache import attach

__all__ = ["inlined", "jit", "merged"]


def _use_cache() -> bool:
    """Return whether compiled kernels are kept on disk, which the environment can switch off."""
    value = os.environ.get("SYNAPTIC_SAMPLING_CACHE", "1")
    if value not in {"0", "1"}:
        raise ValueError(
            f"SYNAPTIC_SAMPLING_CACHE must be 0 or 1, got {value!r}; "
            "unset it to keep compiled kernels between processes, or set it to 0 to compile them in each."
        )
    return value == "1"


def jit(function: Callable[..., Any], *, cached: bool = True) -> Any:
    """Compile a kernel to machine code.

    No ``fastmath``, which makes ``isnan(nan)`` False and results machine-dependent. No ``parallel``, since a reduction
    over threads changes last bits.

    Parameters
    ----------
    function : callable
        Takes arrays and scalars and changes arrays in place; does not raise or print.
    cached : bool
        Whether the function may be kept on disk: False if it contains another one, which may have been edited.

    Returns
    -------
    callable
        The compiled dispatcher (``.py_func`` is the Python original).
    """
    return _compiled(function, cached=cached)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a kernel that Numba inlines into its callers, for kernels whose many array arguments are slow to pass.

    Parameters
    ----------
    function : callable
        As in ``jit``.

    Returns
    -------
    callable
        The compiled dispatcher.
    """
    return _compiled(function, inline="always")


def merged(function: Callable[..., Any]) -> Any:
    """Compile a kernel that LLVM inlines into its callers, however large, so that the calling loop can be vectorised.

    By default LLVM decides by size, separately for each caller.

    Parameters
    ----------
    function : callable
        As in ``jit``.

    Returns
    -------
    callable
        The compiled dispatcher.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Any, *, cached: bool = True, **options: Any) -> Any:
    kernel = njit(function, nogil=True, error_model="numpy", boundscheck=False, **options)
    if cached and _use_cache() and kernel is not function:  # which it is with NUMBA_DISABLE_JIT
        attach(kernel)
    return kernel
