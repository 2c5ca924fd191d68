"""Code objects for C++ standalone mode, made from the templates of this package, and what the templates are told.

Like ``surgery`` and ``queues``, it touches Brian2's private parts. Brian2 makes a C++ program of a script; here it is
given code objects of another kind, whose templates and headers are in the folder ``cpp``.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import get_device
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.utils.logger import get_logger

__all__ = [
    "c_type",
    "events_of_run",
    "forget",
    "generator",
    "has_failed",
    "has_results",
    "is_known",
    "is_standalone",
    "literal",
    "make_code",
    "multisynaptic_index",
    "name_of",
    "pathways",
    "refuse",
    "reset_variables",
    "results",
    "warn_of_flags",
    "when_run",
]

logger = get_logger(__name__)

#: Templates and headers.
FOLDER = Path(__file__).with_name("templates")
#: The last call of ``seed`` in standalone mode, and the generator that belongs to it.
_SEEDED: dict[str, Any] = {}


class RewiringCode(CPPStandaloneCodeObject):
    """Code from the templates of this package."""

    templater = CPPStandaloneCodeObject.templater.derive(__package__, templates_dir=FOLDER.name)


def is_standalone() -> bool:
    """Return whether a C++ program is being made, and no simulation runs in this process.

    Returns
    -------
    bool
        False in runtime mode, and on devices that are not known here.
    """
    return type(get_device()) is CPPStandaloneDevice


def refuse(what: str, instead: str) -> NotImplementedError:
    """Return the error that says what C++ standalone mode cannot do.

    Parameters
    ----------
    what : str
        Begin of the sentence.
    instead : str
        What to do.

    Returns
    -------
    NotImplementedError
        To be raised.
    """
    return NotImplementedError(f"{what} in C++ standalone mode; {instead}, or leave out set_device('cpp_standalone').")


def name_of(variable: Any) -> str:
    """Return how the program names the array of a variable.

    Parameters
    ----------
    variable : ArrayVariable
        A ``std::vector`` where its size may change, else a pointer.

    Returns
    -------
    str
        In the namespace ``brian``.
    """
    return get_device().get_array_name(variable, access_data=False)


def make_code(group: Any, template: str, name: str, **told: Any) -> Any:
    """Return a code object.

    Parameters
    ----------
    group : Group
        To which it belongs.
    template : str
        In the folder ``cpp``, without extension.
    name : str
        Of the code object.
    **told
        What the template knows.

    Returns
    -------
    CodeObject
        To be called where the program is to run it once, or to be run in every step.
    """
    device = get_device()
    if str(FOLDER) not in device.include_dirs:
        device.include_dirs.append(str(FOLDER))
    return create_runner_codeobj(
        group, "", template, run_namespace={}, name=name, check_units=False, template_kwds=told,
        codeobj_class=RewiringCode,
    )  # fmt: skip


def forget(variables: Any) -> None:
    """Let Brian2 take no variable for known that the program changes.

    Parameters
    ----------
    variables : iterable of ArrayVariable
        Those.
    """
    for variable in variables:
        get_device().array_cache[variable] = None


def reset_variables(synapses: Any) -> list[Any]:
    """Return the variables that are 0 in a newborn synapse.

    Parameters
    ----------
    synapses : Synapses
        Any.

    Returns
    -------
    list of DynamicArrayVariable
        All that each synapse has, but its endpoints and delays; by name.
    """
    kept = {synapses.variables[side] for side in ("_synaptic_pre", "_synaptic_post")}
    kept |= {pathway._delays for pathway in synapses._pathways}
    return sorted(synapses._registered_variables - kept, key=name_of)


def multisynaptic_index(synapses: Any) -> str | None:
    """Return how the program names the number of a synapse among those of its pair.

    Parameters
    ----------
    synapses : Synapses
        Any.

    Returns
    -------
    str or None
        None where the user has not asked for it.
    """
    index = synapses.multisynaptic_index
    return None if index is None else name_of(synapses.variables[index])


def pathways(synapses: Any) -> list[SimpleNamespace]:
    """Return what the program has to know of the pathways.

    Parameters
    ----------
    synapses : Synapses
        Any.

    Returns
    -------
    list of SimpleNamespace
        Names in C++: of the pathway, of its delays, of its time step.
    """
    return [
        SimpleNamespace(
            name=pathway.name,
            delays=name_of(pathway._delays),
            scalar="true" if pathway._delays.scalar else "false",
            dt=name_of(pathway.source.clock.variables["dt"]),
        )
        for pathway in synapses._pathways
    ]


def events_of_run(rewiring: Any, synapses: Any) -> tuple[int, list[float]]:
    """Return when the events of the run that is being prepared will be.

    Parameters
    ----------
    rewiring : Rewiring
        On the clock of the synapses.
    synapses : Synapses
        Whose time counts.

    Returns
    -------
    first : int
        Number of the first of these events, from the begin of the first run.
    times : list of float
        In seconds.

    Raises
    ------
    NotImplementedError
        If it is on another clock.
    """
    clock, steps = rewiring.clock, rewiring._steps
    if clock is not synapses.clock:
        raise refuse(
            "a rule that changes with time is not possible on a clock of its own",
            f"let dt of '{rewiring.name}' be a multiple of that of '{synapses.name}'",
        )
    begin, end = int(clock.variables["timestep"].get_value().item()), int(clock._i_end)
    first = max(1, -(-begin // steps))
    return first, [number * steps * clock.dt_ for number in range(first, -(-end // steps))]


def c_type(variable: Any) -> str:
    """Return the type of a variable's values in the program.

    Parameters
    ----------
    variable : ArrayVariable
        Any.

    Returns
    -------
    str
        Such as ``'double'``.
    """
    return c_data_type(variable.dtype)


def literal(value: Any) -> str:
    """Return a number as the program writes it.

    Parameters
    ----------
    value : number or Quantity
        In SI units then.

    Returns
    -------
    str
        With all its digits.
    """
    return CPPNodeRenderer().render_expr(repr(np.asarray(value).item()))


def when_run() -> float | None:
    """Return something that differs from run to run of the program, None before the first.

    Returns
    -------
    float or None
        A number without meaning.
    """
    return get_device().timers["run_binary"] if is_standalone() else None


def is_known(variable: Any) -> bool:
    """Return whether the values of a variable are known although the program has not run.

    Parameters
    ----------
    variable : ArrayVariable
        Any.

    Returns
    -------
    bool
        False if the program will make them.
    """
    return get_device().array_cache.get(variable) is not None


def has_results(variable: Any) -> bool:
    """Return whether the program has run to its end, and it was the one with this variable.

    Parameters
    ----------
    variable : ArrayVariable
        Any.

    Returns
    -------
    bool
        True if the variable can be read.
    """
    return is_standalone() and get_device().has_been_run and variable in get_device().arrays


def has_failed(variable: Any) -> bool:
    """Return whether the program with this variable has run and stopped with an error.

    Parameters
    ----------
    variable : ArrayVariable
        Any.

    Returns
    -------
    bool
        True if there will be no results.
    """
    return when_run() is not None and variable in get_device().arrays and not get_device().has_been_run


def results() -> Path:
    """Return the folder into which the program writes.

    Returns
    -------
    Path
        After the program was made.
    """
    return Path(get_device().results_dir)


def generator() -> Any:
    """Return a generator that Brian2's ``seed`` governs, which in standalone mode does not reach that of NumPy.

    Returns
    -------
    RandomState or module
        A new one after each call of ``seed``, as NumPy's own would be then; NumPy's own where there was none.
    """
    seeds = [call for call in get_device().main_queue if call[0] == "seed"]
    if not seeds or seeds[-1][1] is None:
        return np.random
    if _SEEDED.get("by") is not seeds[-1]:
        _SEEDED.update({"by": seeds[-1], "generator": np.random.RandomState(seeds[-1][1])})
    return _SEEDED["generator"]


def warn_of_flags() -> None:
    """Warn, once, of compiler flags under which the program gives other bits than runtime mode."""
    flags = [*get_compiler_and_args()[1], *get_device().extra_compile_args]
    if {"-ffast-math", "-Ofast"} & set(flags) or "-ffp-contract=off" not in flags:
        logger.warn(
            "With these compiler flags, the program may differ in the last bits from runtime mode and from machine to "
            "machine, and so in the course of the rewiring. For equal bits: "
            "prefs.codegen.cpp.extra_compile_args_gcc = ['-w', '-O2', '-ffp-contract=off', '-std=c++11']",
            name_suffix="compiler_flags",
            once=True,
        )
