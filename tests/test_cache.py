"""Kernels on disk: which folder and file, several processes at once, and everything that can be wrong with a file."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit

from synaptic_sampling import _cache
from synaptic_sampling._cache import KernelCache, attach, is_determined, prune, read, user_cache, write
from synaptic_sampling._kernels.dynamics import first_not_finite
from synaptic_sampling._kernels.langevin import langevin, sweep_langevin
from synaptic_sampling._kernels.soft_langevin import soft
from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling._numba import jit
from synaptic_sampling.rules.synaptic_sampling import diffusion

needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
ROOT = Path(__file__).parents[1]
VALUES = np.array([1.0, np.nan])


def count(values):
    """Return their number, compiled in a tenth of a second."""
    number = 0
    for _ in values:
        number += 1
    return number


def kernel(folder):
    """Return a kernel that has not been compiled in this process."""
    compiled = njit(count)
    attach(compiled, folder)
    return compiled


def uses(folder, values=VALUES):
    """Return how many signatures are loaded and how many are compiled where a new kernel is called."""
    compiled = kernel(folder)
    assert compiled(values) == len(values)
    return sum(compiled.stats.cache_hits.values()), sum(compiled.stats.cache_misses.values())


LOADED, COMPILED = (1, 0), (0, 1)


@needs_compiler
def test_each_signature_is_compiled_once(tmp_path):
    folder = tmp_path / "new" / "folder"
    for values in (VALUES, VALUES.astype(np.float32)):
        assert uses(folder, values) == COMPILED
        assert uses(folder, values) == LOADED
    assert len(list(folder.iterdir())) == 2


@needs_compiler
@pytest.mark.parametrize("damage", ["empty", "short", "flipped", "foreign", "other signature", "unreadable"])
def test_damaged_files_are_compiled_again_and_replaced(tmp_path, caplog, damage):
    uses(tmp_path)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "foreign":
        write(path, "something else")
    elif damage == "other signature":
        uses(tmp_path / "other", VALUES.astype(np.float32))
        shutil.copy(next((tmp_path / "other").iterdir()), path)
        shutil.rmtree(tmp_path / "other")
    elif damage == "unreadable":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "short": bytes(content[:-1]), "flipped": bytes(content)}[damage])
    assert uses(tmp_path) == COMPILED
    assert uses(tmp_path) == (COMPILED if damage == "unreadable" else LOADED)
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert list(tmp_path.iterdir()) == [path]


@needs_compiler
def test_what_cannot_be_kept_is_compiled_in_silence(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG, _cache.__name__)
    file = tmp_path / "file"
    file.touch()
    assert uses(file / "folder") == COMPILED  # As in a folder that cannot be written: root may write into any.

    def full(path, data):
        with path.open("wb") as half:
            half.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert uses(tmp_path / "full") == COMPILED
    assert list((tmp_path / "full").iterdir()) == []
    assert {record.levelname for record in caplog.records if record.name == _cache.__name__} == {"DEBUG"}
    assert "no space left" in caplog.text


@needs_compiler
def test_a_process_whose_sources_were_edited_keeps_and_loads_nothing(tmp_path, monkeypatch):
    uses(tmp_path)
    monkeypatch.setattr(_cache, "STAMP", [])
    assert uses(tmp_path) == COMPILED
    assert uses(tmp_path / "new") == COMPILED
    assert not (tmp_path / "new").exists()


@needs_compiler
def test_other_processors_and_settings_have_other_files(tmp_path, monkeypatch):
    uses(tmp_path)
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    assert uses(tmp_path) == COMPILED
    before = KernelCache(count, tmp_path)._path("sig", Older())
    monkeypatch.setattr(config, "USING_SVML", not config.USING_SVML)
    assert KernelCache(count, tmp_path)._path("sig", Older()) != before
    codegen = type("Codegen", (), {"magic_tuple": lambda self: ("x86_64", "another", "+avx")})()
    assert KernelCache(count, tmp_path)._path("sig", codegen) != KernelCache(count, tmp_path)._path("sig", Older())


class Older:
    def magic_tuple(self):
        return "x86_64", "another", ""


def test_every_source_and_version_names_the_folder(tmp_path, monkeypatch):
    sources = _cache._sources()
    assert {path.name for path in sources} > {"_cache.py", "_numba.py", "sweep.py", "philox.py", "lanes.py"}
    names = {_cache._name(sources)}
    for number, path in enumerate(sources):
        edited = tmp_path / path.name
        edited.write_text(path.read_text() + "\n")
        names.add(_cache._name([*sources[:number], edited, *sources[number + 1 :]]))
    for module in (_cache.numba, _cache.llvmlite, _cache.np):
        with monkeypatch.context() as patch:
            patch.setattr(module, "__version__", "0.0")
            names.add(_cache._name(sources))
    monkeypatch.setattr(_cache.platform, "python_version", lambda: "3.99.0")
    names.add(_cache._name(sources))
    assert len(names) == len(sources) + 5


MAIN = """
import sys
from synaptic_sampling._kernels.caller import twice
print(twice({argument}), sum(twice.stats.cache_hits.values()))
"""


def copied(folder):
    """Return a folder with a package of two kernels, of which one calls the other, and its own cache."""
    package = folder / "synaptic_sampling"
    (package / "_kernels").mkdir(parents=True)
    for each in (package, package / "_kernels"):
        (each / "__init__.py").touch()
    for name in ("_cache.py", "_numba.py"):
        shutil.copy(ROOT / "synaptic_sampling" / name, package)
    head = "from synaptic_sampling._numba import jit\n"
    (package / "_kernels" / "callee.py").write_text(f"{head}\n@jit\ndef one(x):\n    return 1 + 0 * x\n")
    call = "from synaptic_sampling._kernels.callee import one\n\n@jit\ndef twice(x):\n    return 2 * one(x)\n"
    (package / "_kernels" / "caller.py").write_text(head + call)
    return folder


def start(folder, code):
    """Start a process that imports the package in this folder."""
    variables = {**os.environ, "SYNAPTIC_SAMPLING_CACHE": "1", "NUMBA_CACHE_DIR": str(folder / "kept")}
    return subprocess.Popen([sys.executable, "-c", code], env=variables, cwd=folder, stdout=subprocess.PIPE, text=True)


def output(process):
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    return printed.split()


@needs_compiler
def test_editing_a_callee_in_another_file_renews_the_caller(tmp_path):
    main = MAIN.format(argument=3)
    assert output(start(copied(tmp_path), main)) == ["2", "0"]
    callee = tmp_path / "synaptic_sampling" / "_kernels" / "callee.py"
    callee.write_text(callee.read_text().replace("return 1", "return 7"))
    assert output(start(tmp_path, main)) == ["14", "0"]
    callee.write_text(callee.read_text().replace("return 7", "return 1"))
    assert output(start(tmp_path, main)) == ["2", "1"]


@needs_compiler
def test_four_processes_fill_one_cache(tmp_path):
    """Two signatures, each compiled by two processes at once: Numba's index would lose one of them now and then."""
    copied(tmp_path)
    arguments = [3, 3.0, 3, 3.0]
    results = [output(each) for each in [start(tmp_path, MAIN.format(argument=each)) for each in arguments]]
    assert [float(value) for value, _ in results] == [2.0] * 4
    (folder,) = (tmp_path / "kept" / "synaptic_sampling" / "kernels").iterdir()
    assert sorted(path.name.split("-")[0] for path in folder.iterdir()) == ["one", "one", "twice", "twice"]


