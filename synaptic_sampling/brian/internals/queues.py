"""Spike queues of Synapses: which slots belong to which neuron, and spikes in flight through them.

Like ``surgery``, this module uses private parts of Brian2. A queue stores slots, not connections: when a slot is given
to another connection, the spikes in flight through it must be dropped, and the queue must be told its new neuron.

Where Brian2 compiles its code, ``_queue_edit.pyx`` edits queues, at a cost that depends on the number of changes; else
Brian2 builds them again from all synapses. The result is the same.
"""

from __future__ import annotations

import functools
import logging
import math
import struct
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, prefs, second
from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager
from brian2.devices.device import get_device
from brian2.synapses.cythonspikequeue import SpikeQueue
from numpy.typing import NDArray

from synaptic_sampling._kernels.slots import values_of
from synaptic_sampling.brian.standalone import program

__all__ = [
    "check_all_in_use",
    "delays",
    "delays_by_name",
    "drop_spikes",
    "follow",
    "owners",
    "redirect",
    "repeat_delays",
    "restore_delays",
    "restore_time_steps",
    "time_steps",
    "use_first",
    "watch",
]

logger = logging.getLogger(__name__)

#: Size of Brian2 2.9's Python object of a queue: reference count, type, the pointer to the queue, two more.
OBJECT_SIZE = 5 * struct.calcsize("P")

#: Number of slots of a Synapses object that hold connections, and of all its slots, where some are parked.
_IN_USE: weakref.WeakKeyDictionary[Any, tuple[int, int]] = weakref.WeakKeyDictionary()
#: Number of slots in the queue of a pathway.
_KNOWN: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
#: The dt in seconds of spikes in flight through a pathway that ``restore`` has brought back, until the next run.
_RESTORED: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


def watch(synapses: Any) -> None:
    """Replace Brian2's initialisation of the queues at the start of every run.

    Then parked slots stay out of the queues, and dt cannot be changed while spikes are in flight, which Brian2 would
    lose.
    """
    for pathway in synapses._pathways:
        if "initialise_queue" not in vars(pathway):
            pathway.initialise_queue = _initialiser(weakref.ref(synapses), weakref.ref(pathway))


def use_first(synapses: Any, number: int) -> None:
    """Restrict the spike queues to the first slots, which hold connections, from the next ``follow`` or run on."""
    if number < len(synapses):
        _IN_USE[synapses] = number, len(synapses)
    else:
        _IN_USE.pop(synapses, None)


def check_all_in_use(synapses: Any) -> None:
    """Raise an error if slots are parked: another Rewiring could not tell them from connections."""
    if synapses in _IN_USE:
        number, slots = _IN_USE[synapses]
        raise ValueError(
            f"'{synapses.name}' has {slots - number} slots without a connection, and another Rewiring would treat "
            "these as connections; rebuild the network instead."
        )


