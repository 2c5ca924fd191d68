"""Spoken digits as sequences of frames: the Free Spoken Digit Dataset, six speakers, 50 recordings of each digit.

A frame contains 13 mel-frequency cepstral coefficients (Davis and Mermelstein 1980) and their first and second temporal
derivatives, as is usual in speech recognition: windows of 25 ms every 10 ms, of which every second one is used. Each
feature has mean 0 and variance 1 over the frames of the training recordings.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.io import wavfile

from models.data import Part, content_of, data_folder
from synaptic_sampling.rate.layers.frames import pack

__all__ = ["FEATURES", "STEPS", "Recording", "load_recordings", "load_spoken_digits", "mfcc"]

ARCHIVE = "fsdd/fsdd_recordings.tar.xz"
ARCHIVE_SHA256 = "a4bd13d3bf61dff178156f8729bd39ec0a83453e3c5dd8e88ec36f66ec10614b"
RATE = 8000

#: According to the data set, recordings 0 to 4 of each digit and speaker are for testing.
TEST = range(5)

COEFFICIENTS = 13
FEATURES = 3 * COEFFICIENTS
WINDOW, HOP, SPECTRUM, BANDS = 200, 80, 256, 26
KEEP_EVERY = 2
#: Number of frames of the longest recording.
STEPS = 114

Array = NDArray[np.float64]


class Recording(NamedTuple):
    """A spoken digit.

    Attributes
    ----------
    sound : ndarray of int16
        Samples at 8 kHz.
    digit : int
        The digit, 0 to 9.
    speaker : str
        Name of the speaker.
    number : int
        Number of the recording, 0 to 49.
    """

    sound: NDArray[np.int16]
    digit: int
    speaker: str
    number: int


def load_recordings(data_dir: str | os.PathLike[str] | None = None) -> list[Recording]:
    """Return all 3000 recordings, ordered by number, digit and speaker.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.data.data_folder`; the archive is in its subfolder ``fsdd``.

    Returns
    -------
    list of Recording
        The recordings.

    Raises
    ------
    DataError
        If the archive is missing or differs from the published one.
    """
    found = []
    content = content_of(data_folder(data_dir) / ARCHIVE, ARCHIVE_SHA256)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if member.isfile() and path.suffix == ".wav":
                digit, speaker, number = path.stem.split("_")
                file = archive.extractfile(member)
                _, sound = wavfile.read(io.BytesIO(file.read() if file else b""))
                found.append(Recording(sound, int(digit), speaker, int(number)))
    return sorted(found, key=lambda recording: (recording.number, *recording[1:]))


def load_spoken_digits(data_dir: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return the recordings as samples of a masked LSTM.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `load_recordings`.

    Returns
    -------
    train, test : tuple of ndarray
        2700 and 300 samples of shape (n, STEPS * (FEATURES + 1)) from
        `synaptic_sampling.rate.layers.frames.pack`, and labels. The last 300 training samples are the recordings 45 to
        49.

    Raises
    ------
    DataError
        If the archive is missing or differs from the published one.
    """
    parts: list[list[Recording]] = [[], []]
    for recording in load_recordings(data_dir):
        parts[recording.number in TEST].append(recording)
    train, test = ([mfcc(recording.sound) for recording in part] for part in parts)
    frames = np.concatenate(train)
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    samples = (pack([((x - mean) / deviation).astype(np.float32) for x in part], STEPS) for part in (train, test))
    labels = (np.array([recording.digit for recording in part]) for part in parts)
    first, second = zip(samples, labels, strict=True)
    return first, second


def mfcc(sound: NDArray[np.int16]) -> Array:
    """Return cepstral coefficients and their derivatives.

    Parameters
    ----------
    sound : ndarray of int16
        Samples at 8 kHz; recordings shorter than a window are padded with silence.

    Returns
    -------
    ndarray, shape (frames, FEATURES)
        One row per 20 ms.
    """
    x = sound / 32768.0
    x = np.append(x[:1], x[1:] - 0.97 * x[:-1])
    x = np.pad(x, (0, max(0, WINDOW - len(x))))
    windows = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP] * np.hamming(WINDOW)
    power = np.abs(np.fft.rfft(windows, SPECTRUM)) ** 2
    cepstrum = dct(np.log(power @ _mel_filters().T + 1e-8), norm="ortho")[:, :COEFFICIENTS]
    slope = _slope(cepstrum)
    return np.hstack([cepstrum, slope, _slope(slope)])[::KEEP_EVERY]


def _slope(rows: Array) -> Array:
    """Return the slope of a line fitted to five rows around each row."""
    around, n = np.pad(rows, ((2, 2), (0, 0)), mode="edge"), len(rows)
    return (2 * (around[4:] - around[:n]) + around[3 : n + 3] - around[1 : n + 1]) / 10


def _mel_filters() -> Array:
    """Return triangular filters, evenly spaced in mel up to the Nyquist frequency, shape (band, frequency)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    frequency = np.linspace(0, RATE / 2, SPECTRUM // 2 + 1)
    low, middle, high = (edges[n : n + BANDS, np.newaxis] for n in range(3))
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling))
