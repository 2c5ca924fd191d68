"""Which functions a sweep accepts, what they are called, and how they are called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from synaptic_sampling.sweeps.settings import Run

__all__ = ["GIVEN", "check_calls", "name_of", "takes"]

#: Arguments that the sweep provides, the last two if the function takes them.
GIVEN = ("seed", "folder", "checkpoint")


def name_of(function: Any) -> str:
    """Return the qualified name of a function of a module; raise a TypeError for anything else."""
    if not inspect.isfunction(function):
        raise TypeError(
            f"function must be a function that is defined by def in a module, got {function!r}; its fixed arguments "
            "can be given in the grid, by lists of one value."
        )
    if "<" in function.__qualname__:
        raise TypeError(
            f"function must be defined by def at the top of a module, so that it has a name and workers find it, got "
            f"{function.__qualname__}."
        )
    return f"{_module_of(function)}.{function.__qualname__}"


def _module_of(function: Callable[..., Any]) -> str:
    """Return the name of a module as others import it, also where it is run as a script."""
    if function.__module__ != "__main__":
        return function.__module__
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return main.__spec__.name
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else main.__name__  # In a notebook there is no file.


def takes(function: Callable[..., Any], argument: str) -> bool:
    """Return whether a function has an argument of this name."""
    return argument in inspect.signature(function).parameters


def check_calls(function: Callable[..., Any], runs: Iterable[Run]) -> None:
    """Raise an error unless the function can be called with the arguments of all runs."""
    signature = inspect.signature(function)
    any_name = any(each.kind == inspect.Parameter.VAR_KEYWORD for each in signature.parameters.values())
    if "seed" not in signature.parameters and not any_name:
        raise TypeError(f"function must have an argument seed, got {function.__qualname__}{signature}; add it.")
    provided = dict.fromkeys(name for name in GIVEN[1:] if name in signature.parameters)
    for setting in {frozenset(run.setting): run.setting for run in runs}.values():
        for name in GIVEN:
            if name in setting:
                hint = "use seeds=" if name == "seed" else "the sweep provides it"
                raise ValueError(f"grid must not contain {name!r}; {hint}.")
        try:
            signature.bind(seed=0, **provided, **setting)
        except TypeError as error:
            raise TypeError(
                f"{function.__qualname__}{signature} cannot be called with the arguments {', '.join(setting)} and "
                f"seed: {error}."
            ) from None
