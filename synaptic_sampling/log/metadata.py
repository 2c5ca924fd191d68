"""How a run was made, as JSON can hold it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from synaptic_sampling import __version__

__all__ = ["plain", "versions"]

#: Packages of others whose versions can change what a run gives.
PACKAGES = ("brian2", "numba", "numpy", "scipy")


def plain(value: Any) -> Any:
    """Return what JSON can hold of an object.

    Parameters
    ----------
    value : object
        Numbers, strings, sequences, arrays, mappings and dataclasses keep what is in them.

    Returns
    -------
    object
        Of anything else, what ``str`` says.
    """
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def versions() -> dict[str, str]:
    """Return the versions of the packages on which a run depends.

    Returns
    -------
    dict of str to str
        Of those that are installed.
    """
    found = {"synaptic_sampling": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
