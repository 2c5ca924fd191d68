"""Each stream of random numbers belongs to one purpose, so that no two draw the same numbers."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from synaptic_sampling.randomness import Stream

PACKAGE = Path(__file__).parent.parent / "synaptic_sampling"

#: The modules that use each stream. Where there are several, either only one of them runs (both paths of a network take
#: the same steps), they use different steps or set numbers (of layers), or they draw for the same purpose.
OWNERS = {
    Stream.NOISE: {
        "rules.base",
        "rate.training.fast_path",
        "rate.training.soft_path",
        "brian.standalone.support",
    },
    Stream.BIRTH: {"connections.rewire", "connections.soft", "rate.training.fast_path", "rate.training.soft_path"},
    Stream.SIGN: {"connections.signs", "rate.training.fast_path", "rate.training.soft_path"},
    Stream.WIRING: {"connections.existing", "connections.completion", "connections.soft"},
    Stream.THETA: {
        "rate.layers.linear",
        "rate.layers.convolution",
        "rate.layers.recurrent",
        "rate.layers.storage",
        "spiking.simulation",
    },
    Stream.ORDER: {"rate.training.trainer", "spiking.tasks"},
    Stream.SPLIT: {"connections.budget", "rate.training.fast_path"},
    Stream.DROPOUT: {"rate.layers.dropout"},
    Stream.DATA: {"rate.training.baselines"},
    Stream.SOJOURN: {"connections.soft", "connections.deep", "rate.training.soft_path"},
    Stream.LANDING: {"connections.soft", "rate.training.soft_path"},
    Stream.DEEP: {"connections.soft", "connections.deep", "rate.training.soft_path"},
    Stream.AXONAL: {"rules.elements"},
    Stream.DENDRITIC: {"rules.elements"},
    Stream.AXONAL_PAIR: {"rules.elements"},
    Stream.DENDRITIC_PAIR: {"rules.elements"},
    Stream.BOOTSTRAP: {"statistics.observed.resampling"},
    Stream.STUDY: {"statistics.observed.simulation"},
    Stream.AUGMENT: {"rate.training.augmentation"},
}


def uses(text):
    """Return the names of the streams that a module uses."""
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
    assert uses("draws = normals(seed, Stream.THETA, 0, 3)\nx = c.stream(Stream.SPLIT)") == {"THETA", "SPLIT"}
