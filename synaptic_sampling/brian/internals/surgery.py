"""Changes to private parts of Brian2 that move synapses between neurons while a simulation runs.

Besides this module, only ``queues`` and ``standalone`` use private parts of Brian2.

When a slot is given to a new connection, everything that Brian2 stores about the synapse changes:

- endpoints and the degrees of both neurons: overwritten and updated;
- every variable of the synapse: 0, the time of its last update: now, then the values of ``birth=``;
- the number of a synapse within its pair, if the user requested a ``multisynaptic_index``: counted again;
- spikes in flight through it, which are stored by slot and not by connection: dropped;
- the spike queue's index from neurons to slots, per pathway: updated.

Where the number of connections varies, connections occupy the first slots. The others are parked: they are absent from
the queues, their variables are 0, they count in no degree and keep their last endpoints.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Set
from pathlib import Path
from typing import Any, NamedTuple

import brian2
import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.devices.device import RuntimeDevice, get_device
from numpy.typing import NDArray

import synaptic_sampling
from synaptic_sampling._kernels import slots
from synaptic_sampling.brian.capabilities import refuse
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
    "last_update",
    "limit_last_update",
    "make_probe",
    "move",
    "name_line_of_user",
    "neurons",
    "other_codes",
    "park",
    "pathway_codes",
    "per_synapse",
    "point",
    "reconnect",
    "shared_variable",
]

OLDEST, NEWEST = (2, 9), (2, 11)
PARTS = ("_pathways", "_registered_variables", "_source_offset", "_target_offset", "multisynaptic_index")
PATHWAY_PARTS = ("initialise_queue", "queue", "_delays", "synapse_sources")


class Groups(NamedTuple):
    """Sizes of the groups of a Synapses object; ``diagonal`` is post - pre of autapses, None where there are none."""

    num_pre: int
    num_post: int
    diagonal: int | None


def check_brian(synapses: Any) -> None:
    """Raise ImportError unless this version of Brian2 is supported and has the private parts used here."""
    found = tuple(int(part) for part in re.findall(r"\d+", brian2.__version__)[:2])
    if not OLDEST <= found <= NEWEST:
        raise ImportError(
            f"rewiring supports Brian2 2.9 to 2.11, and this is {brian2.__version__}; "
            "install one of those versions, or a newer release of synaptic_sampling."
        )
    missing = [part for part in PARTS if not hasattr(synapses, part) and part not in synapses.variables]
    for pathway in synapses._pathways:
        missing += [f"{pathway.name}.{part}" for part in PATHWAY_PARTS if not hasattr(pathway, part)]
        if not program.is_standalone() and len(pathway.queue._full_state()) != 2:
            missing.append(f"{pathway.name}.queue in C++")
    if missing:
        raise ImportError(
            f"Brian2 {brian2.__version__} lacks what rewiring needs: {', '.join(missing)}; install 2.9 to 2.11."
        )


def check_device(made_for_program: bool | None = None) -> None:
    """Raise an error on devices other than runtime and C++ standalone.

    ``made_for_program`` is the mode in which an existing Rewiring was created; it must not have changed.
    """
    device = get_device()
    if not isinstance(device, RuntimeDevice) and not program.is_standalone():
        raise NotImplementedError(
            f"rewiring supports Brian2's runtime mode and its C++ standalone mode, not {type(device).__name__}; "
            "call set_device('runtime') or set_device('cpp_standalone')."
        )
    if made_for_program is not None and made_for_program != program.is_standalone():
        raise NotImplementedError("the device was changed after the Rewiring was created; call set_device() first.")


def name_line_of_user(made: Any) -> None:
    """Make Brian2's messages about an object that is being constructed name the line of the user's script."""
    libraries = tuple(str(Path(str(package.__file__)).parent) + os.sep for package in (brian2, synaptic_sampling))
    lines = [
        f"  File '{frame.filename}', line {frame.lineno}, in {frame.name}\n    {frame.line}"
        for frame in traceback.extract_stack()
        if not frame.filename.startswith(libraries)
    ]
    made._creation_stack = lines[-1] if lines else ""
    made._full_creation_stack = "\n".join(["", *lines])


def groups(synapses: Any) -> Groups:
    """Return sizes and diagonal of the groups; raise an error in C++ standalone mode if a size is not known yet."""
    source, target = synapses.source, synapses.target
    for side in (source, target):
        if program.is_standalone() and isinstance(side, Synapses) and not program.is_known(side.variables["N"]):
            raise refuse("target", f"'{side.name}' for '{synapses.name}'")
    # A subgroup refers to its group by a proxy, a different object with the same id.
    same = getattr(source, "source", source).id == getattr(target, "source", target).id
    # Synapses, which may be a target, have no start.
    shift = getattr(source, "start", 0) - getattr(target, "start", 0)
    return Groups(len(source), len(target), shift if same else None)


def neurons(synapses: Any) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return the neurons of both sides, as (name of the whole group, index in it)."""
    sides = []
    for group in (synapses.source, synapses.target):
        name = getattr(group, "source", group).name
        sides.append([(name, getattr(group, "start", 0) + index) for index in range(len(group))])
    return sides[0], sides[1]


