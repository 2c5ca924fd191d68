"""Train a network on samples: epochs, batches, tests, progress, interruption and resumption."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from synaptic_sampling._checks import check_integer
from synaptic_sampling.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate.losses import CrossEntropy, Loss
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["Trainer"]

#: Called after each epoch with the number of epochs done, of all, and the mean loss of the last.
Report = Callable[[int, int, float], None]


class Trainer:
    """Train a network and log every birth and death.

    Ctrl+C ends ``fit`` after the step it came in, by KeyboardInterrupt: network, log and counts fit together, and
    ``fit`` goes on from there. The order of samples is a function of the network's seed and the epoch: to stop
    and go on gives the same bits as not to stop.

    Parameters
    ----------
    network : RateNetwork
        Changed in place.
    loss : Loss
        What is to be made small; cross-entropy by default.
    log : RewiringLog, optional
        Where to record; one in memory by default.

    Attributes
    ----------
    network, loss, log : object
        As given.
    steps_done : int
        Batches learned so far.
    samples_done : int
        Samples presented so far.
    tests : list of tuple
        (samples presented, accuracy) for each test.

    Raises
    ------
    TypeError
        If ``network`` or ``loss`` is none.
    """

    def __init__(self, network: RateNetwork, loss: Loss | None = None, *, log: RewiringLog | None = None) -> None:
        if not isinstance(network, RateNetwork):
            raise TypeError(f"network must be a RateNetwork, got {network!r}.")
        if loss is not None and not callable(getattr(loss, "evaluate", None)):
            raise TypeError(f"loss must be a CrossEntropy or a MeanSquaredError, got {loss!r}.")
        self.network, self.loss = network, CrossEntropy() if loss is None else loss
        self.log = RewiringLog() if log is None else log
        self.steps_done = self.samples_done = 0
        self.tests: list[tuple[int, float]] = []

    def fit(
        self,
        samples: ArrayLike,
        targets: ArrayLike,
        *,
        epochs: int,
        batch_size: int = 32,
        test: tuple[ArrayLike, ArrayLike] | None = None,
        report: Report | str | None = "bar",
        watch: Callable[[Trainer], object] | None = None,
    ) -> None:
        """Train until the network has seen the samples ``epochs`` times, those seen before included.

        Parameters
        ----------
        samples : array_like, shape (n, num_in)
            The inputs; where training goes on, the same as before.
        targets : array_like
            Labels or targets, as the loss wants them.
        epochs : int
            In all: what was done before counts.
        batch_size : int
            Samples per step; the last batch of an epoch may be smaller.
        test : tuple of array_like, optional
            Samples and labels on which accuracy is measured after each epoch.
        report : 'bar', callable or None
            A progress bar, a function of (epochs done, epochs, mean loss), or nothing.
        watch : callable, optional
            Called with the trainer after every step. An exception in it ends the training there, in a valid state.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind, or its shape does not fit.
        FloatingPointError
            If a gradient is NaN or infinite; names layer and connection. The step before is the last one done.
        """
        x = self.network.check_samples(samples)
        y = self.loss.check_targets(targets, len(x), self.network.num_out)
        if test is not None:
            self.network.accuracy(*test)  # What is wrong with it is to be known before the first epoch.
        check_integer("epochs", epochs, minimum=0, maximum=2**31)
        size = check_integer("batch_size", batch_size, minimum=1, maximum=len(x))
        if not (report in ("bar", None) or callable(report)):
            raise TypeError(f"report must be 'bar', a function or None, got {report!r}.")
        losses: list[float] = []
        self._begin_log()
        bar = tqdm(total=epochs, initial=self.samples_done // len(x), unit="epoch", disable=report != "bar")
        with _Interrupt() as interrupt, bar:
            while self.samples_done < epochs * len(x):
                epoch, start = divmod(self.samples_done, len(x))
                order = permutation(self.network.seed, Stream.ORDER, epoch, len(x))
                losses = []
                for begin in range(start, len(x), size):
                    interrupt.check()
                    losses.append(self._learn(x[order[begin : begin + size]], y[order[begin : begin + size]]))
                    if watch is not None:
                        watch(self)
                if test is not None:
                    self.tests.append((self.samples_done, self.network.accuracy(*test)))
                bar.update()
                bar.set_postfix(loss=f"{np.mean(losses):.4f}", **self._last_test())
                if callable(report):
                    report(epoch + 1, epochs, float(np.mean(losses)))
            interrupt.check()
        self.snapshot()

    def snapshot(self) -> None:
        """Keep all connections and their weights in the log."""
        for c in self.network.connections:
            self.log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint from which training goes on.

        Parameters
        ----------
        path : path-like
            The file. The log is not in it: save that by ``log.save``.
        """
        about = {"steps_done": self.steps_done, "samples_done": self.samples_done, "tests": self.tests,
                 "network": repr(self.network), "seed": self.network.seed}  # fmt: skip
        save_checkpoint(path, self.network.state(), about)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take on the state of a checkpoint; a log that has begun is left, and a new one begins from there.

        Parameters
        ----------
        path : path-like
            Written by ``save`` of a trainer with an equal network.

        Raises
        ------
        CheckpointError
            If it cannot be read, is damaged, or is of another network.
        """
        arrays, about = load_checkpoint(path)
        own = {"network": repr(self.network), "seed": self.network.seed}
        if {name: about.get(name) for name in own} != own:
            raise CheckpointError(f"{path} is of another network: {about.get('network')}, seed {about.get('seed')}.")
        self.network.restore(arrays)
        self.steps_done, self.samples_done = about["steps_done"], about["samples_done"]
        self.tests = [(int(samples), float(accuracy)) for samples, accuracy in about["tests"]]
        if self.log.snapshots:
            self.log = RewiringLog()

    def _begin_log(self) -> None:
        """Write down who is there before the first step that is recorded."""
        if self.log.snapshots:
            return
        for c in self.network.connections:
            name = str(self.network.layers[c.index])
            self.log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites, name=name)
        self.snapshot()

    def _learn(self, samples: NDArray[np.float32], targets: NDArray[Any]) -> float:
        """Do one step on a batch and record it."""
        loss = self.network.gradients(samples, targets, self.loss)
        infos = self.network.step()
        self.steps_done += 1
        self.samples_done += len(samples)
        for info in infos:
            self.log.record(info, samples=self.samples_done)
        return loss

    def _last_test(self) -> dict[str, str]:
        return {"accuracy": f"{100 * self.tests[-1][1]:.1f} %"} if self.tests else {}


class _Interrupt:
    """Keeps Ctrl+C back until ``check`` is called: a step is done whole, or not at all."""

    def __enter__(self) -> _Interrupt:
        self._came = False
        # Python tells only the main thread about signals.
        self._here = threading.current_thread() is threading.main_thread()
        if self._here:
            self._before = signal.signal(signal.SIGINT, self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        if self._here:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was kept back."""
        if self._came:
            raise KeyboardInterrupt

    def _keep(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
