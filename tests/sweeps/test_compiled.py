"""Sweeps of networks that are compiled to programs."""

from __future__ import annotations

import re
import shutil

import joblib
import pytest

from synaptic_sampling import sweep
from tests.sweeps import spiking_work

GRID = {"learning_rate": [0.02, 0.05], "l1": [0.01, 0.05], "temperature": [1e-4, 1e-3, 1e-2, 1e-5, 0.0]}


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler that can be wrapped")
def test_twenty_settings_compile_one_program(tmp_path, monkeypatch):
    """Two workers need it at the same time; one compiles it, and the other waits."""
    calls = tmp_path / "calls"
    compiler = tmp_path / "c++"
    compiler.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {shutil.which("c++")} "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    grid = {**GRID, "cache": [str(tmp_path / "cache")]}
    # Processes of other tests have another compiler.
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    table = sweep(spiking_work.trained, grid, seeds=[1], out=tmp_path / "a", n_jobs=2, report=None)
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    assert table.error.isna().all()
    assert len(table) == len(set(table.bits)) == 20, "each setting has weights of its own"
    assert linked(calls) == 1
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == ["", ".lock"]
    # As threads of a Dask worker do; Brian2 has one state per process, so they take turns.
    few = {**grid, "l1": [0.01], "temperature": [1e-3]}
    with joblib.parallel_config("threading", n_jobs=2):
        threads = sweep(spiking_work.trained, few, seeds=[1, 2], out=tmp_path / "b", report=None)
    assert linked(calls) == 1
    first = threads[threads.seed == 1]
    same = table.merge(first[["learning_rate", "l1", "temperature"]])
    assert same.bits.tolist() == first.bits.tolist()
    assert not set(threads[threads.seed == 2].bits) & set(table.bits)


def linked(calls):
    """Return how many programs were linked."""
    return len(re.findall(r"-o main\s", calls.read_text()))
