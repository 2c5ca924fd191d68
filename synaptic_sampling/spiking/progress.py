"""How far a training has come: all that the next sequences need, and what has been recorded, in memory or in a file."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import schedules
from synaptic_sampling.brian.schedules import description
from synaptic_sampling.checkpoint import READ_ERRORS, CheckpointError, check_same, load_latest, save_checkpoint
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.log.merging import append_log
from synaptic_sampling.log.metadata import plain
from synaptic_sampling.spiking.network import EpropNetwork
from synaptic_sampling.spiking.simulation import SETS, Simulation
from synaptic_sampling.spiking.tasks import SequenceTask

__all__ = ["Progress", "identity"]

#: Bytes of a file of inputs that are read at once.
CHUNK = 2**24


@dataclass(frozen=True, eq=False)
class Progress:
    """A training after some epochs.

    Attributes
    ----------
    epochs : int
        Number of epochs that are complete.
    state : dict of str to ndarray
        What the next sequences need, see ``Simulation.state``; None at the start.
    right, counted : ndarray of int64
        For each presented sequence, how often it was classified correctly and how often it counts.
    spikes : int
        Number of spikes of all neurons.
    seconds : float
        Duration of the runs.
    sites : dict of str to int
        Number of possible connections of each set.
    log : RewiringLog
        Formation and elimination of connections; None at the start.
    """

    epochs: int = 0
    state: dict[str, NDArray[Any]] | None = None
    right: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    counted: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    spikes: int = 0
    seconds: float = 0.0
    sites: dict[str, int] = field(default_factory=dict)
    log: RewiringLog | None = None

    def after(self, simulation: Simulation, epochs: int, seconds: float) -> Progress:
        """Return the progress after a simulation, up to so many epochs; it holds no Brian2 objects."""
        right, counted = simulation.scores()
        log = simulation.monitor.log
        if self.log is not None:
            append_log(self.log, log)
            log = self.log
        return Progress(
            epochs,
            simulation.state(),
            np.concatenate([self.right, right]),
            np.concatenate([self.counted, counted]),
            self.spikes + int(np.sum(simulation.spikes.count[:])),
            self.seconds + seconds,
            {name: rewiring.connections.num_sites for name, rewiring in simulation.rewirings.items()},
            log,
        )

    def save(self, path: str | os.PathLike[str], identity: Mapping[str, Any]) -> None:
        """Write a checkpoint; the one before it is kept."""
        assert self.state is not None
        assert self.log is not None
        with tempfile.TemporaryDirectory() as folder:
            self.log.save(Path(folder, "log"))
            log = np.fromfile(Path(folder, "log"), np.uint8)
        arrays = {f"state/{name}": values for name, values in self.state.items()}
        about = {name: getattr(self, name) for name in ("epochs", "spikes", "seconds", "sites")}
        save_checkpoint(
            path,
            {**arrays, "log": log, "right": self.right, "counted": self.counted},
            {**about, "training": identity},
            keep_previous=True,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], identity: Mapping[str, Any]) -> Progress:
        """Read the newest intact checkpoint, if there is one; raise CheckpointError if it is of another training."""
        found = load_latest(path)
        if found is None:
            return cls()
        arrays, about = found
        try:
            check_same(path, about["training"], dict(identity))
            with tempfile.TemporaryDirectory() as folder:
                arrays["log"].tofile(Path(folder, "log"))
                log = RewiringLog.load(Path(folder, "log"))
            state = {name.removeprefix("state/"): a for name, a in arrays.items() if name.startswith("state/")}
            own = {name: about[name] for name in ("epochs", "spikes", "seconds", "sites")}
            return replace(cls(**own), state=state, log=log, right=arrays["right"], counted=arrays["counted"])
        except READ_ERRORS as error:
            raise CheckpointError(f"{path} is not a checkpoint of a spiking network: {error}") from error


def identity(
    net: EpropNetwork, task: SequenceTask, *, batch: int, decay: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Return what must be equal for a training to go on from a checkpoint, as JSON can hold it."""
    network = plain(net)
    for name in SETS:
        rule = getattr(getattr(net, name), "rule", None)
        if rule is not None:
            network[name]["rule"] |= {each: description(getattr(rule, each)) for each in schedules(rule)}
    data = {
        "inputs": _digest(task.array),
        **{name: _digest(getattr(task, name)) for name in ("labels", "train", "test")},
        **{name: getattr(task, name) for name in ("steps", "scale", "score")},
    }
    # Without a decay, more epochs may be added.
    course = {"batch": batch, "decay": decay, "seed": seed, "epochs": "any" if decay == 1.0 else epochs}
    return {"net": network, "task": data, **course}


def _digest(values: NDArray[Any]) -> str:
    """Return type, shape and SHA-256 of an array, which may be mapped into memory."""
    total, rows = hashlib.sha256(), max(1, CHUNK // max(1, values[:1].nbytes))
    for first in range(0, len(values), rows):
        total.update(np.ascontiguousarray(values[first : first + rows]).tobytes())
    return f"{values.dtype.str} {values.shape} {total.hexdigest()[:16]}"
