"""Training of a network: epochs, batches, tests, progress, interruption and resumption."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_callable, check_integer
from synaptic_sampling._kernels.dynamics import BIRTH, DEATH
from synaptic_sampling.checkpoint import check_checkpoints
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.log.recorder import TIME, RewiringLog, as_log
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.signals import Source
from synaptic_sampling.rate.threads import using
from synaptic_sampling.rate.training import fast_path
from synaptic_sampling.rate.training.augmentation import Augment
from synaptic_sampling.rate.training.between import Between, check_between, rewire
from synaptic_sampling.rate.training.fused import Batches
from synaptic_sampling.rate.training.interruption import Interrupt
from synaptic_sampling.rate.training.losses import CrossEntropy, Loss, accuracy_in, check_test, targets_for
from synaptic_sampling.rate.training.progress import (
    Course,
    Epoch,
    Report,
    Shown,
    check_options,
    number_of_epochs,
    shown_progress,
)
from synaptic_sampling.rate.training.saved import SavedTraining
from synaptic_sampling.rate.training.schedules import Schedule

__all__ = ["Epoch", "Trainer"]

_log = logging.getLogger(__name__)

MAX_THREADS = 2**10


class Trainer(SavedTraining):
    """Train a network and log every connection that is formed or eliminated.

    Ctrl+C ends ``fit`` by KeyboardInterrupt after the present step, or some steps later (about 0.1 s). Network, log and
    counts are then consistent, and another ``fit`` continues from there. The order of samples is a function of the
    network's seed and the epoch, so an interrupted and resumed training is bit-identical to an uninterrupted one.

    Parameters
    ----------
    network : RateNetwork
        Changed in place.
    loss : Loss
        The loss function; cross-entropy by default.
    log : RewiringLog or path-like, optional
        A log, such as ``RewiringLog(path, mode='a')`` for a run that is continued, or the path of a new one; by default
        a log in memory. The file is complete after ``fit`` and ``save``, and is closed by ``log.close()`` or at the end
        of the process.
    record : bool
        False leaves the log empty, which for a wide network saves gigabytes per epoch.
    schedule : callable, optional
        A function from the number of an epoch, starting at 0, to the rule of the network in it, such as `Decay` or
        `LinearDecay`. By default the rule does not change.
    between : Rule or callable, optional
        A rule such as `SET` or `PruneAndRegrow`, which is applied to all sparse layers between two epochs or steps; or
        a function of the trainer that rewires them and returns a list of `RewiringInfo` for the log, such as `RigL`.
    signals : mapping of str to float or callable, optional
        The sources of the signals of ``between``, as for `RateNetwork`. The gradient is that of the last batch.
    every : int, optional
        Number of steps between two applications of ``between``; by default it is applied once per epoch.
    snapshot_every : int, optional
        Number of epochs between two snapshots in the log; by default there is one at the start and one at the end.

    Attributes
    ----------
    network, loss, log, schedule : object
        See above; ``log`` is a RewiringLog.
    steps_done : int
        Number of batches so far.
    samples_done : int
        Number of samples presented so far.
    history : History
        A list with a summary of each epoch, which has ``to_pandas()`` and ``to_csv(path)``.
    most_connections : int
        The largest number of connections in all sparse layers together after any step.
    notes : dict
        Anything of yours that JSON can represent; checkpoints contain it.

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
        between: Between | None = None,
        signals: Mapping[str, Source] | None = None,
        every: int | None = None,
        snapshot_every: int | None = None,
    ) -> None:
        if not isinstance(network, RateNetwork):
            raise TypeError(f"network must be a RateNetwork, got {network!r}.")
        if loss is not None and not callable(getattr(loss, "evaluate", None)):
            raise TypeError(f"loss must be a CrossEntropy or a MeanSquaredError, got {loss!r}.")
        if schedule is not None:
            check_callable("schedule", schedule)
        sources = {} if signals is None else signals
        check_between(between, sources, network)
        if not isinstance(record, bool):
            raise TypeError(f"record must be True or False, got {record!r}.")
        if log is not None and not record:
            raise ValueError("record=False leaves the log empty, but log is given as well; omit one of them.")
        for name, count in (("every", every), ("snapshot_every", snapshot_every)):
            if count is not None:
                check_integer(name, count, minimum=1, maximum=2**31)
        self._records, self._every, self._snapshot_every = record, every, snapshot_every
        # The log comes last, so that no file is created if an argument is wrong.
        loss = CrossEntropy() if loss is None else loss
        super().__init__(network, loss, schedule, between, sources, every, as_log(log))

    def __repr__(self) -> str:
        last = self.history[-1].figures.items() if self.history else ()
        figures = "".join(f", {name} {value}" for name, value in last)
        return f"<Trainer: {len(self.history)} epochs, {self.steps_done} steps{figures}>"

    def _repr_html_(self) -> str:
        return self.history._repr_html_()

    @property
    def tests(self) -> list[tuple[int, float]]:
        """Return (samples presented so far, accuracy) for each test."""
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
        augment: Augment | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
        threads: int = 1,
    ) -> None:
        """Train for ``epochs`` more epochs, or until ``until_epoch`` epochs are complete.

        An epoch that was interrupted is finished first and counts as one of them. If other samples or targets are
        given, it ends where it was interrupted, and the next epoch presents the new ones.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs.
        targets : array_like
            Labels or targets, as the loss requires them.
        epochs : int
            Number of further epochs, at least 1; each adds one entry to ``history``.
        until_epoch : int
            Instead of ``epochs``: total number of epochs, counting earlier calls. For training that is resumed.
        batch_size : int
            Number of samples per step; the last batch of an epoch may be smaller.
        test : tuple of array_like, optional
            Samples and labels on which accuracy is measured after each epoch: by ``loss.accuracy`` if the loss has this
            method, as losses over frames do, otherwise by ``network.accuracy``.
        stop : callable, optional
            Called with the trainer after each epoch; True ends the training, see `Patience`.
        report : 'bar', callable or None
            A progress bar, a function of (epochs done, epochs in total, mean loss), or nothing.
        watch : callable, optional
            Called with the trainer after every step. An exception ends the training there, in a valid state.
        augment : callable, optional
            A function of a batch, shape (batch, num_in), and of a `numpy.random.Generator`, which returns the batch
            that is shown in its place. The generator depends on the network's seed and the step only.
        checkpoint : path-like, optional
            File that is replaced after every epoch, so that a training that is stopped, even by a power failure, loses
            no more. The checkpoint before it is kept, as ``run.previous.npz`` beside ``run.npz``.
        checkpoint_every : int
            Number of epochs between two checkpoints.
        resume : bool
            With ``until_epoch``: go on from the checkpoint, or start anew where there is none, with a log of mode 'a'.
            The result is that of an uninterrupted training, bit for bit. By default, a checkpoint that exists is an
            error.
        threads : int
            Number of threads, which should not exceed that of free cores, among which the work of convolutions,
            poolings and sparse LSTMs is divided where batches are large. Results are bit-identical for any number. A
            network of sparse linear layers alone is trained by one thread, since its steps are too short to divide.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or shape, or if not exactly one of ``epochs`` and ``until_epoch`` is
            given.
        FileExistsError
            If the checkpoint exists and ``resume`` is False.
        CheckpointError
            If the checkpoint is damaged, or of another training. Nothing changes then.
        LogError
            If the log in the file ends before the checkpoint, or is of another run. Nothing changes then.
        FloatingPointError
            If a gradient is NaN or infinite; names layer and connection. The previous step is the last one performed.
        """
        number = number_of_epochs(epochs, until_epoch, resume=resume)
        check_options(test=test, stop=stop, report=report, watch=watch, augment=augment)
        each = check_checkpoints(checkpoint, checkpoint_every, resume)
        x = self.network.check_samples(samples)
        y = targets_for(self.loss, targets, len(x), self.network)
        if test is not None:
            check_test(test, self.network, self.loss)
        size = check_integer("batch_size", batch_size, minimum=1, maximum=len(x))
        check_integer("threads", threads, minimum=1, maximum=MAX_THREADS)
        course, plan = Course((x, y), size), self._plan(augment)
        self._stopped = False
        if resume:
            self._resume(checkpoint, course, plan, number)
        self._begin_course(course)
        self._planned = plan
        # An epoch that was saved after its last step lacks only its entry in the history.
        complete = len(self.history) + (self._position == len(x))
        last = number if epochs is None else complete + number
        if last <= len(self.history) and not resume:
            message = "nothing to train: until_epoch=%d, but %d epochs are complete; increase it, or use epochs=."
            _log.warning(message, last, len(self.history))
            return
        if self._records:
            self._journal.start(self.log, self.network, plan=plan, epochs=last, batch_size=size)
        shown = Shown(x, y, size, watch, augment)
        self._follow_schedule()
        if threads > 1 and not shown.one_by_one and fast_path.steps_at_once(self.network, self.loss):
            _log.warning("threads=%d has no effect: this network has sparse linear layers only.", threads)
        prepare = partial(fast_path.compile_ahead, self.network, self.loss, shown)
        progress = shown_progress(len(self.history), last, report, prepare)
        with progress as advance, Interrupt() as interrupt, using(threads):
            while len(self.history) < last and not self._stopped:
                interrupt.check()
                self._finish_epoch(shown, interrupt)
                self._end_epoch(test)
                advance(self.history)
                self._stopped = stop is not None and bool(stop(self))
                done = len(self.history)
                if checkpoint is not None and (self._stopped or done == last or done % each == 0):
                    self._save(checkpoint, keep_previous=True)
            interrupt.check()
        self.snapshot()
        if self._records and self.tests:
            self.log.annotate(last_test=dict(zip(("samples", "accuracy"), self.tests[-1], strict=True)))
        self.log.flush()

    def _follow_schedule(self) -> None:
        if self.schedule is not None:
            self.network.rule = self.schedule(len(self.history))

    def _finish_epoch(self, shown: Shown, interrupt: Interrupt) -> None:
        """Present the remaining samples of an epoch; there are none if it was saved after its last step."""
        number = len(shown.samples)
        self._follow_schedule()
        order = permutation(self.network.seed, Stream.ORDER, len(self.history), number)
        while self._position < number:
            self._rewire_between()
            self.learn(shown, order[self._position :])
            if self._position < number:
                interrupt.check()

    def snapshot(self) -> None:
        """Record all connections and their weights in the log."""
        if self._records:
            self._journal.snapshot(self.log, self.network)

    def _begin_course(self, course: Course) -> None:
        """Set samples, targets and batch size; an epoch that was interrupted ends if they are others."""
        before = self._course
        if before is not None and self._bound:
            before.compare(course)
        if before is not None and self._position and before.data != course.data:
            self._end_epoch(None)
        self._course, self._bound = course, False

    def _rewire_between(self) -> None:
        """Apply ``between`` if it is due and has not been applied yet."""
        due = self._position == 0 if self._every is None else self.steps_done % self._every == 0
        if self._between is None or not due or self._rewired_at == self.steps_done:
            return
        self._record(rewire(self._between, self, self._signals))
        self._rewired_at = self.steps_done

    def _end_epoch(self, test: tuple[ArrayLike, ArrayLike] | None) -> None:
        """Add the summary of an epoch to the history."""
        accuracy = None if test is None else accuracy_in(test, self.network, self.loss)
        total, batches, births, deaths = self._under_way
        counts = [c.num_active for c in self.network.connections]
        self.history.append(
            Epoch(self.samples_done, total / max(batches, 1), accuracy, counts, int(births), int(deaths))
        )
        self._position, self._under_way = 0, [0.0, 0, 0, 0]
        if self._snapshot_every is not None and len(self.history) % self._snapshot_every == 0:
            self.snapshot()

    def learn(self, shown: Shown, order: NDArray[np.int64]) -> None:
        """Perform one step, or many in one call of compiled code if nothing is done between them.

        ``order`` holds the numbers of the remaining samples of this epoch, in the order of presentation.
        """
        if self._records:
            self._journal.note_rule(self.log, self.network)
        size = min(shown.batch_size, len(order))
        steps = min(len(order) // size, fast_path.steps_at_once(self.network, self.loss))
        if self._every is not None:
            steps = min(steps, self._every - self.steps_done % self._every)
        if steps and not shown.one_by_one:
            self.learn_many(shown, order, size, steps)
            return
        batch = order[:size]
        loss = self.network.gradients(
            shown.batch(batch, self.network.seed, self.steps_done), shown.targets[batch], self.loss
        )
        infos = self.network.step()
        self._count_steps(np.array([loss]), size)
        self._record(infos)
        if shown.watch is not None:
            shown.watch(self)

    def learn_many(self, shown: Shown, order: NDArray[np.int64], size: int, steps: int) -> None:
        """Perform ``steps`` steps of ``size`` samples each in one call of compiled code, and record them."""
        before = self.network.connections[0].steps_done
        learned = fast_path.learn(self.network, Batches(shown.samples, shown.targets, order, size, steps))
        done = len(learned.losses)
        times = np.empty(done, TIME)
        times["step"], times["seconds"] = np.arange(before + 1, before + done + 1), np.nan
        times["samples"] = self.samples_done + size * np.arange(1, done + 1)
        for place, kind in ((2, BIRTH), (3, DEATH)):
            self._under_way[place] += int(np.count_nonzero(learned.events["kind"] == kind))
        self._count_steps(learned.losses, size)
        self.most_connections = max(self.most_connections, learned.most)
        if self._records:
            self.log.record_steps(times, learned.events)
        if not learned.finite:
            self.network.step()  # Raises an error that says what is not finite.

    def _record(self, infos: Iterable[RewiringInfo]) -> None:
        """Record what was rewired."""
        for info in infos:
            if self._records:
                self.log.record(info, samples=self.samples_done)
            self._under_way[2] += info.num_births
            self._under_way[3] += info.num_deaths
        self.most_connections = max(self.most_connections, self._count())

    def _count_steps(self, losses: NDArray[np.float64], size: int) -> None:
        """Count steps and samples; losses are added one by one, so that the sum does not depend on interruptions."""
        self.steps_done += len(losses)
        self.samples_done += len(losses) * size
        self._position += len(losses) * size
        self._under_way[0] = float(np.cumsum([self._under_way[0], *losses])[-1])
        self._under_way[1] += len(losses)
