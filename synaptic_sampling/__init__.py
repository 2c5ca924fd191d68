"""Sparse networks that rewire themselves: DEEP R and synaptic sampling for Brian2 and for rate-based nets.

``import synaptic_sampling`` is light: names load their rooms when first used, and Brian2 only with the first of
``Rewiring``, ``RewiringMonitor`` and ``connect_exactly``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "connections": ["Budget", "Connections", "PotentialConnections", "SoftConnections"],
    "rules": [
        "SGD",
        "Adam",
        "Decision",
        "DeepR",
        "FixedWiring",
        "Momentum",
        "PruneAndRegrow",
        "Rule",
        "Signal",
        "SoftDeepR",
        "SynapticElements",
        "SynapticSampling",
        "pair_elements",
        "replace",
        "step",
    ],
    "events": ["EVENT", "RewiringInfo"],
    "log": ["LogError", "RewiringLog"],
    "merging": ["join_logs", "merge_logs"],
    "checkpoint": ["CheckpointError", "load_checkpoint", "save_checkpoint"],
    "plotting": [
        "Run",
        "animate_connectivity",
        "plot_accuracy",
        "plot_brains",
        "plot_comparison",
        "plot_connectivity",
        "plot_degrees",
        "plot_lifetimes",
        "plot_matrix",
        "plot_survival",
        "plot_trajectory",
        "plot_turnover",
        "plot_turnover_ratio",
        "plot_weights",
    ],
    "brian": ["Rewiring", "RewiringMonitor", "connect_exactly"],
    "rate": [
        "AveragePool2d",
        "Conv2d",
        "CrossEntropy",
        "Decay",
        "Dropout",
        "EachFrame",
        "Epoch",
        "FrameCrossEntropy",
        "FrameMeanSquaredError",
        "LSTM",
        "Linear",
        "LinearDecay",
        "MaxPool2d",
        "MeanSquaredError",
        "Patience",
        "RateNetwork",
        "ReLU",
        "RigL",
        "SET",
        "Shrinkage",
        "SparseConv2d",
        "SparseLSTM",
        "SparseLinear",
        "Tanh",
        "Trainer",
        "prune",
        "to_arrays",
        "to_onnx",
        "to_scipy",
    ],
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_ROOM_OF)  # noqa: PLE0605 (sorted() is a list)


def __getattr__(name: str) -> Any:
    """Load the room of a public name."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF})
