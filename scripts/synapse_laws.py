"""Fit laws to single synapses that were followed in vivo, and test what may be said of them.

    python -m scripts.synapse_laws --data-dir DIR --out DIR            # about two minutes
    python -m scripts.synapse_laws --data-dir DIR --out DIR --full     # also simulated studies, about half an hour

The two sets are the synapses onto pyramidal (pyr) and PV cells of Melander, Nayebi et al. (2021), Cell Reports 37: 35
dendrites, 8 sessions 4 days apart. DIR contains, in any subfolder, two CSV tables made from the repository
HZhongLab/melander_nayebi_2021 (MIT licence), both with the columns cell, dendrite, synapse, session0, ..., session7:
melander2021_presence.csv, all synapses (0 absent, above 0 present, empty: not imaged), and melander2021_synapses.csv,
the weights of a subset (0 absent). Writes laws.json, and figures survival.png, predictions.png, weights.png.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import ranksums
from tqdm import tqdm

from models.data import data_folder
from scripts.common import Parser, folder_to_read
from scripts.interruption import interruptible
from scripts.results import results, write_figure, write_text
from scripts.synapse_studies import coverage, recovery
from synaptic_sampling import Observations
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.plotting import plot_loss_by_weight, plot_observed_survival, plot_predictions
from synaptic_sampling.plotting.style import in_house_style
from synaptic_sampling.statistics import observed
from synaptic_sampling.statistics.observed import Fit
from synaptic_sampling.statistics.observed.runs import log_probability, runs_of

__all__ = ["main"]

PRESENCE, WEIGHTS = "melander2021_presence.csv", "melander2021_synapses.csv"
DAYS = 4.0 * np.arange(8)
CELLS = {"pyr": "pyramidal cells", "pv": "PV cells"}
#: Laws in figures; the table has all.
DRAWN = ("constant", "two states", "DEEP R", "killed walk", "walk")
RESULTS, FIGURES = "laws.json", ("survival", "predictions", "weights")
RESAMPLES = 200


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Analyse both sets, print the table, write figures and numbers.

    Parameters
    ----------
    argv : sequence of str, optional
        Used instead of the command line.

    Returns
    -------
    int
        0; errors end the script.
    """
    parser = Parser("Fit laws to single synapses that were followed in vivo.")
    text = "folder of the tables (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_argument("--full", action="store_true", help="also recover the laws of simulated studies")
    parser.add_json("also write the numbers to FILE")
    parser.add_out("results/synapse-laws")
    given = parser.parse_measurement(argv)
    presence, weights = tables(parser, data_folder(given.data_dir))
    with results(
        parser, given.out, [RESULTS, *(f"{name}.png" for name in FIGURES)], overwrite=given.overwrite
    ) as folder:
        found, figures = analyse(presence, weights, full=given.full)
        for name, figure in zip(FIGURES, figures, strict=True):
            write_figure(folder / f"{name}.png", figure)
        content = json.dumps(found, indent=2) + "\n"
        write_text(folder / RESULTS, content)
        if given.json is not None:
            write_text(given.json, content)
    print(table(found))
    return 0


def tables(parser: Parser, folder: Path) -> tuple[dict[str, Observations], dict[str, Observations]]:
    """Read presence and weights by cell type, or end with an error."""
    found = []
    for name, are_weights in ((PRESENCE, False), (WEIGHTS, True)):
        path = min(folder.rglob(name), default=None) if folder.is_dir() else None
        if path is None:
            parser.refuse("--data-dir", f"{folder} contains no {name}, in no subfolder")
        try:
            found.append(
                {cell: Observations.from_table(path, DAYS, where={"cell": cell}, weights=are_weights) for cell in CELLS}
            )
        except (OSError, ValueError) as error:
            parser.refuse("--data-dir", f"{path}: {error}")
    return found[0], found[1]


def analyse(
    presence: dict[str, Observations], weights: dict[str, Observations], *, full: bool
) -> tuple[dict[str, Any], list[Figure]]:
    """Return all numbers, and the figures."""
    found: dict[str, Any] = {"published": published(presence, weights), "fits": [], "predictions": [], "controls": {}}
    fits: dict[str, dict[str, Fit]] = {cell: {} for cell in CELLS}
    with tqdm(total=len(CELLS) * len(LAWS), unit="law", disable=None) as bar:
        for cell, seen in presence.items():
            for name, law in LAWS.items():
                fits[cell][name] = own = observed.fit(seen, law)
                found["fits"].append(row(cell, seen, own))
                found["predictions"] += predictions(cell, seen, own)
                bar.update()
            found["controls"][cell] = controls(seen, fits[cell]["killed walk"])
    found["weights"] = {cell: of_weights(own) for cell, own in weights.items()}
    if full:
        sizes = {cell: np.bincount(seen.group[seen.seen[:, 0]]) for cell, seen in presence.items()}
        found["recovery"] = {cell: recovery(fits[cell], DAYS, sizes[cell]) for cell in CELLS}
        found["coverage"] = {cell: coverage(fits[cell]["walk"], DAYS, sizes[cell]) for cell in CELLS}
    return found, [draw_survival(presence, fits), draw_predictions(presence, fits), draw_weights(weights)]


