"""Recording in C++ standalone mode: the program writes the log, and Python reads it after the run."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from brian2.core.variables import Variables

from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.monitor import RewiringMonitor
from synaptic_sampling.brian.rewiring import Rewiring
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.program import name_of
from synaptic_sampling.log.recorder import RewiringLog

__all__ = ["StandaloneMonitor"]


class StandaloneMonitor(RewiringMonitor):
    """A `RewiringMonitor` for a C++ program; same parameters."""

    _log: RewiringLog | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if options.get("log") is not None:
            raise refuse("log", repr(options["log"]))
        super().__init__(*arguments, **options)
        variables = Variables(self)
        variables.add_array("count", size=2, dtype=np.int64, read_only=True)
        self._count = variables["count"]
        #: The rule of each set, which cannot change in a program.
        self._rules: list[dict[str, Any]] = []
        self._read_at: float | None = None

    @property
    def log(self) -> RewiringLog:
        """Return the log that the program has written, up to the error if it has stopped with one."""
        when = program.when_run()
        if self._log is not None and when is not None and when != self._read_at:
            self._log = RewiringLog.load(program.results() / self._file)
            self._annotate(self._log, self._rules[0])
            for number, rule in enumerate(self._rules):
                self._log.note_rule(self._log.first_step + 1, number, rule)
            self._read_at = when
        return super().log

    @property
    def num_births(self) -> int:
        """Return the number of connections formed so far."""
        return self.log.num_births if self._log is not None else self._number(0)

    @property
    def num_deaths(self) -> int:
        """Return the number of connections eliminated so far."""
        return self.log.num_deaths if self._log is not None else self._number(1)

    def _number(self, kind: int) -> int:
        """Return what the program has counted."""
        return int(self._count.get_value()[kind]) if program.has_results(self._count) else 0

    def before_run(self, run_namespace: Any) -> None:
        """Generate code that writes all connections before the first run and after each; called by Brian2."""
        self.takes_part()
        self._begun = True
        self._rules = self._rules or [projection.described_rule for projection in self._projections()]
        sets = [projection.describe_snapshot() for projection in self._projections()]
        context = SimpleNamespace(name=self.name, file=self._file, sets=sets if self._log is not None else [])
        group = self._projections()[0].synapses
        if not self._code_objects:
            code = program.make_code(group, "rewiring_monitor", f"{self.name}_log*", m=context)
            self._code_objects.append(code)
        program.forget([self._count])
        super(RewiringMonitor, self).before_run(run_namespace)

    def after_run(self) -> None:
        """Do nothing more than Brian2 does: the program writes the connections."""
        super(RewiringMonitor, self).after_run()

    def describe_for(self, rewiring: Rewiring) -> SimpleNamespace:
        """Return the context of this monitor for the code of one of its rewirings: names in C++."""
        samples = 'std::nan("")' if math.isnan(self._samples) else repr(float(self._samples))
        return SimpleNamespace(
            name=self.name,
            count=name_of(self._count),
            recorded=self._log is not None,
            samples=samples,
            set=self.rewirings.index(rewiring),
        )

    def snapshot(self) -> None:
        """Raise an error: snapshots are written by the program alone."""
        raise refuse("snapshot")

    def _describe_set(self, log: RewiringLog, number: int, projection: Any) -> None:
        """Record the properties of a set, unless a program that has stopped with an error chose its pairs."""
        if projection.pairs.are_known:
            super()._describe_set(log, number, projection)

    @property
    def _file(self) -> str:
        return f"{self.name}.log"


RewiringMonitor.in_program = StandaloneMonitor