def endpoints(synapses: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return copies of the presynaptic and postsynaptic indices of all slots, counted within their groups."""
    v = synapses.variables
    pre = v["_synaptic_pre"].get_value() - v["_source_offset"].get_value()
    post = v["_synaptic_post"].get_value() - v["_target_offset"].get_value()
    return pre.astype(np.int32), post.astype(np.int32)


def per_synapse(synapses: Any, name: str) -> Any:
    """Return the variable of that name if each synapse has a value of its own that can be set, else None.

    ``get_value()`` returns the live array, which moves when synapses are added: fetch it each time.
    """
    variable = synapses.variables.get(name)
    own = isinstance(variable, ArrayVariable) and not variable.scalar and not variable.read_only
    return variable if own and variable in synapses._registered_variables else None


def shared_variable(group: Any, name: str) -> Any:
    """Return the variable of that name of the group's model if all share its value and it can be set, else None."""
    variable = group.variables.get(name)
    own = name in getattr(group, "equations", {}) and isinstance(variable, ArrayVariable) and not variable.read_only
    return variable if own and variable.scalar else None


def is_connected(synapses: Any) -> bool:
    """Return whether ``connect`` was called, even if it made no connection."""
    return synapses._connect_called


def reconnect(synapses: Any, died: Edges, born: Edges, written: Set[Any] = frozenset()) -> None:
    """Eliminate connections and form new ones in their slots or parked ones, with all variables 0; drop spikes.

    Call it outside the scheduling slot ``synapses``, and ``queues.follow`` afterwards. Endpoints are counted within
    their groups. The caller writes the variables in ``written`` itself, if the slots of both are the same.
    """
    v = synapses.variables
    for side, degree, offset, old, new in (
        ("_synaptic_pre", "N_outgoing", "_source_offset", died.pre, born.pre),
        ("_synaptic_post", "N_incoming", "_target_offset", died.post, born.post),
    ):
        start = int(v[offset].get_value())
        slots.move_ends(old, new, born.slot, start, v[side].get_value(), v[degree].get_value())
    # Usually the vacated slots are those of the new connections.
    same = bool(written) or np.array_equal(died.slot, born.slot)
    _reset(synapses, died.slot if same else np.union1d(died.slot, born.slot), written)
    queues.drop_spikes(synapses, died.slot)


def move(synapses: Any, old: NDArray[np.int32], new: NDArray[np.int32]) -> None:
    """Move connections from old to new slots, with all variables and spikes in flight; the new slots are free."""
    for variable in synapses._registered_variables:
        values = variable.get_value()
        values[new] = values[old]
    _reset(synapses, old)
    queues.redirect(synapses, old, new)


def append(synapses: Any, number: int) -> None:
    """Add slots without a connection, to be parked; before or between runs."""
    synapses.connect(i=np.zeros(number, np.int32), j=np.zeros(number, np.int32))
    v = synapses.variables
    for degree, offset in (("N_outgoing", "_source_offset"), ("N_incoming", "_target_offset")):
        v[degree].get_value()[v[offset].get_value()] -= number


def park(synapses: Any, number: int) -> None:
    """Restrict the spike queues to the first slots, which hold connections, and reset the others."""
    queues.use_first(synapses, number)
    _reset(synapses, np.arange(number, len(synapses)))


def last_update(synapses: Any) -> Any:
    """Return the variable with the time of the last update of event-driven variables, None without such."""
    return synapses.variables["lastupdate"] if synapses.event_driven is not None else None


def limit_last_update(synapses: Any) -> None:
    """Set times of a last update that lie in the future to the present.

    Before a first run, the clock may be at the end of another simulation in this process, and slots filled then have
    its time: a trace given at birth would grow over the difference.
    """
    variable = last_update(synapses)
    if variable is not None:
        values = variable.get_value()
        np.minimum(values, synapses.variables["t"].get_value(), out=values)


def count_multapses(synapses: Any, number: int, multapses: bool) -> None:
    """Count the connections of each pair, in the order of slots, if the synapses have a ``multisynaptic_index``.

    ``number`` slots hold connections; parked slots get -1, so that they are not regarded as connections of a pair.
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


def _reset(synapses: Any, slots: NDArray[Any], kept: Set[Any] = frozenset()) -> None:
    """Set every other variable of the synapses in these slots to 0, but not delays; their last update is now."""
    v = synapses.variables
    fixed = {v["_synaptic_pre"], v["_synaptic_post"], *(pathway._delays for pathway in synapses._pathways)}
    for variable in synapses._registered_variables - fixed - kept:
        variable.get_value()[slots] = 0
    updated = last_update(synapses)
    if updated is not None:
        # If it were 0, a trace set in a new connection would decay over all the time before.
        updated.get_value()[slots] = v["t"].get_value()


def make_probe(synapses: Any, name: str) -> Any:
    """Return synapses between the same groups that belong to no network, not connected yet, to evaluate strings."""
    probe = Synapses(synapses.source, synapses.target, clock=synapses.clock, name=name)
    probe.add_to_magic_network = False
    probe.namespace = synapses.namespace
    probe._network = "none"  # Otherwise Brian2 would warn that it was never run.
    return probe


def point(probe: Any, pre: NDArray[np.int32], post: NDArray[np.int32]) -> None:
    """Move the first slots of a probe between these pairs, counted within their groups."""
    v = probe.variables
    v["_synaptic_pre"].get_value()[: len(pre)] = pre + v["_source_offset"].get_value()
    v["_synaptic_post"].get_value()[: len(post)] = post + v["_target_offset"].get_value()


def pathway_codes(synapses: Any) -> list[str]:
    """Return the code of each pathway, such as that of ``on_pre``."""
    return [pathway.code or "" for pathway in synapses._pathways]


def other_codes(synapses: Any) -> list[str]:
    """Return the abstract code of all other objects of the synapses, such as ``run_regularly``."""
    return [each.abstract_code or "" for each in synapses.contained_objects if each not in synapses._pathways]
