"""Checks at the public border: what is wrong, the value got, what is allowed."""

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
    "has_unit",
    "is_schedule",
    "number_of",
    "plain_number",
    "read_array",
    "schedules",
]

SEED_LIMIT = 2**64


def check_flag(name: str, value: Any) -> bool:
    """Return a truth value, or raise an error that names it.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.

    Returns
    -------
    bool
        The value.

    Raises
    ------
    TypeError
        If it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_index(value: Any) -> int:
    """Return the number of a set of connections, or raise an error that names ``index``.

    Parameters
    ----------
    value : object
        What the user gave.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it does not fit into 16 bits without sign.
    """
    return check_integer("index", value, minimum=0, maximum=2**16 - 1)


def check_instance(name: str, value: Any, kind: type | tuple[type, ...]) -> None:
    """Raise an error that names an argument of the wrong class.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.
    kind : type or tuple of types
        What is allowed.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise TypeError(f"{name} must be a {' or a '.join(each.__name__ for each in kinds)}, got {value!r}.")


def check_callable(name: str, value: Any) -> None:
    """Raise an error that names an argument unless it can be called with something; a class only makes objects.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.

    Raises
    ------
    TypeError
        If it cannot be called, or is a class.
    """
    if isinstance(value, type):
        raise TypeError(
            f"{name} must be a function or an object that can be called, got the class {value.__name__}; make an "
            f"object of it: {value.__name__}(...)."
        )
    if not callable(value):
        raise TypeError(f"{name} must be a function or an object that can be called, got {value!r}.")


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise an error that names an argument unless it is one of some words.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.
    choices : collection of str
        What is allowed.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, sorted(choices)))}, got {value!r}.")


def has_unit(value: Any) -> bool:
    """Return whether a value is a quantity of Brian2, or a variable of its groups, that has a unit.

    Parameters
    ----------
    value : object
        What the user gave. Brian2 need not be imported to know its quantities.

    Returns
    -------
    bool
        False for a quantity without dimensions, which is a number. True for a list with a quantity in it, at any depth.
    """
    if isinstance(value, list | tuple):
        return any(has_unit(each) for each in value if not isinstance(each, int | float))
    return getattr(getattr(value, "dim", None), "is_dimensionless", True) is False


def plain_number(value: Any) -> Any:
    """Return a quantity of Brian2 as a number in SI units, and anything else as it is.

    Parameters
    ----------
    value : object
        What the user gave.

    Returns
    -------
    object
        A float, or ``value``.
    """
    if isinstance(value, np.ndarray) and hasattr(value, "dim") and value.ndim == 0:
        return value.view(np.ndarray).item()
    return value


def check_number(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf, above: float = -math.inf
) -> float:
    """Return ``value`` as a float, or raise an error that names it.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave: a number, or a quantity of Brian2 without dimensions.
    minimum, maximum : float
        Closed bounds.
    above : float
        Open lower bound.

    Returns
    -------
    float
        The value.

    Raises
    ------
    TypeError
        If it is not a real number, or has a unit.
    ValueError
        If it is NaN, infinite or out of bounds.
    """
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
    """Return a number as it is, or a dimensionless one of Brian2 as a number; NumPy would strip a unit in silence."""
    if has_unit(value):
        raise TypeError(f"{name} must be a number without a unit, got {value!r}; divide it by its unit.")
    return plain_number(value)


def is_schedule(value: Any) -> bool:
    """Return whether a parameter changes with time: a string of t, or a TimedArray of Brian2.

    Parameters
    ----------
    value : object
        What the user gave.

    Returns
    -------
    bool
        A string counts where t occurs in it as a name.
    """
    if isinstance(value, str):
        return re.search(r"\bt\b", value) is not None
    return callable(value) and hasattr(value, "values") and hasattr(value, "dt")


