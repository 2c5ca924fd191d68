"""Shared by the training scripts: arguments, one training run per seed, and the files that describe it."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from models.data import DataError
from scripts.common import MOST_SEED, Parser, count, fraction, fractions, seed
from scripts.results import results
from scripts.resuming import OPTIONS, add_resume, check_resume, check_seeds, keep_options
from synaptic_sampling import RewiringLog
from synaptic_sampling.checkpoint import CheckpointError
from synaptic_sampling.log import LogError
from synaptic_sampling.plotting import plot_accuracy, plot_survival, plot_turnover, plot_weights
from synaptic_sampling.plotting.style import in_house_style

__all__ = [
    "METHODS",
    "Result",
    "add_jobs",
    "arguments",
    "check",
    "check_jobs",
    "laps",
    "peak_bytes",
    "train_seeds",
    "what_is_tested",
]

METHODS = ("deepr", "fixed", "dense")
#: Name of the checkpoint of a seed; it exists until the run has finished.
CHECKPOINT = "checkpoint-{}.npz"
#: Errors of a disk without space, or without space for this user.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: Name of the log of a seed.
LOG = "log-{}.rewiring"
#: Names of all files that a training script writes.
WRITTEN = ("summary.json", "weights-*.npz", "log-*.rewiring", "figure-*.png")


@dataclass(frozen=True)
class Result:
    """Results of one training run; can be pickled.

    Attributes
    ----------
    method : str
        One of ``METHODS``.
    seed : int
        Determines connectivity, weights, order of images, noise and formation.
    accuracies : list of float
        Fraction of test images that are classified correctly, in each test.
    samples : list of int
        Training images presented before each of these tests.
    sites, connections : int
        Possible and existing connections in all sets that can be rewired.
    connections_min, connections_max : int
        Smallest and largest number at any time.
    births, deaths : int
        Connections formed and eliminated.
    seconds : float
        Wall time, compilation, counting and testing included.
    log : RewiringLog
        Contains a snapshot at the end.
    step_ratio : float or None
        r of the rule; None if nothing is rewired.
    connections_per_layer : list of int
        At the end; empty for networks without layers.
    weights : dict of str to ndarray
        At the end: for each set ``{set}_w`` and, if it is sparse, ``{set}_pre`` and ``{set}_post``.
    details : dict
        More numbers of this kind of network, listed by seed in the summary.
    peak_bytes : int
        Peak memory of the process that trained.
    """

    method: str
    seed: int
    accuracies: list[float]
    samples: list[int]
    sites: int
    connections: int
    connections_min: int
    connections_max: int
    births: int
    deaths: int
    seconds: float
    log: RewiringLog
    step_ratio: float | None
    weights: dict[str, NDArray[Any]]
    connections_per_layer: list[int] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0


def train_seeds(
    train: Callable[..., Result],
    given: argparse.Namespace,
    parser: Parser,
    report: Callable[[str], Any],
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Train once per seed; write weights, log and figure of each run, and the summary."""
    resume = None if given.checkpoint_every is None else given.resume
    with results(parser, given.out, WRITTEN, overwrite=given.overwrite, resume=resume) as folder:
        if given.checkpoint_every is not None:
            keep_options(parser, folder, _asked(given) | {"seeds": None, "parameters": parameters})
            check_seeds(parser, folder, _seeds(given))
        try:
            trained = list(_trained(train, given, report, folder, parser))
            summary = _write_summary(folder, given, trained, parameters)
        except OSError as error:
            if error.errno not in FULL:
                raise
            kept = any(folder.glob(CHECKPOINT.format("*")))
            go_on = "what was saved is intact, and --resume goes on from it" if kept else "nothing was saved"
            parser.refuse("--out", f"cannot write to {folder}: {error.strerror}; {go_on}")
        for left in (*folder.glob(CHECKPOINT.format("*")), *folder.glob(OPTIONS)):
            left.unlink()
    print(f"wrote summary.json, weights, logs and figures to {given.out}")
    return summary


