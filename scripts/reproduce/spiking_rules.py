"""Rewiring rules in recurrent spiking networks that learn by e-prop: what scripts.compare_spiking has found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.spiking_tasks import TASKS
from scripts.compare_spiking import NAMES, measured
from scripts.reproduce.ranges import apart, colour_of, ranges
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from scripts.tune_spiking import pair_of
from synaptic_sampling.plotting.style import in_house_style, legend
from synaptic_sampling.spiking import Training

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

#: Where the results of the comparison are, a file per task.
RESULTS = Path(__file__).parents[2] / "docs" / "results"
FILES = "spiking_rules_*.json"
#: Task and connectivities at which DEEP R should be better than fixed connections in every seed.
BETTER = {"mnist": (0.01, 0.02)}
KNIGHT = "N-MNIST at 1 %, 512 neurons, 100 epochs, five seeds; result files of Knight et al. 2025"
QUICK_LEVEL = 0.003


@timed
def learn(*, task: str, method: str, connectivity: float, epochs: int, seed: int) -> dict[str, Any]:
    """Train and test one network."""
    chosen = TASKS[task]
    net = chosen.make(method, pair_of(chosen, connectivity, recurrent=True))
    data = chosen.sequences(None)
    training = Training(net, data, epochs=epochs, batch=chosen.batch, decay=chosen.decay, seed=seed)
    found = measured(training, training.run(device="cpp_standalone"))
    return {"accuracy": found["accuracy"], "turnover": found["turnover"]}


def measure(runs: Runs) -> pd.DataFrame:
    """Return the runs of scripts.compare_spiking; a quick run trains small networks on the digits instead."""
    import pandas as pd  # noqa: PLC0415 (optional)

    if runs.quick:
        own = {"task": "digits", "connectivity": QUICK_LEVEL, "epochs": 3}
        return runs(learn, [{**own, "method": method} for method in ("deepr", "fixed")])
    made = [row for path in sorted(RESULTS.glob(FILES)) for row in json.loads(path.read_text())["rows"]]
    rows = [row for row in made if row["seed"] in runs.seeds]
    names = ("task", "method", "connectivity", "seed", "epochs", "accuracy", "turnover", "seconds")
    return pd.DataFrame([{name: row[name] for name in names} for row in rows])


def accuracy(table: pd.DataFrame, task: str, method: str, connectivity: float) -> NDArray[np.float64]:
    """Return the accuracies in percent, one per seed."""
    chosen = (table["task"] == task) & (table["method"] == method) & (table["connectivity"] == connectivity)
    return 100 * table[chosen].sort_values("seed")["accuracy"].to_numpy(float)


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return by how much DEEP R is better than fixed connections, and the best rule of each task and level."""
    found = []
    for (task, p), rows in table[table["method"] != "dense"].groupby(["task", "connectivity"], sort=False):
        found += _gain(table, task, p)
        best = rows.groupby("method")["accuracy"].mean().idxmax()
        reached = accuracy(table, task, best, p)
        text = f"{task}, {100 * p:g} %: the best of {rows['method'].nunique()} rules, {NAMES[best]}"
        text += f" ({len(reached)} seeds)" if len(reached) < table["seed"].nunique() else ""
        found.append(Claim(text, *summary(reached), None, "%"))
    return found


def _gain(table: pd.DataFrame, task: str, connectivity: float) -> list[Claim]:
    """Return by how much DEEP R is better than fixed connections, if there are runs of both."""
    deepr, fixed = (accuracy(table, task, method, connectivity) for method in ("deepr", "fixed"))
    if not len(deepr) or not len(fixed):
        return []
    gain, text = deepr - fixed, f"{task}, {100 * connectivity:g} %: DEEP R minus fixed connections"
    if connectivity not in BETTER.get(task, ()):
        return [Claim(text, *summary(gain), None, "points")]
    known = ("1.52", KNIGHT) if connectivity == min(BETTER[task]) else (None, None)
    return [Claim(f"{text}, above 0 in every seed", *summary(gain), bool((gain > 0).all()), "points", *known)]


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot accuracy against connectivity for each task: mean and range over seeds."""
    tasks = list(dict.fromkeys(table["task"]))
    figure, axes = plt.subplots(1, len(tasks), figsize=(4.8 * len(tasks), 3.8), squeeze=False)
    for ax, task in zip(axes[0], tasks, strict=True):
        own = table[(table["task"] == task) & (table["method"] != "dense")]
        methods = sorted(set(own["method"]))
        for n, method in enumerate(methods):
            levels = sorted(set(own.loc[own["method"] == method, "connectivity"]))
            values = [accuracy(table, task, method, p) for p in levels]
            at = apart([100 * p for p in levels], n - (len(methods) - 1) / 2)
            ranges(ax, at, values, colour=colour_of(method), label=NAMES[method])
        ticks = [100 * p for p in sorted(set(own["connectivity"]))]
        ax.set(title=task.upper(), xscale="log", xlabel="recurrent connectivity (%)", ylabel="test accuracy (%)")
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        legend(ax, loc="lower right")
    return figure


STUDY = Study(
    title="rewiring rules in recurrent spiking networks",
    about=(
        "Networks of 300 (MNIST) and 200 (ECG) leaky integrate-and-fire neurons learn by e-prop. The runs are those of "
        "`scripts.compare_spiking`; [the table of all](spiking_rules.md) says how parameters were chosen, and what "
        "limits it; soft DEEP R has three seeds on the ECG. The authors of e-prop did not publish it together with "
        "DEEP R; the published value is of another task. Here, the time is wall time, without compilation."
    ),
    seeds=5,
    quick_seeds=2,
    minutes=200,
    measure=measure,
    claims=claims,
    draw=draw,
)