def check_parameter(name: str, value: Any, **bounds: float) -> None:
    """Check a number of a rule; what changes with time is checked when its value is known.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave; of a quantity with a unit, the number in SI units is checked.
    **bounds
        As for ``check_number``.

    Raises
    ------
    TypeError, ValueError
        If it is neither a number within the bounds nor a schedule.
    """
    if not is_schedule(value):
        check_number(name, plain_number(value), **bounds)


def number_of(rule: object, name: str) -> float:
    """Return a parameter of a rule in SI units.

    Parameters
    ----------
    rule : dataclass
        Any of the rules.
    name : str
        Of the parameter, a number that has been checked or a schedule.

    Returns
    -------
    float
        The value.

    Raises
    ------
    TypeError
        If it changes with time and has no value yet.
    """
    value = getattr(rule, name)
    if is_schedule(value):
        raise TypeError(f"{name} must be a number here, got {value!r}, which changes with time.")
    return float(plain_number(value))


def check_integer(name: str, value: Any, *, minimum: int, maximum: int) -> int:
    """Return ``value`` as an int, or raise an error that names it.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : object
        What the user gave.
    minimum, maximum : int
        Closed bounds.

    Returns
    -------
    int
        The value.

    Raises
    ------
    TypeError
        If it is not an integer, or has a unit.
    ValueError
        If it is out of bounds.
    """
    value = _without_unit(name, value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__}).")
    number = int(value)
    if not minimum <= number <= maximum:
        raise ValueError(f"{name} must be between {minimum} and {maximum}, got {number}.")
    return number


def check_seed(value: Any, name: str = "seed") -> int:
    """Return ``value`` as a seed of 64 bits, or raise an error that names it.

    Parameters
    ----------
    value : object
        What the user gave.
    name : str
        Name of the argument, for the message.

    Returns
    -------
    int
        The seed.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it does not fit into 64 bits without sign.
    """
    return check_integer(name, value, minimum=0, maximum=SEED_LIMIT - 1)


def read_array(name: str, values: Any) -> NDArray[Any]:
    """Return ``values`` as an array of anything, or raise an error that names it.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    values : object
        What the user gave.

    Returns
    -------
    ndarray
        Not copied where it is one.

    Raises
    ------
    TypeError
        If it cannot be an array, such as lists of different lengths.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array, with rows of equal length, got {values!r}.") from error


def check_array(name: str, values: Any, kinds: str = "biuf") -> NDArray[Any]:
    """Return ``values`` as an array of numbers, or raise an error that names it.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    values : object
        What the user gave.
    kinds : str
        Kinds of NumPy's types that are allowed; without elements floats are too, which is what ``[]`` comes to.

    Returns
    -------
    ndarray
        Not copied where it is one.

    Raises
    ------
    TypeError
        If it cannot be an array, holds something else, or has a unit.
    """
    array = read_array(name, _without_unit(name, values))
    wanted = "integers" if kinds == "iu" else "numbers"
    if array.dtype.kind not in kinds and (array.size or array.dtype.kind != "f"):
        shown = array.dtype if array.ndim else repr(values)
        raise TypeError(f"{name} must hold {wanted}, got {shown}.")
    return array


def check_plain(rule: Any) -> None:
    """Refuse a rule of which a parameter has a unit or changes with time: these are for ``brian.Rewiring``.

    Parameters
    ----------
    rule : dataclass
        Any of the rules.

    Raises
    ------
    TypeError
        Names the parameter.
    """
    for name, value in vars(rule).items():
        if is_schedule(value) or has_unit(value):
            raise TypeError(
                f"{name} must be a number, got {value!r}; only Rewiring takes units, and what changes with time."
            )


def schedules(rule: Any) -> tuple[str, ...]:
    """Return the names of the parameters that change with time; ``brian.Rewiring`` alone can follow them.

    Parameters
    ----------
    rule : dataclass
        Any of the rules here.

    Returns
    -------
    tuple of str
        Those given as a string of t, such as ``'1e-3*exp(-t/(10*second))'``, or as a TimedArray of Brian2.
    """
    return tuple(name for name, value in vars(rule).items() if name != "condition" and is_schedule(value))
