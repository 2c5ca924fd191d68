"""Record which connections a Rewiring forms and eliminates."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from brian2 import BrianObject, Quantity, second
from brian2.units.fundamentalunits import fail_for_dimension_mismatch
from numpy.typing import NDArray
from scipy.sparse import coo_array

from synaptic_sampling._checks import check_integer, check_number
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.rewiring import Rewiring
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.log.recorder import RewiringLog, as_log

__all__ = ["RewiringMonitor"]


class RewiringMonitor(BrianObject):
    """Record when each connection forms and is eliminated; identified by neurons, not slots.

    Brian2's ``store`` and ``restore`` include the log: after ``restore`` it ends where it did at ``store``. In memory
    it is then a new object, and a reference kept from before is not truncated. In a file it is the same log, from which
    later events are dropped; an empty file starts at that point.

    While ``active`` is False, a monitor records nothing, and a log in which events are missing cannot go on: create
    another monitor (in C++ standalone mode, after a run with it inactive, whether or not that had events). Removal from
    the network does not stop a monitor.

    In C++ standalone mode the program writes the log to ``<name>.log`` in its results folder; it is read on access
    after the run. While the program runs, ``RewiringLog.open`` reads what has been written to disk.

    Parameters
    ----------
    rewiring : Rewiring or sequence of Rewiring
        What to record. Several share one log, in which each is a separate set; their events must happen at the same
        times.
    record : bool
        If False, only the numbers of events are kept.
    log : RewiringLog or path-like, optional
        Where to record: a log, such as ``RewiringLog(path, mode='a')`` for a run that continues after ``restore``, or
        the path of a file that does not exist yet. By default, a log in memory. The file is complete after each run,
        and is closed by ``log.close()`` or at the end of the process.
    samples_per_event : float, optional
        Number of training samples presented between two events, where applicable: the unit of time in which spiking
        and rate-based networks can be compared.
    name : str
        Name of the object.

    Attributes
    ----------
    rewirings : list of Rewiring
        As given.

    Raises
    ------
    FileExistsError
        If ``log`` is the path of an existing file.
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    """

    add_to_magic_network = True
    invalidates_magic_network = False

    #: The class for C++ programs, which registers itself here when it is defined.
    in_program: ClassVar[type[RewiringMonitor]]

    def __new__(cls, *arguments: Any, **options: Any) -> RewiringMonitor:
        """Return a monitor for C++ programs in C++ standalone mode."""
        return super().__new__(cls.in_program if program.is_standalone() else cls)

    def __init__(
        self,
        rewiring: Rewiring | Sequence[Rewiring],
        record: bool = True,
        *,
        log: RewiringLog | str | os.PathLike[str] | None = None,
        samples_per_event: float | None = None,
        name: str = "rewiringmonitor*",
    ) -> None:
        self.rewirings = _check_rewirings(rewiring)
        if not isinstance(record, bool | np.bool_):
            raise TypeError(f"record must be True or False, got {record!r}.")
        if log is not None and not record:
            raise ValueError(f"log must be None with record=False, got {log!r}; leave one of them out.")
        self._samples = math.nan
        #: Time of the last event.
        self._seconds = math.nan
        if samples_per_event is not None:
            self._samples = check_number("samples_per_event", samples_per_event, above=0.0)
        self._num_births = self._num_deaths = 0
        self._log: RewiringLog | None = None
        self._begun = False
        #: Whether events happened while it was inactive, after it had begun.
        self._missed = False
        #: The rule of each set that was recorded last, as given by the user.
        self._noted: dict[int, Any] = {}
        first = self.rewirings[0]
        super().__init__(clock=first.clock, when=first.when, order=first.order, name=name)
        surgery.name_line_of_user(self)
        for each in self.rewirings:
            self.add_dependency(each)
            each.observers.append(self)
        if record:  # Last, so that no file is created if an argument is invalid.
            self._log = as_log(log)

    def __repr__(self) -> str:
        kept = "" if self._log is not None else ", counts only"
        names = ", ".join(f"'{each.name}'" for each in self.rewirings)
        return f"<{type(self).__name__} of {names}, {self.num_events} events{kept}>"

    def _repr_html_(self) -> str:
        """Return the sets of the log as a table, for notebooks."""
        return repr(self).strip("<>") if self._log is None else self._log._repr_html_()

    def to_pandas(self, rows: str = "events") -> Any:
        """Return the log as a ``pandas.DataFrame``, see `RewiringLog.to_pandas`."""
        return self.log.to_pandas(rows)

    @property
    def log(self) -> RewiringLog:
        """Return the log: events, times, and snapshots of all connections at the start and end of runs."""
        if self._log is None:
            raise AttributeError(f"'{self.name}' keeps counts only; create it with record=True to have a log.")
        return self._log

    @property
    def num_births(self) -> int:
        """Return the number of connections formed so far."""
        return self._num_births

    @property
    def num_deaths(self) -> int:
        """Return the number of connections eliminated so far."""
        return self._num_deaths

    @property
    def num_events(self) -> int:
        """Return the number of formations and eliminations."""
        return self.num_births + self.num_deaths

    @property
    def _happened(self) -> NDArray[Any]:
        """Return formations and eliminations, without moves between slots."""
        events = self.log.events
        return events[np.abs(events["kind"]) == 1]

    @property
    def t_(self) -> NDArray[np.float64]:
        """Return the time of each formation and elimination in seconds, without unit."""
        times = self.log.times
        return times["seconds"][np.searchsorted(times["step"], self._happened["step"])]

    @property
    def t(self) -> Quantity:
        """Return the time of each formation and elimination."""
        return Quantity(self.t_, dim=second.dim)

    @property
    def i(self) -> NDArray[np.int32]:
        """Return the presynaptic index of each formation and elimination."""
        return self._happened["pre"]

    @property
    def j(self) -> NDArray[np.int32]:
        """Return the postsynaptic index of each formation and elimination."""
        return self._happened["post"]

    @property
    def synapses(self) -> NDArray[np.uint16]:
        """Return the index of the Synapses object of each event, counted over all rewirings."""
        return self._happened["set"]

    @property
    def born(self) -> NDArray[np.bool_]:
        """Return which events are formations; the others are eliminations."""
        return self._happened["kind"] == 1

    def before_run(self, run_namespace: Any) -> None:
        """Record the initial connections before the first run; called by Brian2."""
        self.begin()
        super().before_run(run_namespace)

    def after_run(self) -> None:
        """Record connections and theta at the end of a run; called by Brian2."""
        if self._log is not None:
            self.snapshot()
            self._log.flush()
        super().after_run()

    def connectivity_at(self, t: Any, synapses: int = 0) -> coo_array:
        """Return the connections at a given time, after the event of that time.

        Parameters
        ----------
        t : Quantity
            Between the start of the first run and now.
        synapses : int
            Index of the Synapses object, counted over all rewirings.

        Returns
        -------
        coo_array of int8, shape (presynaptic neurons, postsynaptic neurons)
            1 for each connection.

        Raises
        ------
        AttributeError
            If the monitor keeps counts only.
        DimensionMismatchError
            If t is not a time.
        TypeError, ValueError
            If t or the index is out of range, or nothing has been run yet.
        """
        projections = self._projections()
        number = check_integer("synapses", synapses, minimum=0, maximum=len(projections) - 1)
        fail_for_dimension_mismatch(t, second, "t must be a time")
        times, snapshots = self.log.times, self.log.snapshots
        last = times["seconds"][-1:].sum() if self._missed else self.rewirings[0].seconds
        seconds = check_number("t", float(t), minimum=0.0, maximum=float(last) * (1.0 + 1e-9))
        if not snapshots:
            raise ValueError(f"'{self.name}' has recorded nothing yet; call run() first.")
        # Times of events are multiples of dt with rounding errors.
        before = int(np.searchsorted(times["seconds"], seconds + 1e-9 * max(seconds, 1e-3), side="right"))
        step = times["step"][before - 1] if before else snapshots[0].step
        pre, post, _ = self.log.wiring(int(step), index=number)
        c = projections[number].connections
        return coo_array((np.ones(len(pre), np.int8), (pre, post)), shape=(c.num_pre, c.num_post))

    def _full_state(self) -> dict[str, Any]:
        """Return the state for Brian2's ``store``: the log, or where it ends if it is in a file."""
        state: dict[str, Any] = {"counts": (self.num_births, self.num_deaths), "begun": self._begun, "log": None}
        state["missed"] = self._missed
        if self._log is not None:
            self._log.flush()
            state["step"] = self._log.last_step
            wirings = self._wirings() if self._begun and not self._missed else {}
            state["wirings"] = {index: tuple(map(np.array, wired)) for index, wired in wirings.items()}
            if not self._log.is_in_file:
                snapshots = [tuple(np.array(part) for part in taken) for taken in self._log.snapshots]
                rules = [self._log.rules_of(number) for number in range(len(self._projections()))]
                state["log"] = (self._log.times.copy(), self._log.events.copy(), snapshots, rules)
        return state

    def _restore_from_full_state(self, state: dict[str, Any]) -> None:
        """Restore what ``_full_state`` returned; the log then ends at the stored time."""
        own = self._log
        if own is not None and own.is_in_file:
            own.continue_from(state.get("step", 0), state.get("wirings"))
        elif own is not None:
            self._log = self._restored(state["log"], state["begun"])
        self._num_births, self._num_deaths = state["counts"]
        # The connections of the log are compared with those of the network once both are restored.
        self._begun, self._noted = state["begun"] and own is None, {}
        self._missed = state.get("missed", False)

    def _restored(self, stored: Any, begun: bool) -> RewiringLog:
        """Return a log in memory with the stored contents; empty if the stored log is in a file."""
        log = RewiringLog()
        if stored is None:
            return log
        times, events, snapshots, rules = stored
        log.metadata.update(self.log.metadata)
        if begun:
            self._describe(log)
        for step, index, *columns in snapshots:
            log.snapshot(int(step), int(index), *columns)
        for index, noted in enumerate(rules):
            for step, rule in noted:
                log.note_rule(step, index, rule)
        log.record_steps(times, events)
        return log

    def discard_later(self) -> None:
        """Discard what a log in a file contains beyond the present step, which a run that starts anew repeats."""
        if self._log is not None and self._log.is_in_file and self._log.snapshots:
            step = max(projection.connections.steps_done for projection in self._projections())
            self._log.continue_from(step, self._wirings())

    def takes_part(self) -> bool:
        """Return whether the next event is recorded; raise an error if the log would then have a gap."""
        self._missed |= self._begun and not self.active
        if self.active:
            self._check_complete()
        return self.active

    def _check_complete(self) -> None:
        if self._missed and self._log is not None:
            raise ValueError(
                f"'{self.name}' was inactive while events happened, and its log would have a gap; create another "
                "RewiringMonitor."
            )

    def begin(self) -> None:
        """Record the initial connections, and rules that have changed; called by the Rewiring before each event."""
        if not self.takes_part() or self._log is None:
            return
        if not self._begun and self._log.snapshots:
            step = max(projection.connections.steps_done for projection in self._projections())
            self._log.check_goes_on(step, self._wirings())
        elif not self._begun:
            self._annotate(self._log, self._projections()[0].described_rule)
            self.snapshot()
        self._begun = True
        self._note_rules(self._log)

    def _annotate(self, log: RewiringLog, rule: Any) -> None:
        """Record how the run was made, with the initial rule of the first set; ``rules_of`` returns all of them."""
        first = self.rewirings[0]
        log.annotate(rule=rule, seed=first.seed, interval=float(first.interval))
        self._describe(log)

    def _note_rules(self, log: RewiringLog) -> None:
        """Record the rule of each set whose rule has changed since the last event."""
        for number, projection in enumerate(self._projections()):
            given = projection.given_rule
            if self._noted.get(number) is not given:
                log.note_rule(projection.connections.steps_done + 1, number, projection.described_rule)
                self._noted[number] = given

    def _describe(self, log: RewiringLog) -> None:
        """Record the properties of each set of connections."""
        for number, projection in enumerate(self._projections()):
            self._describe_set(log, number, projection)

    def _describe_set(self, log: RewiringLog, number: int, projection: Any) -> None:
        """Record the properties of a set of connections."""
        c, name, multapses = projection.made, projection.synapses.name, projection.multapses
        log.describe(
            number,
            num_pre=c.num_pre,
            num_post=c.num_post,
            num_sites=c.num_sites,
            name=name,
            multapses=multapses,
            signed=projection.signed,
            has_theta=projection.has_theta,
        )

    def observe(self, rewiring: Rewiring, info: RewiringInfo, seconds: float) -> None:
        """Record an event at a time in seconds; called by the Rewiring after it."""
        if not self.active:
            return
        self._num_births += info.num_births
        self._num_deaths += info.num_deaths
        if self._log is not None:
            events = info.events.copy()
            before = self.rewirings[: self.rewirings.index(rewiring)]
            events["set"] += sum(len(each.sets) for each in before)
            self._check_same_times(rewiring, info.step, seconds)
            self._log.record(info._replace(events=events), seconds=seconds, samples=self._samples * info.step)

    def _check_same_times(self, rewiring: Rewiring, step: int, seconds: float) -> None:
        """Raise an error if a Rewiring has missed events: a step of a log has one time."""
        last = self.log.last_step
        # Clocks of different time steps agree but for rounding errors.
        is_later = step == last and seconds > self._seconds * (1.0 + 1e-12)
        if len(self.rewirings) > 1 and (step < last or is_later):
            raise ValueError(
                f"'{rewiring.name}' and another Rewiring of its monitor have not had their events at the same times, "
                "as one of them was switched off; give each a monitor of its own."
            )
        self._seconds = seconds

    def snapshot(self) -> None:
        """Record all connections and their theta as they are now."""
        self._check_complete()
        for number, projection in enumerate(self._projections()):
            self.log.snapshot(projection.connections.steps_done, number, *projection.held())

    def _wirings(self) -> dict[int, tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Return endpoints and signs of each set, slot by slot."""
        held = [projection.held() for projection in self._projections()]
        return {number: (pre, post, polarity) for number, (pre, post, _, polarity) in enumerate(held)}

    def _projections(self) -> list[Any]:
        return [projection for each in self.rewirings for projection in each.projections]


def _check_rewirings(given: Any) -> list[Rewiring]:
    rewirings = [given] if isinstance(given, Rewiring) else list(given) if isinstance(given, Sequence) else []
    if not rewirings or not all(isinstance(each, Rewiring) for each in rewirings):
        raise TypeError(f"rewiring must be a Rewiring or a sequence of them, got {given!r}.")
    first = rewirings[0]
    for each in rewirings[1:]:
        if float(each.interval) != float(first.interval):
            raise ValueError(
                f"'{first.name}' has events every {first.interval}, '{each.name}' every {each.interval}; "
                "give each a monitor of its own."
            )
    return rewirings
