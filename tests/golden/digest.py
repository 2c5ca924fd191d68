"""One number for any results: equal bits, equal digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest(results: Any) -> str:
    """Return the SHA-256 of arrays, numbers and strings, and of lists and mappings of them.

    An array counts by its type, its shape and its bytes, C-ordered and little-endian; one of records field by field,
    in their order; a list or tuple item by item, in its order; a mapping by name, in the order of the names.
    """
    hasher = hashlib.sha256()
    _feed(hasher, results)
    return hasher.hexdigest()


def _feed(hasher: Any, part: Any) -> None:
    if isinstance(part, Mapping):
        names = sorted(part)
        _feed(hasher, names)
        _feed(hasher, [part[name] for name in names])
    elif isinstance(part, list | tuple):
        hasher.update(f"list {len(part)};".encode())
        for each in part:
            _feed(hasher, each)
    elif isinstance(part, str):
        hasher.update(f"text {part!r};".encode())
    elif part is None:
        hasher.update(b"none;")
    else:
        _feed_array(hasher, np.asarray(part))


def _feed_array(hasher: Any, values: Any) -> None:
    if values.dtype.names is not None:
        _feed(hasher, {name: values[name] for name in values.dtype.names})
        return
    if values.dtype.kind not in "biuf":
        raise TypeError(f"an array of {values.dtype} has no bits of its own.")
    kind = values.dtype.newbyteorder("<")
    hasher.update(f"array {kind.str} {values.shape};".encode())
    hasher.update(np.ascontiguousarray(values, kind).tobytes())
