"""The constants that the C++ program shares with the kernels, as one header generated from the Python values."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from synaptic_sampling._kernels import dynamics, philox, signs, soft_deep, vacancy
from synaptic_sampling.connections import draw
from synaptic_sampling.connections.deep import SHIFT
from synaptic_sampling.connections.sites import CROWDED, MAX_ASKED, SAMPLE, THIN
from synaptic_sampling.events import EVENT
from synaptic_sampling.log.file import MAGIC
from synaptic_sampling.log.growing import TIME
from synaptic_sampling.log.recorder import BLOCK
from synaptic_sampling.randomness import Stream

__all__ = ["constants_in_cpp"]

#: Names of the modes by which signs are found.
SIGN_RULES = ("SIGN_OF_SITE", "SIGN_OF_PRE", "SIGN_REDRAWN", "SIGN_GIVEN_PRE", "SIGN_GIVEN_SITE")
TYPES = {"i": "int{}_t", "u": "uint{}_t", "f": "double"}

HEADER = """\
// Generated from the Python values by constants.py; included before all other headers of this package.
#ifndef SYNAPTIC_SAMPLING_CONSTANTS_H
#define SYNAPTIC_SAMPLING_CONSTANTS_H

#include <cstddef>
#include <cstdint>

namespace synaptic_sampling {{

// What a random number is for.
enum class Stream : uint32_t {{ {streams} }};
// How the sign of a connection is found.
enum SignRule {{ {signs} }};
const int BLOCKS = {blocks}, CHUNK = {chunk};
const int64_t EMPTY = {empty};
const uint32_t ANY_POST = {any_post}u;
// If a smaller fraction of the sites is vacant, they are enumerated.
const double CROWDED = {crowded!r};
// Proposals: sites in a block, cost of a round and when to list all free sites; when to make blocks.
const size_t SITES_PER_BLOCK = {block_of_sites}, SAMPLE = {sample};
const int64_t ROUND = {round}, MAX_ASKED = {max_asked};
const double PATIENCE = {patience!r}, THIN = {thin!r};
// Kinds of events.
const int8_t BIRTH = {birth}, DEATH = {death}, MOVE = {move};
// Rows of the log that are written at once.
const size_t BLOCK = {block};
const char MAGIC[] = "{magic}";

// Return times of soft DEEP R: blocks per level of the wheel, levels, delays; tables; mean overshoot of a walk.
const int64_t WHEEL_NEAR = {near}, WHEEL_RING = {ring}, WHEEL_PARTIAL = {partial};
const int WHEEL_LEVELS = {levels}, REACH = {reach}, FINENESS = {fineness};
const double MAX_DELAY = {max_delay!r}, SHIFT = {shift!r};

// One formation or elimination.
{event}
// The time of one step.
{time}
}}  // namespace synaptic_sampling

#endif
"""


@cache
def constants_in_cpp() -> str:
    """Return the text of the header."""
    return HEADER.format(
        streams=", ".join(f"{stream.name} = {int(stream)}" for stream in Stream),
        signs=", ".join(f"{name} = {getattr(signs, name)}" for name in SIGN_RULES),
        blocks=philox.BLOCKS_PER_CHUNK,
        chunk=philox.CHUNK,
        empty=int(vacancy.EMPTY),
        any_post=int(signs.ANY_POST),
        crowded=CROWDED,
        block_of_sites=draw.BLOCK,
        sample=SAMPLE,
        round=draw.ROUND,
        max_asked=MAX_ASKED,
        patience=draw.PATIENCE,
        thin=THIN,
        birth=dynamics.BIRTH,
        death=dynamics.DEATH,
        move=dynamics.MOVE,
        near=soft_deep.NEAR,
        ring=soft_deep.RING,
        partial=soft_deep.PARTIAL,
        levels=soft_deep.LEVELS,
        reach=soft_deep.REACH,
        fineness=soft_deep.FINENESS,
        max_delay=soft_deep.MAX_DELAY,
        shift=SHIFT,
        block=BLOCK,
        magic="".join(f"\\{byte:03o}" for byte in MAGIC),
        event=_struct("Event", EVENT),
        time=_struct("Time", TIME),
    )


def _struct(name: str, dtype: np.dtype[Any]) -> str:
    """Return the definition of a struct with the memory layout of a dtype, checked by the compiler."""
    assert dtype.fields is not None
    fields = [(field, kind, offset) for field, (kind, offset, *_) in dtype.fields.items()]
    members = "".join(f"    {TYPES[kind.kind].format(8 * kind.itemsize)} {field};\n" for field, kind, _ in fields)
    layout = " && ".join(f"offsetof({name}, {field}) == {offset}" for field, _, offset in fields)
    return (
        f"struct {name} {{\n{members}}};\n"
        f'static_assert(sizeof({name}) == {dtype.itemsize} && {layout}, "the layout of the log");\n'
    )
