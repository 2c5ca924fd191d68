"""Code objects for C++ standalone mode, made from the templates of this package, and the context of these templates.

Like ``internals``, this module uses private parts of Brian2. Brian2 turns a script into a C++ program; here it is given
additional code objects, whose templates and headers are in the folder ``templates``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2 import Clock
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import get_device
from brian2.utils.logger import get_logger

from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.standalone.constants import constants_in_cpp

__all__ = [
    "RewiringCode",
    "are_endpoints_known",
    "at_each_run",
    "c_type",
    "code_object_class",
    "events_of_run",
    "forget",
    "generator",
    "has_failed",
    "has_results",
    "in_this_process",
    "is_known",
    "is_standalone",
    "kept_known",
    "make_code",
    "multisynaptic_index",
    "name_of",
    "names_of_pathways",
    "other_clock",
    "pathways",
    "prepare",
    "project",
    "reset_variables",
    "results",
    "start_at",
    "warn_of_flags",
    "when_run",
]

logger = get_logger(__name__)

#: The module; ``brian2.devices.device`` is an object of the same name.
devices: Any = import_module("brian2.devices.device")
#: Templates and headers.
FOLDER = Path(__file__).with_name("templates")
#: The last call of ``seed`` in standalone mode, and its generator.
_SEEDED: dict[str, Any] = {}


class RewiringCode(CPPStandaloneCodeObject):
    """Code from the templates of this package."""

    templater = CPPStandaloneCodeObject.templater.derive(__package__, templates_dir=FOLDER.name)


def is_standalone() -> bool:
    """Return whether Brian2 generates a C++ program, and no simulation runs in this process."""
    return type(get_device()) is CPPStandaloneDevice


@contextmanager
def in_this_process() -> Iterator[None]:
    """Let Brian2 evaluate in this process what is made within; the program does not change."""
    # set_device would also set the time step of both devices.
    own, devices.active_device = devices.active_device, devices.runtime_device
    try:
        yield
    finally:
        devices.active_device = own


@contextmanager
def kept_known(variables: Any) -> Iterator[None]:
    """Let variables stay known that code made within only reads; Brian2 takes it that code sets all it may set."""
    cache = get_device().array_cache
    values = {variable: cache[variable] for variable in variables if variable in cache}
    yield
    cache.update(values)


def name_of(variable: Any) -> str:
    """Return the C++ name of the array of a variable: a ``std::vector`` where its size may change, else a pointer."""
    return get_device().get_array_name(variable, access_data=False)


def prepare() -> None:
    """Add the headers of this package to the program, and round denormal numbers to 0, since they are slow."""
    device = get_device()
    if str(FOLDER) not in device.include_dirs:
        device.include_dirs.append(str(FOLDER))
        device.headers.append('"denormals.h"')
        device.insert_code("main", "synaptic_sampling::flush_denormals();")


def project() -> tuple[Any, Path]:
    """Return an object that is the same during one build of the project, None before the first, and its folder."""
    device = get_device()
    return (device.writer, Path(device.project_dir)) if device.writer is not None else (None, Path())


def code_object_class() -> type:
    """Return the class of code objects in C++ standalone mode."""
    return CPPStandaloneCodeObject


def make_code(group: Any, template: str, name: str, **context: Any) -> Any:
    """Return a code object from a template, to be called once or run in every step.

    ``context`` holds the variables of the template, besides the shared ``constants``.
    """
    prepare()
    return create_runner_codeobj(
        group, "", template, run_namespace={}, name=name, check_units=False,
        template_kwds={"constants": constants_in_cpp(), **context}, codeobj_class=RewiringCode,
    )  # fmt: skip


def at_each_run(function: str) -> None:
    """Have the program call a function, whose definition is in a template, before each run."""
    get_device().insert_code("before_network_run", f"{{ void {function}(); {function}(); }}")


def forget(variables: Any) -> None:
    """Invalidate Brian2's cached values of variables that the program modifies."""
    for variable in variables:
        get_device().array_cache[variable] = None


def reset_variables(synapses: Any) -> list[Any]:
    """Return the variables that are 0 in a new synapse, by name: all except endpoints and delays."""
    kept = {synapses.variables[side] for side in ("_synaptic_pre", "_synaptic_post")}
    kept |= {pathway._delays for pathway in synapses._pathways}
    return sorted(synapses._registered_variables - kept, key=name_of)


def multisynaptic_index(synapses: Any) -> str | None:
    """Return the C++ name of the ``multisynaptic_index``, None where there is none."""
    index = synapses.multisynaptic_index
    return None if index is None else name_of(synapses.variables[index])


