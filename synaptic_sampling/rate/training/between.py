"""What a trainer does between two epochs or steps: a function of the user's, or a rule such as SET."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

from synaptic_sampling._checks import check_callable
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rules import step
from synaptic_sampling.rules.base import Rule

__all__ = ["Between", "check_between", "rewire", "warn_of_two_rules"]

#: A rule without signals, or a function from the trainer to what it rewired.
Between = Rule | Callable[[Any], Iterable[RewiringInfo]]

_log = logging.getLogger(__name__)
#: Networks about which the user has been warned that two rules rewire them.
_warned: WeakSet[RateNetwork] = WeakSet()


def check_between(between: Any) -> None:
    """Raise an error unless a trainer can apply this between two epochs or steps."""
    if isinstance(between, Rule):
        if between.signals or Connections not in between.storage:
            names = ", ".join(signal.name for signal in between.signals) or "other connections than those of layers"
            hint = "give a function of the trainer that calls step(), or RigL of synaptic_sampling.rate"
            raise ValueError(f"between must be a rule without signals, got {between!r}, which needs {names}; {hint}.")
    elif between is not None:
        check_callable("between", between)


def rewire(between: Between, trainer: Any) -> Iterable[RewiringInfo]:
    """Apply a rule to all sparse layers of a trainer's network, or call a function; return what was rewired."""
    if not isinstance(between, Rule):
        return between(trainer)
    warn_of_two_rules(between, trainer.network)
    return [step(c, between) for c in trainer.network.connections]


def warn_of_two_rules(method: object, network: RateNetwork) -> None:
    """Warn, once for a network, if its own rule rewires as well."""
    if network.rule.forms and network not in _warned:
        _warned.add(network)
        _log.warning("%s rewires a network whose rule %s rewires too; use FixedWiring.", method, network.rule)
