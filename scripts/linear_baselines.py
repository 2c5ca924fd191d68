"""Linear baselines of the spiking tasks: logistic regression on inputs, on spike counts and on filtered inputs.

    python -m scripts.linear_baselines --tasks braille,ecg
    python -m scripts.linear_baselines --data-dir data --json results/linear_baselines.json

What a recurrent network adds is its accuracy above these. The strength C of the regularization is chosen on validation
data; the test accuracy is that of a classifier trained with this C on training and validation data. Prints one line for
each kind of features; all tasks together take five minutes on one core.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.braille import load_braille
from models.data import DataError
from models.ecg import load_ecg
from models.evidence import make_evidence
from models.mnist_sequences import load_images, load_rows
from models.sequences import NOT_TAUGHT, Labelled, Sequences, exponential_filters
from models.speech_spikes import load_speech
from scripts.common import Parser, folder_to_read, names
from scripts.interruption import interruptible
from scripts.results import write_measurement

__all__ = ["baselines", "main"]

#: Time constants in steps.
TAUS = (3.0, 10.0, 30.0, 100.0)
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
ITERATIONS = 200

#: Rows of features, and their labels.
Rows = tuple[NDArray[Any], NDArray[np.int32]]


class Baseline(NamedTuple):
    """A data set and the features from which it is classified."""

    load: Callable[[str | None], Sequences]
    features: tuple[Callable[[Labelled], Rows], ...]


def flat(part: Labelled) -> Rows:
    """Return all inputs of each sequence."""
    inputs, labels = part
    return inputs.reshape(len(inputs), -1), _of_sequence(labels)


def counts(part: Labelled) -> Rows:
    """Return the sums over time of each sequence."""
    inputs, labels = part
    return inputs.sum(axis=1, dtype=np.float32), _of_sequence(labels)


def last_filtered(part: Labelled) -> Rows:
    """Return exponentially filtered inputs at the last taught step of each sequence."""
    inputs, labels = part
    if labels.ndim == 1:
        last = np.full(len(labels), inputs.shape[1] - 1)
    else:
        last = labels.shape[1] - 1 - (labels[:, ::-1] != NOT_TAUGHT).argmax(axis=1)
    # In blocks, since filtered signals take many times the memory of spikes.
    rows = [
        exponential_filters(inputs[n : n + 100], TAUS)[np.arange(len(block)), block]
        for n in range(0, len(inputs), 100)
        for block in [last[n : n + 100]]
    ]
    return np.concatenate(rows), _of_sequence(labels)


def every_filtered(part: Labelled) -> Rows:
    """Return exponentially filtered inputs at each taught step."""
    inputs, labels = part
    taught = labels != NOT_TAUGHT
    return exponential_filters(inputs, TAUS)[taught], labels[taught]


def _of_sequence(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the label of each sequence, which is that of all its taught steps."""
    return labels if labels.ndim == 1 else labels.max(axis=1)


TASKS = {
    "mnist": Baseline(load_images, (flat,)),
    "rows": Baseline(load_rows, (last_filtered,)),
    # No filtered inputs: at the decision, 1e-5 of a cue is left in the slowest filter, which only a program could read.
    "evidence": Baseline(lambda _: make_evidence(), (counts,)),
    "ecg": Baseline(load_ecg, (every_filtered,)),
    "braille": Baseline(load_braille, (flat, last_filtered)),
    "speech": Baseline(load_speech, (counts, flat, last_filtered)),
}


def baselines(
    task: str, data_dir: str | None = None, strengths: Sequence[float] = STRENGTHS
) -> Iterator[dict[str, Any]]:
    """Yield the results of all linear classifiers of a task.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    data_dir : str, optional
        Folder of the data sets.
    strengths : sequence of float
        Values of C to choose from.

    Yields
    ------
    dict
        Features, C, accuracies.
    """
    chosen = TASKS[task]
    data = chosen.load(data_dir)
    for features in chosen.features:
        parts = [features(part) for part in (data.train, data.validation, data.test) if part is not None]
        train, validation, test = parts
        scores = {c: _fitted(train, c).score(*validation) for c in strengths}
        best = max(scores, key=lambda c: scores[c])
        both = np.concatenate([train[0], validation[0]]), np.concatenate([train[1], validation[1]])
        model = _fitted(both, best)
        yield {
            "task": task,
            "features": features.__name__,
            "num_features": train[0].shape[1],
            "c": best,
            "validation": scores[best],
            "test": model.score(*test),
            "majority": float(np.bincount(test[1]).max() / len(test[1])),
            "iterations": int(model[-1].n_iter_.max()),
            "scores": {f"{c:g}": score for c, score in scores.items()},
        }


def _fitted(rows: Rows, c: float) -> Any:
    """Return a classifier of standardised features."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=ITERATIONS))
    with warnings.catch_warnings():
        # Where the optimum is far away, stopping early regularizes as well; the number of iterations is reported.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*rows)


@interruptible()
def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Train, print and write."""
    parser = Parser("Linear baselines of the spiking tasks.")
    parser.add_argument(
        "--tasks", type=names(tuple(TASKS), "task"), default=list(TASKS), metavar="NAMES", help="separated by commas"
    )
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help="folder of the data sets")
    parser.add_json("file of results")
    given = parser.parse_measurement(argv)
    rows = []
    print(f"{'task':>9} {'features':>16} {'number':>7} {'C':>7} {'validation':>10} {'test':>7} {'majority':>8}")
    try:
        for task in given.tasks:
            for row in baselines(task, given.data_dir):
                rows.append(row)
                print(
                    f"{task:>9} {row['features']:>16} {row['num_features']:7d} {row['c']:7g} "
                    f"{100 * row['validation']:9.2f}% {100 * row['test']:6.2f}% {100 * row['majority']:7.2f}%",
                    flush=True,
                )
    except DataError as error:
        parser.refuse("--data-dir", str(error))
    results = {"rows": rows}
    if given.json is not None:
        write_measurement(given.json, results)
    return results


if __name__ == "__main__":
    main()
