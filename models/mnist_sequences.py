"""MNIST for recurrent spiking networks: whole images as constant currents, or images that are scanned row by row."""

from __future__ import annotations

import os

import numpy as np

from models.data import Part, load_mnist
from models.sequences import Labelled, Sequences, split_tail

__all__ = ["load_images", "load_rows"]

SIDE = 28
#: Steps for which a whole image is presented.
STEPS = 16
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
        Inputs of shape (n, 28, 28), float32 from 0 to 1; labels of shape (n,).

    Raises
    ------
    DataError
        If a file is missing or differs from the published one.
    """
    return _sequences(data_dir, (SIDE, SIDE), SIDE, validation=validation)


def _sequences(
    data_dir: str | os.PathLike[str] | None, shape: tuple[int, int], steps: int, *, validation: bool
) -> Sequences:
    def part(images: Part) -> Labelled:
        pixels, labels = images
        return pixels.reshape(-1, *shape), labels.astype(np.int32)

    train, test = map(part, load_mnist(data_dir))
    return Sequences(*split_tail(train, NUM_VALIDATION, validation=validation), test, steps, NUM_CLASSES)
