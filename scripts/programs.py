"""Processor time of Brian2 networks in C++ standalone mode."""

from __future__ import annotations

import itertools
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brian2 as b2

from synaptic_sampling.brian import run_program
from synaptic_sampling.spiking.device import standalone

__all__ = ["Program", "processor_time_of_children"]

#: Numbers for project folders, each used once per process.
NUMBERS = itertools.count()


class Program:
    """A network as a C++ program, compiled with flags under which its results are those of runtime mode.

    Parameters
    ----------
    make : callable
        Makes an object whose ``network`` is run.
    folder : path
        Folder for projects and compiled programs.
    """

    def __init__(self, make: Callable[[], Any], folder: Path) -> None:
        self._make, self._folder = make, folder
        self._projects: dict[float, Path] = {}

    def seconds(self, duration: float) -> float:
        """Return the processor time of the whole program, which simulates some seconds from time 0 on."""
        if duration not in self._projects:
            self._projects[duration] = self._built(duration)
        folder, before = self._projects[duration], processor_time_of_children()
        subprocess.run([folder / "main"], cwd=folder, check=True)
        return processor_time_of_children() - before

    def _built(self, duration: float) -> Path:
        """Return the folder of a project; programs that differ in their duration alone are compiled once."""
        folder = self._folder / f"project_{next(NUMBERS)}"
        with standalone(folder):
            b2.start_scope()
            self._make().network.run(duration * b2.second)
            run_program(folder, cache=self._folder)
        return folder


def processor_time_of_children() -> float:
    """Return the processor time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
