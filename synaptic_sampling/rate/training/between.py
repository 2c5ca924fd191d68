"""What a trainer does between two epochs or steps: a function of the user's, or a rule such as SET."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakSet

from synaptic_sampling._checks import check_callable, check_plain
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.signals import Source, check_sources, values_of
from synaptic_sampling.rules.base import Rule

__all__ = ["Between", "check_between", "rewire", "warn_of_two_rules"]

#: A rule, or a function from the trainer to what it rewired.
Between = Rule | Callable[[Any], Iterable[RewiringInfo]]

_log = logging.getLogger(__name__)
#: Networks about which the user has been warned that two rules rewire them.
_warned: WeakSet[RateNetwork] = WeakSet()


def check_between(between: Any, signals: Mapping[str, Source], network: RateNetwork) -> None:
    """Raise an error unless a trainer can apply this between two epochs or steps, with these sources of its signals."""
    if not isinstance(between, Rule):
        if signals:
            raise ValueError("signals belong to a rule that is given as between=...; leave them out.")
        if between is not None:
            check_callable("between", between)
        return
    check_plain(between, "between")
    if any(signal.of == "site" for signal in between.signals):
        raise ValueError(
            f"between must be a rule without signals of all pairs, got {between!r}; give RigL of "
            "synaptic_sampling.rate, or a function of the trainer that calls step()."
        )
    for c in network.connections:
        if type(c) not in between.storage:
            kinds = " or ".join(kind.__name__ for kind in between.storage)
            raise ValueError(
                f"between must act on {type(c).__name__}, as the network's rule does, got {between!r} for {kinds}."
            )
    if between.grows or not between.forms:
        raise ValueError(f"between must form as many connections as it eliminates, got {between!r}.")
    check_sources(between, signals)


def rewire(between: Between, trainer: Any, signals: Mapping[str, Source]) -> Iterable[RewiringInfo]:
    """Apply a rule to all sparse layers of a trainer's network, or call a function; return what was rewired."""
    if not isinstance(between, Rule):
        return between(trainer)
    warn_of_two_rules(between, trainer.network)
    shared, parts = values_of(between, signals, trainer.network), trainer.network.sparse
    for part in parts:
        part.check(between, shared)
    return [part.step(between, shared) for part in parts]


def warn_of_two_rules(method: object, network: RateNetwork) -> None:
    """Warn, once for a network, if its own rule rewires as well."""
    if network.rule.forms and network not in _warned:
        _warned.add(network)
        _log.warning("%s rewires a network whose rule %s rewires too; use FixedWiring.", method, network.rule)
