"""Labelled sequences for recurrent spiking networks, and encoders that turn analogue signals into nonnegative channels.

Every task of a spiking network is one `Sequences`. Labels belong to sequences or to single steps; a step that is not
taught, for example because nobody labelled it or because the sequence has ended, has the label `NOT_TAUGHT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

__all__ = ["NOT_TAUGHT", "Labelled", "Sequences", "exponential_filters", "population_code", "split_signs", "split_tail"]

#: Label of a step at which the readout is not taught.
NOT_TAUGHT = -1

#: Inputs of shape (n, steps, channels), or (n, 1, channels) if they do not change, as float32 or as uint8 for spikes;
#: and int32 labels of shape (n,), or (n, steps) if every step has its own.
Labelled = tuple[NDArray[Any], NDArray[np.int32]]


class Sequences(NamedTuple):
    """The sequences of a task.

    Attributes
    ----------
    train : tuple of ndarray
        Inputs and labels for training.
    validation : tuple of ndarray or None
        Inputs and labels for choosing parameters, taken from the training data; None if they are part of ``train``.
    test : tuple of ndarray
        Inputs and labels that serve for nothing but the final figures.
    steps : int
        Steps for which each sequence is presented.
    num_classes : int
        Labels are 0 to ``num_classes - 1``, or `NOT_TAUGHT`.
    """

    train: Labelled
    validation: Labelled | None
    test: Labelled
    steps: int
    num_classes: int


def split_tail(train: Labelled, count: int, *, validation: bool) -> tuple[Labelled, Labelled | None]:
    """Return the training data without its last sequences, and these for validation.

    Parameters
    ----------
    train : tuple of ndarray
        Inputs and labels.
    count : int
        How many sequences serve for validation.
    validation : bool
        If False, nothing is taken away.

    Returns
    -------
    tuple
        Training data, and validation data or None.
    """
    if not validation:
        return train, None
    inputs, labels = train
    n = len(labels) - count
    return (inputs[:n], labels[:n]), (inputs[n:], labels[n:])


def split_signs(x: NDArray[Any]) -> NDArray[Any]:
    """Return positive and negative parts as channels of their own.

    Parameters
    ----------
    x : ndarray, shape (..., channels)
        Signed values.

    Returns
    -------
    ndarray, shape (..., 2*channels)
        First all positive parts, then the absolute values of all negative parts; of the same type.
    """
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)


def population_code(x: NDArray[Any], number: int) -> NDArray[np.float32]:
    """Return each channel as the activities of neurons that prefer different values.

    Parameters
    ----------
    x : ndarray, shape (..., channels)
        Values, usually 0 to 1.
    number : int
        Neurons per channel, at least 2. They prefer evenly spaced values from 0 to 1.

    Returns
    -------
    ndarray of float32, shape (..., channels*number)
        By channel, then by preferred value. Tuning curves are Gaussians of height 1, with half the
        distance between preferred values as standard deviation.

    Raises
    ------
    ValueError
        If ``number`` is less than 2.
    """
    if number < 2:
        raise ValueError(f"number must be at least 2, got {number}.")
    preferred = np.linspace(0, 1, number)
    width = preferred[1] / 2
    activity = np.exp(-(((x[..., np.newaxis] - preferred) / width) ** 2) / 2).astype(np.float32)
    return activity.reshape(*x.shape[:-1], -1)


def exponential_filters(x: ArrayLike, taus: Sequence[float]) -> NDArray[np.float32]:
    """Return low-pass filtered signals: what a linear readout with leaky memory knows at each step.

    Parameters
    ----------
    x : ndarray, shape (n, steps, channels)
        Signals.
    taus : sequence of float
        Time constants in steps, above 0.

    Returns
    -------
    ndarray of float32, shape (n, steps, len(taus)*channels)
        By time constant, then by channel. Each filter starts at 0, and a constant signal is its fixed point.
    """
    signals = np.asarray(x, np.float32)
    out = np.empty((len(taus), *signals.shape), np.float32)
    for filtered, tau in zip(out, taus, strict=True):
        decay = np.exp(np.float32(-1 / tau))
        filtered[:] = lfilter([1 - decay], [1, -decay], signals, axis=1)
    return np.concatenate(list(out), axis=-1)
