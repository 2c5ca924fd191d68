"""The answers of a report: for each of four questions a verdict that the log supports, and the numbers behind it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.plotting import brains_in_half_lives
from synaptic_sampling.statistics.biology import PUBLISHED
from synaptic_sampling.statistics.comparison import clock, half_life_at_one_rate
from synaptic_sampling.statistics.heterogeneity import young_against_old
from synaptic_sampling.statistics.lifetables import Survival, half_life, halved, survival_curve
from synaptic_sampling.statistics.null_law import NewbornTest, newborns_against_null, step_ratio, stretches
from synaptic_sampling.statistics.rates import Rate, formation_and_elimination
from synaptic_sampling.statistics.survival import survival_of_all, table_of_newborns

__all__ = ["BRAIN", "NULL", "SURVIVAL", "TURNOVER", "Answer", "accuracy", "answers"]

TURNOVER, SURVIVAL, BRAIN = "Turnover", "Survival", "Comparison with in vivo imaging"
NULL = "Test against the null model (noise and l1 only)"

#: Fewest formations or eliminations for which a rate or a half-life is stated.
FEWEST = 20
#: Fewest new connections for which the null model is tested.
FEWEST_FORMED = 100
#: Upper bound, per report, of the probability to reject the null model wrongly, or to claim wrongly that
#: connections differ.
FALSE_ALARM = 1e-6
#: Largest number of steps for which null laws are computed: the cost grows as its square.
LONGEST_LAW = 20_000


class Answer(NamedTuple):
    """A question, the verdict in a few words, and the numbers behind it."""

    question: str
    verdict: str
    numbers: str = ""

    @property
    def text(self) -> str:
        """Return verdict and numbers."""
        return f"{self.verdict} {self.numbers}".strip()


def accuracy(source: Any, log: RewiringLog) -> list[Answer]:
    """Return the accuracy in the last test: of a Trainer or SpikingResult, or as its log has noted it; else nothing.

    A log that is annotated with ``validation=True`` is that of a run which was tested on validation data.
    """
    if tests := getattr(source, "tests", None):
        samples, fraction = tests[-1]
    elif noted := log.metadata.get("last_test"):
        samples, fraction = noted["samples"], noted["accuracy"]
    else:
        return []
    tested = "Validation" if log.metadata.get("validation") else "Test"
    return [Answer(f"{tested} accuracy", f"{100 * fraction:.1f} %", f"After {samples:,} presented samples.")]


def answers(log: RewiringLog) -> list[Answer]:
    """Return what a log supports about turnover, survival, the null model and the comparison with in vivo imaging.

    Parameters
    ----------
    log : RewiringLog
        With formations and eliminations.

    Returns
    -------
    list of Answer
        In this order. If the record is too short, or no law is known, the verdict says so. The null model is rejected
        wrongly in at most one of a million reports, whatever the number of events.
    """
    questions = (TURNOVER, SURVIVAL, NULL, BRAIN)
    try:
        if not log.num_births + log.num_deaths:
            steps = log.last_step - log.first_step
            still = f"No connection was formed or eliminated in {_count(steps, 'step')}."
            return [Answer(question, still) for question in questions]
        return [_turnover(log), _survival(log), _null(log), _brain(log)]
    except LogError as error:
        return [Answer(question, f"The log cannot be replayed: {error}") for question in questions]


def _turnover(log: RewiringLog) -> Answer:
    """State formations and eliminations per connection and step."""
    formed, lost, steps = log.num_births, log.num_deaths, max(1, log.last_step - log.first_step)
    formation, elimination, lived = formation_and_elimination(log)
    counts = (
        f"{_count(formed, 'formation')} and {_count(lost, 'elimination')} in {_count(steps, 'step')}, with "
        f"{lived / steps:.4g} connections on average."
    )
    if max(formed, lost) < FEWEST or not lived:
        return Answer(TURNOVER, f"Too few events to state a rate (at least {FEWEST} are needed).", counts)
    if formed == lost:
        said = f"{_percent(elimination)} of the connections are replaced per step{_per_unit(log, formed, lived)}."
    else:
        formed_percent, lost_percent = _percent(formation), _percent(elimination)
        said = f"Per step {formed_percent} of the connections are formed and {lost_percent} are eliminated."
    return Answer(TURNOVER, said, counts + " Intervals: 95 %, if connections live independently of each other.")


def _percent(rate: Rate) -> str:
    """Return a rate per step and its interval."""
    value, low, high = (100 * number for number in rate)
    return f"{value:.3g} % ({low:.3g} to {high:.3g} %)"


def _per_unit(log: RewiringLog, events: int, lived: int) -> str:
    unit, length = _unit(log)
    if unit == "steps" or not length:
        return ""
    per, name = (1000.0, "1000 samples") if unit == "samples" else (1.0, "second")
    percent = 100 * events / lived * per / length
    return f", {percent:.3g} % per {name}" if percent < 1000 else f", {percent:,.0f} % per {name}"


def _survival(log: RewiringLog) -> Answer:
    """State the half-lives of the connections present in the middle of the record, and of new ones."""
    first, middle = log.first_step, _middle(log)
    said, numbers = [], ""
    if _number(log, middle):
        curve = survival_of_all(log, middle)
        lost = round(_number(log, middle) * (1.0 - curve.probability[-1]))
        said.append(_half_life(log, "the connections present in the middle of the record", curve, lost))
    if log.num_births:
        table = table_of_newborns(log)
        said.append(_half_life(log, "the new connections", survival_curve(table), int(table.deaths.sum())))
    if _number(log, first):
        left = survival_of_all(log, first).probability[-1]
        numbers = f"Of the {_number(log, first)} connections at the start {100 * left:.1f} % are present to the end."
    return Answer(SURVIVAL, " ".join(said) or "No connection is left in the middle of the record.", numbers)


def _half_life(log: RewiringLog, which: str, curve: Survival, lost: int) -> str:
    found = half_life(curve)
    if not math.isfinite(found.value):
        return f"More than half of {which} outlast the record."
    if lost < FEWEST:
        return f"Too few eliminations for a half-life of {which}: {lost}, at least {FEWEST} are needed."
    high = "beyond the record" if not math.isfinite(found.high) else f"{found.high:,.0f}"
    return (
        f"Half of {which} are eliminated within {_span(log, found.value)} (95 % interval {found.low:,.0f} to {high})."
    )


def _null(log: RewiringLog) -> Answer:
    """Test the new connections of each set against its null law, wherever one is known."""
    if not log.num_births:
        return Answer(NULL, "No connection was formed, so there is nothing to test.")
    sets = {n: log.sets[n].name or f"set {n}" for n in sorted(log.sets)} or {0: "set 0"}
    found = {n: _null_of(log, n, len(sets)) for n in sets}
    if len({verdict for verdict, _ in found.values()}) == 1:
        numbers = [own for _, own in found.values() if own]
        own = [f"{sets[n]}: {text}" for n, (_, text) in found.items() if text] if len(numbers) > 1 else numbers
        return Answer(NULL, found[min(found)][0], " ".join(own))
    return Answer(NULL, *(" ".join(f"{sets[n]}: {own[part]}" for n, own in found.items() if own[part])
                          for part in (0, 1)))  # fmt: skip


def _null_of(log: RewiringLog, index: int, num_sets: int) -> tuple[str, str]:
    """Return the verdict on one set, and the numbers behind it."""
    test = newborns_against_null(log, index)
    reasons = "; ".join(dict.fromkeys(own.reason for own in stretches(log, index) if own.reason))
    if not test.steps:
        return f"No exact null law is known here: {reasons or 'no step was recorded'}.", ""
    if test.formed < FEWEST_FORMED:
        return (
            f"Too few new connections for a test: {test.formed} were observed where a null law is known, at least "
            f"{FEWEST_FORMED} are needed.",
            "",
        )
    return _verdict(test, math.log(2 * num_sets / FALSE_ALARM)), _numbers(log, index, test, reasons)


def _verdict(test: NewbornTest, needed: float) -> str:
    later, sooner = test.evidence.fewer > needed, test.evidence.more > needed
    if later and sooner:
        return "Rejected: new connections are eliminated sooner at some ages, and later at others."
    if later:
        return "Rejected: new connections persist longer than under noise and l1 alone, as if held by a gradient."
    if sooner:
        return "Rejected: new connections are eliminated sooner than under noise and l1 alone, as if driven out."
    return "Not rejected: new connections cannot be distinguished from noise and l1 alone."


def _numbers(log: RewiringLog, index: int, test: NewbornTest, reasons: str) -> str:
    steps, own = log.last_step - log.first_step, stretches(log, index)
    said = (
        f"Of {test.formed} new connections {test.eliminated} were eliminated; at the ages reached, noise and l1 alone "
        f"eliminate {test.expected:.0f} +- {1.96 * test.error:.0f} (95 % interval)."
    )
    if len(own) > 1:
        said += f" Tested separately in {sum(each.step_ratio is not None for each in own)} stretches of constant rule."
    if reasons:
        said += f" In the other {steps - test.steps} of {steps} steps no exact null law is known: {reasons}."
    return said


def _brain(log: RewiringLog) -> Answer:
    """Compare the early loss with that of spines imaged over two intervals, at equal times in half-lives."""
    middle = _middle(log)
    number = _number(log, middle)
    if not number:
        return Answer(BRAIN, "No connection is left in the middle of the record.")
    curve = survival_of_all(log, middle)
    lost = round(number * (1.0 - curve.probability[-1]))
    if lost < FEWEST:
        return Answer(
            BRAIN,
            f"Too few eliminations to compare: {lost} of the {number} connections present in the middle of the record, "
            f"at least {FEWEST} are needed.",
        )
    half = half_life_at_one_rate(curve)
    name, (times, fractions) = min(brains_in_half_lives().items(), key=lambda item: item[1][0][0])
    days = min(row.days for row in PUBLISHED if f"{row.source}, {row.preparation}" == name)
    unit = _span(log, half) + ("" if halved(curve.probability[-1]) else ", extrapolated")
    imaged = (
        f"In vivo, {100 * (1 - fractions[0]):.1f} % are lost in {days:g} days, {times[0]:.3f} half-lives ({name}, "
        "half-life extrapolated)."
    )
    interval = _event_interval(log, middle)
    intervals = int(times[0] * half / interval)
    if not intervals:
        return Answer(
            BRAIN,
            "The time between events is too long to compare early losses.",
            f"The half-life is {unit}, and up to {_count(interval, 'step')} pass between eliminations. {imaged}",
        )
    return _early_loss(log, curve, half, (intervals * interval, (intervals + 1) * interval), fractions[0], imaged)


def _early_loss(
    log: RewiringLog, curve: Survival, half: float, times: tuple[int, int], in_vivo: float, imaged: str
) -> Answer:
    """Compare the losses after whole event intervals: the last one before, and the first one after the imaging."""
    at = np.searchsorted(curve.time, times, side="right") - 1
    here, low, high = (values[at[0]] for values in (curve.probability, curve.low, curve.high))
    one_rate, chance = 0.5 ** (times[0] / half), _under_null(log, times[0] / half)
    numbers = (
        f"After {_count(times[0], 'step')}, {times[0] / half:.3f} half-lives, {100 * here:.1f} % ({100 * low:.1f} to "
        f"{100 * high:.1f} %, 95 % interval) are still present; with one hazard rate for all it would be "
        f"{100 * one_rate:.1f} %{'' if chance is None else f', with noise and l1 alone {100 * chance:.1f} %'}. {imaged}"
        + ("" if halved(curve.probability[-1]) else " The half-life of this record is extrapolated.")
    )
    if high >= one_rate or young_against_old(log).more < math.log(1.0 / FALSE_ALARM):
        return Answer(BRAIN, "Not shown that connections differ in their hazard rates, as spines do in vivo.", numbers)
    than = "larger than" if high < in_vivo else "smaller than" if curve.low[at[1]] > in_vivo else "similar to that"
    said = f"As in vivo, some connections are eliminated early and others persist; the early loss is {than} in vivo."
    if chance is None:
        said += " Whether noise and l1 alone do so too is not known here."
    elif chance < one_rate:
        said += " Noise and l1 alone do so too: this is not evidence of learning."
    return Answer(BRAIN, said, numbers)


def _event_interval(log: RewiringLog, middle: int) -> int:
    """Return the longest time, in steps, without an elimination in the second half of a record."""
    blocks = log.event_blocks(after=middle)
    eliminations = [own["step"][own["kind"] == -1] for own in blocks]
    return int(np.diff(np.unique(np.concatenate([[middle, log.last_step], *eliminations]))).max())


def _under_null(log: RewiringLog, time: float) -> float | None:
    """Return the fraction that noise and l1 alone leave after a time in their half-lives, if that is a step or more."""
    ratio = step_ratio(log)
    law = np.ones(1) if ratio is None else exact.survival_of_all(ratio, LONGEST_LAW)
    half = int(np.argmax(law <= 0.5))
    return float(law[int(time * half)]) if time * half >= 1 else None


def _middle(log: RewiringLog) -> int:
    return (log.first_step + log.last_step) // 2


def _number(log: RewiringLog, step: int) -> int:
    """Return how many connections there are after a step."""
    return sum(len(log.wiring(step, n)[0]) for n in log.sets)


def _unit(log: RewiringLog) -> tuple[str, float]:
    """Return the unit of time of the log, and the mean length of a step in it."""
    for unit in ("samples", "seconds"):
        try:
            times = clock(log, unit)
        except ValueError:
            continue
        return unit, float(times[-1] - times[0]) / max(1, len(times) - 1)
    return "steps", 1.0


def _span(log: RewiringLog, steps: float) -> str:
    """Return a time in words: in steps, and in the unit of the log."""
    unit, length = _unit(log)
    time = steps * length
    said = f"{steps:,.0f} step{'' if steps == 1 else 's'}"
    return (
        said if unit == "steps" else f"{said} ({time:,.3g} {unit})" if time < 1000 else f"{said} ({time:,.0f} {unit})"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
