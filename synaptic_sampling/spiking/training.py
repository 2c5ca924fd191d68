"""Train a spiking network on a task, in runtime mode or as a compiled C++ program."""

from __future__ import annotations

import gc
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from brian2 import all_devices, get_device, prefs, set_device
from brian2.codegen.runtime.cython_rt.extension_manager import get_cython_cache_dir
from brian2.devices.device import reset_device
from numpy.typing import NDArray

from synaptic_sampling._checks import check_choice, check_instance, check_integer, check_number, check_seed, is_schedule
from synaptic_sampling.brian import run_program
from synaptic_sampling.brian.standalone.program import is_standalone
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.rules import Rule
from synaptic_sampling.spiking.network import EpropNetwork
from synaptic_sampling.spiking.simulation import SETS, Simulation
from synaptic_sampling.spiking.tasks import Presentation, SequenceTask

__all__ = ["SpikingResult", "Training"]

#: Fast, and without the changes of order and precision that -ffast-math and fused operations bring.
FLAGS = ["-w", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-std=c++11"]


@dataclass(frozen=True, eq=False)
class SpikingResult:
    """What a run has led to.

    Attributes
    ----------
    accuracies : list of float
        Fraction of the labelled test sequences, or of their labelled frames, that is classified correctly, after each
        epoch; empty without test sequences.
    training_accuracies : list of float
        Likewise of the training sequences, as they were presented.
    samples : list of int
        Training sequences presented before each test.
    rate : float
        Mean firing rate over the whole run, in Hz.
    weights : dict of str to tuple of ndarray
        For each set of synapses: presynaptic neuron, postsynaptic neuron, and weight.
    sites : dict of str to int
        Number of possible connections of each set.
    log : RewiringLog
        Formation and elimination of the input and recurrent synapses, in this order.
    seconds : float
        Duration of the run without compilation in C++ standalone mode, and with everything in runtime mode.
    """

    accuracies: list[float]
    training_accuracies: list[float]
    samples: list[int]
    rate: float
    weights: dict[str, tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]]
    sites: dict[str, int]
    log: RewiringLog
    seconds: float

    @property
    def connections(self) -> int:
        """Return the number of connections of all sets, those of the readout included."""
        return sum(len(pre) for pre, _, _ in self.weights.values())

    @property
    def connectivity(self) -> float:
        """Return the fraction of all possible connections that exist, those of the readout included."""
        return self.connections / sum(self.sites.values())


