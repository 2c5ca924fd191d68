"""What runs without an error and is hardly meant: a Rewiring warns of it, once, and says how to mend it."""

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

from synaptic_sampling.brian.arguments import REWIRED
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.events import RewiringInfo
from synaptic_sampling.rules import DeepR, FixedWiring, PruneAndRegrow, SoftDeepR, SynapticSampling

__all__ = ["Mistakes", "check_theta"]

logger = logging.getLogger(__name__)

#: Up to so many pairs of neurons, those that may be connected are counted.
MAX_PAIRS = 2**20
#: Events through which a gradient may stay 0 before that is reported, where something writes it.
PATIENCE = 1000
#: Events through which it has to be 0 at least.
FEW = 3
#: So many new connections, of two events or more, are eliminated one event later before that is reported.
IN_VAIN = 10
#: Up to this fraction of the largest one, weights are taken for equal.
TOLERANCE = 1e-3


class Mistakes:
    """The likely mistakes of the script that makes a Rewiring; of each there is one warning at most.

    Parameters
    ----------
    owner : Rewiring
        Which names the warnings.
    projections : sequence of Projection
        Its synapses, not yet settled.
    """

    def __init__(self, owner: Any, projections: Sequence[Projection]) -> None:
        self._owner, self._projections = owner, projections
        self._events = 0
        self._started = False
        #: Whether no connection that was formed has outlived the next event; those that the last one has formed.
        self._none_stays = _is_pruned(owner.rule) and not any(projection.in_program for projection in projections)
        self._formed: set[tuple[int, int, int]] = set()
        #: How many connections, and of how many events, were eliminated one event later.
        self._in_vain = [0, 0]
        self._silent = [projection for projection in projections if _needs_gradient(projection)]
        self._monitors = [
            (projection, monitor) for projection in projections for monitor in _monitors_of_all(projection.synapses)
        ]

    def at_construction(self) -> None:
        """Warn of monitors that are too small, and where nothing can be rewired; after spare slots were added."""
        for projection, monitor in self._monitors:
            added = len(projection.synapses) - len(monitor.record)
            if added:
                logger.warning(
                    "'%s' was made with record=True before '%s' added %d slots to '%s', and does not record these; "
                    "make the monitor after the Rewiring.",
                    monitor.name, self._owner.name, added, projection.synapses.name,
                )  # fmt: skip
        if not _forms_pairs(self._owner.rule) or not all(projection.is_known for projection in self._projections):
            return
        sets = [projection.connections for projection in self._projections]
        if all(map(_is_full, sets)):
            logger.warning(
                "'%s' cannot rewire: all %d pairs that may be connected are connected, so a connection that is "
                "eliminated can only come back where it was. Events are recorded, and slots permuted: S.w[:] is not in "
                "the order of connect() any more; use to_scipy('w') of the Rewiring, or W[S.i, S.j] = S.w. Connect "
                "fewer pairs, or allow more by candidates.",
                self._owner.name, sum(map(len, sets)),
            )  # fmt: skip

    def at_start(self, namespace: Any) -> None:
        """Warn of what is wrong before the first event.

        Parameters
        ----------
        namespace : dict
            What names in expressions mean.

        Raises
        ------
        ValueError
            If theta is negative, or signs are not those that the Rewiring has written.
        """
        if self._started:
            return
        self._started = True
        for projection in self._projections:
            if projection.in_program or projection.connections.steps_done:
                continue  # Values that only the program will know, or a state that was restored.
            check_theta(projection)
            _check_signs(projection, self._owner.name)
            self._check_zero_theta(projection)
            self._check_weights(projection, namespace)
            self._check_parked(projection)

    def before_event(self) -> None:
        """Look at the gradients, and at the first event at the seeds of other Rewirings in the network."""
        if not self._events:
            self._check_seed()
        self._events += 1
        if self._silent:
            self._silent = [projection for projection in self._silent if not projection.gradient().any()]
            if self._events == PATIENCE:
                self._report_silent(self._silent)

    def after_event(self, info: RewiringInfo) -> None:
        """Look whether all connections that one event forms are eliminated by the next.

        Parameters
        ----------
        info : RewiringInfo
            What the event did.
        """
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
        """Warn of gradients that are 0 so far, and that no code of their synapses sets."""
        if self._events >= FEW:
            self._report_silent(
                [
                    projection
                    for projection in self._silent
                    if not _is_set(projection.synapses, projection.name_of("gradient"))
                ]
            )

    def _report_births(self) -> None:
        unset = [name for projection in self._projections for name in projection.unset_at_birth()]
        why, mend = "the values that birth gives them fulfil it already", "give them others"
        if unset:
            why = f"{unset[0]!r} is 0 at birth, unless birth sets it"
            mend = f"give birth={{{unset[0]!r}: ...}}, such as a number or 'rand()'"
        logger.warning(
            "all %d connections that '%s' has formed so far were eliminated at the next event by the condition %r: %s; "
            "%s.",
            self._in_vain[0], self._owner.name, self._owner.rule.condition, why, mend,
        )  # fmt: skip

    def _report_silent(self, silent: Sequence[Projection]) -> None:
        for projection in silent:
            name = projection.name_of("gradient")
            logger.warning(
                "'%s' of '%s' stayed 0 through the first %d events of '%s', so that nothing is learned. Sum dE/dw in "
                "it, by on_pre='%s += ...', an equation, or a network operation; where it is meant to be 0, declare it "
                "as '%s : 1 (constant)'.",
                name, projection.synapses.name, self._events, self._owner.name, name, name,
            )  # fmt: skip
        self._silent = [projection for projection in self._silent if projection not in silent]

    def _check_zero_theta(self, projection: Projection) -> None:
        theta = projection.theta()
        if theta is None or not len(theta) or theta.any() or isinstance(projection.rule, SynapticSampling):
            return
        name, synapses = projection.name_of("theta"), projection.synapses.name
        logger.warning(
            "'%s' of '%s' is 0 for all synapses at the start of '%s', so all weights are 0; set it before run(), such "
            "as %s.%s = '0.1*rand()'.",
            name, synapses, self._owner.name, synapses, name,
        )  # fmt: skip

    def _check_weights(self, projection: Projection, namespace: Any) -> None:
        """Warn where a variable ``w`` has other values than the rule takes weights to have."""
        weights = _weights(projection, namespace)
        theta = projection.theta()
        if weights is None or theta is None or not theta.any():
            return
        c = projection.connections
        expected = c.polarity * np.maximum(theta, 0).astype(float)
        wrong = np.zeros(len(theta), np.bool_)
        if isinstance(projection.rule, SoftDeepR | SynapticSampling):
            wrong |= (theta < 0) & (weights != 0)
        if not isinstance(projection.rule, SynapticSampling):
            # Another unit of weights comes to another learning rate.
            scale = float(weights @ expected) / max(float(expected @ expected), np.finfo(float).tiny)
            largest = np.abs(expected).max()
            wrong |= ~(np.abs(weights / scale - expected) <= TOLERANCE * largest) if scale > 0 else weights != expected
        if not wrong.any():
            return
        worst, name = int(np.argmax(wrong)), projection.name_of("theta")
        sign = projection.name_of("polarity")
        where = f"*int({name} >= 0)" if isinstance(projection.rule, SoftDeepR | SynapticSampling) else ""
        logger.warning(
            "'w' of '%s' does not follow %s*%s, which '%s' takes for the weight: it is %g for synapse %d, with %s = %g "
            "and %s = %g. Write 'w = %s*%s%s' in the model, or give it another name.",
            projection.synapses.name, sign, name, self._owner.name, weights[worst], worst, name, theta[worst],
            sign, c.polarity[worst], sign, name, where,
        )  # fmt: skip

    def _check_parked(self, projection: Projection) -> None:
        """Warn of other synapses that write into slots without a connection."""
        own = projection.synapses
        if not projection.may_park or projection.name_of("connected") in own.variables:
            return
        for other in [reference() for reference in Synapses.__instances__()]:
            if other is not None and own in (other.source, other.target) and any(p.code for p in other._pathways):
                logger.warning(
                    "'%s' writes into slots of '%s' which hold no connection at times, and '%s' keeps these at 0 no "
                    "longer; add 'connected : 1' to the model of '%s', which is 1 for connections, and multiply by it.",
                    other.name, own.name, self._owner.name, own.name,
                )  # fmt: skip

    def _check_seed(self) -> None:
        """Warn of another Rewiring of the network which draws the same random numbers."""
        owner = self._owner
        others = {reference() for reference in REWIRED.values()} - {None}
        for other in others:
            if other.name < owner.name and other.shares_seed(owner):
                logger.warning(
                    "'%s' and '%s' have the same seed, %d, and draw the same random numbers for their noise and their "
                    "new connections; give each its own.",
                    owner.name, other.name, owner.seed,
                )  # fmt: skip


