"""Compare soft DEEP R, whose number of connections varies, with DEEP R at as many connections.

    python -m scripts.compare_soft --seeds 5 --json results/soft.json    # about five minutes; also draws a figure
    python -m scripts.compare_soft --quick
    python -m scripts.compare_soft --validation                          # tests on the last training images

For each seed, soft DEEP R learns MNIST; then DEEP R learns it twice, with the number of connections that soft DEEP R
ended with, and with its mean over epochs, divided among the layers as by default.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from models.data import DataError
from scripts.common import Parser, count, folder_to_read
from scripts.interruption import interruptible
from scripts.rate_methods import TASKS, train
from scripts.results import write_measurement
from synaptic_sampling.plotting.style import COLOURS, in_house_style, legend

__all__ = ["draw", "main"]

NAMES = {"soft": "soft DEEP R", "end": "DEEP R, as many as at the end", "mean": "DEEP R, as many as on average"}


def compare(seed: int, **options: Any) -> list[dict[str, Any]]:
    """Return one row for each contender."""
    soft = _trained("soft", "soft", seed, **options)
    sites = sum(TASKS[options["task"]].sites)
    numbers = {"end": soft["connections"][-1], "mean": float(np.mean(soft["connections"]))}
    return [
        soft,
        *(
            _trained("deepr", name, seed, connectivity=[number / sites], **options)
            for name, number in numbers.items()
        ),
    ]  # fmt: skip


def _trained(method: str, name: str, seed: int, **options: Any) -> dict[str, Any]:
    start = time.process_time()
    result = train(method=method, seed=seed, record=False, **options)
    return {
        "contender": name,
        "seed": seed,
        "accuracies": result.accuracies,
        "connections": result.details["connections_by_test"],
        "connections_per_layer": result.connections_per_layer,
        "sites": result.sites,
        "seconds": time.process_time() - start,
    }


@in_house_style
def draw(rows: Sequence[dict[str, Any]]) -> Figure:
    """Plot accuracy and number of connections after each epoch: mean and range over seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for (name, label), colour in zip(NAMES.items(), COLOURS, strict=False):
        own = [row for row in rows if row["contender"] == name]
        for axes, values in (
            (left, 100 * np.array([row["accuracies"] for row in own])),
            (right, 100 * np.array([row["connections"] for row in own]) / own[0]["sites"]),
        ):
            epochs = np.arange(1, values.shape[1] + 1)
            axes.plot(epochs, values.mean(axis=0), "o-", color=colour, markersize=3, label=label)
            axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    left.set(xlabel="epoch", ylabel="test accuracy (%)")
    right.set(xlabel="epoch", ylabel="connectivity (%)", ylim=(0, None))
    legend(left, loc="lower right")
    return figure


@interruptible()
def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Train, print a table, and write JSON and a figure."""
    parser = Parser("Compare soft DEEP R with DEEP R at as many connections.")
    parser.add_argument("--seeds", type=count(), default=5, metavar="N", help="number of seeds: 1, 2, ...")
    parser.add_argument("--epochs", type=count(), default=10, metavar="N", help="passes over the training set")
    parser.add_argument("--validation", action="store_true", help="test on the last training images")
    text = "folder of the data sets (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_quick("one seed and the digits of scikit-learn")
    parser.add_json("file for the results; a figure is written next to it")
    given = parser.parse_measurement(argv)
    own = {"task": "digits" if given.quick else "mnist", "validation": given.validation, "data_dir": given.data_dir}
    rows: list[dict[str, Any]] = []
    try:
        for seed in tqdm(range(1, 1 + (1 if given.quick else given.seeds)), unit="seed"):
            rows += compare(seed, epochs=given.epochs, **own)
    except DataError as error:
        parser.refuse("--data-dir", str(error))
    for name, label in NAMES.items():
        chosen = [row for row in rows if row["contender"] == name]
        final = 100 * np.array([row["accuracies"][-1] for row in chosen])
        numbers = np.array([row["connections"] for row in chosen])
        spread = f" +- {final.std(ddof=1):.2f}" if len(final) > 1 else ""
        print(
            f"{label:30} {final.mean():.2f}{spread} %; connections at the end {numbers[:, -1].mean():.0f}, on average "
            f"{numbers.mean():.0f}; {np.mean([row['seconds'] for row in chosen]):.1f} s"
        )
    if given.json:
        write_measurement(given.json, {"rows": rows}, draw(rows))
    return rows


if __name__ == "__main__":
    main()