def owners(synapses: Any, slots: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Return for each pathway the source neuron of some slots, -1 where a slot holds no connection.

    Call it before the slots are given to other connections, and pass the result to ``follow``.
    """
    number = _number(synapses)
    return [_owners(pathway, slots, number) for pathway in synapses._pathways]


def follow(synapses: Any, slots: NDArray[np.int32], before: list[NDArray[np.int32]], delays_too: bool = True) -> None:
    """Update the spike queues in ``slots``, where endpoints or delays have changed.

    ``before`` is what ``owners`` returned before the change; each slot appears once. Without ``delays_too``,
    delays and the number of slots are as before.
    """
    number, editor = _number(synapses), _editor()
    for pathway, old in zip(synapses._pathways, before, strict=True):
        if editor is None or not _edit(editor, pathway, slots, old, number, delays_too):
            _prepare(pathway, number)


def drop_spikes(synapses: Any, slots: NDArray[np.int32]) -> None:
    """Drop the spikes in flight through some slots."""
    redirect(synapses, slots, np.full(len(slots), -1))


def redirect(synapses: Any, old: NDArray[np.int32], new: NDArray[Any]) -> None:
    """Redirect the spikes in flight from old slots to new ones; drop them where a new one is negative."""
    if not len(old):
        return
    editor = _editor()
    if editor is not None and not any(editor.carries(_handle(pathway.queue)) for pathway in synapses._pathways):
        return
    order = np.argsort(old)
    old, new = old[order].astype(np.int32), new[order].astype(np.int32)
    for pathway in synapses._pathways:
        if editor is not None:
            editor.redirect(_handle(pathway.queue), old, new, len(synapses))
            continue
        offset, rows = pathway.queue._full_state()
        lengths = [len(row) for row in rows]
        if not sum(lengths):
            continue
        through = np.concatenate([np.asarray(row, np.int64) for row in rows])
        place = np.minimum(np.searchsorted(old, through), len(old) - 1)
        hit = old[place] == through
        if not hit.any():
            continue
        through[hit] = new[place[hit]]
        parts = np.split(through, np.cumsum(lengths)[:-1])
        pathway.queue._restore_from_full_state((offset, [part[part >= 0].tolist() for part in parts]))


def delays(synapses: Any) -> list[NDArray[np.float64]]:
    """Return copies of the delays of all pathways in seconds; one number where a pathway has one delay."""
    return [pathway._delays.get_value().copy() for pathway in synapses._pathways]


def delays_by_name(synapses: Any) -> dict[str, NDArray[np.float64]]:
    """Return the delays in seconds, not copied, of pathways whose synapses have their own; by ``'pre.delay'`` etc."""
    own = [pathway for pathway in synapses._pathways if not pathway._delays.scalar]
    return {f"{pathway.objname}.delay": pathway._delays.get_value() for pathway in own}


def repeat_delays(synapses: Any, number: int) -> None:
    """Give the delay that the first ``number`` synapses share, if they do, to all others."""
    for own in delays_by_name(synapses).values():
        used = np.unique(own[:number])
        if len(used) == 1:
            own[number:] = used[0]


def restore_delays(synapses: Any, stored: list[NDArray[np.float64]]) -> None:
    """Set the delays of all pathways to what ``delays`` returned, since Brian2 2.9 forgets them in ``store``."""
    for pathway, values in zip(synapses._pathways, stored, strict=True):
        if len(values) != len(pathway._delays.get_value()):  # Brian2 has not restored the synapses yet.
            pathway._delays.resize(len(values))
        pathway._delays.get_value()[:] = values


def time_steps(synapses: Any) -> list[float]:
    """Return the dt of the spikes in flight through each pathway in seconds: that of the neurons that emit them."""
    return [pathway.source.clock.dt_ for pathway in synapses._pathways]


def restore_time_steps(synapses: Any, stored: list[float]) -> None:
    """Record the dt of spikes that Brian2 restores; its queues only know that of the last run."""
    _RESTORED.update(zip(synapses._pathways, stored, strict=True))


def _initialiser(synapses: Any, pathway: Any) -> Any:
    """Return the function that replaces the pathway's own method at the start of a run."""
    own, before = type(pathway()).initialise_queue, pathway().source.clock.dt_

    def initialise_queue() -> None:
        nonlocal before
        now = pathway().source.clock.dt_
        emitted = _RESTORED.pop(pathway(), before)
        if not math.isclose(now, emitted, rel_tol=1e-9):
            _check_empty(pathway(), emitted, now)
        if math.isclose(now, before, rel_tol=1e-9):
            own(pathway())
        else:
            _with_spikes_aside(pathway(), own)
        before = now
        _KNOWN[pathway()] = len(synapses())
        if synapses() in _IN_USE:
            _check_last(synapses())
            _prepare(pathway(), _number(synapses()))

    return initialise_queue


def _with_spikes_aside(pathway: Any, initialise: Any) -> None:
    """Initialise a queue for another dt than that of its last run, which would otherwise move the spikes in flight."""
    offset, rows = pathway.queue._full_state()
    pathway.queue._restore_from_full_state((0, []))
    initialise(pathway)
    _, empty = pathway.queue._full_state()
    rows = rows[offset:] + rows[:offset]
    pathway.queue._restore_from_full_state((0, rows + empty[len(rows) :]))


def _number(synapses: Any) -> int:
    return _IN_USE[synapses][0] if synapses in _IN_USE else len(synapses)


def _check_last(synapses: Any) -> None:
    """Raise an error if connections were added behind parked slots, where spikes would not reach them."""
    _, slots = _IN_USE[synapses]
    if len(synapses) > slots:
        raise ValueError(
            f"'{synapses.name}' has {len(synapses)} synapses, but had {slots} when its Rewiring left some of them "
            "without a connection; call connect() first and create the Rewiring last."
        )


def _owners(pathway: Any, slots: NDArray[np.int32], number: int) -> NDArray[np.int32]:
    owners = np.empty(len(slots), np.int32)
    values_of(slots, pathway.synapse_sources.get_value(), number, owners)
    return owners


def _prepare(pathway: Any, number: int) -> None:
    """Build the queue's index from the connections in use."""
    delay = pathway._delays.get_value()
    delay = delay if len(delay) == 1 else delay[:number]
    pathway.queue.prepare(delay, pathway.source.clock.dt_, pathway.synapse_sources.get_value()[:number])
    _KNOWN[pathway] = number


def _edit(
    editor: Any, pathway: Any, slots: NDArray[np.int32], before: NDArray[np.int32], number: int, delays_too: bool
) -> bool:
    """Change the queue's index in these slots only; return False if that was not possible."""
    known, queue = _KNOWN.get(pathway, 0), _handle(pathway.queue)
    if not known or not editor.follow(queue, slots, before, _owners(pathway, slots, number)):
        return False
    if delays_too and not pathway._delays.scalar:
        used = slots[slots < number]
        steps = pathway._delays.get_value()[used].astype(np.float64) / pathway.source.clock.dt_ + 0.5
        editor.set_delays(queue, used, steps.astype(np.int32), known, number)
    _KNOWN[pathway] = number
    return True


def _editor() -> Any:
    """Return the compiled functions that edit a queue, or None where queues are built again."""
    compiles = get_device().code_object_class().class_name == "cython"
    return _compiled() if compiles else None


def _handle(queue: Any) -> Any:
    """Return the capsule by which the editor finds the C++ queue; for Brian2 2.9, the queue object itself."""
    return queue.get_capsule() if hasattr(queue, "get_capsule") else queue


@functools.cache
def _compiled() -> Any:
    compiler, arguments = get_compiler_and_args()
    code = Path(__file__).with_name("_queue_edit.pyx").read_text(encoding="utf-8")
    # Not by an include: Brian2 finds compiled modules by their text.
    rows = (program.FOLDER / "rows.h").read_text(encoding="utf-8")
    module = cython_extension_manager.create_extension(
        code.replace('#include "rows.h"', rows.replace("\n", "\n    ")),
        compiler=compiler,
        extra_compile_args=arguments,
        extra_link_args=prefs["codegen.cpp.extra_link_args"],
    )
    # If the compiler fails, Brian2 may log this and return an empty module.
    if not hasattr(module, "follow"):
        logger.warning("the editor of spike queues could not be compiled; rewiring events take longer.")
        return None
    probe = SpikeQueue(3, 8)  # Named, because a capsule does not keep its queue alive.
    known = hasattr(probe, "get_capsule") or SpikeQueue.__basicsize__ == OBJECT_SIZE
    if not known or not module.serves(_handle(probe), 3, 8):
        logger.warning("spike queues have an unexpected layout and are built again; rewiring events take longer.")
        return None
    return module


def _check_empty(pathway: Any, before: float, now: float) -> None:
    number = sum(len(row) for row in pathway.queue._full_state()[1])
    if number:
        old, new = (Quantity(dt, dim=second.dim) for dt in (before, now))
        raise ValueError(
            f"dt was changed from {old} to {new} while {number} spikes are in flight through '{pathway.name}', and "
            f"Brian2 would lose some; set dt back to {old} and run until they have arrived."
        )
