"""The same seed gives the same bits: in another process, with two threads, without compilation."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from synaptic_sampling import Adam, Connections, DeepR, step

SCRIPT = "from tests.rules.test_processes import fingerprint; print(fingerprint())"


def fingerprint():
    """Return a digest of all that two hundred steps come to."""
    c = Connections.random(30, 30, 90, seed=2**64 - 1, autapses=False, candidates=lambda pre, post: pre != 3)
    rule = DeepR(learning_rate=0.05, l1=0.2, temperature=0.05, optimizer=Adam())
    digest = hashlib.sha256()
    for n in range(200):
        # A gradient of plain products: a sine may differ in its last bit between processors.
        info = step(c, (c.weights * (c.pre - c.post)) * (n % 5 - 2.0), rule)
        digest.update(info.events.tobytes())
    for values in c.state().values():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("setting", [{}, {"NUMBA_NUM_THREADS": "2"}, {"NUMBA_DISABLE_JIT": "1"}])
def test_same_bits_elsewhere(setting):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **setting}
    command = [sys.executable, "-c", SCRIPT]
    other = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    assert other == fingerprint()
