"""Fixtures of data sets."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest
from scipy.io import wavfile

from models import spoken_digits

NUMBERS = (0, 4, 5, 20, 44, 45, 49)


@pytest.fixture
def archive(rng, tmp_path, monkeypatch):
    """Tones in place of the recordings: two speakers, digits 0 to 9, each with a pitch of its own."""
    path = tmp_path / "fsdd" / "fsdd_recordings.tar.xz"
    path.parent.mkdir()
    with tarfile.open(path, "w:xz", preset=0) as file:
        for digit in range(10):
            for speaker in ("ann", "bob"):
                for number in NUMBERS:
                    time = np.arange(rng.integers(1200, 4000)) / 8000
                    wave = 8000 * np.sin(2 * np.pi * (200 + 300 * digit) * time) + rng.normal(0, 300, len(time))
                    content = io.BytesIO()
                    wavfile.write(content, 8000, wave.astype(np.int16))
                    info = tarfile.TarInfo(f"recordings/{digit}_{speaker}_{number}.wav")
                    info.size = len(content.getvalue())
                    file.addfile(info, io.BytesIO(content.getvalue()))
        file.addfile(tarfile.TarInfo("README.md"))
    monkeypatch.setattr(spoken_digits, "ARCHIVE_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return tmp_path
