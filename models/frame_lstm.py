"""LSTMs that classify every frame: waves of the electrocardiogram, and streams of spoken digits.

    5 channels per 4 ms - LSTM with 64 units - 6 waves          39 features per 20 ms - LSTM with 128 units - 10 digits

As in `models.speech_lstm`, all matrices of the LSTM form one set of connections; the readout, which is applied to every
frame, has six times its connectivity. Both are trained with `FrameCrossEntropy`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.ecg import CHANNELS, NUM_CLASSES, load_ecg
from models.ecg import NUM_VALIDATION as ECG_VALIDATION
from models.sequences import NOT_TAUGHT
from models.spoken_digits import FEATURES, STEPS, load_spoken_digits
from models.task import Data, Task
from synaptic_sampling import Adam, DeepR, FixedWiring, RateNetwork, Rule
from synaptic_sampling.randomness import Stream, permutation
from synaptic_sampling.rate import LSTM, EachFrame, Linear, SparseLinear, SparseLSTM
from synaptic_sampling.rate.layers.frames import pack
from synaptic_sampling.rate.layers.layer import Layer

__all__ = ["ECG", "STREAMS", "make_frame_lstm"]

ECG_STEPS, ECG_UNITS = 1301, 64
#: Frames through which errors are propagated back: a second, more than a heartbeat. Through all 1301 the gradient
#: overflows in one of twelve new networks with 1 %, where it grows in loops of connections.
ECG_WINDOW = 250
#: Digits per stream, and recordings at the end of the training set that serve for validation.
DIGITS_IN_STREAM, TAIL = 3, 300
STREAM_UNITS, DIGITS = 128, 10


def make_frame_lstm(
    sizes: tuple[int, int, int],
    steps: int,
    rule: DeepR | FixedWiring,
    counts: Sequence[int] | None,
    *,
    masked: bool = False,
    window: int | None = None,
    budget: str = "layer",
    seed: int = 1,
) -> RateNetwork:
    """Return an untrained network.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, units and classes.
    steps : int
        Frames per sample.
    rule : DeepR or FixedWiring
        Learning rule.
    counts : sequence of int or None
        Connections of the LSTM and of the readout; None makes dense layers.
    masked : bool
        Whether each frame ends with a mark that says whether it belongs to the sequence.
    window : int, optional
        Of truncated backpropagation, in frames; none by default.
    budget : {'layer', 'network'}
        What has a constant number of connections: each layer, or the network as a whole.
    seed : int
        Key of all random numbers.

    Returns
    -------
    RateNetwork
        Networks with equal counts and seeds start with the same connections and weights.
    """
    inputs, units, classes = sizes
    layers: list[Layer]
    if counts is None:
        lstm = LSTM(inputs, units, steps=steps, masked=masked, output="all", window=window)
        layers = [lstm, EachFrame(Linear(units, classes))]
    else:
        layers = [
            SparseLSTM(inputs, units, connections=counts[0], steps=steps, masked=masked, output="all", window=window),
            EachFrame(SparseLinear(units, classes, connections=counts[1])),
        ]
    return RateNetwork(layers, rule, budget=budget, seed=seed)


def load_frames_of_ecg(data_dir: str | os.PathLike[str] | None = None) -> Data:
    """Return the recordings of `models.ecg`, shapes (n, 1301*5), and the label of each frame, -1 where there is none.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.data_folder`.

    Returns
    -------
    train, test : tuple of ndarray
        618 and 141 recordings; the last 118 of the training set serve for validation.
    """
    data = load_ecg(data_dir, validation=False)
    (x, y), (other, answers) = data.train, data.test
    return (_flat(x), y.astype(np.int64)), (_flat(other), answers.astype(np.int64))


def _flat(spikes: NDArray[np.uint8]) -> NDArray[np.float32]:
    return spikes.reshape(len(spikes), -1).astype(np.float32)


def load_streams(data_dir: str | os.PathLike[str] | None = None) -> Data:
    """Return spoken digits, three after another, with the digit of each frame as its label.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.data_folder`.

    Returns
    -------
    train, test : tuple of ndarray
        900 and 100 samples of a masked LSTM with 342 frames, and labels of shape (n, 342), -1 after the end. The last
        100 training samples are made of the recordings 45 to 49, which serve for validation.
    """
    (samples, digits), test = load_spoken_digits(data_dir)
    (x, y), (last, answers) = (_streams(samples[part], digits[part]) for part in (slice(-TAIL), slice(-TAIL, None)))
    return (np.concatenate([x, last]), np.concatenate([y, answers])), _streams(*test)


def _streams(samples: NDArray[np.floating], digits: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return recordings in a random order, which is always the same, joined by three."""
    order = permutation(0, Stream.SPLIT, 0, len(digits)).reshape(-1, DIGITS_IN_STREAM)
    frames = samples.reshape(len(samples), STEPS, FEATURES + 1)
    sounds = [each[each[:, -1] > 0, :-1] for each in frames]
    labels = np.full((len(order), DIGITS_IN_STREAM * STEPS), NOT_TAUGHT, np.int64)
    joined = []
    for row, members in zip(labels, order, strict=True):
        named = np.concatenate([np.full(len(sounds[n]), digits[n]) for n in members])
        row[: len(named)] = named
        joined.append(np.concatenate([sounds[n] for n in members]))
    return pack(joined, DIGITS_IN_STREAM * STEPS), labels


def _rules(deepr: DeepR, fixed: float, dense: float) -> dict[str, Rule]:
    return {
        "deepr": deepr,
        "fixed": FixedWiring(fixed, optimizer=Adam()),
        "dense": FixedWiring(dense, optimizer=Adam()),
    }


ECG = Task(
    load=load_frames_of_ecg,
    make=partial(make_frame_lstm, (CHANNELS, ECG_UNITS, NUM_CLASSES), ECG_STEPS, window=ECG_WINDOW),
    sites=(4 * ECG_UNITS * (CHANNELS + ECG_UNITS), ECG_UNITS * NUM_CLASSES),
    num_validation=ECG_VALIDATION,
    batch_size=32,
    epochs=20,
    connectivity=(0.05, 0.3),
    rules=_rules(DeepR(0.02, l1=0.03, temperature=1e-5, optimizer=Adam()), 0.015, 0.003),
    final_rate=0.12,
    quick=64,
)
STREAMS = Task(
    load=load_streams,
    make=partial(make_frame_lstm, (FEATURES, STREAM_UNITS, DIGITS), DIGITS_IN_STREAM * STEPS, masked=True),
    sites=(4 * STREAM_UNITS * (FEATURES + STREAM_UNITS), STREAM_UNITS * DIGITS),
    num_validation=TAIL // DIGITS_IN_STREAM,
    batch_size=32,
    epochs=20,
    connectivity=(0.05, 0.3),
    rules=_rules(DeepR(0.02, l1=0.03, temperature=1e-5, optimizer=Adam()), 0.015, 0.003),
    final_rate=0.12,
    quick=64,
)
