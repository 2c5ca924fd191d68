"""What a Rewiring supports in runtime mode and in C++ standalone mode: the tables behind errors and documents."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LIMITS", "SOURCES", "Limit", "Source", "refuse"]


class Source(NamedTuple):
    """Where a Rewiring finds a signal, and whether a C++ program does too."""

    found_in: str
    in_program: bool


#: By what a signal has one value of; conditions are strings of the rule.
SOURCES = {
    "connection": Source("a synaptic variable, renamed by `variables=`", True),
    "condition": Source("a string of the rule about synaptic variables", True),
    "presynaptic neuron": Source("a variable of the source neurons, renamed by `variables=` or in the rule", False),
    "postsynaptic neuron": Source("a variable of the target neurons, renamed by `variables=` or in the rule", False),
    "network": Source("a shared synaptic variable, renamed by `variables=`", False),
    "site": Source("a variable of the Synapses given as `companion=`, renamed by `variables=`", True),
}


class Limit(NamedTuple):
    """What C++ standalone mode does not support, and what to do instead."""

    what: str
    instead: str


#: By a short name.
LIMITS = {
    "number": Limit(
        "rules that form connections without keeping their number, such as SynapticElements",
        "use runtime mode; in a rule of your own, set keeps_number = True if it replaces all that it eliminates, or "
        "forms = False if it forms none",
    ),
    "signals": Limit(
        "rules with a signal per neuron or for the network, several signals per connection, a signal per pair other "
        "than that of RigLDescent, or a condition of your own rule",
        "use one signal per connection, RigLDescent, or PruneAndRegrow for a condition",
    ),
    "move": Limit(
        "rules whose update cannot be written in C++",
        "use SETDescent for SET and RigLDescent for RigL, or define `move` and `decide` in the same class of the rule",
    ),
    "optimizer": Limit("an optimizer of your own", "use SGD(), Momentum() or Adam()"),
    "budget": Limit("several Synapses that share a budget", "give each Synapses a Rewiring of its own"),
    "depth": Limit(
        "depth where the program connects the synapses", "connect them by pairs of indices, as connect_exactly does"
    ),
    "strings": Limit(
        "connect_exactly, or depth, with strings about values that only the program knows",
        "set these variables of all neurons at once to a number or an array, and connect before another string, as in "
        "S.delay = '...', refers to them",
    ),
    "probability": Limit("p other than 1 with a rule that has a signal per pair", "give candidates"),
    "degrees": Limit("max_in_degree and max_out_degree", "leave them out"),
    "multapses": Limit("multapses=True with a rule that has a signal per pair", "leave it out"),
    "callback": Limit("a callback", "record the events with a RewiringMonitor"),
    "clock": Limit("schedules on another clock than that of the synapses", "give dt, a multiple of the synapses' dt"),
    "rule": Limit("another rule between runs", "make the parameters of the rule strings of t"),
    "seed": Limit("another seed between runs", "pass seed= to the Rewiring"),
    "release": Limit("release()", "build a new program"),
    "step": Limit("step()", "events happen during run()"),
    "log": Limit("a log at a path of your own", "read the monitor's `log` after the run and `save` it"),
    "snapshot": Limit("snapshot()", "the log has one at the start and at the end of each run"),
    "target": Limit(
        "a target that is a Synapses object connected by the program",
        "connect it by pairs of indices, as connect_exactly does",
    ),
}


def refuse(limit: str, got: str = "") -> NotImplementedError:
    """Return the error that names a limit of C++ standalone mode, what was given, and what to do instead."""
    what, instead = LIMITS[limit]
    given = f" (got {got})" if got else ""
    return NotImplementedError(
        f"Rewiring in C++ standalone mode does not support {what}{given}; {instead}, "
        "or remove set_device('cpp_standalone')."
    )
