"""MNIST for recurrent spiking networks: whole images as constant currents, or images that are scanned row by row."""

from __future__ import annotations

import os

import numpy as np

from models.data import Part, load_mnist
from models.sequences import NOT_TAUGHT, Labelled, Sequences, split_tail

__all__ = ["load_images", "load_rows"]

SIDE = 28
#: Steps for which a whole image is presented.
STEPS = 16
#: Last rows of an image, at which the network is taught: no one can know a digit from its upper margin.
TAUGHT = 8
NUM_VALIDATION = 10000
NUM_CLASSES = 10


def load_images(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return whole images, each of them a constant input for 16 steps.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.load_mnist`.
    validation : bool
        Whether the last 10 000 training images serve for validation.

    Returns
    -------
    Sequences
        Inputs of shape (n, 1, 784), float32 from 0 to 1; labels of shape (n,).

    Raises
    ------
    DataError
        If a file is missing or differs from the published one.
    """
    return _sequences(data_dir, (1, SIDE * SIDE), STEPS, validation=validation)


def load_rows(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return images as sequences of 28 rows from top to bottom, which only a network with memory can recognise.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.load_mnist`.
    validation : bool
        Whether the last 10 000 training images serve for validation.

    Returns
    -------
    Sequences
        Inputs of shape (n, 28, 28), float32 from 0 to 1; labels of shape (n, 28), `NOT_TAUGHT` but for the last 8 rows.

    Raises
    ------
    DataError
        If a file is missing or differs from the published one.
    """
    return _sequences(data_dir, (SIDE, SIDE), SIDE, validation=validation, taught=TAUGHT)


def _sequences(
    data_dir: str | os.PathLike[str] | None, shape: tuple[int, int], steps: int, *, validation: bool, taught: int = 0
) -> Sequences:
    def part(images: Part) -> Labelled:
        pixels, labels = images[0].reshape(-1, *shape), images[1].astype(np.int32)
        if not taught:
            return pixels, labels
        by_step = np.full((len(labels), steps), NOT_TAUGHT, np.int32)
        by_step[:, -taught:] = labels[:, np.newaxis]
        return pixels, by_step

    train, test = map(part, load_mnist(data_dir))
    return Sequences(*split_tail(train, NUM_VALIDATION, validation=validation), test, steps, NUM_CLASSES)
