# cython: language_level=3, boundscheck=False, wraparound=False
# distutils: language = c++
"""Edits the spike queue of a pathway after a few of its synapses were rewired, instead of building it again.

Compiled by Brian2 like its own generated code, against its own header; ``rows.h``, which C++ standalone mode also
uses, takes the place of its include. Each function leaves the queue as Brian2's
``prepare`` would; ``follow`` returns False if the queue is not in the expected state and must be built again. A handle
is the capsule of a queue, or the queue itself for Brian2 2.9, which provides no capsule.
"""
from cython.operator cimport dereference
from cpython.pycapsule cimport PyCapsule_CheckExact, PyCapsule_GetPointer
from libcpp cimport bool as cbool
from libcpp.algorithm cimport lower_bound
from libcpp.vector cimport vector


cdef extern from *:
    """
    #include <algorithm>
    #if __has_include("spikequeue.h")
    #include "spikequeue.h"
    #else
    #include "cspikequeue.cpp"
    #endif
    /* Memory layout of Brian2's class SpikeQueue in Cython: the pointer is its first member. */
    struct SpikeQueueObject { PyObject_HEAD CSpikeQueue *thisptr; };
    """
    cdef cppclass CSpikeQueue:
        vector[vector[int]] queue
        vector[vector[int]] synapses
        int source_start
        int source_end
        int *delays
        cbool scalar_delay
        void ensure_delay(int)


cdef extern from *:
    """
    static void give_delays(CSpikeQueue *queue, int before, int now) {
        int *delays = new int[now];
        std::copy(queue->delays, queue->delays + std::min(before, now), delays);
        delete[] queue->delays;
        queue->delays = delays;
    }
    """
    void give_delays(CSpikeQueue *, int, int)
    cdef struct SpikeQueueObject:
        CSpikeQueue *thisptr


cdef CSpikeQueue *the_queue(handle) except NULL:
    if PyCapsule_CheckExact(handle):
        return <CSpikeQueue *> PyCapsule_GetPointer(handle, "CSpikeQueue")
    return (<SpikeQueueObject *> <void *> handle).thisptr


def serves(handle, int start, int end):
    """Return whether this is an empty queue for neurons start to end - 1, to detect an unexpected layout."""
    cdef CSpikeQueue *queue = the_queue(handle)
    return queue.source_start == start and queue.source_end == end and queue.queue.size() == 1


cdef extern from *:
    """
    #include "rows.h"
    """
    cbool move_slots "synaptic_sampling::move_slots"(
        vector[vector[int]] &, int, const int *, const int *, const int *, size_t
    )


def follow(handle, const int[::1] slots, const int[::1] before, const int[::1] now):
    """Assign slots to other neurons; -1 where a slot has, or had, no neuron."""
    cdef CSpikeQueue *queue = the_queue(handle)
    if not slots.shape[0]:
        return True
    return move_slots(queue.synapses, queue.source_start, &slots[0], &before[0], &now[0], slots.shape[0])


def set_delays(handle, const int[::1] slots, const int[::1] delays, int before, int now):
    """Set the delays of slots, in steps, where each has its own; the number of slots may have changed."""
    cdef CSpikeQueue *queue = the_queue(handle)
    cdef Py_ssize_t k
    cdef int first = queue.delays[0]
    if before != now:
        give_delays(queue, before, now)
    for k in range(slots.shape[0]):
        queue.delays[slots[k]] = delays[k]
        queue.ensure_delay(delays[k])
        if delays[k] != first:
            queue.scalar_delay = False


def carries(handle):
    """Return whether any spike is in flight."""
    cdef CSpikeQueue *queue = the_queue(handle)
    cdef size_t m
    for m in range(queue.queue.size()):
        if not queue.queue[m].empty():
            return True
    return False


def redirect(handle, const int[::1] old, const int[::1] new, int number):
    """Redirect spikes in flight from old slots, ascending, of ``number`` in all, to new ones; drop them at -1."""
    cdef CSpikeQueue *queue = the_queue(handle)
    cdef vector[char] listed = vector[char](number, 0)
    cdef vector[int] *row
    cdef size_t k, m, kept
    cdef int slot
    for k in range(<size_t> old.shape[0]):
        listed[old[k]] = 1
    for m in range(queue.queue.size()):
        row = &queue.queue[m]
        kept = 0
        for k in range(row.size()):
            slot = dereference(row)[k]
            if listed[slot]:
                slot = new[lower_bound(&old[0], &old[0] + old.shape[0], slot) - &old[0]]
            if slot >= 0:
                dereference(row)[kept] = slot
                kept += 1
        row.resize(kept)
