"""What touches private parts of Brian2 to move synapses between neurons while a simulation runs.

Only ``queues`` and ``program`` (C++ standalone mode) do so too.

What Brian2 keeps about a synapse, and what becomes of it here when its slot is given to a new connection:

- endpoints and the degrees of both neurons: overwritten and counted anew;
- every variable of the synapse: 0, the time of its last update: now, then the values given for a birth;
- the number of a synapse among those of its pair, where the user asked for a ``multisynaptic_index``: counted anew;
- spikes on their way through it, stored by slot and not by connection: dropped;
- the spike queue's index from neurons to slots, per pathway: changed.

Where the number of connections varies, they stand in the first slots. The others are parked: the queues do not know
them, their variables are 0, they count in no degree and keep the endpoints that they had.
"""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import brian2
import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.devices.device import RuntimeDevice, get_device
from numpy.typing import NDArray

import synaptic_sampling
from synaptic_sampling.brian.internals import queues
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.events import Edges

__all__ = [
    "Groups",
    "append",
    "check_brian",
    "check_device",
    "count_multapses",
    "endpoints",
    "groups",
    "is_connected",
    "make_probe",
    "move",
    "name_line_of_user",
    "neurons",
    "park",
    "per_synapse",
    "point",
    "reconnect",
]

OLDEST, NEWEST = (2, 9), (2, 11)
PARTS = ("_pathways", "_registered_variables", "_source_offset", "_target_offset", "multisynaptic_index")
PATHWAY_PARTS = ("initialise_queue", "queue", "_delays", "synapse_sources")


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
        if not program.is_standalone() and len(pathway.queue._full_state()) != 2:
            missing.append(f"{pathway.name}.queue in C++")
    if missing:
        raise ImportError(f"Brian2 {brian2.__version__} lacks what rewiring needs: {', '.join(missing)}.")


def check_device(made_for_program: bool | None = None) -> None:
    """Raise an error unless the simulation runs in this process, or as the C++ program of Brian2 itself.

    Parameters
    ----------
    made_for_program : bool, optional
        For which of both a Rewiring was made, where there is one already.

    Raises
    ------
    NotImplementedError
        On another device, or where it has been changed.
    """
    device = get_device()
    if not isinstance(device, RuntimeDevice) and not program.is_standalone():
        raise NotImplementedError(
            f"rewiring knows Brian2's runtime mode and its C++ standalone mode, not {type(device).__name__}; "
            "call set_device('runtime') or set_device('cpp_standalone')."
        )
    if made_for_program is not None and made_for_program != program.is_standalone():
        raise NotImplementedError("the device was changed after the Rewiring was made; call set_device() first.")


def name_line_of_user(made: Any) -> None:
    """Let Brian2's messages about an object name the line of the script that made it, not one of this package.

    Parameters
    ----------
    made : BrianObject
        Being constructed now; changed in place.
    """
    libraries = tuple(str(Path(str(package.__file__)).parent) + os.sep for package in (brian2, synaptic_sampling))
    lines = [
        f"  File '{frame.filename}', line {frame.lineno}, in {frame.name}\n    {frame.line}"
        for frame in traceback.extract_stack()
        if not frame.filename.startswith(libraries)
    ]
    made._creation_stack = lines[-1] if lines else ""
    made._full_creation_stack = "\n".join(["", *lines])


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

    Raises
    ------
    NotImplementedError
        In C++ standalone mode, where the target are synapses of which only the program will know how many there are.
    """
    source, target = synapses.source, synapses.target
    for side in (source, target):
        if program.is_standalone() and isinstance(side, Synapses) and not program.is_known(side.variables["N"]):
            raise program.refuse(
                f"rewiring '{synapses.name}' has to know how many synapses '{side.name}' has, which its connect() "
                "leaves to the program",
                f"connect '{side.name}' by pairs of indices, as connect_exactly does",
            )
    # A subgroup knows its group by a proxy, which is not the group itself but has its identity.
    same = getattr(source, "source", source).id == getattr(target, "source", target).id
    # Synapses, which may be a target, have no beginning.
    begin = getattr(source, "start", 0) - getattr(target, "start", 0)
    return Groups(len(source), len(target), begin if same else None)


def neurons(synapses: Any) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return which neurons the presynaptic and postsynaptic indices mean.

    Parameters
    ----------
    synapses : Synapses
        Between groups or subgroups.

    Returns
    -------
    tuple of list of (str, int)
        Name of the whole group, and index in it.
    """
    sides = []
    for group in (synapses.source, synapses.target):
        name = getattr(group, "source", group).name
        sides.append([(name, getattr(group, "start", 0) + index) for index in range(len(group))])
    return sides[0], sides[1]


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


