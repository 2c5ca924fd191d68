"""The only file that touches private parts of Brian2: it moves synapses between neurons while a simulation runs.

What Brian2 keeps about a synapse, and what becomes of it here when its slot is given to a new connection:

- endpoints and the degrees of both neurons: overwritten and counted anew;
- every variable of the synapse: 0, the time of its last update: now, then the values given for a birth;
- spikes on their way through it, stored by slot and not by connection: dropped;
- the spike queue's index from neurons to slots, per pathway: rebuilt.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import brian2
import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.devices.device import RuntimeDevice, get_device
from numpy.typing import NDArray

__all__ = [
    "Groups",
    "check_brian",
    "check_runtime",
    "delays",
    "endpoints",
    "groups",
    "is_connected",
    "make_probe",
    "per_synapse",
    "point",
    "rebuild_queues",
    "reconnect",
    "restore_delays",
]

OLDEST, NEWEST = (2, 9), (2, 11)
PARTS = ("_pathways", "_registered_variables", "_source_offset", "_target_offset", "multisynaptic_index")
PATHWAY_PARTS = ("initialise_queue", "queue", "_delays")


class Groups(NamedTuple):
    """The pairs that a Synapses object can connect; ``diagonal`` is post - pre of an autapse, if there are any."""

    num_pre: int
    num_post: int
    diagonal: int | None


def check_brian(synapses: Any) -> None:
    """Raise an error unless this Brian2 is one whose private parts are known here.

    Parameters
    ----------
    synapses : Synapses
        One of the user's.

    Raises
    ------
    ImportError
        If the version is not known, or something that this file relies on is missing.
    """
    found = tuple(int(part) for part in re.findall(r"\d+", brian2.__version__)[:2])
    if not OLDEST <= found <= NEWEST:
        raise ImportError(
            f"rewiring knows Brian2 2.9 to 2.11, and this is {brian2.__version__}; "
            "install one of those, or a newer release of synaptic_sampling."
        )
    missing = [part for part in PARTS if not hasattr(synapses, part) and part not in synapses.variables]
    for pathway in synapses._pathways:
        missing += [f"{pathway.name}.{part}" for part in PATHWAY_PARTS if not hasattr(pathway, part)]
        state = pathway.queue._full_state()
        if len(state) != 2:
            missing.append(f"{pathway.name}.queue in C++")
    if missing:
        raise ImportError(f"Brian2 {brian2.__version__} lacks what rewiring needs: {', '.join(missing)}.")


def check_runtime() -> None:
    """Raise an error unless the simulation runs in this process.

    Raises
    ------
    NotImplementedError
        On a standalone device.
    """
    if not isinstance(get_device(), RuntimeDevice):
        raise NotImplementedError(
            "rewiring runs in Brian2's runtime mode so far; leave out set_device('cpp_standalone')."
        )


def groups(synapses: Any) -> Groups:
    """Return which pairs a Synapses object can connect.

    Parameters
    ----------
    synapses : Synapses
        Between groups or subgroups.

    Returns
    -------
    Groups
        Sizes of both sides, and where the same neuron stands on both.
    """
    source, target = synapses.source, synapses.target
    # A subgroup knows its group by a proxy, which is not the group itself but has its identity.
    same = getattr(source, "source", source).id == getattr(target, "source", target).id
    return Groups(len(source), len(target), source.start - target.start if same else None)


def endpoints(synapses: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the presynaptic and postsynaptic indices of all slots, counted within their groups.

    Parameters
    ----------
    synapses : Synapses
        After ``connect``.

    Returns
    -------
    tuple of ndarray of int32
        Copies.
    """
    v = synapses.variables
    pre = v["_synaptic_pre"].get_value() - v["_source_offset"].get_value()
    post = v["_synaptic_post"].get_value() - v["_target_offset"].get_value()
    return pre.astype(np.int32), post.astype(np.int32)


def per_synapse(synapses: Any, name: str) -> Any:
    """Return the variable of that name if each synapse has a value of its own that can be set, else None.

    Parameters
    ----------
    synapses : Synapses
        After ``connect``.
    name : str
        As in the model equations.

    Returns
    -------
    ArrayVariable or None
        ``get_value()`` returns the live array. It moves when synapses are added: fetch it each time.
    """
    variable = synapses.variables.get(name)
    own = isinstance(variable, ArrayVariable) and not variable.scalar and not variable.read_only
    return variable if own and variable in synapses._registered_variables else None


