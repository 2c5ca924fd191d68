"""Checks of what is trained, for the command lines and for sweeps, which call the training functions without one."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

__all__ = ["check_dense", "check_epochs", "check_flags"]


def check_dense(method: str, connectivity: Sequence[float] | None) -> None:
    """Raise an error for a dense network of which another connectivity is asked."""
    if method == "dense" and connectivity is not None and any(share != 1 for share in connectivity):
        raise ValueError(
            f"connectivity must be 1 with method 'dense', which has all connections, got {[*connectivity]}; leave it "
            "out, or choose another method."
        )


def check_epochs(epochs: Any, fewest: int = 1, why: str = "") -> None:
    """Raise an error unless ``epochs`` is an integer that is large enough; ``why`` says why that is more than 1."""
    if isinstance(epochs, bool) or not isinstance(epochs, Integral):
        raise TypeError(f"epochs must be an integer, got {epochs!r}.")
    if epochs < fewest:
        raise ValueError(f"epochs must be at least {fewest}{why}, got {epochs}.")


def check_flags(**flags: Any) -> None:
    """Raise an error that names the first argument which is neither True nor False."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {value!r}.")
