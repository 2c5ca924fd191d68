"""Record the births and deaths that a Rewiring brings about."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from brian2 import BrianObject, Quantity, second
from numpy.typing import NDArray

from synaptic_sampling._checks import check_number
from synaptic_sampling.brian.rewiring import Rewiring
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.log import RewiringLog

__all__ = ["RewiringMonitor"]


class RewiringMonitor(BrianObject):
    """Record when which connection was born and died: edges, not slots.

    Parameters
    ----------
    rewiring : Rewiring
        What to record.
    record : bool
        With False only the counts are kept.
    samples_per_event : float, optional
        How many samples are presented between two events, where that has a meaning: the unit of time in which
        spiking and rate-based nets can be compared.
    name : str
        Name of the object.

    Attributes
    ----------
    rewiring : Rewiring
        As given.
    num_births, num_deaths : int
        Counts so far.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    add_to_magic_network = True
    invalidates_magic_network = False

    def __init__(
        self,
        rewiring: Rewiring,
        record: bool = True,
        *,
        samples_per_event: float | None = None,
        name: str = "rewiringmonitor*",
    ) -> None:
        if not isinstance(rewiring, Rewiring):
            raise TypeError(f"rewiring must be a Rewiring, got {rewiring!r}.")
        if not isinstance(record, bool | np.bool_):
            raise TypeError(f"record must be True or False, got {record!r}.")
        self._samples = math.nan
        if samples_per_event is not None:
            self._samples = check_number("samples_per_event", samples_per_event, above=0.0)
        self.rewiring, self.num_births, self.num_deaths = rewiring, 0, 0
        self._log = RewiringLog() if record else None
        self._begun = False
        super().__init__(clock=rewiring.clock, when=rewiring.when, order=rewiring.order, name=name)
        self.add_dependency(rewiring)
        rewiring._observers.append(self)

    def __repr__(self) -> str:
        kept = "" if self._log is not None else ", counts only"
        return f"<{type(self).__name__} of '{self.rewiring.name}', {self.num_events} events{kept}>"

    @property
    def log(self) -> RewiringLog:
        """Return the log: events, times, and the wirings at the begin and end of runs."""
        if self._log is None:
            raise AttributeError(f"'{self.name}' keeps counts only; make it with record=True to have a log.")
        return self._log

    @property
    def num_events(self) -> int:
        """Return the number of births and deaths."""
        return self.num_births + self.num_deaths

    @property
    def t_(self) -> NDArray[np.float64]:
        """Return the time of each birth and death in seconds, without unit."""
        times = self.log.times
        return times["seconds"][np.searchsorted(times["step"], self.log.events["step"])]

    @property
    def t(self) -> Quantity:
        """Return the time of each birth and death."""
        return Quantity(self.t_, dim=second.dim)

    @property
    def i(self) -> NDArray[np.int32]:
        """Return the presynaptic index of each birth and death."""
        return self.log.events["pre"]

    @property
    def j(self) -> NDArray[np.int32]:
        """Return the postsynaptic index of each birth and death."""
        return self.log.events["post"]

    @property
    def born(self) -> NDArray[np.bool_]:
        """Return which of the events are births."""
        return self.log.events["kind"] > 0

    def before_run(self, run_namespace: Any) -> None:
        """Keep the wiring that the first run begins with; called by Brian2.

        Parameters
        ----------
        run_namespace : dict
            Not used.
        """
        self.begin()
        super().before_run(run_namespace)

    def after_run(self) -> None:
        """Keep the wiring and the weights at the end of a run; called by Brian2."""
        if self._log is not None:
            self.snapshot()
        super().after_run()

    def begin(self) -> None:
        """Keep the first wiring; called by the Rewiring before each event."""
        if self._begun:
            return
        self._begun = True
        if self._log is not None:
            c, name = self.rewiring.connections, self.rewiring.synapses.name
            self._log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites, name=name)
            self.snapshot()

    def observe(self, info: RewiringInfo, seconds: float) -> None:
        """Record an event; called by the Rewiring after it.

        Parameters
        ----------
        info : RewiringInfo
            What died and what was born.
        seconds : float
            When.
        """
        self.num_births += info.num_births
        self.num_deaths += info.num_deaths
        if self._log is not None:
            self._log.record(info, seconds=seconds, samples=self._samples * info.step)

    def snapshot(self) -> None:
        """Keep all connections and their theta as they are now."""
        c = self.rewiring.connections
        self.log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)
