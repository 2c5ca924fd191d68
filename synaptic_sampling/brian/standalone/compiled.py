"""Compile a C++ program once, and run it with other data, seeds, weights and wiring."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brian2 import Clock, Network
from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.core.preferences import prefs
from brian2.devices.device import get_device
from brian2.utils.filelock import FileLock

from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.literals import move_literals

__all__ = ["run_program"]

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
#: Asks make for the compiler, and the compiler for its version, its target, and what the flags make of it.
COMPILER = "show:\n\t@$(CXX) --version\n\t@$(CXX) {flags} -dM -E -x c++ /dev/null\n"


def run_program(
    directory: str | Path,
    *,
    cache: str | Path | None = None,
    results_directory: str = "results",
    with_output: bool = False,
    run_args: Mapping[Any, Any] | list[str] | None = None,
) -> bool:
    """Write and run the C++ program of a script, and compile it only if its code is new.

    Called in place of ``device.build``, after ``set_device('cpp_standalone', build_on_run=False)`` and all runs. Data
    of an `ArrayStream`, seeds, initial values, wiring with the same number of connections, parameters of rules and
    durations of runs are read from files when the program starts: a script that differs in these alone, in this process
    or another, uses the program that was compiled first. Where parameters of rules change with time, the number of
    events is a part of the program too.

    Parameters
    ----------
    directory : str or path
        Folder of the project, as in ``device.build``; processes that run at the same time need one each.
    cache : str or path, optional
        Folder with the compiled programs, which any number of processes may share. It may be deleted at any time. By
        default ``synaptic_sampling/programs`` in the user's folder for caches.
    results_directory : str
        Folder of the results, within ``directory``.
    with_output : bool
        Whether the program prints to the screen, rather than into a file beside the results.
    run_args : dict or list of str, optional
        As in ``device.run``.

    Returns
    -------
    bool
        Whether the program was compiled.

    Raises
    ------
    RuntimeError
        If the device is not C++ standalone mode with ``build_on_run=False``, the network has been run already, or
        compiling or running fails.
    KeyboardInterrupt
        If Ctrl+C ended the program.

    Notes
    -----
    A program is found by the SHA-256 of its sources and makefile, of all headers outside of the system's folders, and
    of what the compiler says about itself under these flags. Names of objects are part of the code: a process that
    builds several networks must name their objects, or delete the previous ones.
    """
    _check_device()
    device, folder = get_device(), Path(directory)
    move_literals()
    device.build(directory=str(folder), results_directory=results_directory, compile=False, run=False)
    _tolerate_rounding(folder)
    is_new = _provide(folder, _default_cache() if cache is None else Path(cache))
    with _ended_by_interrupt():
        device.run(str(folder), results_directory, with_output, run_args)
    return is_new


def _tolerate_rounding(folder: Path) -> None:
    """Have clocks tick together whose times differ by rounding alone, as in runtime mode.

    Brian2 compares times to 1e-14 s in programs, which after a minute is less than their rounding.
    """
    epsilon = Clock.epsilon_dt * min(float(clock.dt_) for clock in get_device().clocks)
    source = folder / "network.cpp"
    source.write_text(re.sub(r"(#define Clock_epsilon) .*", rf"\1 {epsilon!r}", source.read_text()))


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl+C end a program by KeyboardInterrupt; Brian2 takes what the program has computed so far for results."""
    before = prefs.core.stop_on_keyboard_interrupt
    prefs.core.stop_on_keyboard_interrupt = False
    try:
        yield
    finally:
        prefs.core.stop_on_keyboard_interrupt = before
        Network._globally_running = False


def _check_device() -> None:
    """Raise an error unless a program can be built now."""
    what = None
    if not program.is_standalone():
        what = f"the device is {type(get_device()).__name__}"
    elif get_device().build_on_run:
        what = "run() has built the program, as build_on_run is True"
    elif get_device().has_been_run:
        what = "the program has been run; for another network, call device.reinit() and device.activate() first"
    if what is not None:
        raise RuntimeError(
            f"run_program needs set_device('cpp_standalone', build_on_run=False) before the network is made: {what}."
        )


def _default_cache() -> Path:
    """Return the folder with the compiled programs of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synaptic_sampling" / "programs"


def _provide(folder: Path, cache: Path) -> bool:
    """Have a project contain its program; return whether it was compiled."""
    compiler = get_compiler_and_args()[0]
    if compiler != "unix":  # Other makefiles have another form; Brian2 compiles what has changed.
        get_device().compile_source(str(folder), compiler, False, False)
        return True
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / _fingerprint(folder)
    # Another process may be compiling the same program.
    with FileLock(str(kept.with_suffix(".lock"))):
        if kept.exists():
            _copy(kept, folder / "main")
            return False
        (folder / "main").unlink(missing_ok=True)
        get_device().compile_source(str(folder), compiler, False, False)
        _copy(folder / "main", kept)
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a file; at no time is a part of it in its place."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copy2(source, unfinished)
    unfinished.replace(target)


def _fingerprint(folder: Path) -> str:
    """Return a hash of all that determines the program of a project."""
    (flags,) = re.findall(r"^OPTIMISATIONS = (.*)", (folder / "makefile").read_text(), re.MULTILINE)
    digest = hashlib.sha256(_about_compiler(folder, flags).encode())
    include_dirs = [folder, *(folder / name for name in re.findall(r'-I ?"([^"]+)"', flags))]
    writer = get_device().writer
    names = sorted({"makefile", *writer.source_files, *writer.header_files})
    for name, path in _with_included([(name, folder / name) for name in names], include_dirs):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _about_compiler(folder: Path, flags: str) -> str:
    """Return what the compiler says of itself."""
    options = prefs.devices.cpp_standalone
    command = [options.make_cmd_unix, *options.extra_make_args_unix, "-f", "-", "show"]
    result = subprocess.run(
        command, input=COMPILER.format(flags=flags), cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        reason = (result.stderr.strip() or "make fails").splitlines()[0]
        raise RuntimeError(f"the C++ compiler cannot be called: {reason}; install one, or set CXX.")
    return result.stdout


def _with_included(files: list[tuple[str, Path]], include_dirs: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield files, by name and path, and what they include, except headers of the system."""
    waiting, seen = files[::-1], {path for _, path in files}
    while waiting:
        name, path = waiting.pop()
        yield name, path
        if name == "makefile":
            continue
        for included in INCLUDE.findall(path.read_text(errors="replace")):
            found = next(
                (each / included for each in (path.parent, *include_dirs) if (each / included).is_file()), None
            )
            if found is not None and found not in seen:
                seen.add(found)
                waiting.append((included, found))
