"""Where an exact null law holds (noise and l1 only, no gradient), and a test of a log against it.

A law is known for a stretch of steps in which one rule held, with constant parameters. Each rule has one entry in
``LAWS``; for all others, and wherever a parameter follows a schedule, "no exact null law is known" is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_index
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics.evidence import Evidence, gather
from synaptic_sampling.statistics.sources import log_of

__all__ = ["LAWS", "NewbornTest", "Stretch", "newborns_against_null", "step_ratio", "stretches", "why_no_law"]

#: Ages, in steps, to which laws are computed: their cost grows as the square.
LONGEST_LAW = 20_000
#: Ages in each of many stretches.
SHORTEST_LAW = 500

#: Keys of the metadata of recorders that once kept only the first rule.
RECORDERS = ("interval", "schedule")


class Stretch(NamedTuple):
    """Steps of a record that one rule governed.

    Attributes
    ----------
    first, last : int
        The first and the last of these steps.
    step_ratio : float or None
        r = l1 step over noise per step, on which the null law depends; None where none is known.
    reason : str
        Why no law is known; empty where one is.
    """

    first: int
    last: int
    step_ratio: float | None
    reason: str


class NewbornTest(NamedTuple):
    """New connections of a set against the null law, over all stretches in which it is known.

    Attributes
    ----------
    formed : int
        Connections formed there and observed for at least one step.
    eliminated : int
        How many of them were eliminated there.
    expected, error : float
        How many noise and l1 alone would eliminate at the ages reached, and the standard deviation of this number.
    evidence : Evidence
        That they are eliminated later, and sooner, than under the null law.
    steps : int
        Number of steps in which a law is known.
    """

    formed: int
    eliminated: int
    expected: float
    error: float
    evidence: Evidence
    steps: int


def _deepr(rule: Mapping[str, Any]) -> float | str:
    """Return r of DEEP R, or why there is no law with these parameters."""
    names = ("learning_rate", "l1", "temperature")
    varying = [name for name in names if isinstance(rule.get(name), str)]
    if varying:
        return f"{' and '.join(varying)} of DeepR changed with time"
    try:
        ratio = exact.step_ratio(*(float(rule[name]) for name in names))
    except (KeyError, TypeError, ValueError):
        return "the log does not hold all parameters of DeepR"
    return "with temperature 0 nothing is left to chance" if ratio == math.inf else ratio


#: Of a rule, by the name under which a log keeps it: its r, or the reason why there is no law.
LAWS: dict[str, Callable[[Mapping[str, Any]], float | str]] = {"DeepR": _deepr}


def stretches(log: RewiringLog, index: int = 0) -> list[Stretch]:
    """Divide the record of a set into stretches that one rule governed.

    Parameters
    ----------
    log : RewiringLog
        With the rules of its sets.
    index : int
        Number of the set.

    Returns
    -------
    list of Stretch
        From the first step after the start of the record to the last one; empty where there is no step. A rule that
        was given by ``annotate`` is taken to hold throughout, unless an earlier version of this package wrote it,
        which kept only the first rule of a run.
    """
    log = log_of(log)
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


#: Why there is no law where the rule is not known.
NOT_NAMED = "the log does not name the rule"


def _annotated(log: RewiringLog, index: int) -> tuple[float | None, str]:
    """Return r, or why there is none, of a record in which no rule was noted."""
    made = [log.metadata, *(own for key in ("merged", "joined") for own in log.metadata.get(key) or ())]
    if any(key in about for about in made if isinstance(about, Mapping) for key in RECORDERS):
        return None, "an earlier version wrote this log, which kept only the first rule of a run"
    return _law_of(log.rule_of(index))


def _law_of(rule: Any) -> tuple[float | None, str]:
    name = rule.get("class") if isinstance(rule, Mapping) else None
    if not isinstance(name, str):
        return None, NOT_NAMED
    if name not in LAWS:
        return None, f"none is known for {name}"
    found = LAWS[name](rule)
    return (None, found) if isinstance(found, str) else (found, "")


def step_ratio(log: RewiringLog, index: int | None = None) -> float | None:
    """Return r of the null law that holds for the whole record, for curves of it.

    Parameters
    ----------
    log : RewiringLog
        With the rules of its sets.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    float or None
        None unless one rule with one r > 0 governed all steps (of all these sets).
    """
    log = log_of(log)
    ratios = {stretch.step_ratio for n in _sets(log, index) for stretch in stretches(log, n)}
    number = max((len(stretches(log, n)) for n in _sets(log, index)), default=0)
    ratio = ratios.pop() if len(ratios) == 1 and number == 1 else None
    return ratio or None


def why_no_law(log: RewiringLog, index: int | None = None) -> str:
    """Return why ``step_ratio`` is None.

    Parameters
    ----------
    log, index
        As for ``step_ratio``.

    Returns
    -------
    str
        One or more reasons; empty where a law is known.
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


def newborns_against_null(log: RewiringLog, index: int = 0) -> NewbornTest:
    """Test whether new connections are eliminated as by noise and l1 alone, wherever a null law is known.

    Parameters
    ----------
    log : RewiringLog
        With formations, eliminations and the rules of its sets.
    index : int
        Number of the set.

    Returns
    -------
    NewbornTest
        Under the null law the evidence for either direction exceeds log(1/p) with a probability of at most p, for any
        number of connections, and also if one looks again and again while a log grows.

    Notes
    -----
    All new connections start with theta = 0, and without a gradient theta is a random walk. Given the past of all
    lives, a connection of age a - 1 is eliminated in the next step with the exact hazard rate h(a), whatever others
    do. So the eliminations are independent trials with known probabilities, one for each connection and step, of
    which ``evidence.gather`` makes a test martingale. A connection counts only in the stretch in which it was formed;
    it is censored at its end.
    """
    log = log_of(log)
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
    """Return, for each stretch, how many were eliminated at the ages 1, 2, ... and how many were at risk."""
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