def check_theta(projection: Projection) -> None:
    """Raise an error where theta is negative before the first event, and a weight would have the wrong sign.

    Parameters
    ----------
    projection : Projection
        Adopted already.

    Raises
    ------
    ValueError
        With DeepR and FixedWiring; the other rules take such synapses for potential connections.
    """
    theta = projection.theta() if isinstance(projection.rule, DeepR | FixedWiring) else None
    if theta is None or not (theta < 0).any():
        return
    worst, name = int(np.argmax(theta < 0)), projection.name_of("theta")
    raise ValueError(
        f"{name!r} of '{projection.synapses.name}' must be >= 0 at the start, got {theta[worst]:g} for synapse "
        f"{worst}; set it to the size of the weight and {projection.name_of('polarity')!r} to its sign."
    )


def _check_signs(projection: Projection, owner: str) -> None:
    """Raise an error where signs were set after the Rewiring has written them: theta would move the wrong way."""
    signs = projection.polarity()
    if signs is None or np.array_equal(signs, projection.connections.polarity):
        return
    name, synapses = projection.name_of("polarity"), projection.synapses.name
    raise ValueError(
        f"{name!r} of '{synapses}' was changed after '{owner}' was made; set it before, or give signs=... ."
    )


def _needs_gradient(projection: Projection) -> bool:
    """Return whether a gradient of 0 is hardly meant: one declared as constant is, and a prior alone as well."""
    if projection.in_program or not isinstance(projection.rule, DeepR | FixedWiring | SoftDeepR):
        return False
    return not projection.synapses.variables[projection.name_of("gradient")].constant


