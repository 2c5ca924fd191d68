"""Each stream of random numbers belongs to one purpose, so that no two draw the same numbers."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from synaptic_sampling.randomness import Stream

PACKAGE = Path(__file__).parent.parent.parent / "synaptic_sampling"

#: Of each stream: the modules that ask for it. Where there are several, either one of them runs (the paths of a network
#: take the same steps), they stand at different steps or set numbers (of layers), or they draw for the same purpose.
OWNERS = {
    Stream.NOISE: {"sampler", "_soft_step", "rate.stack"},
    Stream.BIRTH: {"sampler", "_soft_step", "rate.stack"},
    Stream.SIGN: {"sampler", "slots", "soft_connections", "rate.stack"},
    Stream.WIRING: {"connections", "soft_connections"},
    Stream.THETA: {"rate.layers", "rate.convolution", "rate.dense_convolution", "rate.recurrent"},
    Stream.ORDER: {"rate.trainer"},
    Stream.SPLIT: {"budget", "rate.stack"},
    Stream.DROPOUT: {"rate.dropout"},
    Stream.DATA: {"rate.baselines"},
    Stream.SOJOURN: {"soft_connections", "_soft_deep"},
    Stream.LANDING: {"_soft_step"},
    Stream.DEEP: {"soft_connections", "_soft_deep"},
    Stream.AXONAL: {"homeostasis"},
    Stream.DENDRITIC: {"homeostasis"},
    Stream.AXONAL_PAIR: {"homeostasis"},
    Stream.DENDRITIC_PAIR: {"homeostasis"},
}


def uses(text):
    """Return the names of the streams that a module asks for."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == "Stream"}


def test_every_use_of_a_stream_is_known():
    found = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for name in uses(path.read_text()):
            found[Stream[name]].add(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    assert found == OWNERS
    assert set(OWNERS) == set(Stream)
    assert len({int(stream) for stream in Stream}) == len(Stream.__members__)


def test_a_use_is_found():
    assert uses("draws = normals(seed, Stream.THETA, 0, 3)\nx = c._stream(Stream.SPLIT)") == {"THETA", "SPLIT"}
