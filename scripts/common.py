"""What the training scripts have in common: arguments, where results go, and the summary."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["METHODS", "arguments", "write_summary"]

METHODS = ("deepr", "fixed", "dense")


def arguments(description: str, *, connectivity: float, epochs: int, out: str) -> argparse.ArgumentParser:
    """Return a parser for the arguments that all training scripts understand.

    Parameters
    ----------
    description : str
        What the script does.
    connectivity, epochs : number
        Defaults.
    out : str
        Default folder for results.

    Returns
    -------
    ArgumentParser
        To which a script may add its own.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--task", choices=["digits"], default="digits", help="what is to be learned")
    parser.add_argument("--method", choices=METHODS, default="deepr", help="DEEP R, fixed sparse wiring, or dense")
    parser.add_argument("--connectivity", type=_share, default=connectivity, metavar="P", help="share of the sites")
    parser.add_argument("--seed", type=_seed, default=1, metavar="S", help="the first seed")
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="number of seeds, S, S+1, ...")
    parser.add_argument("--epochs", type=_positive, default=epochs, metavar="N", help="passes over the training images")
    parser.add_argument("--quick", action="store_true", help="only see that all works, in seconds")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="DIR", help="folder for results")
    return parser


def write_summary(folder: Path, given: argparse.Namespace, results: list[Any], **more: Any) -> dict[str, Any]:
    """Write summary.json: every argument, means and sums over the results of all seeds.

    Parameters
    ----------
    folder : Path
        Where to.
    given : Namespace
        The arguments.
    results : list
        One per seed, with seed, accuracies (test, over time), samples, sites, connections, connections_min,
        connections_max, births, deaths and seconds.
    **more
        Further entries, such as the parameters of the rule.

    Returns
    -------
    dict
        What was written.
    """
    final = [result.accuracies[-1] for result in results]
    summary = {
        **{name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()},
        **more,
        "seeds": [result.seed for result in results],
        "accuracy_mean": float(np.mean(final)),
        "accuracy_std": float(np.std(final, ddof=1)) if len(final) > 1 else None,
        "accuracies": final,
        "accuracy_by_test": [list(result.accuracies) for result in results],
        "samples_by_test": list(results[0].samples),
        "sites": results[0].sites,
        "connections": results[0].connections,
        "connections_min": min(result.connections_min for result in results),
        "connections_max": max(result.connections_max for result in results),
        "births": sum(result.births for result in results),
        "deaths": sum(result.deaths for result in results),
        "seconds": sum(result.seconds for result in results),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"connectivity must be above 0 and at most 1, got {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**62:
        raise argparse.ArgumentTypeError(f"a seed must be between 0 and {2**62 - 1}, got {text}")
    return value
