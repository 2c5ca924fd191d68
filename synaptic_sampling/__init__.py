"""Sparse networks that rewire themselves: DEEP R and synaptic sampling for Brian2 and for rate-based nets.

``import synaptic_sampling`` is light: a name loads its module when it is first used, and Brian2 only with the first of
``Rewiring``, ``RewiringMonitor`` and ``connect_exactly``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# What type checkers and editors see; at run time ``__getattr__`` imports the same names from the same modules.
if TYPE_CHECKING:
    from synaptic_sampling.connections import (
        Budget as Budget,
        Connections as Connections,
        PotentialConnections as PotentialConnections,
        SoftConnections as SoftConnections,
    )
    from synaptic_sampling.rules import (
        SGD as SGD,
        Adam as Adam,
        Decision as Decision,
        DeepR as DeepR,
        FixedWiring as FixedWiring,
        Momentum as Momentum,
        PruneAndRegrow as PruneAndRegrow,
        Rule as Rule,
        Signal as Signal,
        SoftDeepR as SoftDeepR,
        SynapticElements as SynapticElements,
        SynapticSampling as SynapticSampling,
        pair_elements as pair_elements,
        replace as replace,
        step as step,
    )
    from synaptic_sampling.events import EVENT as EVENT, RewiringInfo as RewiringInfo
    from synaptic_sampling.log import (
        LogError as LogError,
        RewiringLog as RewiringLog,
        join_logs as join_logs,
        merge_logs as merge_logs,
    )
    from synaptic_sampling.checkpoint import (
        CheckpointError as CheckpointError,
        load_checkpoint as load_checkpoint,
        save_checkpoint as save_checkpoint,
    )
    from synaptic_sampling.plotting import (
        Run as Run,
        animate_connectivity as animate_connectivity,
        plot_accuracy as plot_accuracy,
        plot_brains as plot_brains,
        plot_comparison as plot_comparison,
        plot_connectivity as plot_connectivity,
        plot_degrees as plot_degrees,
        plot_lifetimes as plot_lifetimes,
        plot_matrix as plot_matrix,
        plot_survival as plot_survival,
        plot_trajectory as plot_trajectory,
        plot_turnover as plot_turnover,
        plot_turnover_ratio as plot_turnover_ratio,
        plot_weights as plot_weights,
    )
    from synaptic_sampling.brian import (
        Rewiring as Rewiring,
        RewiringMonitor as RewiringMonitor,
        connect_exactly as connect_exactly,
    )
    from synaptic_sampling.rate import (
        AveragePool2d as AveragePool2d,
        Conv2d as Conv2d,
        CrossEntropy as CrossEntropy,
        Decay as Decay,
        Dropout as Dropout,
        EachFrame as EachFrame,
        Epoch as Epoch,
        FrameCrossEntropy as FrameCrossEntropy,
        FrameMeanSquaredError as FrameMeanSquaredError,
        LSTM as LSTM,
        Linear as Linear,
        LinearDecay as LinearDecay,
        MaxPool2d as MaxPool2d,
        MeanSquaredError as MeanSquaredError,
        Patience as Patience,
        RateNetwork as RateNetwork,
        ReLU as ReLU,
        RigL as RigL,
        SET as SET,
        Shrinkage as Shrinkage,
        SparseConv2d as SparseConv2d,
        SparseLSTM as SparseLSTM,
        SparseLinear as SparseLinear,
        Tanh as Tanh,
        Trainer as Trainer,
        prune as prune,
        to_arrays as to_arrays,
        to_onnx as to_onnx,
        to_scipy as to_scipy,
    )

__version__ = "0.1.0"

_MODULES = {
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
    "log": ["LogError", "RewiringLog", "join_logs", "merge_logs"],
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
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # A list that must be computed hides all names, and __getattr__ makes misspelt ones an Any.
    __all__ = sorted(_MODULE_OF)  # noqa: PLE0605 (sorted() is a list)

    def __getattr__(name: str) -> Any:
        """Import a public name from its module."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
