"""Checks of arguments; error messages name the argument and give what is allowed and the value."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "check_array",
    "check_callable",
    "check_choice",
    "check_flag",
    "check_index",
    "check_instance",
    "check_integer",
    "check_number",
    "check_parameter",
    "check_plain",
    "check_seed",
    "check_two",
    "has_unit",
    "is_schedule",
    "number_of",
    "plain_number",
    "read_array",
    "schedules",
]

SEED_LIMIT = 2**64


def check_flag(name: str, value: Any) -> bool:
    """Return a truth value as a bool, or raise an error that names the argument."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_index(value: Any) -> int:
    """Return the number of a set of connections, or raise an error that names ``index``."""
    return check_integer("index", value, minimum=0, maximum=2**16 - 1)


def check_instance(name: str, value: Any, kind: type | tuple[type, ...]) -> None:
    """Raise an error that names the argument unless it is an instance of a class."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise TypeError(f"{name} must be a {' or a '.join(each.__name__ for each in kinds)}, got {value!r}.")


def check_callable(name: str, value: Any) -> None:
    """Raise an error that names the argument unless it can be called; a class, which only makes objects, is refused."""
    if isinstance(value, type):
        raise TypeError(
            f"{name} must be a function or an object that can be called, got the class {value.__name__}; create "
            f"an object of it: {value.__name__}(...)."
        )
    if not callable(value):
        raise TypeError(f"{name} must be a function or an object that can be called, got {value!r}.")


def check_two(name: str, value: Any, parts: str) -> None:
    """Raise an error that names the argument unless it is a tuple or list of two ``parts``."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} must be a tuple of {parts}, got {type(value).__name__}.")
    if len(value) != 2:
        raise TypeError(f"{name} must be a tuple of {parts}, got a {type(value).__name__} of length {len(value)}.")


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise an error that names the argument unless it is one of the given words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, sorted(choices)))}, got {value!r}.")


def has_unit(value: Any) -> bool:
    """Return whether a value is a Brian2 quantity or variable with a unit, or a list that holds one."""
    if isinstance(value, list | tuple):
        return any(has_unit(each) for each in value if not isinstance(each, int | float))
    return getattr(getattr(value, "dim", None), "is_dimensionless", True) is False


def plain_number(value: Any) -> Any:
    """Return a Brian2 quantity as a number in SI units, and anything else unchanged."""
    if isinstance(value, np.ndarray) and hasattr(value, "dim") and value.ndim == 0:
        return value.view(np.ndarray).item()
    return value


def check_number(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf, above: float = -math.inf
) -> float:
    """Return ``value`` as a float, or raise an error that names it."""
    value = _without_unit(name, value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r} ({type(value).__name__}).")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"{name} must fit into a float, got {value!r}.") from error
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}.")
    if number < minimum:
        raise ValueError(f"{name} must be >= {minimum:g}, got {number:g}.")
    if number > maximum:
        raise ValueError(f"{name} must be <= {maximum:g}, got {number:g}.")
    if number <= above:
        raise ValueError(f"{name} must be > {above:g}, got {number:g}.")
    return number


def _without_unit(name: str, value: Any) -> Any:
    """Return a plain or dimensionless number; raise an error for a unit, which NumPy would silently strip."""
    if has_unit(value):
        raise TypeError(f"{name} must be a number without a unit, got {value!r}; divide it by its unit.")
    return plain_number(value)


def is_schedule(value: Any) -> bool:
    """Return whether a parameter changes with time: a string that contains the name t, or a Brian2 TimedArray."""
    if isinstance(value, str):
        return re.search(r"\bt\b", value) is not None
    return callable(value) and hasattr(value, "values") and hasattr(value, "dt")


def check_parameter(name: str, value: Any, **bounds: float) -> None:
    """Check a parameter of a rule; a schedule is checked later, when its value is known."""
    if not is_schedule(value):
        check_number(name, plain_number(value), **bounds)


def number_of(rule: object, name: str) -> float:
    """Return a parameter of a rule in SI units."""
    value = getattr(rule, name)
    if is_schedule(value):
        raise TypeError(f"{name} must be a constant number here, got {value!r}, which changes with time.")
    return float(plain_number(value))


def check_integer(name: str, value: Any, *, minimum: int, maximum: int) -> int:
    """Return ``value`` as an int, or raise an error that names it."""
    value = _without_unit(name, value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}).")
    number = int(value)
    if not minimum <= number <= maximum:
        raise ValueError(f"{name} must be between {minimum} and {maximum}, got {number}.")
    return number


def check_seed(value: Any, name: str = "seed") -> int:
    """Return ``value`` as a seed of 64 bits, or raise an error that names it."""
    return check_integer(name, value, minimum=0, maximum=SEED_LIMIT - 1)


def read_array(name: str, values: Any) -> NDArray[Any]:
    """Return ``values`` as an array of any type, or raise an error that names it."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array, with rows of equal length, got {values!r}.") from error


def check_array(name: str, values: Any, kinds: str = "biuf") -> NDArray[Any]:
    """Return ``values`` as an array of numbers, or raise an error that names it.

    ``kinds`` are the allowed kinds of NumPy types; without elements, floats are allowed too, the type of ``[]``.
    """
    array = read_array(name, _without_unit(name, values))
    expected = "integers" if kinds == "iu" else "numbers"
    if array.dtype.kind not in kinds and (array.size or array.dtype.kind != "f"):
        shown = array.dtype if array.ndim else repr(values)
        raise TypeError(f"{name} must hold {expected}, got {shown}.")
    return array


def check_plain(rule: Any, owner: str = "") -> None:
    """Raise an error for a parameter with a unit or schedule, which only ``brian.Rewiring`` can handle.

    The message names the argument ``owner`` that is the rule, if there may be several.
    """
    for name, value in _parameters(rule):
        if is_schedule(value) or has_unit(value):
            which = f"{name} of {owner}" if owner else name
            raise TypeError(
                f"{which} must be a plain number, got {value!r}; only Rewiring accepts units and schedules."
            )


def schedules(rule: Any) -> tuple[str, ...]:
    """Return the names of the parameters that change with time, as only ``brian.Rewiring`` allows."""
    return tuple(name for name, value in _parameters(rule) if is_schedule(value))


def _parameters(rule: Any) -> list[tuple[str, Any]]:
    """Return names and values of the parameters of a rule, without conditions, which may name t like any variable."""
    conditions = {signal.name for signal in getattr(rule, "signals", ()) if signal.condition}
    return [(name, value) for name, value in vars(rule).items() if name not in conditions]
