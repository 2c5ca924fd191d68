"""What a log of births and deaths answers at a glance, and a page that holds pictures and answers in one file."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from synaptic_sampling import DeepR, RewiringLog
from synaptic_sampling.plotting import brains_in_half_lives
from synaptic_sampling.statistics import exact
from synaptic_sampling.statistics.biology import PUBLISHED
from synaptic_sampling.statistics.comparison import clock, half_life_at_one_rate
from synaptic_sampling.statistics.lifetables import half_life, survival_curve
from synaptic_sampling.statistics.survival import survival_of_all, survival_of_newborns, table_of_newborns
from synaptic_sampling.statistics.turnover import rewired_per_step

__all__ = ["Answer", "Picture", "answers", "page", "step_ratio"]

#: Newborns are compared with chance at the age to which chance alone lets this share live.
SHARE_LEFT = 0.1
#: In half-widths of the 95 % band: 4.9 standard errors, with many newborns about one false alarm in a million.
MARGIN = 2.5
#: Steps to which laws of chance are computed: their cost grows as the square.
LONGEST_LAW = 20_000

SURVIVES, CHANCE, BRAIN = "What survives?", "Is it more than chance?", "Is it like the brain?"

#: What a reader who sees such a page for the first time has to know.
WORDS = (
    "A step is one event of the rule, in which connections die (are retracted) and others are born elsewhere. The "
    "half-life is the time in which half of the connections are gone. Chance alone is the same rule without a "
    "gradient: what noise and l1 do by themselves."
)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .3em .9em .3em 0; text-align: left;
vertical-align: top; border-bottom: 1px solid #e4e4e4 } th, td b { font-weight: 600 }
small { color: #555; display: block } figure { margin: 1.5em 0 }
img { max-width: 100%; height: auto }
figcaption { color: #555; font-size: .93em } pre { white-space: pre-wrap; font-size: .85em; color: #444 }
@media print { figure, tr { break-inside: avoid } }
"""


class Picture(NamedTuple):
    """A figure and what is to be said of it."""

    title: str
    caption: str
    figure: Figure


class Answer(NamedTuple):
    """A question that people have, what the log says in a few words, and the numbers that this rests on."""

    question: str
    verdict: str
    numbers: str = ""

    @property
    def text(self) -> str:
        """Return all that is said."""
        return f"{self.verdict} {self.numbers}".strip()


def step_ratio(log: RewiringLog, index: int | None = None) -> float | None:
    """Return l1 step over noise per step of the rule that the log names, if it is DEEP R with noise.

    Parameters
    ----------
    log : RewiringLog
        With its rule in the metadata.
    index : int, optional
        Number of the set; all by default.

    Returns
    -------
    float or None
        For the laws of chance alone; None where sets differ.
    """
    ratios = {_ratio(log.rule_of(n)) for n in (log.sets or [0] if index is None else [index])}
    return ratios.pop() if len(ratios) == 1 else None


def _ratio(rule: Any) -> float | None:
    if _class(rule) != "DeepR":
        return None
    try:
        ratio = DeepR(*(float(rule[name]) for name in ("learning_rate", "l1", "temperature"))).step_ratio
    except (KeyError, TypeError, ValueError):  # A schedule, or a log of others.
        return None
    return ratio if 0 < ratio < math.inf else None


def _class(rule: Any) -> str:
    """Return the name of a rule, empty where the log names none."""
    return str(rule.get("class", "")) if isinstance(rule, Mapping) else ""


