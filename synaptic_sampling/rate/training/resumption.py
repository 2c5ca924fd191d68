"""Checkpoints of a training, and whether a log fits them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from synaptic_sampling.checkpoint import READ_ERRORS, CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.connections import SoftConnections
from synaptic_sampling.log.recorder import RewiringLog, Wired
from synaptic_sampling.rate.layers.parameters import SparseParameter
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.training.progress import Progress
from synaptic_sampling.rate.training.schedules import Schedule

__all__ = ["resume", "wired", "write"]


def write(path: str | os.PathLike[str], network: RateNetwork, schedule: Schedule | None, progress: Progress) -> None:
    """Write the state of a network and the progress of its training into a file."""
    # A schedule may give another kind of rule to each epoch.
    fixed = {"fixed": network.rule.signed_theta}
    save_checkpoint(path, network.state(), {**progress._asdict(), **_identity(network, schedule), **fixed})


def resume(
    path: str | os.PathLike[str], network: RateNetwork, schedule: Schedule | None, log: RewiringLog
) -> tuple[Progress, int]:
    """Restore a network from a file, or raise an error and change nothing.

    Returns the progress, and the step from which the log continues.
    """
    arrays, about = load_checkpoint(path)
    own = _identity(network, schedule)
    got = {name: about.get(name) for name in own}
    if got != own:
        raise CheckpointError(f"{path} is of another network: {got}, but this one is {own}.")
    try:
        progress = Progress.read(about)
        negative = None if schedule is None else bool(about["fixed"])
        network.check_state(arrays, negative=negative)
        step, connectivity = wired(network, arrays)
        if log.is_in_file:
            log.check_continues(step, connectivity)
        network.restore(arrays, negative=negative)
    except READ_ERRORS as error:
        raise CheckpointError(f"{path} does not fit: {error}") from error
    return progress, step


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
    rule = repr(network.rule) if schedule is None else "by schedule"
    others = "" if network.budget is None else ", one budget"
    others += "" if network.dense_rule is network.rule else f", {network.dense_rule}"
    others += "".join(f", depth {c.depth:g}" for c in network.connections[:1] if isinstance(c, SoftConnections))
    signs = [c.signs.digest for c in network.connections]
    return {"network": f"{network.layers}, {rule}{others}", "seed": network.seed, "signs": signs}
