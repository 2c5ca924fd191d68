"""A training that can be saved, and that goes on from what was saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from synaptic_sampling.checkpoint import Checkpoint, CheckpointError, check_same, load_checkpoint, load_latest
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.signals import Source
from synaptic_sampling.rate.training import resumption
from synaptic_sampling.rate.training.augmentation import Augment
from synaptic_sampling.rate.training.between import Between
from synaptic_sampling.rate.training.history import History
from synaptic_sampling.rate.training.journal import Journal
from synaptic_sampling.rate.training.losses import Loss
from synaptic_sampling.rate.training.progress import Course, Progress
from synaptic_sampling.rate.training.schedules import Schedule

__all__ = ["SavedTraining"]


class SavedTraining:
    """How far the training of a network has progressed, in memory and in checkpoints.

    Parameters and attributes are those of `Trainer`.
    """

    def __init__(
        self,
        network: RateNetwork,
        loss: Loss,
        schedule: Schedule | None,
        between: Between | None,
        signals: Mapping[str, Source],
        every: int | None,
        log: RewiringLog,
    ) -> None:
        self.network, self.loss, self.schedule, self.log = network, loss, schedule, log
        self._between, self._signals, self._journal = between, signals, Journal(between, signals, every)
        self.steps_done = self.samples_done = 0
        self.history = History()
        self.most_connections = self._count()
        self.notes: dict[str, Any] = {}
        #: In the present epoch: samples presented; sum of losses, batches, births, deaths.
        self._position, self._under_way = 0, [0.0, 0, 0, 0]
        #: The step before which ``between`` was applied last.
        self._rewired_at = 0
        #: Samples, targets and batch size of the last ``fit``, and whether the next one must have the same.
        self._course: Course | None = None
        self._bound = False
        #: How the last ``fit`` trained, also one before a checkpoint that was loaded.
        self._planned: dict[str, Any] | None = None
        #: Whether ``stop`` ended the last ``fit``.
        self._stopped = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint from which training can be resumed.

        Parameters
        ----------
        path : path-like
            The file. It does not contain the log: save a log in memory by ``log.save``; a log in a file is flushed.
        """
        self._save(path)

    def _save(self, path: str | os.PathLike[str], *, keep_previous: bool = False) -> None:
        """Write a checkpoint; its log is on disk before."""
        self.log.flush()
        progress = Progress(
            self.steps_done,
            self.samples_done,
            self._position,
            self._under_way,
            self._rewired_at,
            self.most_connections,
            self.history,
            None if self._course is None else self._course.stored,
            self._plan(None) if self._planned is None else self._planned,
            self._stopped,
            self.notes,
        )
        # What is done between two steps may depend on the gradients of the last one.
        options = {"gradients": self._between is not None, "keep_previous": keep_previous}
        resumption.write(path, self.network, self.schedule, progress, **options)

    def _plan(self, augment: Augment | None) -> dict[str, Any]:
        return self._journal.plan(self.network, self.loss, self.schedule, augment)

    def load(self, path: str | os.PathLike[str], *, same_data: bool = True) -> None:
        """Restore the state of a checkpoint, from which the log is continued.

        A log in a file loses its records of later steps; an empty log, or one in memory, starts at the checkpoint. The
        network must have been created with the same layers, rule, signs and seed. To use another rule from here on, set
        ``network.rule`` afterwards.

        Parameters
        ----------
        path : path-like
            Written by ``save`` of a trainer with an equal network.
        same_data : bool
            Whether the next ``fit`` must have the samples, targets and batch size of the checkpoint.

        Raises
        ------
        CheckpointError
            If it cannot be read, is damaged, is of another network, or training cannot go on from it: a value is not
            finite, a count is out of range, theta is negative under DeepR, or signs differ. Nothing changes then.
        LogError
            If the log in the file ends before the checkpoint, or is of another run. Nothing changes then.
        """
        self._take(path, load_checkpoint(path), lambda _: None)
        self._bound = same_data

    def _resume(self, path: Any, course: Course, plan: Mapping[str, Any], until_epoch: int) -> None:
        """Go on from the newest checkpoint that is intact, if it is of this training; without one, start anew."""

        def accept(progress: Progress) -> None:
            if progress.course is not None:
                Course(*progress.course).compare(course)
            # Files of earlier versions lack some of it.
            stored = progress.plan or {}
            check_same(path, stored, {name: value for name, value in plan.items() if name in stored})
            if len(progress.history) > until_epoch:
                raise CheckpointError(
                    f"{path} has {len(progress.history)} epochs, which is more than until_epoch={until_epoch}; "
                    "increase it."
                )

        found = load_latest(path)
        if found is not None:
            self._take(path, found, accept)
        elif self.log.is_in_file:
            # What was recorded after this step, before the first checkpoint, is repeated.
            self.log.continue_from(*resumption.wired(self.network, self.network.state()))

    def _take(self, path: Any, found: Checkpoint, accept: Callable[[Progress], None]) -> None:
        """Take over the state of a checkpoint that ``accept`` accepts."""
        progress, step = resumption.resume(path, found, self.network, self.schedule, self.log, accept)
        self.steps_done, self.samples_done = progress.steps_done, progress.samples_done
        self.history = History(progress.history)
        self._position, self._under_way = progress.position, progress.under_way
        self._course = None if progress.course is None else Course(*progress.course)
        self._rewired_at, self.most_connections = progress.rewired_at, progress.most_connections
        self._planned = progress.plan
        self._stopped, self.notes = progress.stopped, dict(progress.notes)
        self._journal.forget_rule()
        if self.log.is_in_file:
            self.log.continue_from(step)
        elif self.log.snapshots:
            self.log = RewiringLog()

    def _count(self) -> int:
        return sum(c.num_active for c in self.network.connections)