def published(presence: dict[str, Observations], weights: dict[str, Observations]) -> dict[str, float]:
    """Return the numbers that the paper or its notebooks state, computed from the tables."""
    found: dict[str, float] = {}
    survival, formation = {}, {}
    for cell, seen in presence.items():
        parts = [own for _, own in seen.by_group()]
        survival[cell] = np.array([observed.survival_of_seen(own, start=0, resamples=20).value[6] for own in parts])
        rates = [observed.changes(own, pooled=False, resamples=20) for own in parts]
        formation[cell] = np.array([np.nanmean(own.formation.value) for own in rates])
        elimination = np.array([np.nanmean(own.elimination.value) for own in rates])
        sizes = weights[cell]
        found |= {
            f"{cell} synapses at the first look": int(seen.seen[:, 0].sum()),
            **mean_and_error(f"{cell} survival after 24 days", survival[cell]),
            **mean_and_error(f"{cell} formation per look", formation[cell]),
            **mean_and_error(f"{cell} elimination per look", elimination),
            f"{cell} synapses with weights": int(sizes.seen.any(axis=1).sum()),
            f"{cell} synapses with weights at the first look": int(sizes.seen[:, 0].sum()),
            f"{cell} half of the synapses with weights at all looks": int((sizes.presence != 0).all(axis=1).sum() // 2),
        }
    found["rank sum of survival, PV against pyr"] = float(ranksums(survival["pv"], survival["pyr"]).statistic)
    found["rank sum of formation, pyr against PV"] = float(ranksums(formation["pyr"], formation["pv"]).statistic)
    return found


def mean_and_error(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean over dendrites and its standard error."""
    return {name: float(values.mean()), f"{name}, error": float(values.std(ddof=1) / math.sqrt(len(values)))}


def row(cell: str, seen: Observations, own: Fit) -> dict[str, Any]:
    """Return the numbers of one law."""
    bits = observed.held_out(seen, own)
    test = observed.goodness_of_fit(seen, own, resamples=RESAMPLES)
    limits = observed.bootstrap_intervals(seen, own, resamples=RESAMPLES)
    names = [parameter.name for parameter in own.law.parameters]
    return {
        "cell": cell,
        "law": own.law.name,
        "log_likelihood": own.log_likelihood,
        "aic": own.aic,
        "bits_held_out": bits.bits,
        "bits_se": bits.error,
        "parameters": dict(zip(names, own.values.tolist(), strict=True)),
        "profile_95": {name: list(own.parameters[name][1:]) for name in names},
        "bootstrap_95": dict(zip(names, limits.tolist(), strict=True)),
        "warnings": list(own.warnings),
        "misfit": test.statistic,
        "misfit_expected": test.expected,
        "misfit_p": test.p_value,
    }


def predictions(cell: str, seen: Observations, own: Fit) -> list[dict[str, Any]]:
    """Return which fraction of newly seen synapses is seen again, at 4 days (fitted) and at 8 and 12 (predicted)."""
    found = []
    for factor in (1, 2, 3):
        measured = observed.survival_of_newly_seen(seen.split_at_absences(), every=factor)
        predicted = own.at_coarser_looks(factor, 2).newly_seen[1]
        days = factor * own.unit
        found.append(
            {
                "cell": cell,
                "law": own.law.name,
                "days": days,
                "predicted": float(predicted),
                "measured": float(measured.value[1]),
                "error": float(measured.error[1]),
            }
        )
    return found


def controls(seen: Observations, own: Fit) -> dict[str, float]:
    """Return what must fail: a fit to shuffled sessions, differences of shuffled dendrites, a wrong unit of lags."""
    rng = np.random.default_rng(1)
    presence = np.where(seen.imaged, seen.seen, np.nan)
    shuffled = Observations(presence[:, rng.permutation(len(DAYS))], DAYS, group=seen.group)
    mixed = [
        observed.group_differences(Observations(presence, DAYS, group=rng.permutation(seen.group))).statistic
        for _ in range(RESAMPLES)
    ]
    coarse, lost = seen.at_looks(range(0, len(DAYS), 2)), []
    for unit in (own.unit, 2.0 * own.unit):  # The second takes looks 8 days apart for looks 4 days apart.
        runs = runs_of(coarse, unit)
        lost.append(float(runs.counts.sum(axis=0) @ log_probability(own.law, own.values, runs)))
    return {
        "shuffled sessions, misfit p": observed.goodness_of_fit(
            shuffled, observed.fit(shuffled, own.law), resamples=RESAMPLES
        ).p_value,
        "differences between dendrites, chi squared": observed.group_differences(seen).statistic,
        "differences between dendrites, degrees": observed.group_differences(seen).degrees,
        "differences between shuffled dendrites, mean chi squared": float(np.mean(mixed)),
        "lags in looks instead of days, log likelihood lost": lost[0] - lost[1],
    }


def of_weights(seen: Observations) -> dict[str, Any]:
    """Return loss by quartile of weight, mean log weight by age, autocorrelation; each with its standard error."""
    parts = {
        "loss by quartile": observed.loss_by_weight(seen),
        "mean log weight by looks since first sight": observed.weight_by_age(seen),
        "autocorrelation of log weights by lag": observed.weight_autocorrelation(seen),
    }
    return {
        name: {"value": [round(x, 6) for x in own.value[:6]], "error": [round(x, 6) for x in own.error[:6]]}
        for name, own in parts.items()
    }


@in_house_style
def draw_survival(presence: dict[str, Observations], fits: dict[str, dict[str, Fit]]) -> Figure:
    """Draw the survival of seen and of newly seen synapses, with laws."""
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6.4))
    for line, (cell, seen) in zip(axes, presence.items(), strict=True):
        laws = [fits[cell][name] for name in DRAWN]
        for ax, fresh in zip(line, (False, True), strict=True):
            plot_observed_survival(seen, ax, newly_seen=fresh, fits=laws, label="in vivo")
            ax.set_xlabel("days since first sight" if fresh else "days")
            ax.set_title(f"{'newly seen ' if fresh else ''}synapses onto {CELLS[cell]}")
            if fresh or cell != "pyr":
                ax.get_legend().remove()
    return figure


@in_house_style
def draw_predictions(presence: dict[str, Observations], fits: dict[str, dict[str, Fit]]) -> Figure:
    """Draw what fits at 4 days predict at 8 and 12 days."""
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.4))
    for ax, (cell, seen) in zip(axes, presence.items(), strict=True):
        plot_predictions(seen, [fits[cell][name] for name in DRAWN], ax)
        ax.set_xlabel("days between sessions (fitted at 4)")
        ax.set_title(f"synapses onto {CELLS[cell]}")
    axes[1].get_legend().remove()
    return figure


@in_house_style
def draw_weights(weights: dict[str, Observations]) -> Figure:
    """Draw the loss by weight."""
    figure, ax = plt.subplots(figsize=(4.4, 3.4))
    plot_loss_by_weight({f"onto {CELLS[cell]}": own for cell, own in weights.items()}, ax)
    ax.set_xlabel("weight (normalized by the study)")
    return figure


def table(found: dict[str, Any]) -> str:
    """Return the laws as a table."""
    lines = [
        "cell  law                     log L      AIC   bits held out    misfit p  newly seen, seen again at 4, 8, 12 d"
    ]
    for own in found["fits"]:
        base = next(o for o in found["fits"] if o["cell"] == own["cell"] and o["law"] == "constant")
        again = [p for p in found["predictions"] if (p["cell"], p["law"]) == (own["cell"], own["law"])]
        lines.append(
            f"{own['cell']:5} {own['law']:22} {own['log_likelihood'] - base['log_likelihood']:+6.1f} "
            f"{own['aic'] - base['aic']:+8.1f}   {own['bits_held_out']:.3f} +- {own['bits_se']:.3f} "
            f"{own['misfit_p']:9.3f}  {', '.join(format(p['predicted'], '.3f') for p in again)}"
        )
    for cell in CELLS:
        again = [p for p in found["predictions"] if p["cell"] == cell and p["law"] == "constant"]
        measured = ", ".join(f"{p['measured']:.3f} +- {p['error']:.3f}" for p in again)
        lines.append(f"{cell:5} measured: {measured}")
    for name in ("recovery", "coverage"):
        lines += [f"{name}, {cell}: {own}" for cell, own in found.get(name, {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
