"""Calls with one argument replaced by nonsense, and what must come of them."""

from __future__ import annotations

import hashlib
import math
import re
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import brian2
import numpy as np
from brian2 import ms
from matplotlib.axes import Axes

from synaptic_sampling import Adam

NONSENSE: dict[str, Any] = {
    "none": None,
    "object": object(),
    "text": "nonsense",
    "bytes": b"nonsense",
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-1": -1,
    "2**70": 2**70,
    "10**400": 10**400,
    "complex": 1j,
    "ragged": [[1], [2, 3]],
    "cube": np.zeros((2, 2, 2)),
    "nans": np.full(3, math.nan),
    "objects": np.array([None, object()], object),
    "ms": 100 * ms,
    "array of ms": np.arange(3) * ms,
    "list of ms": [1 * ms, 2 * ms, 3 * ms],
    "true": True,
    "class": Adam,
    "[]": [],
    "{}": {},
    "0.5": 0.5,
    "module": math,
    "volt": brian2.volt,
}


@dataclass
class Call:
    """A public callable with valid arguments.

    ``fine`` names the nonsense that is valid for an argument; ``said`` is what the message must contain if not the name
    of the argument; ``errors`` are documented ones besides TypeError and ValueError.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    fine: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[Exception], ...] = ()

    @property
    def name(self) -> str:
        function = self.function if hasattr(self.function, "__qualname__") else type(self.function)
        return f"{function.__module__.removeprefix('synaptic_sampling.')}.{function.__qualname__}"


def faults(call: Call) -> tuple[int, list[str]]:
    """Return the number of calls, and the faults found."""
    found, number = [], 0
    call.function(**call.arguments)
    touched = [getattr(call.function, "__self__", call.function), call.arguments]
    before = fingerprint(touched)
    for name in call.arguments:
        for label in NONSENSE:
            number += 1
            wrong = fault_of(call, name, label)
            after = fingerprint(touched)
            if label not in fine_of(call, name) and after != before:
                wrong = f"{wrong or f'{call.name}({name}={label}):'} something has changed"
            before = after
            if wrong:
                found.append(wrong)
    return number, found


def fine_of(call: Call, name: str) -> list[str]:
    """Return which nonsense is none for an argument."""
    return call.fine.get(name, "").split(", ")


def fault_of(call: Call, name: str, label: str) -> str | None:
    """Return what is wrong with one call, in a line that says which it is, or None."""
    said = call.said.get(name, re.escape(name.removesuffix("s")))
    wrong = fault(call, {**call.arguments, name: NONSENSE[label]}, said, label in fine_of(call, name))
    return wrong and f"{call.name}({name}={label}): {wrong}"


def fault(call: Call, arguments: Mapping[str, Any], said: str, fine: bool) -> str | None:
    """Return what is wrong with one call, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # Of libraries, which some strings call first.
            call.function(**arguments)
    except (TypeError, ValueError, *call.errors) as error:
        if re.search(said, str(error), re.IGNORECASE):
            return "is refused" if fine else None
        return f"does not name it: {type(error).__name__}: {str(error)[:150]}"
    except Exception as error:
        return f"is none of its errors: {type(error).__name__}: {str(error)[:150]}"
    return None if fine else "is taken"


def fingerprint(value: Any) -> bytes:
    """Return a digest of all that can be reached from an object."""
    digest = hashlib.blake2b(digest_size=16)
    _feed(value, digest, {})
    return digest.digest()


def _feed(value: Any, digest: Any, seen: dict[int, Any]) -> None:
    if isinstance(value, type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType):
        digest.update(repr(value).encode())
    elif isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, str | bytes | int | float | complex | np.generic | None):
        digest.update(repr(value).encode())
    elif isinstance(value, Axes):
        digest.update(str(len(value.get_children())).encode())
    elif id(value) not in seen:
        seen[id(value)] = value
        if isinstance(value, Mapping):
            parts = [*value, *value.values()]
        elif isinstance(value, list | tuple | set | np.ndarray):
            parts = list(value)
        else:
            parts = list(getattr(value, "__dict__", {}).items())
        digest.update(f"{type(value).__name__}{len(parts)}".encode())
        for part in parts:
            _feed(part, digest, seen)