def reconnect(synapses: Any, died: Edges, born: Edges) -> None:
    """Retract connections and give slots to newborns, with every variable 0; spikes on their way are dropped.

    To be called outside the scheduling slot ``synapses``, and followed by ``queues.follow``.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    died, born : Edges
        Endpoints are counted within their groups. A newborn's slot is one of the dead's, or was parked.
    """
    v = synapses.variables
    for side, degree, offset, old, new in (
        ("_synaptic_pre", "N_outgoing", "_source_offset", died.pre, born.pre),
        ("_synaptic_post", "N_incoming", "_target_offset", died.post, born.post),
    ):
        ends, count, begin = v[side].get_value(), v[degree].get_value(), v[offset].get_value()
        count -= np.bincount(old + begin, minlength=len(count)).astype(count.dtype)
        count += np.bincount(new + begin, minlength=len(count)).astype(count.dtype)
        ends[born.slot] = new + begin
    # Mostly the slots of the dead are those of the newborn.
    _reset(synapses, died.slot if np.array_equal(died.slot, born.slot) else np.union1d(died.slot, born.slot))
    queues.drop_spikes(synapses, died.slot)


def move(synapses: Any, old: NDArray[np.int32], new: NDArray[np.int32]) -> None:
    """Let connections move to other slots with all that they have, spikes on their way too.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    old, new : ndarray of int32, shape (n,)
        From where, to where; the new slots hold no connection, and no slot is in both.
    """
    for variable in synapses._registered_variables:
        values = variable.get_value()
        values[new] = values[old]
    _reset(synapses, old)
    queues.redirect(synapses, old, new)


def append(synapses: Any, number: int) -> None:
    """Add slots without a connection, to be parked; before or between runs.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    number : int
        How many.
    """
    synapses.connect(i=np.zeros(number, np.int32), j=np.zeros(number, np.int32))
    v = synapses.variables
    for degree, offset in (("N_outgoing", "_source_offset"), ("N_incoming", "_target_offset")):
        v[degree].get_value()[v[offset].get_value()] -= number


def park(synapses: Any, number: int) -> None:
    """Let the spike queues know the first slots only, and set all variables of the others to 0.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    number : int
        How many slots hold connections.
    """
    queues.use_first(synapses, number)
    _reset(synapses, np.arange(number, len(synapses)))


def count_multapses(synapses: Any, number: int, multapses: bool) -> None:
    """Count the connections of each pair anew, in the order of slots, if the synapses have a ``multisynaptic_index``.

    Parked slots are given -1, so that they are not taken for connections of a pair.

    Parameters
    ----------
    synapses : Synapses
        Changed in place.
    number : int
        How many slots hold connections.
    multapses : bool
        Whether a pair may have several.
    """
    if synapses.multisynaptic_index is None:
        return
    counts = synapses.variables[synapses.multisynaptic_index].get_value()
    counts[:number], counts[number:] = 0, -1
    if not multapses:
        return
    pre, post = (ends[:number] for ends in endpoints(synapses))
    order = np.lexsort((post, pre))
    first = np.ones(number, np.bool_)
    first[1:] = (np.diff(pre[order]) != 0) | (np.diff(post[order]) != 0)
    place = np.arange(number)
    counts[order] = place - np.maximum.accumulate(np.where(first, place, 0))


def _reset(synapses: Any, slots: NDArray[Any]) -> None:
    """Set every variable of the synapses in these slots to 0; their last update is now."""
    v = synapses.variables
    kept = {v["_synaptic_pre"], v["_synaptic_post"]}
    for variable in synapses._registered_variables - kept:
        variable.get_value()[slots] = 0
    if "lastupdate" in v:
        # With 0, a trace set at birth would decay over the whole past.
        v["lastupdate"].get_value()[slots] = v["t"].get_value()


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
