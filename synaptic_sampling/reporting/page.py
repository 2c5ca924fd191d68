"""The page of a report: answers, figures, published numbers and the settings of each run in one HTML file."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.reporting.answers import Answer
from synaptic_sampling.reporting.figures import ReportFigure
from synaptic_sampling.reporting.in_vivo import HEAD
from synaptic_sampling.statistics.biology import PUBLISHED

__all__ = ["page"]

#: What a reader needs to know who sees such a page for the first time.
WORDS = (
    "A step is one event of the rule, in which some connections are eliminated and others are formed elsewhere. The "
    "half-life is the time after which half of the connections are gone. The null model is the same rule without a "
    "gradient: noise and l1 only. It is rejected wrongly in at most one of a million such reports."
)

#: Largest number of rules of a set that are listed one by one.
MOST_RULES = 5

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .3em .9em .3em 0; text-align: left;
vertical-align: top; border-bottom: 1px solid #e4e4e4 } th, td b { font-weight: 600 }
small { color: #555; display: block } figure { margin: 1.5em 0 }
img { max-width: 100%; height: auto } .table { overflow-x: auto }
figcaption { color: #555; font-size: .93em } pre { white-space: pre-wrap; font-size: .85em; color: #444 }
@media (max-width: 40em) { body { margin: 1em auto; padding: 0 .7em } h1 { font-size: 1.3em } h2 { font-size: 1.1em }
.glance tr:first-child { display: none } .glance tr, .glance td { display: block; padding-right: 0 }
.glance td:first-child { font-weight: 600; border: 0; padding-top: 1em }
.glance td:not(:first-child)::before { content: attr(data-head); display: block; color: #555 }
.table td:first-child, .table th:first-child { min-width: 8em } .table img { max-width: none; width: 40em } }
@media print { figure, tr { break-inside: avoid } }
"""


def page(
    logs: Mapping[str, RewiringLog],
    figures: Sequence[ReportFigure],
    given: Mapping[str, Sequence[Answer]],
    seen: Sequence[Sequence[str]],
) -> str:
    """Return the HTML page, with its figures embedded."""
    questions = list(dict.fromkeys(answer.question for own in given.values() for answer in own))
    cells = {name: {answer.question: answer for answer in own} for name, own in given.items()}
    glance = _table(
        ["", *given], [[question, *(cells[name].get(question, "") for name in given)] for question in questions]
    )
    drawn = "".join(
        f'<figure><h3>{escape(p.title)}</h3><div class="table"><img alt="{escape(p.title)}" '
        f'src="data:image/png;base64,{_png(p.figure)}"></div>'
        f"<figcaption>{escape(p.caption)}</figcaption></figure>"
        for p in figures
    )
    rows = [
        [name, about.name or f"set {index}", f"{about.num_pre} by {about.num_post}", str(about.num_sites),
         _connections_at_end(log, index), "; ".join(_rules(log, index)) or "not named"]
        for name, log in logs.items() for index, about in sorted(log.sets.items())
    ]  # fmt: skip
    brains = [
        [row.source, row.preparation, row.quantity, _range(row), f"{row.days:g}",
         "not given" if row.interval_days is None else f"{row.interval_days:g}", row.evidence]
        for row in PUBLISHED
    ]  # fmt: skip
    title = f"How connections are rewired: {escape(', '.join(logs))}"
    made = "".join(f"<h3>{escape(name)}</h3><pre>{escape(_metadata(log))}</pre>" for name, log in logs.items())
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"<h2>At a glance</h2><p>{WORDS}</p><div class='glance'>{glance}</div><h2>Figures</h2>{drawn}"
        "<h2>Connections</h2>"
        + _table(["run", "set", "neurons", "possible connections", "connections at the end", "rule"], rows)
        + "<h2>Comparison with in vivo imaging</h2><p>The runs as an imaging study would have seen them, at intervals "
        "matched by turnover, with 95 % intervals over dendrites or postsynaptic neurons. Of the laws constant rate, "
        "two states, killed walk and walk the one with the lowest AIC is named.</p>"
        + _table(HEAD, seen)
        + "<h2>Published numbers from in vivo imaging</h2><p>Apparent turnover depends on how often spines are "
        "imaged, so the interval between sessions is stated with each number. Evidence: read in the abstract or a "
        "table of the paper, or recalled and not checked.</p>"
        + _table(
            ["source", "preparation", "quantity", "value", "over days", "days between sessions", "evidence"], brains
        )
        + f"<h2>How the runs were made</h2>{made}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str | Answer]]) -> str:
    top = "".join(f"<th>{_cell(name)}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-head="{escape(name)}">{_cell(cell)}</td>' for name, cell in zip(head, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><tr>{top}</tr>{body}</table></div>'


def _cell(content: str | Answer) -> str:
    """Return the content of a cell as HTML; no line breaks before percent signs."""
    if isinstance(content, Answer):
        numbers = f"<small>{_cell(content.numbers)}</small>" if content.numbers else ""
        return f"<b>{_cell(content.verdict)}</b>{numbers}"
    return escape(content).replace(" %", "&nbsp;%")


def _range(row: Any) -> str:
    if row.quantity == "lifetime":
        return f"{row.low:g} to {row.high:g} days"
    low, high = 100 * row.low, 100 * row.high
    return f"{low:.3g} %" if np.isclose(low, high) else f"{low:.3g} to {high:.3g} %"


def _connections_at_end(log: RewiringLog, index: int) -> str:
    try:
        return str(len(log.wiring(index=index)[0]))
    except LogError:
        return "not known"


def _rules(log: RewiringLog, index: int) -> list[str]:
    """Return the names of the rules of a set, in order; if they changed, with the step from which each applied."""
    rules = log.rules_of(index) or [(log.first_step + 1, log.rule_of(index))]
    names = [str(rule.get("class", "")) if isinstance(rule, Mapping) else "" for _, rule in rules]
    if len(names) > MOST_RULES and len(set(names)) == 1:
        return [f"{names[0]}, with {len(names)} different settings"]
    return [
        f"{name} from step {step}" if len(rules) > 1 else name for name, (step, _) in zip(names, rules, strict=True)
    ]


def _metadata(log: RewiringLog) -> str:
    """Return the metadata of a run; the rules of each set, if recorded, replace the initial one."""
    about: dict[str, Any] = dict(log.metadata)
    noted = {str(index): log.rules_of(index) for index in sorted(log.sets) if log.rules_of(index)}
    if noted:
        about.pop("rule", None)
        about["rules, each with its first step"] = {index: rules[:MOST_RULES] for index, rules in noted.items()}
    return json.dumps(about, indent=1) if about else "The log contains no metadata."


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()
