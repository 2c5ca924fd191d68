"""What a trainer writes into its log besides events: how the network is trained, its rules, and snapshots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from synaptic_sampling.log.metadata import plain, shown
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.rate.network import RateNetwork
from synaptic_sampling.rate.signals import Source
from synaptic_sampling.rate.training.augmentation import Augment
from synaptic_sampling.rate.training.between import Between
from synaptic_sampling.rate.training.resumption import wired
from synaptic_sampling.rate.training.schedules import Schedule
from synaptic_sampling.rules.base import Rule

__all__ = ["Journal"]

#: Types of values that are equal in all processes.
SIMPLE = (str, int, float, np.generic)


class Journal:
    """Describes the training of a network in a log.

    Parameters
    ----------
    between : Rule, callable or None
        Rewires between epochs or steps.
    signals : mapping of str to float or callable
        The sources of its signals.
    every : int or None
        Number of steps between two applications of ``between``.
    """

    def __init__(self, between: Between | None, signals: Mapping[str, Source], every: int | None) -> None:
        self._between, self._signals, self._every = between, signals, every
        #: The rule that was noted last, and in which log.
        self._noted: object = None
        self._noted_in: RewiringLog | None = None

    def start(
        self,
        log: RewiringLog,
        network: RateNetwork,
        *,
        plan: Mapping[str, Any],
        epochs: int,
        batch_size: int,
    ) -> None:
        """Describe a call of ``fit`` by its plan; in an empty log, also the network and its initial connectivity."""
        net = network
        log.check_goes_on(*wired(net, net.state()))
        log.annotate(epochs=epochs, batch_size=batch_size, **plan)
        if log.snapshots:
            return
        own = {} if net.dense_rule is net.rule else {"dense_rule": net.dense_rule}
        log.annotate(
            rule=net.rule, seed=net.seed, budget=net.options["budget"], layers=list(map(str, net.layers)), **own
        )
        for c in net.connections:
            name = str(net.layers[c.index])
            log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites, name=name)
        self.snapshot(log, net)

    def plan(
        self, network: RateNetwork, loss: object, schedule: Schedule | None, augment: Augment | None
    ) -> dict[str, Any]:
        """Return how a network is trained, whatever the data, as JSON can represent it."""
        return {
            "loss": type(loss).__name__,
            "loss_options": _stated(loss),
            "schedule": plain(_named(schedule)),
            "between": plain(_named(self._between)),
            "every": self._every,
            "signals": _sources(network.options["signals"]),
            "signals_of_between": _sources(self._signals),
            "augment": _stated(augment),
        }

    @staticmethod
    def snapshot(log: RewiringLog, network: RateNetwork) -> None:
        """Record all connections and their weights."""
        for c in network.connections:
            log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.signs_in(c.live_state()))

    def note_rule(self, log: RewiringLog, network: RateNetwork) -> None:
        """Record the rule of the next step, if it differs from that of the last one."""
        if self._noted is network.rule and self._noted_in is log:
            return
        rule = plain(network.rule) if self._between is None else self._described(network.rule)
        for c in network.connections:
            log.note_rule(c.steps_done + 1, c.index, rule)
        self._noted, self._noted_in = network.rule, log

    def forget_rule(self) -> None:
        """Record the rule of the next step in any case, since the log may have lost it."""
        self._noted_in = None

    def _described(self, weights: Rule) -> dict[str, Any]:
        """Return what rewires between steps as the rule, since it decides on connections, and the rule of weights."""
        between = plain(_named(self._between))
        if not isinstance(between, dict):
            name = getattr(self._between, "__qualname__", type(self._between).__name__)
            between = {"class": name, "parameters": str(between)}
        return {**between, "weights": plain(weights)}


def _named(value: Any) -> Any:
    """Return a dataclass as it is, and the name of a function, or the repr of another object without its address."""
    if value is None or is_dataclass(value):
        return value
    return getattr(value, "__qualname__", None) or shown(value)


def _sources(signals: Mapping[str, Source]) -> dict[str, Any]:
    """Return the sources of signals as JSON can represent them."""
    return {name: _stated(source) for name, source in signals.items()}


def _stated(value: Any) -> Any:
    """Return what identifies an object in every process, although it may hold anything, as JSON can represent it.

    Numbers and strings as they are; of a dataclass, its name and those of its fields that are numbers, strings or
    dataclasses; of other objects, a name.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if not is_dataclass(value) or isinstance(value, type):
        return _named(value)
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    kept = {name: each for name, each in own.items() if isinstance(each, SIMPLE) or is_dataclass(each)}
    return {"class": type(value).__name__, **{name: _stated(each) for name, each in kept.items()}}
