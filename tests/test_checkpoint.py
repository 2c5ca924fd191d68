"""Checkpoints: what was saved comes back bit for bit, and nothing damaged comes back at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling.checkpoint import (
    CheckpointError,
    check_same,
    load_checkpoint,
    load_latest,
    save_checkpoint,
    saved,
)


@pytest.fixture
def arrays(rng):
    return {
        "theta": rng.random(20),
        "pre": rng.integers(0, 9, 20).astype(np.int32),
        "none": np.zeros((0, 3), np.float32),
        "scalar": np.array(7),
        "net/0/w": rng.random((3, 4)).astype(np.float32)[:, ::2],
    }


def test_comes_back_bit_for_bit(tmp_path, arrays):
    path = tmp_path / "run.npz"
    save_checkpoint(path, arrays, {"seed": 2**63, "rule": {"l1": 0.1}})
    got = load_checkpoint(path)
    assert got.about == {"seed": 2**63, "rule": {"l1": 0.1}}
    assert list(got.arrays) == list(arrays)
    for name, values in arrays.items():
        assert got.arrays[name].dtype == values.dtype
        assert_array_equal(got.arrays[name], values)


def test_a_save_that_fails_leaves_the_old_one(tmp_path, arrays, monkeypatch):
    path = tmp_path / "run.npz"
    save_checkpoint(path, arrays, {"n": 1})

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, arrays, {"n": 2})
    assert load_checkpoint(path).about == {"n": 1}
    assert os.listdir(tmp_path) == ["run.npz"]


def test_what_is_no_number_or_no_json_is_refused(tmp_path):
    with pytest.raises(TypeError, match="array 'x' must hold numbers"):
        save_checkpoint(tmp_path / "a.npz", {"x": np.array([None])}, {})
    with pytest.raises(TypeError, match="JSON"):
        save_checkpoint(tmp_path / "a.npz", {}, {"x": object()})
    assert not os.listdir(tmp_path)


def test_the_format_is_not_for_the_user(tmp_path):
    with pytest.raises(ValueError, match="about must not have an entry 'format', got 7"):
        save_checkpoint(tmp_path / "a.npz", {}, {"format": 7})
    assert not os.listdir(tmp_path)


def test_who_may_read_it_is_up_to_the_user(tmp_path):
    """As with any file that Python writes; a temporary file of the standard library is for its owner alone."""
    (tmp_path / "plain").touch()
    save_checkpoint(tmp_path / "run.npz", {}, {})
    assert (tmp_path / "run.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_damage_is_never_silent(tmp_path, arrays, rng):
    """Flip, drop and repeat bytes: an error, or exactly what was saved (bytes of the zip container may not matter)."""
    path = tmp_path / "run.npz"
    save_checkpoint(path, arrays, {"seed": 5})
    good = path.read_bytes()
    refused = 0
    for _ in range(500):
        bad = bytearray(good)
        at = int(rng.integers(len(bad)))
        kind = rng.integers(3)
        if kind == 0:
            bad[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del bad[at : at + int(rng.integers(1, 50))]
        else:
            bad[at:at] = bad[: int(rng.integers(1, 50))]
        path.write_bytes(bad)
        try:
            got = load_checkpoint(path)
        except CheckpointError:
            refused += 1
            continue
        assert got.about == {"seed": 5}
        for name, values in arrays.items():
            assert_array_equal(got.arrays[name], values)
    assert refused > 300


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    for content in (b"", b"PK\x03\x04", b"hello"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            load_checkpoint(path)
    np.savez(path, x=np.arange(3))
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(path)
    np.savez(path, x=np.array([{}], object))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    np.savez(path, sha256=np.zeros(32, np.uint8), about=np.frombuffer(b'"no dict"', np.uint8))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"0" * 10**6)
    with pytest.raises(CheckpointError, match="not stored as it was written"):
        load_checkpoint(path)


def test_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("synaptic_sampling.checkpoint.FORMAT", 3)
    save_checkpoint(tmp_path / "run.npz", {}, {})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="has format 3, readable is 2; use a newer"):
        load_checkpoint(tmp_path / "run.npz")


def test_entries_that_overlap_are_refused_at_once(tmp_path, arrays):
    """A directory that names the same megabytes a thousand times would be read a thousand times."""
    path = tmp_path / "run.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", bytes(2**22))
        archive.filelist *= 1000
        archive.NameToInfo |= {f"y{n}": archive.filelist[0] for n in range(1000)}
    start = time.process_time()
    with pytest.raises(CheckpointError, match=r"cannot be read as a checkpoint.*its entries overlap"):
        load_checkpoint(path)
    assert time.process_time() - start < 1


def test_what_a_killed_save_leaves_is_removed_by_the_next(tmp_path, arrays):
    path, code = tmp_path / "run.npz", "import os, sys, numpy, synaptic_sampling.checkpoint as c\n"
    code += "os.fsync = lambda _: os.kill(os.getpid(), 9)\nc.save_checkpoint(sys.argv[1], {'x': numpy.ones(9)}, {})"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
        assert len(os.listdir(tmp_path)) == 1
    other, foreign = tmp_path / ".run.npz.0123456", tmp_path / ".other.npz.01234567"
    other.touch()
    foreign.touch()
    save_checkpoint(path, arrays, {})
    assert sorted(os.listdir(tmp_path)) == [foreign.name, other.name, "run.npz"]


def test_saves_at_the_same_time_leave_each_other_alone(tmp_path, arrays):
    """Each ends with a whole file; none removes what another one is writing."""
    path = tmp_path / "run.npz"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: save_checkpoint(path, arrays, {"n": n}), range(64)))
    assert load_checkpoint(path).about["n"] in range(64)
    assert os.listdir(tmp_path) == ["run.npz"]


def test_the_last_two_are_kept_and_the_older_one_helps(tmp_path, arrays, caplog):
    path, older = tmp_path / "run.npz", tmp_path / "run.previous.npz"
    assert load_latest(path) is None
    for n in range(4):
        save_checkpoint(path, arrays, {"n": n}, keep_previous=True)
    assert saved(path) == [path, older]
    assert sorted(os.listdir(tmp_path)) == ["run.npz", "run.previous.npz"]
    assert [load_latest(path).about["n"], load_checkpoint(older).about["n"]] == [3, 2]
    path.unlink()  # As after a kill between the two renamings.
    assert saved(path) == [older]
    assert load_latest(path).about["n"] == 2
    assert not caplog.text
    path.write_bytes(b"damaged")
    assert load_latest(path).about["n"] == 2
    assert "run.npz cannot be read as a checkpoint" in caplog.text
    assert f"{older} is used instead" in caplog.text
    older.write_bytes(b"damaged, too")
    with pytest.raises(CheckpointError, match=r"run\.npz cannot be read as a checkpoint"):
        load_latest(path)


def test_a_full_disk_leaves_both(tmp_path, arrays, monkeypatch):
    path = tmp_path / "run.npz"
    for n in range(2):
        save_checkpoint(path, arrays, {"n": n}, keep_previous=True)

    def full(file, **entries):
        file.write(b"PK half of a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_checkpoint(path, arrays, {"n": 2}, keep_previous=True)
    assert [load_checkpoint(each).about["n"] for each in saved(path)] == [1, 0]
    assert len(os.listdir(tmp_path)) == 2


def test_differences_are_named():
    check_same("run.npz", {"a": {"b": [1]}}, {"a": {"b": [1]}})
    stored, own = {"a": {"b": 1, "c": 2}, "d": "x" * 100, "e": 1, "f": 1}, {"a": {"b": 2}}
    with pytest.raises(CheckpointError) as caught:
        check_same("run.npz", stored, own)
    assert str(caught.value) == (
        "run.npz is of another run: a.b is 1 there and 2 here; a.c is 2 there and None here; d is "
        f"'{'x' * 59}... there and None here, and 2 more."
    )
