"""Checkpoints of a training, and whether a log fits them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.checkpoint import READ_ERRORS, Checkpoint, CheckpointError, save_checkpoint
from synaptic_sampling.connections import SoftConnections
from synaptic_sampling.log.metadata import plain, shown
from synaptic_sampling.log.recorder import RewiringLog, Wired
from synaptic_sampling.rate.layers.parameters import SparseParameter
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.training.progress import Progress
from synaptic_sampling.rate.training.schedules import Schedule

__all__ = ["resume", "wired", "write"]


#: Names of the gradients of connections, which what rewires between two steps may need.
GRADIENT = "gradient/{}"


def write(
    path: str | os.PathLike[str],
    network: RateNetwork,
    schedule: Schedule | None,
    progress: Progress,
    *,
    gradients: bool,
    keep_previous: bool,
) -> None:
    """Write the state of a network, with the gradients of its connections if wanted, and the progress of a training."""
    # A schedule may give another kind of rule to each epoch.
    fixed = {"fixed": network.rule.signed_theta}
    last = {GRADIENT.format(n): part.gradient for n, part in enumerate(network.sparse)} if gradients else {}
    about = {**progress._asdict(), **_identity(network, schedule), **fixed}
    save_checkpoint(path, {**network.state(), **last}, about, keep_previous=keep_previous)


def resume(
    path: str | os.PathLike[str],
    found: Checkpoint,
    network: RateNetwork,
    schedule: Schedule | None,
    log: RewiringLog,
    accept: Callable[[Progress], None],
) -> tuple[Progress, int]:
    """Restore a network from a checkpoint that ``accept`` accepts, or raise an error and change nothing.

    Returns the progress, and the step from which the log continues.
    """
    arrays, about = found
    own = _identity(network, schedule)
    # Files of earlier versions lack the details.
    got = {name: {"details": own["details"], **about}.get(name) for name in own}
    if got != own:
        different = [name for name in own if got[name] != own[name]]
        there, here = ({name: each[name] for name in different} for each in (got, own))
        raise CheckpointError(f"{path} is of another network: {there}, but this one is {here}.")
    try:
        gradients = _gradients(arrays, network)
        progress = Progress.read(about)
        negative = None if schedule is None else bool(about["fixed"])
        network.check_state(arrays, negative=negative)
        accept(progress)
        step, connectivity = wired(network, arrays)
        if log.is_in_file:
            log.check_continues(step, connectivity)
        network.restore(arrays, negative=negative)
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} does not fit: {error}") from error
    for part, gradient in zip(network.sparse, gradients, strict=False):
        part.gradient[:] = gradient
    return progress, step


def _gradients(arrays: dict[str, NDArray[Any]], network: RateNetwork) -> list[NDArray[Any]]:
    """Take the gradients of connections out of the arrays of a checkpoint; there are none in most of them."""
    found = [arrays.pop(name) for n in range(len(network.sparse)) if (name := GRADIENT.format(n)) in arrays]
    places = [n for n, part in enumerate(network.parameters) if isinstance(part, SparseParameter)]
    for n, gradient in zip(places, found, strict=bool(found)):
        shape = arrays[f"{n}/theta"].shape  # The number of slots may differ from that of a new network.
        if gradient.dtype != np.float32 or gradient.shape != shape or not np.isfinite(gradient).all():
            raise ValueError(
                f"gradients must be finite, float32 and of shape {shape}, got {gradient.dtype} and {gradient.shape}."
            )
    return found


def wired(network: RateNetwork, state: Mapping[str, NDArray[Any]]) -> tuple[int, dict[int, Wired]]:
    """Return the step and the connectivity of each set in a state of a network, as logs compare them."""
    last, connectivity = 0, {}
    for n, part in enumerate(network.parameters):
        if isinstance(part, SparseParameter):
            own = {name: state[f"{n}/{name}"] for name in ("pre", "post", "theta", "polarity")}
            connectivity[part.connections.index] = own["pre"], own["post"], part.connections.signs_in(own)
            last = max(last, int(state[f"{n}/steps_done"]))
    return last, connectivity


def _identity(network: RateNetwork, schedule: Schedule | None) -> dict[str, Any]:
    """Return what must be equal for a checkpoint to fit; under a schedule, the rule may differ."""
    rule = shown(network.rule) if schedule is None else "by schedule"
    others = "" if network.budget is None else ", one budget"
    others += "" if network.dense_rule is network.rule else f", {shown(network.dense_rule)}"
    others += "".join(f", depth {c.depth:g}" for c in network.connections[:1] if isinstance(c, SoftConnections))
    signs = [c.signs.digest for c in network.connections]
    # What reprs leave out.
    degrees = [c.sites.degrees.digest for c in network.connections]
    details = {"layers": [plain(layer.details) for layer in network.layers], "degrees": degrees}
    layers = f"{shown(network.layers)}, {rule}{others}"
    return {"network": layers, "seed": network.seed, "signs": signs, "details": details}
