"""Waves of the electrocardiogram, labelled frame by frame: the QT database as spikes.

The QT database (Laguna et al. 1997) contains two-channel recordings in which experts marked P wave, PQ interval, QRS
complex, ST segment, T wave and baseline. Yin, Corradi and Bohte (2021, Nature Machine Intelligence 3:905) coded both
channels by level crossings: four signed channels of 1301 steps, each of them -1, 0 or 1. The files are those of their
repository https://github.com/byin-cwi/Efficient-spiking-networks. Some 8 % of the frames carry no label.
"""

from __future__ import annotations

import io
import os

import numpy as np
from scipy.io import loadmat

from models.data import content_of, data_folder
from models.sequences import NOT_TAUGHT, Labelled, Sequences, split_signs, split_tail

__all__ = ["load_ecg"]

TRAIN, TEST = "qtdb_ecg/QTDB_train.mat", "qtdb_ecg/QTDB_test.mat"
SHA256 = {
    TRAIN: "72d1a10c96f1540880447e07256835d66da419c0b34f3dff495731a7928c5bc7",
    TEST: "916f11e21679a5b61988305bbb7cd1e6df8b34f1ed4a157a7a4e295d400ef232",
}
NUM_CLASSES = 6
#: Of the eight channels after the split by sign, the last three are silent in all recordings.
CHANNELS = 5
NUM_VALIDATION = 118


def load_ecg(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return the recordings as spikes, with one label per frame.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.data_folder`; both files are in its subfolder ``qtdb_ecg``.
    validation : bool
        Whether the last 118 of the 618 training recordings serve for validation.

    Returns
    -------
    Sequences
        Inputs of shape (n, 1301, 5), uint8 spikes: the positive parts of the four signed channels, and the negative
        part of the first one; the other three are always 0. Labels 0 to 5 of shape (n, 1301).

    Raises
    ------
    DataError
        If a file is missing or differs from the published one.
    """
    train, test = _part(data_dir, TRAIN), _part(data_dir, TEST)
    steps = train[0].shape[1]
    return Sequences(*split_tail(train, NUM_VALIDATION, validation=validation), test, steps, NUM_CLASSES)


def _part(data_dir: str | os.PathLike[str] | None, name: str) -> Labelled:
    arrays = loadmat(io.BytesIO(content_of(data_folder(data_dir) / name, SHA256[name])))
    spikes = split_signs(arrays["x"])[..., :CHANNELS].astype(np.uint8)
    is_class = arrays["y"]
    labels = np.where(is_class.any(axis=-1), is_class.argmax(axis=-1), NOT_TAUGHT)
    return spikes, labels.astype(np.int32)