def is_connected(synapses: Any) -> bool:
    """Return whether ``connect`` was called.

    Parameters
    ----------
    synapses : Synapses
        Any.

    Returns
    -------
    bool
        True also if it made no connection.
    """
    return synapses._connect_called


def reconnect(synapses: Any, slots: NDArray[np.int32], pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
    """Give slots to new connections, with every variable 0; spikes on their way through the old ones are dropped.

    To be called outside the scheduling slot ``synapses``, and followed by ``rebuild_queues``.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    slots : ndarray of int32, shape (n,)
        Which slots.
    pre, post : ndarray of int32, shape (n,)
        The new endpoints, counted within their groups.
    """
    v = synapses.variables
    for side, degree, offset, new in (
        ("_synaptic_pre", "N_outgoing", "_source_offset", pre),
        ("_synaptic_post", "N_incoming", "_target_offset", post),
    ):
        ends, count = v[side].get_value(), v[degree].get_value()
        count -= np.bincount(ends[slots], minlength=len(count)).astype(count.dtype)
        ends[slots] = new + v[offset].get_value()
        count += np.bincount(ends[slots], minlength=len(count)).astype(count.dtype)
    _reset(synapses, slots)
    for pathway in synapses._pathways:
        _drop_spikes(pathway.queue, slots, len(ends))


def rebuild_queues(synapses: Any) -> None:
    """Let the spike queues know endpoints and delays as they are now.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    """
    for pathway in synapses._pathways:
        pathway.initialise_queue()


def _reset(synapses: Any, slots: NDArray[np.int32]) -> None:
    """Set every variable of the synapses in these slots to 0; their last update is now."""
    v = synapses.variables
    kept = {v["_synaptic_pre"], v["_synaptic_post"]}
    for variable in synapses._registered_variables - kept:
        variable.get_value()[slots] = 0
    if "lastupdate" in v:
        # With 0, a trace set at birth would decay over the whole past.
        v["lastupdate"].get_value()[slots] = v["t"].get_value()


def _drop_spikes(queue: Any, slots: NDArray[np.int32], num_slots: int) -> None:
    """Remove the spikes on their way through these slots."""
    offset, rows = queue._full_state()
    lengths = [len(row) for row in rows]
    if not sum(lengths):
        return
    gone = np.zeros(num_slots, np.bool_)
    gone[slots] = True
    lost = gone[np.concatenate([np.asarray(row, np.int32) for row in rows])]
    if lost.any():
        parts = np.split(lost, np.cumsum(lengths)[:-1])
        rows = [[k for k, out in zip(row, part, strict=True) if not out] for row, part in zip(rows, parts, strict=True)]
        queue._restore_from_full_state((offset, rows))


def delays(synapses: Any) -> list[NDArray[np.float64]]:
    """Return the delays of all pathways in seconds.

    Parameters
    ----------
    synapses : Synapses
        Any.

    Returns
    -------
    list of ndarray
        Copies; of length 1 where a pathway has one delay for all.
    """
    return [pathway._delays.get_value().copy() for pathway in synapses._pathways]


def restore_delays(synapses: Any, stored: list[NDArray[np.float64]]) -> None:
    """Set the delays of all pathways: Brian2 2.9 forgets them in ``store``.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    stored : list of ndarray
        What ``delays`` returned.
    """
    for pathway, values in zip(synapses._pathways, stored, strict=True):
        pathway._delays.get_value()[:] = values


def make_probe(synapses: Any, number: int) -> Any:
    """Return synapses between the same groups that belong to no network, to ask strings about pairs of neurons.

    Parameters
    ----------
    synapses : Synapses
        Between the groups that are meant.
    number : int
        Pairs about which is asked at once.

    Returns
    -------
    Synapses
        All of them between the first neurons.
    """
    probe = Synapses(synapses.source, synapses.target, name=f"{synapses.name}_pairs*")
    probe.add_to_magic_network = False
    probe._network = "none"  # Brian2 would warn that it was never run.
    probe.connect(i=np.zeros(number, np.int32), j=np.zeros(number, np.int32))
    return probe


def point(probe: Any, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
    """Let the first slots of a probe lie between these pairs.

    Parameters
    ----------
    probe : Synapses
        From ``make_probe``.
    pre, post : ndarray of int32, shape (n,)
        Counted within their groups.
    """
    v = probe.variables
    v["_synaptic_pre"].get_value()[: len(pre)] = pre + v["_source_offset"].get_value()
    v["_synaptic_post"].get_value()[: len(post)] = post + v["_target_offset"].get_value()
