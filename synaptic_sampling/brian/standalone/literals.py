"""Numbers of a script that Brian2 would write into the code of a C++ program, moved into files that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from brian2.core.preferences import prefs
from brian2.devices.device import get_device

__all__ = ["move_literals"]

#: The numbers of int64.
LIMIT = 2**63


class _Table:
    """Numbers of one type, an array of the program that is read from a file."""

    def __init__(self, name: str, dtype: Any) -> None:
        self._values = [dtype(0)]
        self._dtype = dtype
        self._name = get_device().static_array(name, np.zeros(1, dtype))

    def place(self, value: Any) -> str:
        """Add a number; return what stands for it in C++."""
        self._values.append(value)
        return f"{self._name}[{len(self._values) - 1}]"

    def write(self) -> None:
        get_device().static_arrays[self._name] = np.array(self._values, self._dtype)


def move_literals() -> None:
    """Have the program read initial values, seeds and durations from its static arrays, with the same bits.

    Called once, before the project is written.
    """
    device = get_device()
    tables = {int: _Table("integers", np.int64), float: _Table("numbers", np.float64)}

    def place(value: Any) -> str | None:
        number = _number(value)
        return None if number is None else tables[type(number)].place(number)

    device.main_queue[:] = [_moved(kind, arguments, place) for kind, arguments in _ordered(device.main_queue)]
    for table in tables.values():
        table.write()


def _ordered(queue: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the steps of the main program, single values that follow each other in the order of their arrays.

    Brian2 sets the times of clocks in the order of a Python set, which differs between processes.
    """
    for is_value, found in groupby(queue, key=lambda step: step[0] == "set_by_single_value"):
        steps = list(found)
        yield from sorted(steps, key=lambda step: str(step[1][0])) if is_value else steps


def _moved(kind: str, arguments: Any, place: Any) -> tuple[str, Any]:
    """Return a step of the main program, without a literal number where it had one."""
    if kind == "set_by_single_value":
        array, item, value = arguments
        new = place(value)
        return (kind, arguments) if new is None else (kind, (array, item, new))
    if kind == "set_by_constant":
        array, value, is_dynamic = arguments
        new, size = place(value), f"{array}.size()" if is_dynamic else f"_num_{array}"
        loop = f"for (size_t i = 0; i < (size_t){size}; i++) {array}[i] = {new};"
        return (kind, arguments) if new is None else ("insert_code", loop)
    if kind == "seed" and arguments is not None:
        threads = max(1, prefs.devices.cpp_standalone.openmp_threads)
        # Any integer is one of int64 here, as the cast takes its last 64 bits.
        signed = (int(arguments) + LIMIT) % (2 * LIMIT) - LIMIT
        seed = f"brian::_random_generators[_i].seed((unsigned long){place(signed)} + _i);"
        return "insert_code", f"for (int _i = 0; _i < {threads}; _i++) {seed}"
    if kind == "run_network":
        network, lines = arguments
        duration = re.compile(rf"^{network.name}\.run\(([^,]+),")
        lines = [duration.sub(lambda found: f"{network.name}.run({place(found[1])},", line) for line in lines]
        return kind, (network, lines)
    return kind, arguments


def _number(value: Any) -> int | float | None:
    """Return a number of Python, or as text of C++, as an int or a float; None for everything else."""
    if isinstance(value, str):
        if value in ("true", "false"):
            return int(value == "true")
        for kind in (int, float):
            try:
                return _number(kind(value.replace(" ", "")))
            except ValueError:
                continue
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, float) or (is_integer and -LIMIT <= value < LIMIT) else None
