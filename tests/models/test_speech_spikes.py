"""Spoken digits as spikes: the cochlea, its cache, and the split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models import speech_spikes
from models.data import data_folder
from models.sequences import NOT_TAUGHT
from models.speech_spikes import Cochlea, load_speech
from models.spoken_digits import load_recordings

SMALL = Cochlea(channels=12, steps=60)


def tone(frequency, seconds=0.3, amplitude=3000):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)).astype(np.int16)


def test_channels_are_evenly_spaced_on_the_erb_scale():
    frequencies = Cochlea().frequencies
    assert_allclose(frequencies[[0, -1]], [100, 3600])
    assert_allclose(np.diff(21.4 * np.log10(1 + 0.00437 * frequencies), n=2), 0, atol=1e-9)


@pytest.mark.parametrize("channel", [0, 5, 11])
def test_a_tone_excites_its_channel_most(channel):
    # Without compression, neurons of neighbouring channels are not close to their highest rate.
    spikes = replace(SMALL, exponent=1.0, gain=3.0).spikes([tone(SMALL.frequencies[channel])])
    assert spikes.shape == (1, 60, 12)
    assert spikes.sum(axis=(0, 1)).argmax() == channel


def test_loudness_does_not_matter_and_silence_has_no_spikes():
    sound = tone(700, 0.2)
    quiet, loud = SMALL.spikes([sound, 4 * sound])
    assert_array_equal(quiet, loud)
    assert quiet[:40].any(axis=1).mean() > 0.6
    assert not quiet[45:].any()
    assert quiet.max() == 1


def test_spikes_are_those_of_an_integrate_and_fire_neuron():
    """One channel by a loop over samples, from the current of the filter."""
    cochlea = replace(SMALL, channels=2)
    sound = tone(110, 0.2)
    currents = cochlea._currents([sound], 60 * 40)[:, 0, 0]
    expected, v, until = np.zeros(60, int), 0.0, -1
    for n, current in enumerate(currents):
        if n <= until:
            v = 0.0
            continue
        v += (1 - np.exp(-0.125 / 5)) * (current - v)
        if v > 1:
            expected[n // 40] += 1
            v, until = 0.0, n + 40
    found = cochlea.spikes([sound])[0, :, 0]
    assert expected.sum() > 5
    assert_array_equal(found, expected)


def test_the_cache_is_used_verified_and_complete(archive, tmp_path, monkeypatch):
    cache = tmp_path / "new" / "cache"
    first = load_speech(archive, cache_dir=cache, cochlea=SMALL)
    files = sorted(cache.iterdir())
    assert len(files) == 2, "140 recordings in blocks of 100"
    calls = []
    spikes = Cochlea.spikes
    monkeypatch.setattr(Cochlea, "spikes", lambda self, sounds: calls.append(len(sounds)) or spikes(self, sounds))
    again = load_speech(archive, cache_dir=cache, cochlea=SMALL)
    assert_array_equal(again.train[0], first.train[0])
    assert not calls
    # A conversion that was interrupted continues, and a damaged file is replaced.
    files[1].write_bytes(files[1].read_bytes()[:-100])
    assert_array_equal(load_speech(archive, cache_dir=cache, cochlea=SMALL).test[0], first.test[0])
    assert calls == [40]
    load_speech(archive, cache_dir=cache, cochlea=replace(SMALL, gain=1.0))
    assert calls == [40, 100, 40], "other parameters are converted anew"
    assert len(list(cache.iterdir())) == 4


def test_recordings_are_split_by_their_numbers(archive, tmp_path, monkeypatch):
    found = load_speech(archive, cache_dir=tmp_path, cochlea=SMALL)
    assert [len(part[1]) for part in (found.train, found.validation, found.test)] == [60, 40, 40]
    assert (found.steps, found.num_classes) == (60, 10)
    whole = load_speech(archive, cache_dir=tmp_path, cochlea=SMALL, validation=False)
    assert whole.validation is None
    assert len(whole.train[1]) == 100
    recordings = [recording for recording in load_recordings(archive) if recording.number < 5]
    for labels, spikes, recording in zip(found.test[1], found.test[0], recordings, strict=True):
        end = -(-len(recording.sound) // 40)
        assert (labels[:end] == recording.digit).all()
        assert (labels[end:] == NOT_TAUGHT).all()
        assert spikes[:end].any()
    monkeypatch.setattr(speech_spikes, "VALIDATION", range(44, 50))
    assert len(load_speech(archive, cache_dir=tmp_path, cochlea=SMALL).validation[1]) == 60


@pytest.mark.slow
@pytest.mark.skipif(not (data_folder() / "fsdd").is_dir(), reason="the spoken digits are not here")
def test_the_real_digits(tmp_path):
    found = load_speech(cache_dir=tmp_path)
    assert [len(part[1]) for part in (found.train, found.validation, found.test)] == [2400, 300, 300]
    for spikes, labels in (found.train, found.validation, found.test):
        assert_array_equal(np.unique(spikes), [0, 1])
        rate = 200 * spikes[labels != NOT_TAUGHT].mean()
        assert 10 < rate < 100, "spikes per second and channel"
    assert speech_spikes.BLOCK * len(list(tmp_path.iterdir())) == 3000