def answers(log: RewiringLog) -> list[Answer]:
    """Return what the log says to the questions people have.

    Parameters
    ----------
    log : RewiringLog
        With births and deaths.

    Returns
    -------
    list of Answer
        How much is rewired, what survives, is it more than chance, is it like the brain.
    """
    middle = (log.first_step + log.last_step) // 2
    steps = max(1, log.last_step - log.first_step)
    per_step, number = _per_step(log)
    unit, length = _unit(log)
    much = Answer(
        "How much is rewired?",
        f"{100 * per_step:.3g} % of the connections are replaced per step{_in_units(per_step, unit, length)}.",
        f"{log.num_births} births and {log.num_deaths} deaths in {steps} steps, among about {number} connections.",
    )
    if not log.num_births + log.num_deaths:
        still = "Nothing was rewired."
        return [much, *(Answer(question, still) for question in (SURVIVES, CHANCE, BRAIN))]
    return [much, _survives(log, middle), _chance(log), _brain(log, middle)]


def _survives(log: RewiringLog, middle: int) -> Answer:
    """Say how long half of the connections stay, of those there are."""
    unit, length = _unit(log)
    whole, verdict, of_whom = survival_of_all(log, log.first_step), [], ""
    if _number(log, middle):
        verdict.append(f"half of all stay {_span(half_life(survival_of_all(log, middle)).value, unit, length)}")
        of_whom = "All: those that are there in the middle of the record. "
    if log.num_births:
        young = half_life(survival_curve(table_of_newborns(log)))
        verdict.append(f"half of newborns {'' if verdict else 'stay '}{_span(young.value, unit, length)}")
    share = f"Of the first connections {100 * whole.probability[-1]:.1f} % are there to the end."
    said = ", ".join(verdict) or "none stays beyond the middle of the record"
    return Answer(SURVIVES, f"{said[0].upper()}{said[1:]}.", of_whom + share)


def _chance(log: RewiringLog) -> Answer:
    """Compare newborns with chance: all sets together where they have one law, otherwise each with its own."""
    ratio = step_ratio(log)
    if not log.num_births:
        return Answer(CHANCE, "Nothing was born that could be compared with chance.")
    if ratio is not None:
        return Answer(CHANCE, *_against(ratio, log))
    found = {about.name or f"set {n}": _chance_of(log, n) for n, about in sorted(log.sets.items())}
    if len(set(found.values())) == 1:
        return Answer(CHANCE, *found.popitem()[1])
    verdicts, numbers = zip(*found.values(), strict=True)
    return Answer(CHANCE, *(" ".join(f"{name}: {own}" for name, own in zip(found, texts, strict=True) if own)
                            for texts in (verdicts, numbers)))  # fmt: skip


def _chance_of(log: RewiringLog, index: int) -> tuple[str, str]:
    ratio, rule = step_ratio(log, index), _class(log.rule_of(index))
    if ratio is None and rule:
        return f"No law of chance alone is known for {rule} with these parameters.", ""
    if ratio is None:
        return "The log does not name a rule whose law of chance alone is known.", ""
    return _against(ratio, log, index) if rewired_per_step(log, index).rate.any() else ("Nothing was rewired.", "")


