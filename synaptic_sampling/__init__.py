"""Sparse networks that rewire themselves: DEEP R and synaptic sampling for Brian2 and for rate-based networks.

Submodules are imported on first attribute access; Brian2 is imported only for ``Rewiring``, ``RewiringMonitor``,
``ArrayStream`` and ``connect_exactly``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# For type checkers and editors; at run time ``__getattr__`` imports the same names from the same modules.
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
    from synaptic_sampling.events import (
        RewiringInfo as RewiringInfo,
    )
    from synaptic_sampling.observations import (
        Observations as Observations,
    )
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
    from synaptic_sampling.brian import (
        ArrayStream as ArrayStream,
        Rewiring as Rewiring,
        RewiringMonitor as RewiringMonitor,
        connect_exactly as connect_exactly,
    )
    from synaptic_sampling.rate import (
        RateNetwork as RateNetwork,
        Trainer as Trainer,
    )
    from synaptic_sampling.reporting import (
        report as report,
    )
    from synaptic_sampling.sweeps import (
        sweep as sweep,
    )

__version__ = "0.1.0"

_MODULES = {
    "connections": [
        "Budget",
        "Connections",
        "PotentialConnections",
        "SoftConnections",
    ],
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
    "events": [
        "RewiringInfo",
    ],
    "observations": [
        "Observations",
    ],
    "log": [
        "LogError",
        "RewiringLog",
        "join_logs",
        "merge_logs",
    ],
    "checkpoint": [
        "CheckpointError",
        "load_checkpoint",
        "save_checkpoint",
    ],
    "brian": [
        "ArrayStream",
        "Rewiring",
        "RewiringMonitor",
        "connect_exactly",
    ],
    "rate": [
        "RateNetwork",
        "Trainer",
    ],
    "reporting": [
        "report",
    ],
    "sweeps": [
        "sweep",
    ],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # For type checkers, a computed list hides all names, and __getattr__ makes misspelt ones Any.
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
