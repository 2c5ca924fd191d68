"""Buffers of random numbers of Brian2's compiled code, of which ``store`` keeps addresses only before Brian2 2.11."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np
from brian2.devices.device import get_device
from numpy.typing import NDArray

__all__ = ["contents", "fill"]

NAMES = ("rand_buffer", "randn_buffer")
#: ``_BUFFER_SIZE`` in brian2/codegen/generators/cython_generator.py, of doubles.
SIZE = 20000


def contents() -> dict[str, NDArray[np.float64]]:
    """Return the numbers in each buffer that has been used, by its name; none where Brian2 stores them itself."""
    found = {}
    for name, holder in _addresses().items():
        address = int(holder[0])
        if address:
            found[name] = np.array((ctypes.c_double * SIZE).from_address(address))
    return found


def fill(numbers: Mapping[str, NDArray[np.float64]]) -> None:
    """Have the buffers hold these numbers, after ``restore`` has set addresses that may belong to another process."""
    # The compiled code frees a buffer when it is used up, so it must come from the same allocator.
    allocate = ctypes.CDLL(None).malloc
    allocate.argtypes, allocate.restype = [ctypes.c_size_t], ctypes.c_void_p
    for name, holder in _addresses().items():
        holder[0] = 0
        if name in numbers:
            values = np.ascontiguousarray(numbers[name], np.float64)
            holder[0] = allocate(values.nbytes)
            ctypes.memmove(int(holder[0]), values.ctypes.data, values.nbytes)


def _addresses() -> dict[str, NDArray[np.intp]]:
    """Return the arrays of one element that hold the address of each buffer, where Brian2 has such."""
    device = get_device()
    found = {name: getattr(device, name, None) for name in NAMES}
    return {
        name: holder
        for name, holder in found.items()
        if isinstance(holder, np.ndarray) and holder.dtype == np.intp and holder.shape == (1,)
    }
