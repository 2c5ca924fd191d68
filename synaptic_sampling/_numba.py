"""Compilation options of all kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["inlined", "jit", "merged"]


def _use_cache() -> bool:
    """Return whether the environment switches on Numba's on-disk cache."""
    value = os.environ.get("SYNAPTIC_SAMPLING_CACHE", "0")
    if value not in {"0", "1"}:
        raise ValueError(
            f"SYNAPTIC_SAMPLING_CACHE must be 0 or 1, got {value!r}; "
            "unset it, or set it to 1 to keep compiled kernels between processes."
        )
    return value == "1"


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel to machine code.

    No ``fastmath``, which makes ``isnan(nan)`` False and results machine-dependent. No ``parallel``, since a reduction
    over threads changes last bits. The cache is off by default, because on a shared file system it could be read while
    it is written.

    Parameters
    ----------
    function : callable
        Takes arrays and scalars and changes arrays in place; does not raise or print.

    Returns
    -------
    callable
        The compiled dispatcher (``.py_func`` is the Python original).
    """
    return _compiled(function)


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


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    return njit(function, cache=_use_cache(), nogil=True, error_model="numpy", boundscheck=False, **options)
