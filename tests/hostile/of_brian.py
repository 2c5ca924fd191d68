"""Good calls of what rewires the synapses of Brian2."""

from __future__ import annotations

import brian2 as b2
from brian2 import DimensionMismatchError, ms

from synaptic_sampling import (
    DeepR,
    FixedWiring,
    PruneAndRegrow,
    Rewiring,
    RewiringMonitor,
    SoftDeepR,
    connect_exactly,
)
from synaptic_sampling.brian.arguments import REWIRED
from tests.brian.test_rewiring import MODEL
from tests.hostile.runner import Call

DEEP, SOFT = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2), SoftDeepR(0.1, 0.2, 0.2, 0.2)
#: Where a pair, a sign or a number of connections is drawn.
OPTIONS = {
    "signs": "site",
    "excitatory": 0.5,
    "autapses": True,
    "multapses": False,
    "birth": {"extra": 0.5},
    "variables": {"connected": "connected"},
    "seed": 1,
    "callback": lambda rewiring, info: None,
    "dt": 1 * ms,
    "clock": None,
    "when": "end",
    "order": 0,
    "name": "hostile",
}
PAIRS = {"candidates": "i + j < 99", "p": 1.0, "max_in_degree": 9, "max_out_degree": 9}
FINE = dict.fromkeys(
    ["signs", "candidates", "max_in_degree", "max_out_degree", "birth", "variables", "callback", "clock", "seed", "dt"],
    "none",
)
FINE |= {
    "signs": "none, -1",
    "excitatory": "0.5",
    "multapses": "true",
    "autapses": "true",
    "birth": "none, {}",
    "variables": "none, {}",
    "dt": "none, ms",
    "p": "0.5",
    "order": "-1",
    "connectivity": "0.5",
    "name": "text",
}
SAID = {"birth": "birth|extra", "dt": "dt|clock", "candidates": "candidate|nonsense", "p": "p |nonsense"}
#: What may be set of a Rewiring.
ATTRIBUTES = [("rule", DEEP, {}), ("seed", 1, {}), ("callback", None, {"value": "none"})]
NAMES = ["_synaptic_pre", "_synaptic_post", "theta", "polarity", "extra"]
#: A name in a string that means nothing is reported by Brian2.
ERRORS = (DimensionMismatchError, NotImplementedError, KeyError)


def synapses_of(source, target):
    """Return synapses that are not connected yet."""
    return b2.Synapses(source, target, MODEL + "\nextra : 1", on_pre="v_post += w")


def made():
    """Return synapses, and functions that rewire these and connect others; what is refused must change nothing."""
    b2.prefs.codegen.target = "numpy"
    source, target = b2.NeuronGroup(6, "v : 1", threshold="v > 1"), b2.NeuronGroup(5, "v : 1")
    own = synapses_of(source, target)
    connect_exactly(own, connections=12, seed=1)
    own.theta, own.polarity = 0.1, 1
    waiting = [synapses_of(source, target)]

    def rewired(**options):
        before = state(own)
        try:
            Rewiring(own, **options).release()
        except Exception:
            assert state(own) == before
            raise

    def connected(**options):
        before = state(waiting[0])
        try:
            connect_exactly(waiting[0], **options)
        except Exception:
            assert state(waiting[0]) == before
            raise
        waiting[:] = [synapses_of(source, target)]

    return own, rewired, connected


def state(s):
    """Return all that may change."""
    values = [s.variables[name].get_value().tolist() for name in NAMES]
    return len(s), values, s in REWIRED, len(s._pathways)


def calls(folder):
    """Return them."""
    return [*of_rewirings(), *of_others(folder)]


def of_rewirings():
    """Return calls that make a Rewiring."""
    _, rewired, _ = made()
    return [
        Call(rewired, {"rule": DEEP, **OPTIONS, **PAIRS}, FINE, SAID, ERRORS),
        Call(rewired, {"rule": FixedWiring(0.1), **OPTIONS, **PAIRS}, FINE, SAID, ERRORS),
        Call(rewired, {"rule": PruneAndRegrow("extra < 0"), **OPTIONS, **PAIRS}, FINE, SAID, ERRORS),
        Call(rewired, {"rule": SOFT, **{k: v for k, v in OPTIONS.items() if k != "birth"}}, FINE, SAID, ERRORS),
    ]


def of_others(folder):
    """Return calls that connect, and of what is there already."""
    own, _, connected = made()
    watched = Rewiring(own, DEEP, seed=1, name="watched")
    recorded = RewiringMonitor(watched)
    watched.step()
    chosen = {"autapses": True, "candidates": "i != j", "p": 1.0, "seed": 1}

    watched_by_name = "watched"

    # Functions: a method would be searched for changes with all of Brian2 that it belongs to.
    def monitor(rewiring, **options):
        RewiringMonitor(watched if rewiring is watched_by_name else rewiring, **options)
        del watched._observers[1:]

    def connectivity_at(**options):
        recorded.connectivity_at(**options)

    def to_scipy(**options):
        watched.to_scipy(**options)

    def sets(attribute):
        return lambda value: setattr(watched, attribute, value)

    recording = {"rewiring": watched_by_name, "record": True, "log": None, "samples_per_event": 2.0, "name": "recorder"}
    return [
        Call(connected, {"connections": 9, **chosen}, FINE, SAID, errors=ERRORS),
        Call(connected, {"connectivity": 0.3, **chosen}, FINE, SAID, errors=ERRORS),
        Call(
            monitor,
            recording,
            {"record": "true", "log": "none, text", "samples_per_event": "none, 0.5, 2**70", "name": "text"},
        ),
        Call(connectivity_at, {"t": 0 * ms, "synapses": 0}, errors=ERRORS),
        Call(to_scipy, {"weights": "w", "synapses": 0}, {"weights": "none"}, {"weights": "variable"}),
        *[Call(sets(name), {"value": value}, fine, {"value": name}, ERRORS) for name, value, fine in ATTRIBUTES],
    ]