WRITER = """
import sys
from pathlib import Path
from synaptic_sampling._cache import write
print("started", flush=True)
number = 0
while True:
    number += 1
    write(Path(sys.argv[1]), bytes([number % 256]) * 2**18)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is being read cannot be replaced there")
def test_writers_that_are_killed_leave_whole_files(tmp_path):
    path, draw = tmp_path / "kernel", random.Random(1)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(3)]
    for writer in writers:
        assert writer.stdout.readline() == b"started\n"
    for writer in writers:
        time.sleep(draw.uniform(0.01, 0.03))
        for _ in range(20):
            assert len(set(read(path))) == 1
        assert writer.poll() is None
        writer.kill()
        writer.communicate()
        assert len(set(read(path))) == 1
    assert len([other for other in tmp_path.iterdir() if other != path]) <= len(writers)


def test_few_folders_are_kept_and_foreign_ones_untouched(tmp_path):
    names = [f"{number:024x}" for number in range(12)]
    for number, name in enumerate(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel").touch()
        os.utime(tmp_path / name, (number, number))
    (tmp_path / "results").mkdir()
    (tmp_path / "f.txt").touch()
    prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[-_cache.KEPT :], "f.txt", "results"]
    write(tmp_path / ("f" * 24) / "kernel", 1)
    assert not (tmp_path / names[-_cache.KEPT]).exists()
    assert (tmp_path / names[-1]).exists()


@needs_compiler
def test_a_folder_in_use_is_removed_last(tmp_path):
    uses(tmp_path)
    os.utime(tmp_path, (0, 0))
    assert uses(tmp_path) == LOADED
    assert time.time() - tmp_path.stat().st_mtime < 60


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache"),
        ("linux", {}, "/home/me/.cache"),
        ("darwin", {}, "/home/me/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("win32", {}, "/home/me/AppData/Local"),
    ],
)
def test_the_folder_of_the_user(monkeypatch, system, variables, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_cache.sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.setattr(config, "CACHE_DIR", "")
    assert user_cache() == Path(expected)
    assert _cache._folder().parent == Path(expected) / "synaptic_sampling" / "kernels"
    monkeypatch.setattr(config, "CACHE_DIR", "/numba")
    assert _cache._folder().parent == Path("/numba/synaptic_sampling/kernels").absolute()


def test_without_a_home_or_sources_nothing_is_kept(monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    with monkeypatch.context() as patch:
        patch.setattr(config, "CACHE_DIR", "")
        patch.delenv("XDG_CACHE_HOME", raising=False)
        patch.delenv("LOCALAPPDATA", raising=False)
        patch.setattr(Path, "home", none)
        assert _cache._folder() is None
    monkeypatch.setattr(_cache, "__file__", str(ROOT / "package.zip" / "synaptic_sampling" / "_cache.py"))
    assert _cache._folder() is None
    compiled = njit(count)
    attach(compiled, None)


SCALE = 2.0


def plain(theta, gradient, polarity, nu, parameters):
    return min(theta, 1.0) + nu


def larger(theta, gradient, polarity, nu, parameters):
    return max(theta, 1.0) + nu


def scaled(theta, gradient, polarity, nu, parameters):
    return SCALE * theta


def preset(theta, gradient, polarity, nu, parameters, scale=2.0):
    return scale * theta


def preset_by_name(theta, gradient, polarity, nu, parameters, *, scale=2.0):
    return scale * theta


def enclosing(scale):
    return lambda theta, gradient, polarity, nu, parameters: scale * theta


def nested(theta, gradient, polarity, nu, parameters):
    return sum(each for each in parameters)


def test_functions_that_other_files_may_change_are_not_kept():
    original = getattr(first_not_finite, "py_func", first_not_finite)
    assert all(map(is_determined, [original, langevin, soft, diffusion, plain, larger, count]))
    assert not any(map(is_determined, [scaled, enclosing(2.0), nested, preset, preset_by_name]))


@needs_compiler
@pytest.mark.skipif(os.environ.get("SYNAPTIC_SAMPLING_CACHE") == "0", reason="nothing is kept")
def test_sweeps_are_kept_by_what_their_moves_do():
    assert isinstance(sweep_langevin._cache, KernelCache)
    one, other = sweep(plain), sweep(larger)
    assert isinstance(one._cache, KernelCache)
    assert one.py_func.__name__.rsplit("_", 1)[1] != other.py_func.__name__.rsplit("_", 1)[1]
    assert not isinstance(sweep(scaled)._cache, KernelCache)
    assert isinstance(jit(plain)._cache, KernelCache)
    assert not isinstance(jit(scaled)._cache, KernelCache)


def test_the_switch_is_checked(monkeypatch):
    monkeypatch.setenv("SYNAPTIC_SAMPLING_CACHE", "yes")
    with pytest.raises(ValueError, match="SYNAPTIC_SAMPLING_CACHE must be 0 or 1, got 'yes'"):
        jit(count)
    monkeypatch.setenv("SYNAPTIC_SAMPLING_CACHE", "0")
    assert not isinstance(getattr(jit(count), "_cache", None), KernelCache)


def test_values_are_read_as_they_were_written(tmp_path):
    value = {"a": [1, 2.5], "b": b"\0"}
    write(tmp_path / "file", value)
    assert read(tmp_path / "file") == value
    (tmp_path / "file").write_bytes(bytes(32) + pickle.dumps(value))
    with pytest.raises(ValueError, match="checksum"):
        read(tmp_path / "file")