def _trained(
    train: Callable[..., Result], given: argparse.Namespace, report: Callable[[str], Any], folder: Path, parser: Parser
) -> Iterator[Result]:
    """Train once per seed, write weights and figure of each run, and yield it."""
    for number, result in _results(train, given, report, folder):
        title = f"seed {number}"
        if isinstance(result, Exception):
            _refuse(parser, result, title, folder)
        np.savez_compressed(folder / f"weights-{number}.npz", **result.weights)  # type: ignore[arg-type]
        tested = what_is_tested(validation=given.validation)
        _draw(result, folder / f"figure-{number}.png", tested)
        print(f"{title}: {tested} accuracy {100 * result.accuracies[-1]:.1f} %", file=sys.stderr)
        yield result


def _results(
    train: Callable[..., Result], given: argparse.Namespace, report: Callable[[str], Any], folder: Path
) -> Iterator[tuple[int, Result | Exception]]:
    """Yield the seeds, in their order, and what training has led to, by one process or several."""
    seeds = _seeds(given)
    options = {number: _options(given, number, folder) for number in seeds}
    if given.n_jobs == 1:
        for number in seeds:
            yield number, _attempt(train, report=report(f"seed {number}"), **options[number])
        return
    from joblib import Parallel, delayed  # noqa: PLC0415 (optional)

    # Several progress bars would overwrite each other.
    jobs = [delayed(_attempt)(train, report=None, **options[number]) for number in seeds]
    yield from zip(seeds, Parallel(n_jobs=given.n_jobs, batch_size=1, return_as="generator")(jobs), strict=True)


def _seeds(given: argparse.Namespace) -> range:
    return range(given.seed, given.seed + given.seeds)


def _options(given: argparse.Namespace, number: int, folder: Path) -> dict[str, Any]:
    """Return the arguments of the training of one seed that all scripts share."""
    options = {name: getattr(given, name) for name in ("method", "connectivity", "epochs", "quick")}
    if given.checkpoint_every is not None:
        options |= {name: getattr(given, name) for name in ("checkpoint_every", "resume")}
        options["checkpoint"] = folder / CHECKPOINT.format(number)
    return {**options, "seed": number, "log_path": folder / LOG.format(number)}


def _attempt(train: Callable[..., Result], **options: Any) -> Result | Exception:
    """Return a result, or an error that the caller tells in one line."""
    try:
        return replace(train(**options), peak_bytes=peak_bytes())
    except (DataError, CheckpointError, LogError, FloatingPointError) as error:
        return error


def _refuse(parser: Parser, error: Exception, title: str, folder: Path) -> NoReturn:
    """Exit with the error of a training run in one line."""
    if isinstance(error, DataError):
        if [path.name for path in folder.iterdir()] == [OPTIONS]:
            (folder / OPTIONS).unlink()  # A refused run leaves nothing behind.
        parser.refuse("--data-dir", str(error))
    if isinstance(error, CheckpointError | LogError):
        parser.refuse("--resume", f"{error} With --overwrite, the run starts again")
    parser.error(f"learning diverged with {title}: {error} A smaller learning rate may help.")


def add_jobs(parser: Parser, what: str) -> None:
    """Add the option of several processes."""
    text = f"number of processes, which perform {what} at the same time, with the same results"
    parser.add_argument("--n-jobs", type=count(), default=1, metavar="N", help=text)


