"""Which rules, options and callbacks C++ standalone mode supports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling.brian.capabilities import SOURCES, refuse
from synaptic_sampling.brian.signals import acts_on_potential, only_eliminates
from synaptic_sampling.brian.standalone.moves import move_in_cpp, num_parameters
from synaptic_sampling.connections import Connections, PotentialConnections
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rules import Rule
from synaptic_sampling.rules.base import GradientRule
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum

__all__ = ["check_callback", "check_options", "check_parameters", "check_rule"]

#: Connections on which a rule is tried out, and their theta, of all sizes that thresholds may have.
NUMBER, SIZES = 64, np.logspace(-6, 3, 64)
TRIAL_SEED = 1
#: What the signals of a rule may have one value of.
TOGETHER: tuple[list[str], ...] = ([], ["condition"], ["connection"], ["connection", "site"])


def check_rule(rule: Any) -> None:
    """Raise an error unless a program can carry out the rule; objects that are not rules are rejected elsewhere."""
    if not isinstance(rule, Rule):
        return
    kind = type(rule).__name__
    if rule.has_theta and type(rule).move is None:
        raise refuse("move", kind)
    if rule.grows or not (rule.keeps_number or acts_on_potential(rule) or only_eliminates(rule)):
        raise refuse("number", kind)
    sources = ["condition" if signal.condition else signal.of for signal in rule.signals]
    if not all(SOURCES[source].in_program for source in sources) or sorted(sources) not in TOGETHER:
        raise refuse("signals", kind)
    if "site" in sources and rule.replaces is None:
        raise refuse("signals", kind)
    if rule.has_theta:
        _check_move(rule, sources)
    elif sources != ["condition"] or not _class_of(rule, "decide").__module__.startswith("synaptic_sampling."):
        raise refuse("signals", kind)
    if isinstance(rule, GradientRule) and type(rule.optimizer) not in {SGD, Momentum, Adam}:
        raise refuse("optimizer", type(rule.optimizer).__name__)


def _check_move(rule: Rule, sources: list[str]) -> None:
    """Raise an error unless the update can be written in C++, and ``decide`` is known to be that update."""
    kind = type(rule).__name__
    if sources == ["condition"]:
        raise refuse("signals", kind)
    if _class_of(rule, "move") is not _class_of(rule, "decide"):
        raise refuse("move", f"{kind}, whose decide and move belong to different classes")
    try:
        move_in_cpp(type(rule).move)  # type: ignore[arg-type]
    except TypeError as error:
        raise refuse("move", f"{kind}: {error}") from error


def check_options(rule: Rule, allowed: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise an error unless a program supports the allowed pairs and the other options of connections."""
    for name in ("max_in_degree", "max_out_degree"):
        if options[name] is not None:
            raise refuse("degrees", f"{name}={options[name]!r}")
    if any(signal.of == "site" for signal in rule.signals):
        if "probability" in allowed:
            raise refuse("probability", type(rule).__name__)
        if options["multapses"]:
            raise refuse("multapses", type(rule).__name__)


def check_parameters(rule: Rule) -> None:
    """Raise an error unless a rule has as many parameters as its move unpacks, and decides by this move alone."""
    assert type(rule).move is not None
    expected = num_parameters(type(rule).move)  # type: ignore[arg-type]
    if expected != len(rule.parameters):
        raise ValueError(
            f"parameters of {type(rule).__name__} must be {expected} numbers, as many as its move unpacks, "
            f"got {rule.parameters}."
        )
    # No rule of this package with a theta only eliminates.
    if only_eliminates(rule) or not _class_of(rule, "decide").__module__.startswith("synaptic_sampling."):
        _check_decide(rule)


def _check_decide(rule: Rule) -> None:
    """Try one step: ``decide`` must do what the program does, which knows the move only."""
    kind, potential = type(rule).__name__, acts_on_potential(rule)
    c: Any = Connections.random(NUMBER, NUMBER, NUMBER, seed=TRIAL_SEED)
    if potential:
        c = PotentialConnections(NUMBER, NUMBER, np.arange(NUMBER), np.arange(NUMBER), seed=TRIAL_SEED)
    before = SIZES * (-1.0) ** np.arange(NUMBER) if potential else SIZES
    c.theta[:] = before
    signals = {signal.name: np.sin(np.arange(NUMBER)) for signal in rule.signals}
    c.begin_step(rule.num_moments)
    decision = rule.decide(c, **signals)
    if potential and not np.array_equal(decision.crossed, np.flatnonzero((c.theta >= 0) != (before >= 0))):
        raise ValueError(
            f"decide of {kind} must return Decision(crossed=...) with the slots in which theta crossed 0 in C++ "
            "standalone mode, as run_sweep does; or remove set_device('cpp_standalone')."
        )
    forms_none, births = only_eliminates(rule), decision.births
    as_declared = isinstance(births, int) and births == 0 if forms_none else births is None
    if not potential and not (as_declared and np.array_equal(decision.deaths, np.flatnonzero(c.theta < 0))):
        raise ValueError(
            f"decide of {kind} must eliminate the connections whose theta is negative and "
            f"{'form none' if forms_none else 'replace each'} "
            "in C++ standalone mode; let `move` return a negative number for the others that are to be eliminated, "
            "or remove set_device('cpp_standalone')."
        )
    if not isinstance(rule, GradientRule) or isinstance(rule.optimizer, SGD):
        _check_theta(rule, c, before, signals)


def _check_theta(rule: Rule, c: Any, before: NDArray[np.float64], signals: dict[str, Any]) -> None:
    """Raise an error unless theta is what the move makes of it, with noise or without."""
    gradient = next(iter(signals.values()), np.zeros(NUMBER))
    for nu in (normals(TRIAL_SEED, Stream.NOISE, c.steps_done, NUMBER), np.zeros(NUMBER)):
        columns = zip(before, gradient, c.polarity, nu, strict=True)
        moved = [type(rule).move(*map(float, row), rule.parameters) for row in columns]  # type: ignore[misc]
        if np.array_equal(c.theta, moved, equal_nan=True):
            return
    raise ValueError(
        f"decide of {type(rule).__name__} must change theta by `move` alone in C++ standalone mode; put the whole "
        "update into `move`, or remove set_device('cpp_standalone')."
    )


def check_callback(owner: Any) -> None:
    """Raise an error if a Rewiring has a callback."""
    if owner.callback is not None:
        raise refuse("callback")


def _class_of(rule: Rule, name: str) -> type:
    """Return the class that defines an attribute of a rule."""
    return next(each for each in type(rule).__mro__ if name in vars(each))
