"""Train a recurrent spiking network with e-prop on one of several tasks, and report its accuracy.

    python -m scripts.train_spiking --task digits --method deepr --seeds 3 --out results/spiking
    python -m scripts.train_spiking --task mnist --method fixed --connectivity 0.01
    python -m scripts.train_spiking --task ecg --connectivity 1,0.02
    python -m scripts.train_spiking --task rows --connectivity 0.05,0     # without recurrent synapses
    python -m scripts.train_spiking --task mnist --checkpoint-every 1     # and --resume, if it was stopped
    python -m scripts.train_spiking --quick

The network is compiled to a C++ program, once for all seeds; with ``--device runtime`` it runs in Brian2's runtime
mode, with bit-identical results. Writes summary.json and, for each seed, the final weights (weights-SEED.npz), the log
of formation and elimination (log-SEED.rewiring) and a figure. All of them appear in --out at the end; until then, the
files of finished seeds are in its subfolder ``unfinished``. Existing results in --out are replaced only with
--overwrite. With --checkpoint-every, each seed has a checkpoint there as well, from which the same command with
--resume, in place of any --overwrite, goes on, with bit-identical results.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.spiking_tasks import METHODS, TASKS
from scripts.checks import check_dense, check_epochs, check_flags
from scripts.common import folder_to_read, fraction
from scripts.interruption import interruptible
from scripts.training import Result, arguments, check, train_seeds, what_is_tested
from synaptic_sampling import RewiringLog
from synaptic_sampling.checkpoint import load_latest
from synaptic_sampling.spiking import SpikingResult, Training
from synaptic_sampling.statistics.null_law import step_ratio

__all__ = ["main", "train"]

DEVICES = ("cpp_standalone", "runtime")


def train(
    *,
    task: str = "digits",
    method: str = "deepr",
    connectivity: Sequence[float] | None = None,
    seed: int = 1,
    epochs: int | None = None,
    quick: bool = False,
    device: str = "cpp_standalone",
    validation: bool = False,
    data_dir: Path | None = None,
    log_path: Path | None = None,
    report: Callable[..., None] | str | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
) -> Result:
    """Train one network, with a test after each epoch.

    Parameters
    ----------
    task : str
        One of ``models.spiking_tasks.TASKS``.
    method : {'deepr', 'soft', 'set', 'rigl', 'fixed', 'dense'}
        How input and recurrent synapses are trained.
    connectivity : sequence of float, optional
        Fraction of the possible connections that exist, of both sets or of input and recurrent synapses; by default
        that of the task. With 'soft' it is that at the start, around which the number of connections fluctuates. A
        recurrent connectivity of 0 means no recurrent synapses. That of 'dense' is 1, or 0 of recurrent ones.
    seed : int
        Determines connectivity, weights, order of sequences, noise and formation.
    epochs : int, optional
        How often each training sequence is shown; by default that of the task, or 1 with ``quick``.
    quick : bool
        Present only a few sequences.
    device : {'cpp_standalone', 'runtime'}
        Whether the network is compiled to a program.
    validation : bool
        Test sequences that are kept from training, in place of the test set.
    data_dir : Path, optional
        Folder of data sets.
    log_path : Path, optional
        File to which the log is written.
    report : callable or str, optional
        Progress, as for ``brian2.run``.
    checkpoint, checkpoint_every, resume
        As for ``Training.run``.

    Returns
    -------
    Result
        Accuracies, counts, log and weights; can be pickled.
    """
    start = time.perf_counter() - _seconds_before(checkpoint, resume=resume)
    own = TASKS[task]
    check_flags(quick=quick, validation=validation)
    epochs = (1 if quick else own.epochs) if epochs is None else epochs
    check_epochs(epochs)
    given = tuple(own.connectivity if connectivity is None else connectivity)
    if len(given) not in {1, 2}:
        raise ValueError(f"connectivity must be one number or 2, got {len(given)}.")
    if connectivity is not None:
        check_dense(method, given[:1] if given[-1] == 0 else given)
    net = own.make(method, (given[0], given[-1]))
    training = Training(
        net,
        own.sequences(data_dir, validation=validation, quick=quick),
        epochs=epochs,
        batch=own.batch,
        decay=own.decay,
        seed=seed,
    )
    found = training.run(
        device=device,
        report=report,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        watch=None if checkpoint is None else partial(tell, seed, what_is_tested(validation=validation)),
    )
    if validation:
        found.log.annotate(validation=True)
    if log_path is not None:
        found.log.save(log_path)
    weights: dict[str, Any] = {}
    for name, columns in found.weights.items():
        weights |= {f"{name}_{part}": values for part, values in zip(("pre", "post", "w"), columns, strict=True)}
    plastic = [name for name in found.weights if name != "readout"]
    numbers = numbers_of_connections(found.log, sum(len(found.weights[name][0]) for name in plastic))
    return Result(
        method=method,
        seed=seed,
        accuracies=found.accuracies,
        samples=found.samples,
        sites=sum(found.sites[name] for name in plastic),
        connections=numbers[-1],
        connections_min=min(numbers),
        connections_max=max(numbers),
        births=found.log.num_births,
        deaths=found.log.num_deaths,
        seconds=time.perf_counter() - start,
        log=found.log,
        step_ratio=step_ratio(found.log),
        weights=weights,
        details={
            "rate_hz": found.rate,
            "connectivity_with_readout": found.connectivity,
            "connections_with_readout": found.connections,
            "accuracies_in_training": found.training_accuracies,
            "seconds_without_compilation": found.seconds,
        },
    )


def _seconds_before(checkpoint: Path | None, *, resume: bool) -> float:
    """Return the duration of the part of a run that its checkpoint contains, without compilation."""
    found = load_latest(checkpoint) if checkpoint is not None and resume else None
    return 0.0 if found is None else float(found.about.get("seconds", 0.0))


def numbers_of_connections(log: RewiringLog, final: int) -> list[int]:
    """Return the number of connections before the first update and after each that changed something."""
    events = log.events[np.abs(log.events["kind"]) == 1]
    _, index = np.unique(events["step"], return_inverse=True)
    changes = np.bincount(index, weights=events["kind"], minlength=1)
    return [*(final - np.cumsum(changes[::-1])[::-1]).astype(int).tolist(), final]


def tell(seed: int, tested: str, result: SpikingResult) -> None:
    """Write to standard error what has been reached at a checkpoint."""
    accuracy = f", {tested} accuracy {100 * result.accuracies[-1]:.1f} %" if result.accuracies else ""
    print(f"seed {seed}: epoch {len(result.samples)}{accuracy}", file=sys.stderr, flush=True)


def progress(title: str) -> Callable[..., None]:
    """Return a progress report for Brian2's ``run`` that writes lines to standard error."""

    def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        print(f"{title}: {100 * completed:3.0f} %, {float(elapsed):4.0f} s", file=sys.stderr, flush=True)

    return report