def _per_step(log: RewiringLog, index: int | None = None) -> tuple[float, int]:
    """Return which share of the connections is born per step, and how many there are in the middle of the record."""
    number = _number(log, (log.first_step + log.last_step) // 2, index)
    births = log.num_births if index is None else rewired_per_step(log, index).rate.sum()
    return float(births / max(1, log.last_step - log.first_step) / max(1, number)), number


def _number(log: RewiringLog, step: int, index: int | None = None) -> int:
    """Return how many connections there are after a step."""
    return sum(len(log.wiring(step, n)[0]) for n in (log.sets if index is None else [index]))


def _against(ratio: float, log: RewiringLog, index: int | None = None) -> tuple[str, str]:
    """Compare newborns with their law: they all begin at 0, so that it holds from the first step of the record on."""
    per_step, _ = _per_step(log, index)
    curve = survival_of_newborns(log, index)
    law = exact.survival_of_newborns(ratio, max(1, min(int(curve.time[-1]), LONGEST_LAW)))
    age = max(1, int(np.flatnonzero(law >= SHARE_LEFT)[-1]))
    at = int(np.searchsorted(curve.time, age, side="right")) - 1
    here, margin = curve.probability[at], MARGIN * (curve.high[at] - curve.low[at]) / 2
    numbers = (
        f"By chance alone {100 * law[age]:.3g} % of newborns live longer than {age} steps; "
        f"here {100 * here:.3g} % (give or take {100 * margin:.2g}). In the long run chance would replace "
        f"{100 * exact.turnover_rate(ratio):.3g} % per step; here it was {100 * per_step:.3g} %."
    )
    if here > law[age] + margin:
        return "Yes: the gradient holds connections in place, what is used stays longer.", numbers
    if here < law[age] - margin:
        return "Yes: the gradient drives rewiring, newborns are pushed out faster than by chance.", numbers
    return "It does not show: newborns cannot be told from chance alone.", numbers


def _brain(log: RewiringLog, middle: int) -> Answer:
    """Compare what is lost early, in half-lives, with the brains that were watched for two times."""
    if not _number(log, middle):
        return Answer(BRAIN, "No connection is left in the middle of the record.")
    curve = survival_of_all(log, middle)
    unit = half_life_at_one_rate(curve)
    if not 0 < unit < math.inf:
        return Answer(BRAIN, "Nothing that was there in the middle of the record died: no brain is as still as this.")
    name, (times, shares) = min(brains_in_half_lives().items(), key=lambda item: item[1][0][0])
    look = min(row.days for row in PUBLISHED if f"{row.source}, {row.preparation}" == name)
    if times[0] * unit < 1:
        return Answer(
            BRAIN,
            "Steps are too long to tell.",
            f"Half of the connections are replaced in {unit:.3g} steps: too few to see what goes soon. In the brain it "
            f"is {100 * (1 - shares[0]):.1f} % in {look:g} days, {times[0]:.3f} half-lives ({name}).",
        )
    reached = np.searchsorted(curve.time / unit, times[0], side="right") - 1
    here, low, high = (float(values[reached]) for values in (curve.probability, curve.low, curve.high))
    one_rate, chance = 0.5 ** times[0], _by_chance(log, times[0])
    numbers = (
        f"After {times[0]:.3f} half-lives {100 * here:.1f} % are still there (looked at in every step), in the brain "
        f"{100 * shares[0]:.1f} % ({name}, looked at after {look:g} days); if all died at one rate it would be "
        f"{100 * one_rate:.1f} %{'' if chance is None else f', by chance alone {100 * chance:.1f} %'}."
    )
    if high >= one_rate:
        return Answer(BRAIN, "That some go soon and others stay, as in the brain, does not show.", numbers)
    than = "more than" if high < shares[0] else "less than" if low > shares[0] else "like"
    verdict = f"As in the brain, some go soon and others stay; the early loss is {than} there."
    if chance is not None and chance < one_rate:
        verdict += " Chance alone does so too: this is no sign of learning."
    return Answer(BRAIN, verdict, numbers)


def _by_chance(log: RewiringLog, time: float) -> float | None:
    """Return which share chance alone leaves after a time in half-lives, if that is a step or more."""
    ratio = step_ratio(log)
    law = np.ones(1) if ratio is None else exact.survival_of_all(ratio, LONGEST_LAW)
    half = int(np.argmax(law <= 0.5))
    return float(law[int(time * half)]) if time * half >= 1 else None


def _unit(log: RewiringLog) -> tuple[str, float]:
    """Return the unit of time of the log, and how much of it a step takes on average."""
    for unit in ("samples", "seconds"):
        try:
            times = clock(log, unit)
        except ValueError:
            continue
        return unit, float(times[-1] - times[0]) / max(1, len(times) - 1)
    return "steps", 1.0


def _in_units(per_step: float, unit: str, length: float) -> str:
    if unit == "steps" or not length:
        return ""
    per = 1000.0 if unit == "samples" else 1.0
    return f", {100 * per_step * per / length:.3g} % per {'1000 samples' if unit == 'samples' else 'second'}"


def _span(steps: float, unit: str, length: float) -> str:
    if not math.isfinite(steps):
        return "longer than the record"
    return f"{steps:,.0f} step{'' if steps == 1 else 's'}" + (
        f" ({steps * length:,.3g} {unit})" if steps * length < 1000 else f" ({steps * length:,.0f} {unit})"
    ) * (unit != "steps")


def page(logs: Mapping[str, RewiringLog], pictures: Sequence[Picture], said: Mapping[str, Sequence[Answer]]) -> str:
    """Return a page of HTML that needs nothing else.

    Parameters
    ----------
    logs : mapping of str to RewiringLog
        By name.
    pictures : sequence of Picture
        In their order.
    said : mapping of str to sequence of Answer
        For each log.

    Returns
    -------
    str
        The page, its pictures embedded.
    """
    questions = list(dict.fromkeys(answer.question for own in said.values() for answer in own))
    cells = {name: {answer.question: answer for answer in own} for name, own in said.items()}
    glance = _table(
        ["", *said], [[question, *(cells[name].get(question, "") for name in said)] for question in questions]
    )
    figures = "".join(
        f'<figure><h3>{escape(p.title)}</h3><img alt="{escape(p.title)}" src="data:image/png;base64,{_png(p.figure)}">'
        f"<figcaption>{escape(p.caption)}</figcaption></figure>"
        for p in pictures
    )
    rows = [
        [name, about.name or f"set {index}", f"{about.num_pre} by {about.num_post}", str(about.num_sites),
         str(len(log.wiring(index=index)[0]))]
        for name, log in logs.items() for index, about in sorted(log.sets.items())
    ]  # fmt: skip
    brains = [
        [row.source, row.preparation, row.quantity, _range(row), f"{row.days:g}",
         "not given" if row.interval_days is None else f"{row.interval_days:g}", row.evidence]
        for row in PUBLISHED
    ]  # fmt: skip
    made = "".join(f"<h3>{escape(name)}</h3><pre>{escape(_metadata(log))}</pre>" for name, log in logs.items())
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Rewiring</title>'
        f"<style>{STYLE}</style></head><body><h1>Rewiring of {escape(', '.join(logs))}</h1>"
        f"<h2>At a glance</h2><p>{WORDS}</p>{glance}<h2>Pictures</h2>{figures}"
        "<h2>Connections</h2>"
        + _table(["run", "set", "neurons", "pairs that may be connected", "connections at the end"], rows)
        + "<h2>Published numbers from brains</h2><p>How fast spines seem to turn over depends on how often one looks: "
        "the time between two looks is part of each number. Evidence: read in the abstract or a table of the paper, or "
        "recalled and not checked.</p>"
        + _table(["source", "preparation", "quantity", "value", "over days", "days between looks", "evidence"], brains)
        + f"<h2>How the runs were made</h2>{made}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str | Answer]]) -> str:
    top = "".join(f"<th>{_cell(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _cell(content: str | Answer) -> str:
    """Return what a cell holds as HTML; numbers stay with their percent signs."""
    if isinstance(content, Answer):
        numbers = f"<small>{_cell(content.numbers)}</small>" if content.numbers else ""
        return f"<b>{_cell(content.verdict)}</b>{numbers}"
    return escape(content).replace(" %", "&nbsp;%")


def _range(row: Any) -> str:
    if row.quantity == "lifetime":
        return f"{row.low:g} to {row.high:g} days"
    low, high = 100 * row.low, 100 * row.high
    return f"{low:.3g} %" if np.isclose(low, high) else f"{low:.3g} to {high:.3g} %"


def _metadata(log: RewiringLog) -> str:
    return json.dumps(log.metadata, indent=1) if log.metadata else "The log does not say."


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()