def pathways(synapses: Any) -> list[SimpleNamespace]:
    """Return the C++ names of each pathway, its delays and its time step."""
    return [
        SimpleNamespace(
            name=pathway.name,
            delays=name_of(pathway._delays),
            scalar="true" if pathway._delays.scalar else "false",
            dt=name_of(pathway.source.clock.variables["dt"]),
        )
        for pathway in synapses._pathways
    ]


def names_of_pathways(synapses: Any) -> list[str]:
    """Return the names of all pathways, such as 'pre'."""
    return [pathway.objname for pathway in synapses._pathways]


def events_of_run(rewiring: Any, synapses: Any, until: float | None) -> tuple[int, list[float]]:
    """Return when the events of the run in preparation will happen, or all from time 0 to ``until``.

    Returns the index of the first event, counted from time 0, and all times in seconds; time 0 has no event, and the
    time of the first one. Raises NotImplementedError if the Rewiring has another clock than the synapses.
    """
    clock, steps = rewiring.clock, rewiring.steps
    if clock is not synapses.clock:
        raise refuse("clock", f"'{rewiring.name}'")
    if until is not None:
        return 0, [max(number, 1) * steps * clock.dt_ for number in range(round(until / (steps * clock.dt_)) + 1)]
    start, end = int(clock.variables["timestep"].get_value().item()), int(clock._i_end)
    first = max(1, -(-start // steps))
    return first, [number * steps * clock.dt_ for number in range(first, -(-end // steps))]


def other_clock(clock: Any, synapses: Any) -> SimpleNamespace | None:
    """Return the C++ names of a clock's time and of the synapses' dt, None where this is the synapses' clock.

    The times of clocks that tick together differ by less than ``epsilon`` of dt.
    """
    if clock is synapses.clock:
        return None
    time, dt = clock.variables["t"], synapses.clock.variables["dt"]
    return SimpleNamespace(t=name_of(time), dt=name_of(dt), epsilon=repr(Clock.epsilon_dt))


def start_at(network: Any, seconds: float) -> None:
    """Have the first run of a network start at this time, in the program or in this process."""
    network.t_ = seconds
    if is_standalone():
        start = get_device().static_array("start", np.array([seconds]))
        get_device().insert_code("main", f"{network.name}.t = {start}[0];")


def c_type(variable: Any) -> str:
    """Return the C++ type of a variable's values, such as ``'double'``."""
    return c_data_type(variable.dtype)


def when_run() -> float | None:
    """Return a number that differs between runs of the program, None before the first."""
    return get_device().timers["run_binary"] if is_standalone() else None


def is_known(variable: Any) -> bool:
    """Return whether the values of a variable are known before the program runs."""
    return get_device().array_cache.get(variable) is not None


def are_endpoints_known(synapses: Any) -> bool:
    """Return whether it is known between which neurons synapses are: always, except before a program has made them."""
    return not is_standalone() or is_known(synapses.variables["_synaptic_pre"])


def has_results(variable: Any) -> bool:
    """Return whether the program with this variable has finished, so that the variable can be read."""
    return is_standalone() and get_device().has_been_run and variable in get_device().arrays


def has_failed(variable: Any) -> bool:
    """Return whether the program with this variable has stopped with an error, so that there are no results."""
    return when_run() is not None and variable in get_device().arrays and not get_device().has_been_run


def results() -> Path:
    """Return the folder into which the program writes, once it has been generated."""
    return Path(get_device().results_dir)


def generator() -> Any:
    """Return a generator that Brian2's ``seed`` controls; in standalone mode it does not control NumPy's."""
    seeds = [call for call in get_device().main_queue if call[0] == "seed"]
    if not seeds or seeds[-1][1] is None:
        return np.random
    if _SEEDED.get("by") is not seeds[-1]:
        _SEEDED.update({"by": seeds[-1], "generator": np.random.RandomState(seeds[-1][1])})
    return _SEEDED["generator"]


def warn_of_flags() -> None:
    """Warn, once, of compiler flags under which the results differ from those of runtime mode in the last bits."""
    flags = [*get_compiler_and_args()[1], *get_device().extra_compile_args]
    if {"-ffast-math", "-Ofast"} & set(flags) or "-ffp-contract=off" not in flags:
        logger.warn(
            "With these compiler flags, results may differ in the last bits from runtime mode and between machines, "
            "and therefore in which connections are rewired. For bit-identical results: "
            "prefs.codegen.cpp.extra_compile_args_gcc = ['-w', '-O3', '-march=native', '-ffp-contract=off', "
            "'-fno-math-errno', '-fno-trapping-math', '-std=c++11']",
            name_suffix="compiler_flags",
            once=True,
        )
