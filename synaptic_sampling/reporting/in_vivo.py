"""Runs seen as an imaging study would have seen them, beside such studies: the figure and its table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FormatStrFormatter
from numpy.typing import NDArray

from synaptic_sampling import plotting
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.log import LogError, RewiringLog
from synaptic_sampling.observations import Observations
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style, legend, literal
from synaptic_sampling.reporting.figures import ReportFigure
from synaptic_sampling.statistics.observed import (
    PUBLISHED_STUDIES,
    Estimate,
    Prediction,
    Study,
    fit,
    matched_looks,
    study_of,
)

__all__ = ["HEAD", "InVivo", "check_observations", "in_vivo"]

#: Columns of the table.
HEAD = ("seen", "sessions", "interval", "connections", "formed per interval", "eliminated per interval",
        "newly seen ones seen again", "law with the lowest AIC")  # fmt: skip
#: The law in the figure, and those that are compared in the table: quick to fit, and each of another kind.
DRAWN = "killed walk"
COMPARED = ("constant", "two states", "killed walk", "walk")
#: Most studies that a figure has space for.
MOST_STUDIES = 4
STUDY_COLOUR = "0.35"


class InVivo(NamedTuple):
    """The comparison of runs with studies: a figure, and the rows of a table below ``HEAD``."""

    figure: ReportFigure
    rows: list[list[str]]


def check_observations(observations: Any) -> Mapping[str, Observations]:
    """Return the studies of a user by name, or raise an error."""
    named = {} if observations is None else observations
    if not isinstance(named, Mapping) or not all(isinstance(own, Observations) for own in named.values()):
        raise TypeError(f"observations must be a mapping of names to Observations, got {observations!r}.")
    if len(named) > MOST_STUDIES:
        raise ValueError(f"observations must be at most {MOST_STUDIES} studies, got {len(named)}.")
    for name, own in named.items():
        if own.interval is None or len(own.times) < 3:
            raise ValueError(
                f"observations {name!r} must have three imaging sessions or more at equal intervals, "
                f"got sessions at {own.times}."
            )
        if not (own.seen[:, :-1] & (own.presence[:, 1:] == 0)).any():
            raise ValueError(f"observations {name!r} contain no connection that was lost between two sessions.")
    return named


@in_house_style
def in_vivo(logs: Mapping[str, RewiringLog], observations: Mapping[str, Observations]) -> InVivo:
    """Compare runs with studies, or with the published one if there are none, at intervals of equal turnover."""
    studies = [study_of(str(name), own) for name, own in observations.items()] or list(PUBLISHED_STUDIES)
    rows = [_row(own, f"{own.interval:g}", observations.get(own.name)) for own in studies]
    weighed = any(own.loss is not None for own in studies)
    size = (3.2 * (3 if weighed else 2) + 0.8, 2.9 * len(studies) + 0.3)
    figure, axes = plt.subplots(len(studies), 3 if weighed else 2, figsize=size, squeeze=False)
    for line, study in zip(axes, studies, strict=True):
        seen = _runs_like(logs, study)
        rows += [_row(own, _steps(own.interval), found) for own, found in seen.values() if own is not None]
        law = _law_of(study, observations.get(study.name))
        old = {name: own.seen if own else why for name, (own, why) in seen.items()}
        new = {name: own.newly_seen if own else "" for name, (own, _) in seen.items()}
        missing = _panel(line[0], study, old, study.seen, law and law.seen)
        _panel(line[1], study, new, study.newly_seen, law and law.newly_seen)
        legend(line[0], title="\n".join(missing) or None, title_fontsize="x-small", loc="lower left")
        line[0].set_title(study.name)
        line[0].set_ylabel("fraction seen in all sessions")
        line[1].set_title("newly seen")
        if weighed:
            _losses(line[2], study, {name: own.loss for name, (own, _) in seen.items() if own})
    for ax in axes[-1][:2]:
        ax.set_xlabel("intervals between sessions")
    caption = (
        "Each run is observed in the second half of its record only, at intervals in which as much turns over as "
        "between two sessions of the study; what forms and disappears between two sessions is not seen. Left: of the "
        "connections seen in a session, the fraction seen in all sessions until later ones; right: of those first seen "
        "in a session. Grey: in vivo; dashed, a law fitted to these data, that of DEEP R in the limit of small steps "
        "with connections that form above 0. Bars: 95 % intervals over dendrites, or postsynaptic neurons. Turnover is "
        "equal by construction; only the shape of the curves can agree or disagree. Agreement does not show that "
        "brains follow the same rule."
    )
    return InVivo(ReportFigure("Comparison with in vivo imaging", caption, figure), rows)


def _law_of(study: Study, seen: Observations | None) -> Prediction | None:
    """Return what a law fitted to a study predicts for its sessions; None for a study in numbers only."""
    return None if seen is None else fit(seen, LAWS[DRAWN]).at_coarser_looks(1, study.looks - 1)


def _runs_like(logs: Mapping[str, RewiringLog], study: Study) -> dict[str, tuple[Study | None, Any]]:
    """Return what a study would have seen of each run, with the observations; or None, and why not."""
    found: dict[str, tuple[Study | None, Any]] = {}
    for name, log in logs.items():
        try:
            looks = matched_looks(log, float(study.changes.turnover.value[0]), study.looks)
            seen = log.observe(looks)
            found[name] = study_of(f"{name}, as {study.name}", seen), seen
        except (LogError, ValueError) as error:
            found[name] = None, str(error)
    return found


def _panel(
    ax: Any, study: Study, runs: Mapping[str, Estimate | str], own: Estimate, law: NDArray[np.float64] | None
) -> list[str]:
    """Draw one survival curve of a study, of its law and of each run, and return why a run has none."""
    plotting.plot_estimate(own, ax, unit=study.interval, color=STUDY_COLOUR, marker="D", label="in vivo")
    if law is not None:
        ax.plot(np.arange(len(law)), law, color=STUDY_COLOUR, linestyle="--", linewidth=1.0, label=f"{DRAWN}, fitted")
    missing = []
    for (name, estimate), colour in zip(runs.items(), COLOURS, strict=False):
        if isinstance(estimate, str):
            missing += [textwrap.fill(f"{name}: {estimate}", 44)] * bool(estimate)
        else:
            options = {"color": colour, "linestyle": "-", "linewidth": 1.0, "label": literal(name)}
            plotting.plot_estimate(estimate, ax, unit=float(estimate.at[1]), **options)
    ax.set_ylim(0, 1.02)
    return missing


def _losses(ax: Any, study: Study, runs: Mapping[str, Estimate | None]) -> None:
    """Draw the loss by weight, in units of the median weight, of those whose weights are known."""
    named = {"in vivo": study.loss, **runs}
    colours = dict(zip(named, (STUDY_COLOUR, *COLOURS), strict=False))
    for name, loss in named.items():
        if loss is not None and np.nanmedian(loss.at) > 0:
            unit = float(np.nanmedian(loss.at))
            plotting.plot_estimate(loss, ax, unit=unit, color=colours[name], linestyle="-", label=literal(name))
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.set_ylim(bottom=0)
    ax.set_title("gone at the next session")
    ax.set_xlabel("weight (medians)")


def _row(study: Study, interval: str, seen: Observations | None) -> list[str]:
    changes, again = study.changes, study.newly_seen
    return [
        study.name, str(study.looks), interval, str(study.connections), _percent(changes.formation),
        _percent(changes.elimination), _percent(again, 1), "" if seen is None else _best_law(seen),
    ]  # fmt: skip


def _steps(interval: float) -> str:
    return f"{interval:g} step{'' if interval == 1 else 's'}"


def _percent(estimate: Estimate, index: int = 0) -> str:
    value, low, high = (100 * own[index] for own in (estimate.value, estimate.low, estimate.high))
    if not np.isfinite(value):
        return "none seen"
    return f"{value:.3g} %" + (f" ({low:.3g} to {high:.3g} %)" if np.isfinite([low, high]).all() else "")


def _best_law(seen: Observations) -> str:
    """Return the law with the lowest AIC, and by how much a constant rate is worse."""
    fits = {name: fit(seen, LAWS[name]) for name in COMPARED}
    best = min(fits, key=lambda name: fits[name].aic)
    return best if best == "constant" else f"{best} (constant rate: AIC + {fits['constant'].aic - fits[best].aic:.3g})"
