"""Braille letters read by a robotic finger (Müller-Cleve et al. 2022, Frontiers in Neuroscience 16:951164).

A fingertip with twelve capacitive taxels slides over 27 characters, the space and A to Z, 50 times each. Readings v, 0
to 255, are used as 1 - v/255, so that pressure increases them. Only four taxels vary in this data set; the others are
left out. The file is made from that of https://doi.org/10.5281/zenodo.6556273 (CC BY 4.0).

The task shows that a network learns, not that recurrence pays. Logistic regression of all inputs identifies 99 % of the
letters (`scripts.linear_baselines`). Even readings without contact differ between letters: the first one alone
identifies 33 % of them, where guessing gives 4 %.
"""

from __future__ import annotations

import io
import os

import numpy as np
from numpy.typing import NDArray

from models.data import content_of, data_folder
from models.sequences import Labelled, Sequences, population_code, split_tail

__all__ = ["load_braille"]

ARCHIVE = "braille_spikes/braille_tactile.npz"
SHA256 = "211322d4a2a390a05e9899013a92eff0bd7d62c5ef3f25b017986c583adceffe"

TAXELS = (1, 2, 6, 10)
#: Steps of the longest sequence; the others lack the last one.
STEPS = 77
NUM_CLASSES = 27
#: Neurons per taxel in the population code.
POPULATION = 5
#: Repetitions of each letter for training; those after them are for the test, and the last ones of them for validation.
TRAIN, VALIDATION = 40, 8


def load_braille(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return the letters in a population code.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.data_folder`; the archive is in its subfolder ``braille_spikes``.
    validation : bool
        Whether the repetitions 32 to 39 of each letter serve for validation (216 sequences). Repetitions 40 to 49 are
        the test set (270 sequences).

    Returns
    -------
    Sequences
        Inputs of shape (n, 77, 20), float32 from 0 to 1: by taxel, then by preferred value, over the range of the
        taxel in the repetitions 0 to 39. Labels of shape (n,): 0 for the space, 1 to 26 for A to Z.

    Raises
    ------
    DataError
        If the archive is missing or differs from the expected one.
    """
    readings, labels, repetition = _read(data_dir)
    own = readings[repetition < TRAIN]
    low, high = own.min(axis=(0, 1)), own.max(axis=(0, 1))
    inputs = population_code((readings - low) / (high - low), POPULATION)
    order = np.lexsort((labels, repetition))
    is_test = repetition[order] >= TRAIN

    def part(chosen: NDArray[np.int64]) -> Labelled:
        return inputs[chosen], labels[chosen]

    train = part(order[~is_test])
    split = split_tail(train, VALIDATION * NUM_CLASSES, validation=validation)
    return Sequences(*split, part(order[is_test]), STEPS, NUM_CLASSES)


def _read(data_dir: str | os.PathLike[str] | None) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]:
    """Return readings (n, STEPS, taxels), labels and numbers of the repetitions."""
    content = content_of(data_folder(data_dir) / ARCHIVE, SHA256)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        length = arrays["length"].astype(np.int64)
        starts = np.cumsum(length) - length
        # The last reading is repeated.
        frames = starts[:, np.newaxis] + np.minimum(np.arange(STEPS), length[:, np.newaxis] - 1)
        readings = 1 - arrays["X"][:, TAXELS][frames] / 255
        return readings, arrays["y"].astype(np.int32), arrays["repetition"].astype(np.int64)
