"""Where an exact null law holds (noise and l1 only, no gradient), and a test of a log against it.

A law is known for a stretch of steps with one rule and constant parameters, if this rule states that of ``laws.deepr``
as its ``law``. For all other rules, and wherever a parameter follows a schedule, no exact null law is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index, check_number
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.evidence import Evidence, gather
from synaptic_sampling.statistics.sources import Source, log_of

__all__ = ["NewbornTest", "Stretch", "newborns_against_null", "step_ratio", "stretches", "why_no_law"]

#: Largest age, in steps, to which laws are computed: the cost grows as its square.
LONGEST_LAW = 20_000
#: The same, if there are many stretches.
SHORTEST_LAW = 500

#: Keys in the metadata of early versions, which recorded only the first rule.
RECORDERS = ("interval", "schedule")


class Stretch(NamedTuple):
    """Steps of a record to which one rule applied.

    Attributes
    ----------
    first, last : int
        First and last step.
    step_ratio : float or None
        r = l1 step over noise per step, on which the null law depends; None if no law is known.
    reason : str
        Why no law is known; empty if one is.
    """

    first: int
    last: int
    step_ratio: float | None
    reason: str


class NewbornTest(NamedTuple):
    """Test of new connections of a set against the null law, over all stretches in which it is known.

    Attributes
    ----------
    formed : int
        Connections formed in these stretches and observed for at least one step.
    eliminated : int
        Number of them eliminated there.
    expected, error : float
        Number that noise and l1 alone would eliminate at the ages reached, and its standard deviation.
    evidence : Evidence
        Evidence that they are eliminated later, and sooner, than under the null law.
    steps : int
        Number of steps for which a law is known.
    """

    formed: int
    eliminated: int
    expected: float
    error: float
    evidence: Evidence
    steps: int


def stretches(log: Source, index: int = 0) -> list[Stretch]:
    """Divide the record of a set into stretches to which one rule applied.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With the rules of its sets.
    index : int
        Index of the set.

    Returns
    -------
    list of Stretch
        From the first step after the start of the record to the last one; empty if there are no steps. A rule in the
        metadata is assumed to apply throughout, unless an early version of this package wrote it, which recorded only
        the first rule of a run.
    """
    log = log_of(log, observed="goodness_of_fit")
    begin, end, rules = log.first_step + 1, log.last_step, log.rules_of(index)
    if end < begin:
        return []
    if not rules:
        return [Stretch(begin, end, *_annotated(log, index))]
    firsts = [max(first, begin) for first, _ in rules]
    found = [Stretch(begin, firsts[0] - 1, None, NOT_NAMED)] if firsts[0] > begin else []
    for (_, rule), first, following in zip(rules, firsts, [*firsts[1:], end + 1], strict=True):
        last = min(following - 1, end)
        if first <= last:
            found.append(Stretch(first, last, *_law_of(rule)))
    return found


#: Reason if the rule is unknown.
NOT_NAMED = "the log does not name the rule"


def _annotated(log: RewiringLog, index: int) -> tuple[float | None, str]:
    """Return r, or the reason why there is none, of a log that has a rule in its metadata only."""
    made = [log.metadata, *(own for key in ("merged", "joined") for own in log.metadata.get(key) or ())]
    if any(key in about for about in made if isinstance(about, Mapping) for key in RECORDERS):
        return None, "this log was written by an early version, which recorded only the first rule of a run"
    return _law_of(log.rule_of(index))


def _law_of(rule: Any) -> tuple[float | None, str]:
    name = rule.get("class") if isinstance(rule, Mapping) else None
    if not isinstance(name, str):
        return None, NOT_NAMED
    law = rule["law"] if "law" in rule else _law_by_parameters(rule)
    if isinstance(law, str):
        return None, law
    if not isinstance(law, Mapping) or law.get("name") != exact.NULL_LAW:
        return None, f"none is known for {name}"
    try:
        return check_number("step_ratio", law.get("step_ratio"), minimum=0.0), ""
    except (TypeError, ValueError):
        return None, f"the log does not contain all parameters of {name}"


def _law_by_parameters(rule: Mapping[str, Any]) -> Mapping[str, Any] | str | None:
    """Return the law of DEEP R if it was noted without its law: by hand, by an early version, or with schedules."""
    if rule["class"] != "DeepR":
        return None
    names = ("learning_rate", "l1", "temperature")
    varying = [name for name in names if isinstance(rule.get(name), str)]
    if varying:
        return f"{' and '.join(varying)} of DeepR changed with time"
    try:
        return exact.null_law(exact.step_ratio(*(float(rule[name]) for name in names)))
    except (KeyError, TypeError, ValueError):
        return "the log does not contain all parameters of DeepR"


def step_ratio(log: Source, index: int | None = None) -> float | None:
    """Return r of the null law that applies to the whole record.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With the rules of its sets.
    index : int, optional
        Index of the set; all by default.

    Returns
    -------
    float or None
        None unless one rule with one r > 0 applied to all steps (of all these sets).
    """
    log = log_of(log)
    ratios = {stretch.step_ratio for n in _sets(log, index) for stretch in stretches(log, n)}
    number = max((len(stretches(log, n)) for n in _sets(log, index)), default=0)
    ratio = ratios.pop() if len(ratios) == 1 and number == 1 else None
    return ratio or None


def why_no_law(log: Source, index: int | None = None) -> str:
    """Return why ``step_ratio`` is None.

    Parameters
    ----------
    log, index
        As for ``step_ratio``.

    Returns
    -------
    str
        One or more reasons; empty if a law is known.
    """
    log = log_of(log)
    if step_ratio(log, index) is not None:
        return ""
    own = [stretches(log, n) for n in _sets(log, index)]
    reasons = list(dict.fromkeys(stretch.reason for each in own for stretch in each if stretch.reason))
    if any(len(each) > 1 for each in own):
        reasons.append("the rule changed during the record")
    elif len({stretch.step_ratio for each in own for stretch in each}) > 1:
        reasons.append("the sets follow different rules")
    elif not reasons:
        reasons.append("without l1 there is no stationary state" if any(own) else "no step was recorded")
    return "; ".join(reasons)


def _sets(log: RewiringLog, index: int | None) -> list[int]:
    return sorted(log.sets) or [0] if index is None else [check_index(index)]


def newborns_against_null(log: Source, index: int = 0) -> NewbornTest:
    """Test new connections against the null model (noise and l1 only), wherever its exact law is known.

    Parameters
    ----------
    log : RewiringLog, or an object that has one as ``log``
        With formations, eliminations and the rules of its sets.
    index : int
        Index of the set.

    Returns
    -------
    NewbornTest
        Under the null law, the evidence for either direction exceeds log(1/p) with a probability of at most p, for any
        number of connections, and even if the test is repeated while a log grows.

    Notes
    -----
    All new connections start with theta = 0, and without a gradient theta is a random walk. Given the history of all
    connections, one of age a - 1 is eliminated in the next step with the exact hazard rate h(a), independently of the
    others. Eliminations are therefore independent trials with known probabilities, one per connection and step, from
    which ``evidence.gather`` computes a test martingale. A connection counts only in the stretch in which it was
    formed, and is censored at its end.
    """
    log = log_of(log, observed="goodness_of_fit")
    known = [stretch for stretch in stretches(log, index) if stretch.step_ratio is not None]
    longest = max(SHORTEST_LAW, int(LONGEST_LAW / math.sqrt(max(1, len(known)))))
    tables = _tables(log, index, known, longest)
    hazards: dict[float, NDArray[np.float64]] = {}
    formed, deaths, trials, probability, ages = 0, [], [], [], []
    for stretch, (died, at_risk) in zip(known, tables, strict=True):
        ratio, number = float(stretch.step_ratio or 0.0), int(np.count_nonzero(at_risk))
        if not number:
            continue
        if len(hazards.get(ratio, ())) < number:
            hazards[ratio] = np.nan_to_num(exact.hazard(ratio, number), nan=1.0)
        formed += int(at_risk[0])
        deaths.append(died[:number])
        trials.append(at_risk[:number])
        probability.append(hazards[ratio][:number])
        ages.append(np.arange(1, number + 1))
    d, n, h, a = (np.concatenate(own) if own else np.zeros(0) for own in (deaths, trials, probability, ages))
    return NewbornTest(
        formed=formed,
        eliminated=int(d.sum()),
        expected=float(n @ h),
        error=math.sqrt(float(n @ (h * (1.0 - h)))),
        evidence=gather(d, n, h, a),
        steps=sum(stretch.last - stretch.first + 1 for stretch in known),
    )


def _tables(
    log: RewiringLog, index: int, known: list[Stretch], longest: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return, for each stretch, the numbers eliminated at ages 1, 2, ... and the numbers at risk."""
    firsts = np.array([stretch.first for stretch in known], np.int64)
    lasts = np.array([stretch.last for stretch in known], np.int64)
    sizes = np.minimum(lasts - firsts + 1, longest) + 1
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    left, died = np.zeros((2, starts[-1]), np.int64)
    for lives in log.life_blocks(index) if known else ():
        own = lives[~lives["initial"]]
        which = np.searchsorted(firsts, own["birth"] + 1, side="right") - 1
        own, which = own[which >= 0], which[which >= 0]
        own, which = own[own["birth"] < lasts[which]], which[own["birth"] < lasts[which]]
        age = own["end"] - own["birth"]
        seen = np.minimum(age, np.minimum(lasts[which] - own["birth"], sizes[which] - 1))
        np.add.at(left, starts[which] + seen, 1)
        dead = own["dead"] & (seen == age)
        np.add.at(died, (starts[which] + seen)[dead], 1)
    found = []
    for begin, size in zip(starts[:-1].tolist(), sizes.tolist(), strict=True):
        at_risk = np.cumsum(left[begin : begin + size][::-1])[::-1]
        found.append((died[begin + 1 : begin + size], at_risk[1:]))
    return found
