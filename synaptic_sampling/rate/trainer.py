"""Train a network on samples: epochs, batches, tests, progress, interruption and resumption."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from synaptic_sampling._checks import check_callable, check_integer
from synaptic_sampling._kernels.dynamics import BIRTH, DEATH
from synaptic_sampling._metadata import plain
from synaptic_sampling.checkpoint import READ_ERRORS, CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.log import TIME, RewiringLog, Wired, as_log
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate import stack
from synaptic_sampling.rate.interruption import Interrupt
from synaptic_sampling.rate.losses import CrossEntropy, Loss
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.progress import Course, Epoch, Progress, Report, Shown, check_options, number_of_epochs
from synaptic_sampling.rate.schedules import Schedule
from synaptic_sampling.rules import FixedWiring

__all__ = ["Epoch", "Trainer"]

_log = logging.getLogger(__name__)


class Trainer:
    """Train a network and log every birth and death.

    Ctrl+C ends ``fit`` after the step it came in, or some steps later (about 0.1 s), by KeyboardInterrupt: network,
    log and counts fit together, and ``fit`` goes on from there. The order of samples is a function of the network's
    seed and the epoch: to stop and go on gives the same bits as not to stop.

    Parameters
    ----------
    network : RateNetwork
        Changed in place.
    loss : Loss
        What is to be made small; cross-entropy by default.
    log : RewiringLog or path-like, optional
        Where to record: a log, such as ``RewiringLog(path, mode='a')`` for a run that goes on, or the path of one that
        does not exist yet. One in memory by default. The file is complete after ``fit`` and ``save``, and is closed by
        ``log.close()``, or at the end of the process.
    record : bool
        False: nothing is written into the log, which for a wide network saves gigabytes per epoch.
    schedule : callable, optional
        From the number of an epoch, 0 for the first, to the rule of the network in it, such as `Decay` or
        `LinearDecay`. The rule stays as it is by default.
    between : callable, optional
        Called with the trainer between two epochs, or between two steps; may rewire all sparse layers of the network,
        and returns what it did, for the log (such as `SET`).
    every : int, optional
        How many steps there are between two calls of ``between``; by default an epoch.
    snapshot_every : int, optional
        Epochs from one snapshot in the log to the next; by default there is one at the start and one at the end.

    Attributes
    ----------
    network, loss, log, schedule : object
        As given.
    steps_done : int
        Batches learned so far.
    samples_done : int
        Samples presented so far.
    history : list of Epoch
        What each epoch came to.
    most_connections : int
        The most that all sparse layers together had after any step.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """

    def __init__(
        self,
        network: RateNetwork,
        loss: Loss | None = None,
        *,
        log: RewiringLog | str | os.PathLike[str] | None = None,
        record: bool = True,
        schedule: Schedule | None = None,
        between: Callable[[Trainer], Iterable[RewiringInfo]] | None = None,
        every: int | None = None,
        snapshot_every: int | None = None,
    ) -> None:
        if not isinstance(network, RateNetwork):
            raise TypeError(f"network must be a RateNetwork, got {network!r}.")
        if loss is not None and not callable(getattr(loss, "evaluate", None)):
            raise TypeError(f"loss must be a CrossEntropy or a MeanSquaredError, got {loss!r}.")
        for name, value in (("schedule", schedule), ("between", between)):
            if value is not None:
                check_callable(name, value)
        if not isinstance(record, bool):
            raise TypeError(f"record must be True or False, got {record!r}.")
        if log is not None and not record:
            raise ValueError("a log is given, but record=False leaves it empty; leave one of them out.")
        self.network, self.loss, self._records = network, CrossEntropy() if loss is None else loss, record
        self.schedule, self._between = schedule, between
        for name, count in (("every", every), ("snapshot_every", snapshot_every)):
            if count is not None:
                check_integer(name, count, minimum=1, maximum=2**31)
        self._every, self._snapshot_every = every, snapshot_every
        self.steps_done = self.samples_done = 0
        self.history: list[Epoch] = []
        self.most_connections = self._count()
        #: Of the epoch under way: samples presented; sum of losses, batches, births, deaths.
        self._position, self._under_way = 0, [0.0, 0, 0, 0]
        #: The step before which ``between`` was called last.
        self._rewired_at = 0
        #: Samples, targets and batch size of the last ``fit``; whether the next one must have the same.
        self._course: Course | None = None
        self._bound = False
        #: The rule that was recorded last, and in which log.
        self._noted: object = None
        self._noted_in: RewiringLog | None = None
        self.log = as_log(log)  # Last, so that no file is made where an argument is wrong.

    @property
    def tests(self) -> list[tuple[int, float]]:
        """Return (samples presented, accuracy) for each test."""
        return [(epoch.samples, epoch.accuracy) for epoch in self.history if epoch.accuracy is not None]

    def fit(
        self,
        samples: ArrayLike,
        targets: ArrayLike,
        *,
        epochs: int | None = None,
        until_epoch: int | None = None,
        batch_size: int = 32,
        test: tuple[ArrayLike, ArrayLike] | None = None,
        stop: Callable[[Trainer], bool] | None = None,
        report: Report | str | None = "bar",
        watch: Callable[[Trainer], object] | None = None,
    ) -> None:
        """Train for some more epochs, or until a number of epochs is complete.

        An epoch that was interrupted is finished first, and counts as one of those asked for. If other samples or
        targets are given, it ends where it was, and the next epoch shows these.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.
        targets : array_like
            Labels or targets, as the loss requires them.
        epochs : int
            How many more epochs, at least 1; each adds one entry to ``history``.
        until_epoch : int
            Instead of ``epochs``: how many epochs in all, those before included. For training that is resumed.
        batch_size : int
            Samples per step; the last batch of an epoch may be smaller.
        test : tuple of array_like, optional
            Samples and labels on which accuracy is measured after each epoch; by ``loss.accuracy`` where the loss has
            one, as those of frames do, else by ``network.accuracy``.
        stop : callable, optional
            Asked with the trainer after each epoch whether to end here, such as `Patience`.
        report : 'bar', callable or None
            A progress bar, a function of (epochs done, epochs, mean loss), or nothing.
        watch : callable, optional
            Called with the trainer after every step. An exception in it ends the training there, in a valid state.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind, or its shape does not fit, or not exactly one of ``epochs`` and
            ``until_epoch`` is given.
        CheckpointError
            If the trainer was loaded from a checkpoint of other samples, targets or batch size.
        FloatingPointError
            If a gradient is NaN or infinite; names layer and connection. The step before is the last one done.
        """
        number = number_of_epochs(epochs, until_epoch)
        check_options(test=test, stop=stop, report=report, watch=watch)
        x = self.network.check_samples(samples)
        y = self.loss.check_targets(targets, len(x), self.network.num_out)
        if test is not None:
            self._check_test(test)
        size = check_integer("batch_size", batch_size, minimum=1, maximum=len(x))
        self._begin_course(Course.of(x, y, size))
        # An epoch that was saved after its last step lacks nothing but its entry in the history.
        complete = len(self.history) + (self._position == len(x))
        last = number if epochs is None else complete + number
        if last <= len(self.history):
            message = "nothing to train: until_epoch=%d, and %d epochs are done; give a larger one, or epochs=."
            _log.warning(message, last, len(self.history))
            return
        self._begin_log(last, size)
        bar = tqdm(total=last, initial=len(self.history), unit="epoch", disable=report != "bar")
        with Interrupt() as interrupt, bar:
            while len(self.history) < last:
                interrupt.check()
                self._finish_epoch(Shown(x, y, size, watch), interrupt)
                self._end_epoch(test)
                bar.update()
                bar.set_postfix(self.history[-1].figures)
                if callable(report):
                    report(len(self.history), last, self.history[-1].loss)
                if stop is not None and stop(self):
                    break
            interrupt.check()
        self.snapshot()
        self.log.flush()

    def _finish_epoch(self, shown: Shown, interrupt: Interrupt) -> None:
        """Present the samples that are left of an epoch; none are where it was saved after its last step."""
        epoch, number = len(self.history), len(shown.samples)
        if self.schedule is not None:
            self.network.rule = self.schedule(epoch)
        order = permutation(self.network.seed, Stream.ORDER, epoch, number)
        while self._position < number:
            self._rewire_between()
            self.learn(shown, order[self._position :])
            if self._position < number:
                interrupt.check()

    def snapshot(self) -> None:
        """Keep all connections and their weights in the log."""
        for c in self.network.connections if self._records else ():
            self.log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint from which training goes on.

        Parameters
        ----------
        path : path-like
            The file. The log is not in it: one in memory is to be saved by ``log.save``, one in a file is flushed.
        """
        self.log.flush()
        progress = Progress(
            self.steps_done,
            self.samples_done,
            self._position,
            self._under_way,
            self._rewired_at,
            self.most_connections,
            self.history,
            self._course,
        )
        # A schedule may give another kind of rule to each epoch.
        about = {**progress._asdict(), **self._identity(), "fixed": isinstance(self.network.rule, FixedWiring)}
        save_checkpoint(path, self.network.state(), about)

    def load(self, path: str | os.PathLike[str], *, same_data: bool = True) -> None:
        """Take on the state of a checkpoint, from which the log goes on.

        A log in a file loses what it holds of later steps; one without anything, or one in memory, starts from here.

        The network must have been made with the same layers, rule, signs and seed. For another rule from here on, set
        ``network.rule`` afterwards.

        Parameters
        ----------
        path : path-like
            Written by ``save`` of a trainer with an equal network.
        same_data : bool
            Whether the next ``fit`` must be given the samples, targets and batch size of the checkpoint.

        Raises
        ------
        CheckpointError
            If it cannot be read, is damaged, is of another network, or holds a state that training cannot go on from:
            a value that is not finite, a counter out of range, a negative theta under DeepR, other signs. Nothing has
            changed then.
        LogError
            If the log in the file ends before the checkpoint, or is of another run. Nothing has changed then either.
        """
        arrays, about = load_checkpoint(path)
        own = self._identity()
        got = {name: about.get(name) for name in own}
        if got != own:
            raise CheckpointError(f"{path} belongs to another network: it has {got}, this one {own}.")
        try:
            progress = Progress.read(about)
            negative = None if self.schedule is None else bool(about["fixed"])
            self.network.check_state(arrays, negative=negative)
            step, wirings = self._wired(arrays)
            if self.log.is_in_file:
                self.log.check_continues(step, wirings)
            self.network.restore(arrays, negative=negative)
        except READ_ERRORS as error:
            raise CheckpointError(f"{path} does not fit: {error}") from error
        self.steps_done, self.samples_done, self.history = progress.steps_done, progress.samples_done, progress.history
        self._position, self._under_way, self._course = progress.position, progress.under_way, progress.course
        self._rewired_at, self.most_connections = progress.rewired_at, progress.most_connections
        self._bound = same_data
        self._noted_in = None
        if self.log.is_in_file:
            self.log.continue_from(step)
        elif self.log.snapshots:
            self.log = RewiringLog()

    def _wired(self, state: Mapping[str, NDArray[Any]]) -> tuple[int, dict[int, Wired]]:
        """Return the step and the wiring of each set in a state of the network, as the log compares them."""
        parts = [
            (n, part.connections.index)
            for n, part in enumerate(self.network.parameters)
            if hasattr(part, "connections")
        ]
        wirings = {index: (state[f"{n}/pre"], state[f"{n}/post"], state[f"{n}/polarity"]) for n, index in parts}
        return max((int(state[f"{n}/steps_done"]) for n, _ in parts), default=0), wirings

    def _identity(self) -> dict[str, Any]:
        """Return what must be equal for a checkpoint to fit; a rule that follows a schedule changes."""
        net = self.network
        rule = repr(net.rule) if self.schedule is None else "by schedule"
        shared = "" if net.budget is None else ", one budget"
        signs = [c.sign_digest for c in net.connections]
        return {"network": f"{net.layers}, {rule}{shared}", "seed": net.seed, "signs": signs}

    def _begin_course(self, course: Course) -> None:
        """Take on samples, targets and batch size; an epoch under way ends if it was one of others."""
        before = self._course
        if before is not None and self._bound:
            before.compare(course)
        if before is not None and self._position and before.data != course.data:
            self._end_epoch(None)
        self._course, self._bound = course, False

    def _begin_log(self, epochs: int, batch_size: int) -> None:
        """Write down how it is learned and, before the first step that is recorded, who is there."""
        if not self._records:
            return
        net = self.network
        self.log.check_goes_on(*self._wired(net.state()))
        about = {"schedule": _named(self.schedule), "between": _named(self._between), "every": self._every}
        self.log.annotate(loss=type(self.loss).__name__, epochs=epochs, batch_size=batch_size, **about)
        if self.log.snapshots:
            return
        budget = "layer" if net.budget is None else "network"
        self.log.annotate(rule=net.rule, seed=net.seed, budget=budget, layers=list(map(str, net.layers)))
        for c in self.network.connections:
            name = str(self.network.layers[c.index])
            self.log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites, name=name)
        self.snapshot()

    def _note_rule(self) -> None:
        """Record the rule of the next step, if it is another than that of the last one."""
        if not self._records or (self._noted is self.network.rule and self._noted_in is self.log):
            return
        rule = plain(self.network.rule) if self._between is None else self._described_between()
        for c in self.network.connections:
            self.log.note_rule(c.steps_done + 1, c.index, rule)
        self._noted, self._noted_in = self.network.rule, self.log

    def _described_between(self) -> dict[str, Any]:
        """Return what rewires between steps as the rule: it decides on connections, whatever moves the weights."""
        between = plain(_named(self._between))
        if not isinstance(between, dict):
            name = getattr(self._between, "__qualname__", type(self._between).__name__)
            between = {"class": name, "parameters": str(between)}
        return {**between, "weights": plain(self.network.rule)}

    def _rewire_between(self) -> None:
        """Do what is done between epochs or steps, if it is time for it and has not been done."""
        due = self._position == 0 if self._every is None else self.steps_done % self._every == 0
        if self._between is None or not due or self._rewired_at == self.steps_done:
            return
        for info in self._between(self):
            self._record(info)
        self._rewired_at = self.steps_done

    def _end_epoch(self, test: tuple[ArrayLike, ArrayLike] | None) -> None:
        """Write down what the epoch came to."""
        accuracy = None if test is None else self._accuracy(test)
        total, batches, births, deaths = self._under_way
        counts = [len(c) for c in self.network.connections]
        self.history.append(
            Epoch(self.samples_done, total / max(batches, 1), accuracy, counts, int(births), int(deaths))
        )
        self._position, self._under_way = 0, [0.0, 0, 0, 0]
        if self._snapshot_every is not None and len(self.history) % self._snapshot_every == 0:
            self.snapshot()

    def _check_test(self, test: tuple[ArrayLike, ArrayLike]) -> None:
        """Raise before the first epoch the error that a test would raise after it."""
        try:
            self._accuracy(test)
        except (TypeError, ValueError) as error:
            raise type(error)(f"test: {error}") from error

    def _accuracy(self, test: tuple[ArrayLike, ArrayLike]) -> float:
        """Return the accuracy of a test, as the loss has it if it has one."""
        samples, labels = test
        own = getattr(self.loss, "accuracy", None)
        return self.network.accuracy(samples, labels) if own is None else own(self.network.outputs(samples), labels)

    def learn(self, shown: Shown, order: NDArray[np.int64]) -> None:
        """Perform one step, or many where nobody watches and the network allows.

        Parameters
        ----------
        shown : Shown
            Samples and targets, checked.
        order : ndarray of int64
            Numbers of the samples that are left in this epoch, in the order in which they are presented.
        """
        self._note_rule()
        size = min(shown.batch_size, len(order))
        steps = min(len(order) // size, stack.steps_at_once(self.network, self.loss))
        if self._every is not None:
            steps = min(steps, self._every - self.steps_done % self._every)
        if steps and shown.watch is None:
            self.learn_many(shown, order, size, steps)
            return
        batch = order[:size]
        loss = self.network.gradients(shown.samples[batch], shown.targets[batch], self.loss)
        infos = self.network.step()
        self._count_steps(np.array([loss]), size)
        for info in infos:
            self._record(info)
        if shown.watch is not None:
            shown.watch(self)

    def learn_many(self, shown: Shown, order: NDArray[np.int64], size: int, steps: int) -> None:
        """Perform some steps in one call of compiled code, and record them.

        Parameters
        ----------
        shown : Shown
            Samples and targets, checked.
        order : ndarray of int64
            Numbers of the samples that are left in this epoch.
        size, steps : int
            Samples per step; how many steps.
        """
        before = self.network.connections[0].steps_done
        learned = stack.learn(self.network, shown.samples, shown.targets, order, size, steps)
        done = len(learned.losses)
        times = np.empty(done, TIME)
        times["step"], times["seconds"] = np.arange(before + 1, before + done + 1), np.nan
        times["samples"] = self.samples_done + size * np.arange(1, done + 1)
        for place, kind in ((2, BIRTH), (3, DEATH)):
            self._under_way[place] += int(np.count_nonzero(learned.events["kind"] == kind))
        self._count_steps(learned.losses, size)
        if self._records:
            self.log.record_steps(times, learned.events)
        if not learned.finite:
            self.network.step()  # It finds what is not finite, and says where.

    def _record(self, info: RewiringInfo) -> None:
        """Write down what was rewired."""
        if self._records:
            self.log.record(info, samples=self.samples_done)
        self._under_way[2] += info.num_births
        self._under_way[3] += info.num_deaths
        self.most_connections = max(self.most_connections, self._count())

    def _count_steps(self, losses: NDArray[np.float64], size: int) -> None:
        """Count steps and samples; losses are added one by one, so that the sum does not tell where a run was cut."""
        self.steps_done += len(losses)
        self.samples_done += len(losses) * size
        self._position += len(losses) * size
        self._under_way[0] = float(np.cumsum([self._under_way[0], *losses])[-1])
        self._under_way[1] += len(losses)

    def _count(self) -> int:
        return sum(len(c) for c in self.network.connections)


def _named(value: Any) -> Any:
    """Return the name of a function; of other objects, these, which say themselves how they were made."""
    return getattr(value, "__qualname__", value)
