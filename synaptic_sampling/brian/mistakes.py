"""Likely mistakes that raise no error: a Rewiring warns of each once, and says how to fix it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import StateMonitor, Synapses
from brian2.core.variables import ArrayVariable
from brian2.equations.equations import PARAMETER
from numpy.typing import NDArray

from synaptic_sampling.brian import expressions
from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.companion import Companion
from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.signals import acts_on_potential, conditions_of
from synaptic_sampling.events import RewiringInfo

__all__ = ["Mistakes", "check_theta"]

logger = logging.getLogger(__name__)

#: Pairs that may be connected are counted only for groups with at most this number of pairs.
MAX_PAIRS = 2**20
#: Events after which a gradient that stays 0 is reported, if some code writes it.
PATIENCE = 1000
#: Events after which it is reported, if no code writes it.
FEW = 3
#: New connections, formed in at least two events, after which it is reported that none of them survives the next.
IN_VAIN = 10
#: Weights are regarded as equal up to this fraction of the largest one.
TOLERANCE = 1e-3


class Mistakes:
    """Warnings about the script that creates a Rewiring, its ``owner``; each is shown at most once."""

    def __init__(self, owner: Any, projections: Sequence[Projection]) -> None:
        self._owner, self._projections = owner, projections
        self._events = 0
        self._started = self._some_unplaced = False
        #: Event-driven variables that were reported: names of the synapses and of the variable.
        self._stale: set[tuple[str, str]] = set()
        #: Whether no new connection has survived the next event so far; those formed in the last event.
        self._none_stays = _prunes_and_forms(owner.rule) and not any(
            projection.in_program for projection in projections
        )
        self._formed: set[tuple[int, int, int]] = set()
        #: Number of connections eliminated one event after their formation, and of events that formed them.
        self._in_vain = [0, 0]
        self._silent = [projection for projection in projections if _needs_gradient(projection)]
        #: Companions that had no values so far, and how often they were read.
        self._empty = [p.companion for p in projections if p.companion.accumulated and not p.in_program]
        self._reads = 0
        self._monitors = [
            (projection, monitor) for projection in projections for monitor in _monitors_of_all(projection.synapses)
        ]

    def at_construction(self) -> None:
        """Warn of monitors that miss the spare slots just added, and if nothing can be rewired."""
        for projection, monitor in self._monitors:
            added = len(projection.synapses) - len(monitor.record)
            if added:
                logger.warning(
                    "'%s' was created with record=True before '%s' added %d slots to '%s', and does not record these; "
                    "create the monitor after the Rewiring.",
                    monitor.name, self._owner.name, added, projection.synapses.name,
                )  # fmt: skip
        if not _forms_pairs(self._owner.rule) or not all(projection.is_known for projection in self._projections):
            return
        sets = [projection.connections for projection in self._projections]
        if all(map(_is_full, sets)):
            logger.warning(
                "'%s' cannot rewire: all %d pairs that may be connected are connected, so a connection that is "
                "eliminated can only form again between the same neurons. Events are recorded and slots are permuted: "
                "S.w[:] is no longer in the order of connect(); use to_scipy('w') of the Rewiring, or "
                "W[S.i, S.j] = S.w. Connect fewer pairs, or allow more with candidates.",
                self._owner.name, sum(map(len, sets)),
            )  # fmt: skip

    def at_start(self, namespace: Any) -> None:
        """Check theta, signs and weights before the first event; raise an error where they or the rules are invalid."""
        for projection in self._projections:
            if not projection.in_program:
                projection.connections.check_finished()
        self._check_rules()
        self._check_traces()
        if self._started:
            return
        self._started = True
        for projection in self._projections:
            if projection.in_program or projection.connections.steps_done:
                continue  # Values are not known before the program has run, or come from a restored state.
            check_theta(projection)
            _check_signs(projection, self._owner.name)
            self._check_zero_theta(projection)
            self._check_weights(projection, namespace)
            self._check_parked(projection)

    def _check_rules(self) -> None:
        """Raise an error if schedules have other values for other Synapses, which have names of their own."""
        first = self._projections[0]
        for other in self._projections[1:]:
            if other.rule != first.rule:
                raise ValueError(
                    f"the rule of '{self._owner.name}' must have the same parameters for all Synapses, got "
                    f"{first.rule} for '{first.synapses.name}' and {other.rule} for '{other.synapses.name}'; leave the "
                    "names in its strings out of their namespaces."
                )

    def _check_traces(self) -> None:
        """Warn of event-driven variables that the next event reads: their values are those of the last spikes."""
        read = {each for projection in self._projections for each in _stale(projection)}
        for synapses, name in sorted(read - self._stale):
            logger.warning(
                "'%s' of '%s' is event-driven, so events of '%s' read the value that it had at the last spike of each "
                "connection, which does not change while there are no spikes; declare it as (clock-driven), or compute "
                "the present value in a string, as '%s*exp(-(t - lastupdate)/tau)' does.",
                name, synapses, self._owner.name, name,
            )  # fmt: skip
        self._stale |= read

    def before_event(self) -> None:
        """Check the rules, the gradients and, at the first event, the seeds of other Rewirings in the network."""
        self._check_rules()
        if not self._events:
            self._check_seed()
        self._events += 1
        if self._silent:
            self._silent = [projection for projection in self._silent if not projection.gradient().any()]
            if self._events == PATIENCE:
                self._report_silent(self._silent)
        if self._empty and self._projections[0].reads_sites:
            self._check_companion(self._empty[0])

    def after_event(self, info: RewiringInfo) -> None:
        """Check whether new connections found a site, and whether all of one event are eliminated in the next."""
        if info.num_unplaced and not self._some_unplaced:
            self._some_unplaced = True
            logger.warning(
                "'%s' could not place %d new connections at t = %g s: all sites and slots that degrees, candidates and "
                "capacity allow are occupied; relax these. Shown once; see info.num_unplaced for every event.",
                self._owner.name, info.num_unplaced, self._owner.seconds,
            )  # fmt: skip
        if not self._none_stays:
            return
        died, formed = (_edges(info, kind) for kind in (-1, 1))
        self._none_stays = self._formed <= died
        self._in_vain[0] += len(self._formed)
        self._in_vain[1] += bool(self._formed)
        self._formed = formed
        if self._none_stays and self._in_vain[0] >= IN_VAIN and self._in_vain[1] > 1:
            self._none_stays = False
            self._report_births()

    def after_run(self) -> None:
        """Warn of gradients that are still 0 and that no code of their synapses sets."""
        if self._events >= FEW:
            self._report_silent(
                [
                    projection
                    for projection in self._silent
                    if not _is_set(projection.synapses, projection.name_of("gradient"))
                ]
            )

    def _check_companion(self, companion: Companion) -> None:
        """Warn, after a few events, of a companion whose values were 0 in all that read them."""
        self._reads += 1
        if any(variable.get_value().any() for variable in companion.accumulated):
            self._empty = []
        elif self._reads == FEW:
            self._empty = []
            logger.warning(
                "'%s' of '%s' was 0 for all pairs in the first %d events of '%s' that read it, so new connections "
                "form between the first neurons. Accumulate dE/dw of each pair in it, by run_regularly, or by "
                "run_while as long as 'needed' is 1.",
                companion.accumulated[0].name, companion.synapses.name, FEW, self._owner.name,
            )  # fmt: skip

    def _report_births(self) -> None:
        conditions = conditions_of(self._owner.rule).values()
        unset = [name for projection in self._projections for name in projection.births.unset(" ".join(conditions))]
        why, mend = "it already holds for the values that birth gives them", "give them other values"
        if unset:
            why = f"{unset[0]!r} is 0 for a new connection unless birth sets it"
            mend = f"give birth={{{unset[0]!r}: ...}}, such as a number or 'rand()'"
        logger.warning(
            "all %d connections that '%s' has formed so far were eliminated in the next event by the condition %r: %s; "
            "%s.",
            self._in_vain[0], self._owner.name, " or ".join(conditions), why, mend,
        )  # fmt: skip

    def _report_silent(self, silent: Sequence[Projection]) -> None:
        for projection in silent:
            name = projection.name_of("gradient")
            logger.warning(
                "'%s' of '%s' stayed 0 during the first %d events of '%s', so nothing is learned. Accumulate dE/dw in "
                "it by on_pre='%s += ...', an equation, or a network operation; if it is 0 on purpose, declare it "
                "as '%s : 1 (constant)'.",
                name, projection.synapses.name, self._events, self._owner.name, name, name,
            )  # fmt: skip
        self._silent = [projection for projection in self._silent if projection not in silent]

    def _check_zero_theta(self, projection: Projection) -> None:
        theta = projection.theta()
        if theta is None or not len(theta) or theta.any() or not projection.rule.linear_weight:
            return
        name, synapses = projection.name_of("theta"), projection.synapses.name
        logger.warning(
            "'%s' of '%s' is 0 for all synapses at the start of '%s', so all weights are 0; set it before run(), for "
            "example %s.%s = '0.1*rand()'.",
            name, synapses, self._owner.name, synapses, name,
        )  # fmt: skip

    def _check_weights(self, projection: Projection, namespace: Any) -> None:
        """Warn if a variable ``w`` differs from the weight that the rule assumes."""
        weights = _weights(projection, namespace)
        theta = projection.theta()
        if weights is None or theta is None or not theta.any():
            return
        c = projection.connections
        expected = c.polarity * np.maximum(theta, 0).astype(float)
        wrong = np.zeros(len(theta), np.bool_)
        if acts_on_potential(projection.rule):
            wrong |= (theta < 0) & (weights != 0)
        if projection.rule.linear_weight:
            # A constant factor only rescales the learning rate.
            scale = float(weights @ expected) / max(float(expected @ expected), np.finfo(float).tiny)
            largest = np.abs(expected).max()
            wrong |= ~(np.abs(weights / scale - expected) <= TOLERANCE * largest) if scale > 0 else weights != expected
        if not wrong.any():
            return
        worst, name = int(np.argmax(wrong)), projection.name_of("theta")
        sign = projection.name_of("polarity")
        where = f"*int({name} >= 0)" if acts_on_potential(projection.rule) else ""
        logger.warning(
            "'w' of '%s' differs from %s*%s, which '%s' assumes to be the weight: it is %g for synapse %d, with "
            "%s = %g and %s = %g. Write 'w = %s*%s%s' in the model, or rename the variable.",
            projection.synapses.name, sign, name, self._owner.name, weights[worst], worst, name, theta[worst],
            sign, c.polarity[worst], sign, name, where,
        )  # fmt: skip

    def _check_parked(self, projection: Projection) -> None:
        """Warn of other synapses that write into slots without a connection."""
        own = projection.synapses
        if not projection.may_park or projection.name_of("connected") in own.variables:
            return
        for other in [reference() for reference in Synapses.__instances__()]:
            if other is not None and own in (other.source, other.target) and any(surgery.pathway_codes(other)):
                logger.warning(
                    "'%s' may write into slots of '%s' that hold no connection, which '%s' then does not keep at 0; "
                    "add 'connected : 1' to the model of '%s', which is 1 for connections, and multiply by it.",
                    other.name, own.name, self._owner.name, own.name,
                )  # fmt: skip

    def _check_seed(self) -> None:
        """Warn of another Rewiring in the network that draws the same random numbers."""
        owner = self._owner
        others = {reference() for reference in REWIRED.values()} - {None}
        for other in others:
            if other.name < owner.name and other.shares_seed(owner):
                logger.warning(
                    "'%s' and '%s' have the same seed, %d, and draw the same random numbers for noise and for new "
                    "connections; give each a seed of its own.",
                    owner.name, other.name, owner.seed,
                )  # fmt: skip


def check_theta(projection: Projection) -> None:
    """Raise an error if theta is negative at the start, unless the rule acts on potential connections."""
    theta = None if acts_on_potential(projection.rule) else projection.theta()
    if theta is None or not (theta < 0).any():
        return
    worst, name = int(np.argmax(theta < 0)), projection.name_of("theta")
    raise ValueError(
        f"{name!r} of '{projection.synapses.name}' must be >= 0 at the start, got {theta[worst]:g} for synapse "
        f"{worst}; set it to the magnitude of the weight and {projection.name_of('polarity')!r} to its sign."
    )


def _check_signs(projection: Projection, owner: str) -> None:
    """Raise an error if signs were changed after the Rewiring has written them."""
    signs = projection.polarity()
    if signs is None or np.array_equal(signs, projection.connections.polarity):
        return
    name, synapses = projection.name_of("polarity"), projection.synapses.name
    raise ValueError(
        f"{name!r} of '{synapses}' was changed after '{owner}' was created; set it before, or pass signs=... ."
    )


def _needs_gradient(projection: Projection) -> bool:
    """Return whether a gradient of 0 is a likely mistake: it is accumulated and not declared as constant."""
    summed = any(signal.name == "gradient" and signal.accumulated for signal in projection.rule.signals)
    if projection.in_program or not summed:
        return False
    return not projection.synapses.variables[projection.name_of("gradient")].constant


def _stale(projection: Projection) -> set[tuple[str, str]]:
    """Return the event-driven variables that an event reads, with the names of their synapses."""
    own, other = projection.synapses, projection.companion
    names = {projection.name_of(role) for role in projection.rule.variables} & expressions.event_driven(own)
    # Where connections take the slots of others, a new one has no past: its variables are exact, or set to 0.
    births = projection.births.strings if acts_on_potential(projection.rule) else []
    for text in (*conditions_of(projection.rule).values(), *births):
        names |= expressions.event_driven_in(own, text)
    read = {(own.name, name) for name in names}
    if other.synapses is not None:
        of_pairs = set(other.names.values()) & expressions.event_driven(other.synapses)
        read |= {(other.synapses.name, name) for name in of_pairs}
    return read


def _forms_pairs(rule: Any) -> bool:
    """Return whether a rule replaces connections by new ones."""
    return bool(rule.keeps_number and rule.forms)


def _prunes_and_forms(rule: Any) -> bool:
    """Return whether a condition decides which connections are replaced by new ones."""
    return bool(conditions_of(rule) and rule.forms)


def _edges(info: RewiringInfo, kind: int) -> set[tuple[int, int, int]]:
    """Return set, pre and post of the connections that were formed (kind 1) or eliminated (-1)."""
    events = info.events[info.events["kind"] == kind]
    return set(zip(*(events[name].tolist() for name in ("set", "pre", "post")), strict=True))


def _is_full(c: Any) -> bool:
    """Return whether all pairs that may be connected are connected."""
    if c.sites.multapses or not len(c) or c.num_pre * c.num_post > MAX_PAIRS:
        return False
    return bool(len(c) == c.num_sites)


def _monitors_of_all(synapses: Any) -> list[Any]:
    """Return the monitors that record all present synapses."""
    monitors = [reference() for reference in StateMonitor.__instances__()]
    return [m for m in monitors if m is not None and m.source is synapses and m.record_all]


def _weights(projection: Projection, namespace: Any) -> NDArray[np.float64] | None:
    """Return the values of the variable ``w`` of the connections; None if unknown, or if ``w`` has another role."""
    synapses, number = projection.synapses, len(projection.connections)
    variable = synapses.variables.get("w")
    if variable is None or variable.scalar or "w" in projection.names.values():
        return None
    if isinstance(variable, ArrayVariable):
        # Code that sets it may not have run yet.
        return None if _is_set(synapses, "w", anew=True) else np.array(variable.get_value()[:number], float)
    try:
        return np.array(synapses.state("w", use_units=False).get_item(np.arange(number), namespace=namespace), float)
    except (KeyError, NotImplementedError):  # Brian2 does not know a name or function here; run() reports it.
        return None


def _is_set(synapses: Any, name: str, anew: bool = False) -> bool:
    """Return whether code of the synapses sets a variable; with ``anew``, by ``=`` and not only by ``+=``."""
    if name in synapses.equations and synapses.equations[name].type != PARAMETER:
        return True
    codes = [*surgery.pathway_codes(synapses), *surgery.other_codes(synapses)]
    operator = "" if anew else r"(?:\+|-|\*\*?|//?|%)?"
    return any(re.search(rf"\b{re.escape(name)}\b\s*{operator}=(?!=)", code or "") for code in codes)
