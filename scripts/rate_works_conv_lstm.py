"""Benchmark cases of scripts.benchmark_rate: a convolutional network and an LSTM, sparse with DEEP R and dense.

The networks are those of models/cifar_cnn.py and models/speech_lstm.py. A step is the forward pass, the loss, the
backward pass and the update, in the sparse network with noise and rewiring. The dense contenders are the dense layers
of this package, which use NumPy and Adam, and PyTorch with plain gradient descent, if it is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.cifar_cnn import CIFAR10
from models.speech_lstm import SPEECH
from models.task import Task
from synaptic_sampling import RateNetwork, Trainer
from synaptic_sampling.rate import Linear
from synaptic_sampling.rate.layers.convolution import Conv2d
from synaptic_sampling.rate.layers.pooling import MaxPool2d
from synaptic_sampling.rate.training.progress import Shown

__all__ = ["contenders", "works"]

CONNECTIVITIES = (0.01, 0.05, 0.2)
BATCH_SIZE = 32
#: Frames per spoken digit: about the mean length of the longest recording in a batch.
FRAMES = 40

Step = Callable[[], Any]


def works() -> Iterator[tuple[str, Callable[[], dict[str, Step]]]]:
    """Yield the benchmark cases."""
    for name, task, options in (("CIFAR-10 conv net", CIFAR10, {}), ("speech LSTM", SPEECH, {"steps": FRAMES})):
        for connectivity in CONNECTIVITIES:
            work = f"{name} batch {BATCH_SIZE} at {100 * connectivity:g} %"
            yield work, partial(contenders, name, task, options, connectivity)


def contenders(name: str, task: Task, options: dict[str, Any], connectivity: float) -> dict[str, Step]:
    """Return the contenders of a case; each is a function that performs one training step."""
    scale = connectivity / min(task.connectivity)
    counts = task.counts([min(1.0, own * scale) for own in task.connectivity])
    found = {
        "ours": _stepper(task.make(task.rules["deepr"], counts, **options)),
        "NumPy dense": _stepper(task.make(task.rules["dense"], None, **options)),
    }
    if find_spec("torch"):
        found["PyTorch dense"] = _torch_stepper(name, task.make(task.rules["dense"], None, **options))
    return found


def _batch(net: RateNetwork) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return random samples above 0, so that no frame is masked, and labels."""
    rng = np.random.default_rng(1)
    samples = np.abs(rng.standard_normal((BATCH_SIZE, net.num_in))).astype(np.float32)
    return samples, rng.integers(0, net.num_out, BATCH_SIZE)


def _stepper(net: RateNetwork) -> Step:
    """Return a function that trains on one batch and records every formation and elimination."""
    samples, labels = _batch(net)
    trainer, order = Trainer(net), np.arange(BATCH_SIZE)
    shown = Shown(samples, labels, BATCH_SIZE, None)
    return lambda: trainer.learn(shown, order)


def _torch_stepper(work: str, net: RateNetwork) -> Step:
    """Return a function that trains on one batch with PyTorch, with the units of the dense network ``net``."""
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
        forward = nn.Sequential(*(_torch_layer(nn, layer) for layer in net.layers))
        samples, parameters = samples.reshape(BATCH_SIZE, *first.before.shape), list(forward.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward(samples), labels).backward()
        optimizer.step()

    return step


def _torch_layer(nn: Any, layer: Any) -> Any:
    """Return the PyTorch layer that corresponds to a layer of the convolutional network."""
    if isinstance(layer, Conv2d):
        return nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, Linear):
        return nn.Sequential(nn.Flatten(), nn.Linear(layer.num_in, layer.num_out))
    return nn.MaxPool2d(layer.kernel) if isinstance(layer, MaxPool2d) else nn.ReLU()
