"""Spoken digits as spikes of a cochlea model, like the Heidelberg data sets (Cramer et al. 2020), with fewer channels.

The cochlea is a bank of gammatone filters (`scipy.signal.gammatone`, Slaney 1993) whose centre frequencies are evenly
spaced on the scale of equivalent rectangular bandwidths (Glasberg and Moore 1990). Hair cells rectify and compress its
output, and each drives one leaky integrate-and-fire neuron. Each recording is first divided by its root mean square, so
that loudness does not matter. With a refractory period of one step, spikes are 0 or 1.

The model is deterministic. It is applied once to the recordings of `models.spoken_digits`, in blocks; each block is
written to a cache, with a checksum, so that an interrupted conversion continues where it was.

The package lauscher, by the authors of the Heidelberg data sets, contains a more detailed cochlea, which is made for
sounds sampled at 48 kHz; 3000 recordings would take it 18 hours of processor time, and this model a minute.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import gammatone, lfilter

from models.sequences import NOT_TAUGHT, Labelled, Sequences, split_tail
from models.spoken_digits import ARCHIVE_SHA256, RATE, TEST, Recording, load_recordings
from synaptic_sampling.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

__all__ = ["Cochlea", "load_speech"]

NUM_CLASSES = 10
#: Recordings per file of the cache.
BLOCK = 100
#: Recordings with these numbers serve for validation.
VALIDATION = range(45, 50)


@dataclass(frozen=True)
class Cochlea:
    """From sounds to spikes. Frequencies in Hz, times in ms."""

    channels: int = 64
    lowest: float = 100.0
    highest: float = 3600.0
    exponent: float = 1 / 3  # of the compression
    gain: float = 6.0  # current for an amplitude of one root mean square, in units of the threshold
    tau: float = 5.0  # of the membrane
    step: float = 5.0  # duration of a step, and refractory period
    steps: int = 200  # longer recordings are cut off

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Return the centre frequencies."""
        # Number of equivalent rectangular bandwidths below a frequency: 21.4 log10(1 + 0.00437 f).
        low, high = np.log10(1 + 0.00437 * np.array([self.lowest, self.highest]))
        return (10 ** np.linspace(low, high, self.channels) - 1) / 0.00437

    def spikes(self, sounds: list[NDArray[np.int16]]) -> NDArray[np.uint8]:
        """Return the spikes of all channels.

        Parameters
        ----------
        sounds : list of ndarray of int16
            Samples at 8 kHz.

        Returns
        -------
        ndarray of uint8, shape (len(sounds), steps, channels)
            1 where a neuron spikes in a step.
        """
        per_step = round(self.step * RATE / 1000)
        currents = self._currents(sounds, per_step * self.steps)
        decay = np.exp(-1000 / RATE / self.tau)
        v, rest = np.zeros(currents.shape[1:]), np.zeros(currents.shape[1:], np.int64)
        out = np.zeros((self.steps, *v.shape), np.uint8)
        for n, current in enumerate(currents):
            v = np.where(rest > 0, 0, decay * v + (1 - decay) * current)
            spike = v > 1
            v[spike] = 0
            rest = np.where(spike, per_step, rest - 1)
            out[n // per_step] += spike
        return out.transpose(1, 0, 2)

    def _currents(self, sounds: list[NDArray[np.int16]], length: int) -> NDArray[np.float64]:
        """Return rectified and compressed filter outputs, shape (time, sound, channel)."""
        waves = np.zeros((len(sounds), length))
        for wave, sound in zip(waves, sounds, strict=True):
            start = sound[:length].astype(float)
            wave[: len(start)] = start / np.sqrt(np.mean(sound.astype(float) ** 2))
        currents = np.empty((length, len(sounds), self.channels))
        for channel, frequency in enumerate(self.frequencies):
            response = lfilter(*gammatone(frequency, "iir", fs=RATE), waves, axis=1)
            currents[:, :, channel] = self.gain * np.maximum(response.T, 0) ** self.exponent
        return currents


def load_speech(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    cochlea: Cochlea | None = None,
    validation: bool = True,
) -> Sequences:
    """Return the spoken digits as spikes.

    Parameters
    ----------
    data_dir : path-like, optional
        As for `models.spoken_digits.load_recordings`.
    cache_dir : path-like, optional
        Folder of converted recordings; by default ``synaptic_sampling`` in the folder that the environment variable
        XDG_CACHE_HOME names, or in ``~/.cache``.
    cochlea : Cochlea, optional
        Parameters of the conversion.
    validation : bool
        Whether the recordings 45 to 49 of each digit and speaker serve for validation. As published, recordings 0 to 4
        are the test set, and 5 to 49 are for training.

    Returns
    -------
    Sequences
        Inputs of shape (n, 200, 64), uint8 spikes in steps of 5 ms. Labels of shape (n, 200): the digit in each step of
        the recording, `NOT_TAUGHT` after its end.

    Raises
    ------
    DataError
        If the archive is missing or differs from the published one.
    """
    cochlea = cochlea or Cochlea()
    folder = Path(cache_dir or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synaptic_sampling")
    recordings = load_recordings(data_dir)
    blocks = [recordings[n : n + BLOCK] for n in range(0, len(recordings), BLOCK)]
    spikes = np.concatenate([_converted(block, number, cochlea, folder) for number, block in enumerate(blocks)])
    digits = np.array([recording.digit for recording in recordings], np.int32)
    ends = np.array([len(recording.sound) for recording in recordings]) * 1000 / RATE / cochlea.step
    labels = np.where(np.arange(cochlea.steps) < ends[:, np.newaxis], digits[:, np.newaxis], NOT_TAUGHT)
    number = np.array([recording.number for recording in recordings])
    is_test = np.isin(number, TEST)

    def part(chosen: NDArray[np.bool_]) -> Labelled:
        return spikes[chosen], labels[chosen].astype(np.int32)

    # Recordings are ordered by their numbers.
    split = split_tail(part(~is_test), np.isin(number, VALIDATION).sum(), validation=validation)
    return Sequences(*split, part(is_test), cochlea.steps, NUM_CLASSES)


def _converted(block: list[Recording], number: int, cochlea: Cochlea, folder: Path) -> NDArray[np.uint8]:
    """Return the spikes of some recordings, from the cache if it contains them."""
    about = {"archive": ARCHIVE_SHA256, "block": number, "recordings": len(block), "cochlea": asdict(cochlea)}
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"speech-{number:02d}-{name}.npz"
    shape = len(block), cochlea.steps, cochlea.channels
    try:
        return np.unpackbits(load_checkpoint(path).arrays["spikes"], count=int(np.prod(shape))).reshape(shape)
    except CheckpointError:  # It is missing or damaged.
        spikes = cochlea.spikes([recording.sound for recording in block])
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(path, {"spikes": np.packbits(spikes)}, about)
        return spikes