def check_jobs(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse several processes without the package that starts them."""
    if given.n_jobs > 1 and importlib.util.find_spec("joblib") is None:
        parser.refuse("--n-jobs", "more than one process needs joblib: pip install 'synaptic-sampling[sweep]'")


def arguments(
    description: str,
    *,
    out: str,
    connectivity: str,
    epochs: str,
    tasks: Sequence[str] = ("digits",),
    methods: Sequence[str] = METHODS,
    several: bool = False,
    connectivities: Callable[[str], list[float]] | None = None,
) -> Parser:
    """Return a parser for the arguments that all training scripts share."""
    parser = Parser(description)
    parser.add_argument("--task", choices=tasks, default=tasks[0], help="data set")
    parser.add_argument("--method", choices=methods, default=methods[0], help="learning method")
    kind: Callable[[str], Any]
    kind, form, text = (fractions, "P[,P...]", ", or of those of each layer") if several else (fraction, "P", "")
    if connectivities is not None:
        kind, form, text = connectivities, "P[,P]", ", or of input and recurrent synapses"
    text = f"fraction of the possible connections that exist{text} (default: {connectivity})"
    parser.add_argument("--connectivity", type=kind, metavar=form, help=text.replace("%", "%%"))
    parser.add_argument("--seed", type=seed, default=1, metavar="S", help="the first seed")
    parser.add_argument("--seeds", type=count(), default=1, metavar="N", help="number of seeds: S, S+1, ...")
    add_jobs(parser, "seeds")
    add_resume(parser)
    parser.add_argument("--epochs", type=count(), metavar="N", help=f"passes over the training set (default: {epochs})")
    parser.add_quick("a short test run")
    parser.add_out(out)
    return parser


def check(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse contradictory arguments."""
    check_jobs(parser, given)
    check_resume(parser, given)
    if given.seed + given.seeds - 1 > MOST_SEED:
        parser.refuse("--seeds", f"the last seed must be at most {MOST_SEED}, got {given.seed + given.seeds - 1}")
    if given.method == "dense" and given.connectivity is not None:
        parser.refuse("--connectivity", "a dense network has all connections; leave it out, or choose another --method")


@in_house_style
def _draw(result: Result, path: Path, tested: str) -> None:
    """Plot accuracy, turnover, survival and weights of one training run."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7))
    plot_accuracy(result.samples, result.accuracies, axes[0, 0], label=result.method)
    axes[0, 0].set_ylabel(f"{tested} accuracy (%)")
    plot_weights(np.concatenate([w.ravel() for name, w in result.weights.items() if name.endswith("_w")]), axes[1, 1])
    if result.births:
        plot_turnover(result.log, axes[0, 1])
        try:
            plot_survival(result.log, axes[1, 0], step_ratio=result.step_ratio)
            axes[1, 0].set_ylim(1e-4, 1.5)
        except ValueError as error:  # A short run may have no survivors.
            axes[1, 0].set_title(str(error), fontsize="small", wrap=True)
    figure.savefig(path)
    plt.close(figure)


def _write_summary(
    folder: Path, given: argparse.Namespace, results: Sequence[Result], parameters: dict[str, Any]
) -> dict[str, Any]:
    """Write summary.json: every argument, means and sums over the results of all seeds."""
    final = [result.accuracies[-1] for result in results]
    summary = {
        **_asked(given),
        "parameters": parameters,
        "step_ratio": results[0].step_ratio,
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
        "connections_max_ever": max(result.connections_max for result in results),
        "connections_per_layer": results[0].connections_per_layer,
        "births": sum(result.births for result in results),
        "deaths": sum(result.deaths for result in results),
        "seconds": sum(result.seconds for result in results),
        "seconds_per_seed": [result.seconds for result in results],
        "peak_bytes": max(peak_bytes(), *(result.peak_bytes for result in results)),
        **{name: [result.details[name] for result in results] for name in results[0].details},
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _asked(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a run, without its folder, since results may be moved, and what does not change them."""
    left_out = {"out", "overwrite", "checkpoint_every", "resume", "n_jobs"}
    asked = {name: value for name, value in vars(given).items() if name not in left_out}
    return {name: str(value) if isinstance(value, Path) else value for name, value in asked.items()}


def what_is_tested(*, validation: bool) -> str:
    """Return what the accuracies of a run are called."""
    return "validation" if validation else "test"


def laps() -> Callable[[], float]:
    """Return a function that returns the seconds since it was called last, the first time since now."""
    last = time.perf_counter()

    def lap() -> float:
        nonlocal last
        before, last = last, time.perf_counter()
        return last - before

    return lap


def peak_bytes() -> int:
    """Return the peak memory of this process in bytes, 0 if the system does not report it."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss, which a process inherits from its parent.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
