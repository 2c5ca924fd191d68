"""Metadata of a run, in a form that JSON can represent."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from synaptic_sampling import __version__
from synaptic_sampling._checks import schedules

__all__ = ["plain", "shown", "versions"]

#: Packages whose versions can affect the results of a run.
PACKAGES = ("brian2", "numba", "numpy", "scipy")


def plain(value: Any) -> Any:
    """Return an object in a form that JSON can represent: dataclasses as mappings, unknown objects by ``str``."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value).tolist()  # A quantity in SI units.
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields, **_law(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def shown(value: object) -> str:
    """Return the repr of an object, and of those it contains, without addresses: the same in each process."""
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


def _law(rule: Any) -> dict[str, Any]:
    """Return the null law that a rule with constant parameters states, None included; nothing for other objects."""
    return {"law": plain(rule.law)} if hasattr(type(rule), "law") and not schedules(rule) else {}


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that can affect the results of a run."""
    found = {"synaptic_sampling": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