def _forms_pairs(rule: Any) -> bool:
    """Return whether a rule keeps the number of connections and gives them other pairs."""
    return isinstance(rule, DeepR) or _is_pruned(rule)


def _is_pruned(rule: Any) -> bool:
    """Return whether a condition decides which connections are replaced."""
    return isinstance(rule, PruneAndRegrow) and rule.regrow


def _edges(info: RewiringInfo, kind: int) -> set[tuple[int, int, int]]:
    """Return set, pre and post of the connections that were formed (kind 1) or eliminated (-1)."""
    events = info.events[info.events["kind"] == kind]
    return set(zip(*(events[name].tolist() for name in ("set", "pre", "post")), strict=True))


def _is_full(c: Any) -> bool:
    """Return whether all pairs that may be connected are."""
    if c.sites.multapses or not len(c) or c.num_pre * c.num_post > MAX_PAIRS:
        return False
    return bool(len(c) == c.num_sites)


def _monitors_of_all(synapses: Any) -> list[Any]:
    """Return the monitors that record all the synapses that there are now."""
    monitors = [reference() for reference in StateMonitor.__instances__()]
    return [m for m in monitors if m is not None and m.source is synapses and m.record_all]


def _weights(projection: Projection, namespace: Any) -> NDArray[np.float64] | None:
    """Return the values of the variable ``w`` of the connections, None where it is not known or has another meaning."""
    synapses, number = projection.synapses, len(projection.connections)
    variable = synapses.variables.get("w")
    if variable is None or variable.scalar or "w" in projection.names.values():
        return None
    if isinstance(variable, ArrayVariable):
        # Code that sets it may have yet to run.
        return None if _is_set(synapses, "w", anew=True) else np.array(variable.get_value()[:number], float)
    try:
        return np.array(synapses.state("w", use_units=False).get_item(np.arange(number), namespace=namespace), float)
    except (KeyError, NotImplementedError):  # Names or functions that Brian2 does not know here; run() says so.
        return None


def _is_set(synapses: Any, name: str, anew: bool = False) -> bool:
    """Return whether code of the synapses sets one of their variables, where ``anew`` by ``=`` and not only ``+=``."""
    if name in synapses.equations and synapses.equations[name].type != PARAMETER:
        return True
    codes = [pathway.code for pathway in synapses._pathways]
    codes += [each.abstract_code for each in synapses.contained_objects if each not in synapses._pathways]
    operator = "" if anew else r"(?:\+|-|\*\*?|//?|%)?"
    return any(re.search(rf"\b{re.escape(name)}\b\s*{operator}=(?!=)", code or "") for code in codes)