class Training:
    """Epochs of a task, each in a random order and followed by a test.

    Parameters
    ----------
    net : EpropNetwork
        The network.
    task : SequenceTask
        What it learns.
    epochs : int
        Number of passes over the training sequences.
    batch : int
        Number of sequences between two updates of weights and connections.
    decay : float
        Learning rates and temperatures decrease exponentially from update to update, from their values in the first
        one to this fraction of them in the last; 1 keeps them constant. Those that are strings of t or TimedArrays
        are left as they are.
    seed : int
        0 to 2**64 - 1; determines connectivity, signs, initial weights, order of the sequences, noise and formation.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    """

    def __init__(
        self,
        net: EpropNetwork,
        task: SequenceTask,
        *,
        epochs: int = 1,
        batch: int = 32,
        decay: float = 1.0,
        seed: int = 0,
    ) -> None:
        check_instance("net", net, EpropNetwork)
        check_instance("task", task, SequenceTask)
        self.net, self.task = net, task
        self.epochs = check_integer("epochs", epochs, minimum=1, maximum=2**31 - 1)
        self.batch = check_integer("batch", batch, minimum=1, maximum=2**31 - 1)
        self.decay = check_number("decay", decay, above=0.0, maximum=1.0)
        self.seed = check_seed(seed)

    def run(
        self,
        *,
        device: str = "runtime",
        report: Callable[..., None] | str | None = None,
        log: Any = None,
        directory: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> SpikingResult:
        """Train, from the start to the end.

        Parameters
        ----------
        device : {'runtime', 'cpp_standalone'}
            Brian2's runtime mode, or a C++ program, which is compiled once for all networks that differ only in data,
            seeds, wiring and numbers. With Cython, both give the same bits.
        report : callable or str, optional
            Progress, as for ``brian2.run``: 'text', 'stdout', 'stderr' or a function; a program reports only as text,
            to standard output.
        log : path-like, optional
            File for the log of runtime mode; in memory by default. The log of a program is saved afterwards, by
            ``result.log.save``.
        directory : path-like, optional
            Folder of the program; by default one that is deleted at the end.
        cache : path-like, optional
            Folder of compiled programs, as for `brian.run_program`.

        Returns
        -------
        SpikingResult
            Accuracies, weights and log.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or is out of range.
        RuntimeError
            If a C++ standalone mode of your own is in use, the program cannot be compiled, or it stops with an error,
            such as a gradient that is not finite.
        KeyboardInterrupt
            If Ctrl+C ended the run early, which Brian2 does not report.
        """
        check_choice("device", device, ("runtime", "cpp_standalone"))
        _check_options(device, report, log, directory, cache)
        check_device()
        if device == "cpp_standalone":
            with ExitStack() as stack:
                folder = directory or stack.enter_context(tempfile.TemporaryDirectory())
                return self._run_program(folder, cache, report)
        start = time.perf_counter()
        with compiler_flags():
            simulation = self.simulation(log)
            simulation.network.run(simulation.length, report=report, namespace={})
        if simulation.network.t < simulation.length - 0.5 * self.net.dt:
            raise KeyboardInterrupt
        return self._result(simulation, time.perf_counter() - start)

    def _run_program(self, folder: Any, cache: Any, report: Any) -> SpikingResult:
        """Build and run a C++ program, with Brian2's device and preferences as they were afterwards."""
        with standalone(folder) as device:
            simulation = self.simulation()
            simulation.network.run(simulation.length, report="text" if report else None, namespace={})
            run_program(folder, cache=cache, with_output=bool(report))
            result = self._result(simulation, device.timers["run_binary"])
            del simulation
            return result

    def simulation(self, log: Any = None) -> Simulation:
        """Return the Brian2 objects of the whole run, not run yet: for monitors of your own, or another device.

        Parameters
        ----------
        log : path-like, optional
            File for the log of runtime mode; in memory by default.

        Returns
        -------
        Simulation
            Its ``network`` runs for its ``length``.
        """
        presentation = Presentation.of_epochs(self.task, 0, self.epochs, batch=self.batch, seed=self.seed)
        factor = factor_of_rates(self)
        rules = {
            name: decayed(getattr(self.net, name).rule, factor) for name in SETS if getattr(self.net, name) is not None
        }
        return Simulation(self.net, self.task, presentation, rules=rules, batch=self.batch, seed=self.seed, log=log)

    def _result(self, simulation: Simulation, seconds: float) -> SpikingResult:
        _, learning, _, tests = simulation.presentation
        right, counted = simulation.scores()

        def accuracy(part: slice) -> float:
            return float(right[part].sum() / counted[part].sum())

        learned = np.cumsum(learning)
        starts = [0, *(test.stop for test in tests[:-1])]
        weights = {}
        for name, rewiring in simulation.rewirings.items():
            theta, polarity = (rewiring.to_scipy(variable) for variable in ("theta", "polarity"))
            weights[name] = *theta.coords, polarity.data * theta.data
        return SpikingResult(
            accuracies=[accuracy(test) for test in tests if test.stop > test.start],
            training_accuracies=[accuracy(slice(start, test.start)) for start, test in zip(starts, tests, strict=True)],
            samples=[int(learned[test.start - 1]) for test in tests],
            rate=float(np.sum(simulation.spikes.count[:]) / (float(simulation.length) * self.net.num_neurons)),
            weights=weights,
            sites={name: rewiring.connections.num_sites for name, rewiring in simulation.rewirings.items()},
            log=simulation.monitor.log,
            seconds=seconds,
        )


def _check_options(device: str, report: Any, log: Any, directory: Any, cache: Any) -> None:
    """Raise an error for options of a run that would be noticed late, or not at all."""
    if not callable(report) and report not in (None, "text", "stdout", "stderr"):
        raise ValueError(f"report must be 'text', 'stdout', 'stderr' or a function, got {report!r}.")
    if device == "cpp_standalone" and log is not None:
        raise ValueError(f"log must be None with device='cpp_standalone', got {log!r}; use result.log.save(path).")
    for name, path in (("directory", directory), ("cache", cache)):
        if path is not None:
            check_instance(name, path, (str, os.PathLike))
            if not os.fspath(path) or (os.path.exists(path) and not os.path.isdir(path)):
                raise ValueError(f"{name} must be a folder, got {path!r}.")


def check_device() -> None:
    """Raise an error if Brian2's C++ standalone mode has a network of the script, which would be lost."""
    if is_standalone() or all_devices["cpp_standalone"].networks:
        raise RuntimeError(
            "a run of a Training sets and resets Brian2's device, but the script uses C++ standalone mode itself; run "
            "the Training before set_device, or after device.reinit() and set_device('runtime')."
        )


@contextmanager
def compiler_flags() -> Iterator[None]:
    """Compile with flags under which runtime mode with Cython and a C++ program have the same bits."""
    before = prefs.codegen.cpp.extra_compile_args_gcc, prefs.codegen.runtime.cython.cache_dir
    prefs.codegen.cpp.extra_compile_args_gcc = FLAGS
    # Brian2 finds compiled modules by their code, whatever the flags were.
    folder = get_cython_cache_dir()
    if folder is not None:
        prefs.codegen.runtime.cython.cache_dir = f"{folder}_exact"
    try:
        yield
    finally:
        prefs.codegen.cpp.extra_compile_args_gcc, prefs.codegen.runtime.cython.cache_dir = before


@contextmanager
def standalone(folder: Any) -> Iterator[Any]:
    """Set Brian2's C++ standalone mode, and what was set before at the end."""
    # While objects of a run before exist, those of this one have other names, with which a program is compiled again.
    gc.collect()
    make_options = prefs.devices.cpp_standalone.extra_make_args_unix
    with compiler_flags():
        # By default, Brian2 starts a compiler for each of some thirty files at once.
        prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count() or 1}"]
        set_device("cpp_standalone", directory=str(folder), build_on_run=False)
        device = get_device()
        try:
            yield device
        finally:
            device.reinit()
            reset_device()
            prefs.devices.cpp_standalone.extra_make_args_unix = make_options


def factor_of_rates(training: Training) -> str | None:
    """Return the factor of learning rates as a string of t: 1 at the first update, ``decay`` at the last; None if 1."""
    task, batch = training.task, training.batch
    # An epoch has as many updates with few test sequences as with many, which must not matter.
    per_epoch, shown = math.ceil(len(task.train) / batch), len(task.train) + len(task.test)
    last = f"floor(t/({float(task.num_steps * training.net.dt)!r}*second) - 0.5)"
    update = f"({last}//{shown}*{per_epoch} + {last}%{shown}//{batch})"
    number = training.epochs * per_epoch
    return None if training.decay == 1.0 or number == 1 else f"{training.decay!r}**({update}/{number - 1})"


def decayed(rule: Rule, factor: str | None) -> Rule:
    """Return a rule whose learning rate and temperature are multiplied by a factor that changes with time."""
    if factor is None:
        return rule
    own = {each.name: getattr(rule, each.name) for each in fields(rule)}
    changed = {name: own[name] for name in ("learning_rate", "temperature") if name in own}
    return replace(
        rule, **{name: f"{float(value)!r}*{factor}" for name, value in changed.items() if not is_schedule(value)}
    )
