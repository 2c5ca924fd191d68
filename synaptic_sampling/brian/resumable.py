"""Runs of a Brian2 network that write checkpoints, and go on from them in another process."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, Quantity, get_local_namespace, second
from brian2.core.magic import MagicNetwork

from synaptic_sampling._checks import check_instance
from synaptic_sampling.brian import timing
from synaptic_sampling.brian.internals import buffers
from synaptic_sampling.brian.interruptions import interruptions
from synaptic_sampling.brian.monitor import RewiringMonitor
from synaptic_sampling.brian.rewiring import Rewiring
from synaptic_sampling.brian.standalone.program import is_standalone
from synaptic_sampling.checkpoint import (
    READ_ERRORS,
    Checkpoint,
    CheckpointError,
    check_checkpoints,
    check_same,
    load_latest,
    save_checkpoint,
)
from synaptic_sampling.log.metadata import plain

__all__ = ["run_resumable"]


def run_resumable(
    network: Network,
    until: Quantity,
    *,
    checkpoint: str | os.PathLike[str],
    checkpoint_every: Quantity,
    resume: bool = False,
    report: Callable[..., None] | str | None = None,
    namespace: Mapping[str, Any] | None = None,
) -> None:
    """Run a network until a time, with checkpoints from which the same script goes on.

    The result is that of ``network.run``, bit for bit: with spikes on their way, random numbers, monitors, and
    Rewirings with their logs.

    Parameters
    ----------
    network : Network
        All objects of the simulation, such as ``Network(collect())``.
    until : Quantity
        Time of the network at the end, in seconds of simulated time; where it is past already, nothing is run.
    checkpoint : path-like
        File that is replaced at each multiple of ``checkpoint_every`` and at the end: a run that is stopped, even by a
        power failure, loses no more. The checkpoint before it is kept as ``run.previous.npz`` beside ``run.npz``.
    checkpoint_every : Quantity
        Simulated time between two checkpoints, a multiple of the time step. Each contains all that monitors have
        recorded, except for logs in files.
    resume : bool
        Go on from the checkpoint, or start anew where there is none, with logs of mode 'a'. By default, a checkpoint
        that exists is an error.
    report : callable or str, optional
        Progress from one checkpoint to the next, as for ``network.run``.
    namespace : mapping, optional
        As for ``network.run``; by default the variables of the caller.

    Raises
    ------
    TypeError, ValueError, DimensionMismatchError
        If an argument has the wrong type, unit or value.
    FileExistsError
        If the checkpoint exists and ``resume`` is False.
    CheckpointError
        If the checkpoint is damaged, of another network, or later than ``until``.
    RuntimeError
        In C++ standalone mode, which has no ``store``; ``synaptic_sampling.spiking.Training`` has checkpoints there.
    KeyboardInterrupt
        If Ctrl+C ended the run.

    Notes
    -----
    Names, kinds, sizes and equations of the objects, and the rules of Rewirings are compared with those of the
    checkpoint; constants and functions are those of the script. A checkpoint contains pickled data of Brian2: load only
    those that you have written.
    """
    _check_network(network)
    end, every = _time("until", until), _time("checkpoint_every", checkpoint_every)
    step = min(float(each.clock.dt) for each in network.objects)
    if abs(every / step - round(every / step)) > 1e-6 or round(every / step) == 0:
        raise ValueError(f"checkpoint_every must be a multiple of the time step of {step} s, got {every} s.")
    check_instance("checkpoint", checkpoint, (str, os.PathLike))
    check_checkpoints(checkpoint, 1, resume)
    if resume:
        _resume(network, checkpoint, end)
    names = get_local_namespace(level=1) if namespace is None else namespace
    with interruptions() as interrupted:
        while (now := float(network.t)) < end - step / 2:
            following = min(end, (math.floor(now / every + 1e-6) + 1) * every)
            network.run((following - now) * second, report=report, namespace=names)
            if interrupted:
                raise KeyboardInterrupt
            if float(network.t) < following - step / 2:
                return  # An object of the network has called stop().
            _save(network, checkpoint)


def _check_network(network: Any) -> None:
    if not isinstance(network, Network) or isinstance(network, MagicNetwork):
        raise TypeError(f"network must be a Network, such as Network(collect()), got {network!r}.")
    if is_standalone():
        raise RuntimeError("run_resumable works in runtime mode only; C++ standalone mode cannot store its state.")
    if not network.objects:
        raise ValueError("network must have objects, got one without any.")


def _time(name: str, value: Any) -> float:
    """Return a time above 0 in seconds, or raise an error that names the argument."""
    timing.check_interval(value, name)
    return float(value)


def _rewirings(network: Network) -> list[Rewiring]:
    return [each for each in network.objects if isinstance(each, Rewiring)]


def _save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint, which changes nothing in the network."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state")
        network.store(filename=str(file))
        state = np.fromfile(file, np.uint8)
    seeds = {rewiring.name: rewiring.seed for rewiring in _rewirings(network)}
    _keep_seeds(network, seeds)
    about = {"network": _described(network), "seconds": float(network.t), "seeds": seeds}
    save_checkpoint(path, {"state": state, **buffers.contents()}, about, keep_previous=True)


def _resume(network: Network, path: str | os.PathLike[str], end: float) -> None:
    """Go on from the newest checkpoint that is intact; without one, start anew."""
    found = load_latest(path)
    if found is None:
        for each in network.objects:
            if isinstance(each, RewiringMonitor):
                each.discard_later()
        return
    try:
        check_same(path, found.about["network"], _described(network))
        if found.about["seconds"] > end * (1 + 1e-9):
            raise CheckpointError(f"{path} is at {found.about['seconds']} s, later than until={end} s; increase it.")
        _restore(network, found)
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} does not fit: {error}") from error


def _restore(network: Network, found: Checkpoint) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state")
        found.arrays["state"].tofile(file)
        network.restore(filename=str(file), restore_random_state=True)
    buffers.fill(found.arrays)
    _keep_seeds(network, found.about["seeds"])


def _keep_seeds(network: Network, seeds: Mapping[str, int]) -> None:
    """Have the next run use these seeds, as if the network had not been stored or restored."""
    for rewiring in _rewirings(network):
        for projection in rewiring.projections:
            projection.reseed(seeds[rewiring.name])
        rewiring.needs_seed = False


def _described(network: Network) -> dict[str, Any]:
    """Return what a network consists of, as JSON can represent it."""
    found = {}
    for each in network.objects:
        about: dict[str, Any] = {"class": type(each).__name__, "dt": float(each.clock.dt)}
        if isinstance(each, Rewiring):
            about["rules"] = [plain(projection.described_rule) for projection in each.projections]
        elif hasattr(each, "equations"):
            about["equations"] = str(each.equations)
        if hasattr(each, "start") and hasattr(each, "stop"):
            about["neurons"] = int(each.stop - each.start)
        found[each.name] = about
    return dict(sorted(found.items()))