def pair(text: str) -> list[float]:
    """Parse one connectivity, or that of input and recurrent synapses; the latter may be 0."""
    parts = text.split(",")
    if len(parts) > 2:
        raise argparse.ArgumentTypeError(f"give one connectivity or two, got {len(parts)}")
    return [0.0 if n and part.strip() in ("0", "0.0") else fraction(part) for n, part in enumerate(parts)]


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, write, and return the summary."""
    parser = arguments(
        "Train a recurrent spiking network with e-prop.",
        connectivity="that of the task",
        epochs="those of the task, 1 with --quick",
        out="results/spiking",
        tasks=tuple(TASKS),
        methods=METHODS,
        connectivities=pair,
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default=DEVICES[0] if shutil.which("g++") or shutil.which("c++") else DEVICES[1],
        help="compile the network to a program, or run it in Python; the results are the same",
    )
    parser.add_argument(
        "--validation", action="store_true", help="test sequences that are kept from training, not the test set"
    )
    parser.add_argument(
        "--data-dir", type=folder_to_read, metavar="DIR", help="folder of data sets (default: $SYNAPTIC_SAMPLING_DATA)"
    )
    given = parser.parse_args(argv)
    check(parser, given)
    task = TASKS[given.task]
    given.connectivity = given.connectivity or ([1.0] * 2 if given.method == "dense" else list(task.connectivity))
    for name, fraction_of_sites in zip(
        ("input", "recurrent"), (given.connectivity[0], given.connectivity[-1]), strict=True
    ):
        if fraction_of_sites and round(fraction_of_sites * task.sites(name)) == 0:
            parser.refuse("--connectivity", f"leaves no {name} connection, got {fraction_of_sites}")
    given.epochs = given.epochs or (1 if given.quick else task.epochs)
    names = ("task", "device", "validation", "data_dir")
    run = partial(train, **{name: getattr(given, name) for name in names})
    return train_seeds(run, given, parser, progress, task.described(given.method))


if __name__ == "__main__":
    main()
