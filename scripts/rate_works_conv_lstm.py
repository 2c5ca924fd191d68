"""Time one step of learning of a convolutional net and of an LSTM: sparse with DEEP R, and dense.

    python -m scripts.rate_works_conv_lstm --json results/conv_lstm.json

The nets are those of models/cifar_cnn.py and models/speech_lstm.py; a step is forward, loss, backward, and the update,
for the sparse net with noise and rewiring. Dense contenders learn by plain gradient descent: the dense layers of this
package, which are NumPy, and PyTorch if it is installed. Contenders take turns. Times are those of the processor, which
other work on the machine changes little; set OMP_NUM_THREADS, OPENBLAS_NUM_THREADS and NUMBA_NUM_THREADS to 1 before.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.cifar_cnn import CIFAR10
from models.speech_lstm import SPEECH
from synaptic_sampling import CrossEntropy, Linear, RateNetwork
from synaptic_sampling.rate.dense_convolution import Conv2d
from synaptic_sampling.rate.pooling import MaxPool2d

__all__ = ["contenders", "main", "measure"]

CONNECTIVITIES = (0.01, 0.05, 0.2)
BATCH_SIZE = 32
#: Frames in a spoken digit of the benchmark: about the mean of the longest of each batch.
FRAMES = 40

Step = Callable[[], Any]


def contenders() -> dict[str, dict[str, Step]]:
    """Return for each work the contenders, each a function that does one step of learning.

    Returns
    -------
    dict of str to dict
        By name of the work and of the contender.
    """
    works = {}
    for name, task, options in (("CIFAR-10 conv net", CIFAR10, {}), ("speech LSTM", SPEECH, {"steps": FRAMES})):
        peers = {"NumPy dense": _stepper(task.make(task.rules["dense"], None, **options))}
        if find_spec("torch"):
            peers["PyTorch dense"] = _torch_stepper(name, task.make(task.rules["dense"], None, **options))
        for connectivity in CONNECTIVITIES:
            # Small layers at the ends are denser, as they are by default.
            scale = connectivity / min(task.connectivity)
            counts = task.counts([min(1.0, share * scale) for share in task.connectivity])
            work = f"{name} batch {BATCH_SIZE} at {100 * connectivity:g} %"
            works[work] = {"ours": _stepper(task.make(task.rules["deepr"], counts, **options)), **peers}
    return works


def measure(repeats: int = 9) -> list[dict[str, Any]]:
    """Return the median time of a step for each contender of each work.

    Parameters
    ----------
    repeats : int
        Steps that are timed, after two that are not.

    Returns
    -------
    list of dict
        With work, contender, median_us and, for the spread, lowest_us and highest_us.
    """
    rows = []
    for work, steps in contenders().items():
        times: dict[str, list[float]] = {name: [] for name in steps}
        for repeat in range(repeats + 2):
            for name, step in steps.items():
                start = time.process_time()
                step()
                if repeat >= 2:
                    times[name].append(1e6 * (time.process_time() - start))
        for name, values in times.items():
            row = {"median_us": float(np.median(values)), "lowest_us": min(values), "highest_us": max(values)}
            rows.append({"work": work, "contender": name, **{key: round(value, 1) for key, value in row.items()}})
    return rows


def _batch(net: RateNetwork) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return random samples above 0, so that all frames of a sequence are there, and labels."""
    rng = np.random.default_rng(1)
    samples = np.abs(rng.standard_normal((BATCH_SIZE, net.num_in))).astype(np.float32)
    return samples, rng.integers(0, net.num_out, BATCH_SIZE)


def _stepper(net: RateNetwork) -> Step:
    """Return a function that learns a batch."""
    samples, labels = _batch(net)

    def step() -> None:
        net.gradients(samples, labels, CrossEntropy())
        net.step()

    return step


def _torch_stepper(work: str, net: RateNetwork) -> Step:
    """Return a function that learns a batch by PyTorch, with as many units as ``net``, which is dense."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    samples, labels = (torch.tensor(values) for values in _batch(net))
    nn, layers = torch.nn, [layer for layer in net.layers if layer.parameters]
    first: Any
    last: Any
    forward: Any
    first, *_, last = layers
    if "LSTM" in work:
        lstm, readout = nn.LSTM(first.inputs, first.units), nn.Linear(last.num_in, last.num_out)
        samples = samples.reshape(BATCH_SIZE, FRAMES, -1)[:, :, : first.inputs].transpose(0, 1).contiguous()
        parameters, forward = [*lstm.parameters(), *readout.parameters()], lambda x: readout(lstm(x)[0][-1])
    else:
        forward = nn.Sequential(*(_torch_twin(nn, layer) for layer in net.layers))
        samples, parameters = samples.reshape(BATCH_SIZE, *first.before.shape), list(forward.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward(samples), labels).backward()
        optimizer.step()

    return step


def _torch_twin(nn: Any, layer: Any) -> Any:
    """Return the layer of PyTorch that does what a layer of the conv net does."""
    if isinstance(layer, Conv2d):
        return nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, Linear):
        return nn.Sequential(nn.Flatten(), nn.Linear(layer.num_in, layer.num_out))
    return nn.MaxPool2d(layer.kernel) if isinstance(layer, MaxPool2d) else nn.ReLU()


def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table, and write it.

    Parameters
    ----------
    argv : sequence of str, optional
        Instead of the command line.

    Returns
    -------
    list of dict
        See `measure`.
    """
    parser = argparse.ArgumentParser(description="Time a convolutional net and an LSTM, sparse and dense.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the rows")
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="steps that are timed")
    given = parser.parse_args(argv)
    rows = measure(given.repeats)
    for row in rows:
        print(f"{row['work']:40} {row['contender']:12} {row['median_us']:10.0f} us")
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    return rows


if __name__ == "__main__":
    main()
