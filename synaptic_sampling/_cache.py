"""Compiled kernels on disk, so that later processes need not compile them again.

Numba's own cache does not notice changes in functions of other files that a kernel calls, and keeps the signatures of a
kernel in an index that is rewritten as a whole, so that processes can lose each other's entries. Here every signature
is a file of its own, written under another name and then renamed, in a folder whose name is a hash of the sources of
all kernels and of the versions that compile them. A file that is missing or damaged, a folder that cannot be written
and a full disk cost the time of compiling and nothing else.
"""

from __future__ import annotations

import builtins
import hashlib
import logging
import os
import pickle
import platform
import re
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

__all__ = ["KernelCache", "attach", "content_of", "is_determined", "prune", "read", "user_cache", "write"]

#: Folders that are kept: as many states of the sources, and as many environments, can be used in turn.
KEPT = 8
#: Letters of a hash in names: short, since paths are limited on Windows.
LETTERS = 24
#: Settings of Numba that change the code of a kernel: by environment variables, the last one also by the presence of a
#: library of Intel, without which code that calls it cannot be loaded.
SETTINGS = ("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE", "USING_SVML")

_log = logging.getLogger(__name__)


def user_cache() -> Path:
    """Return the folder for what this user's programs can compute again.

    Raises
    ------
    RuntimeError
        If the user has no home folder.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _sources() -> list[Path]:
    """Return the files that determine the kernels; there are none where the package is in a zip file."""
    package = Path(__file__).parent
    files = package / "_cache.py", package / "_numba.py", *sorted(package.glob("_kernels/*.py"))
    return [path for path in files if path.is_file()]


def _stamp() -> list[tuple[str, int, int]]:
    """Return what changes when a source is edited."""
    return [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in _sources()]


def _name(sources: list[Path]) -> str:
    """Return a hash of these files and of the versions that compile them."""
    python = platform.python_implementation(), platform.python_version()
    digest = hashlib.sha256(repr((python, numba.__version__, llvmlite.__version__, np.__version__)).encode())
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:LETTERS]


def _folder() -> Path | None:
    """Return the folder of these sources and versions; None if there are no sources or the user has no home."""
    try:
        above = Path(config.CACHE_DIR).absolute() if config.CACHE_DIR else user_cache()
        return above / "synaptic_sampling" / "kernels" / _name(_sources()) if _sources() else None
    except (OSError, RuntimeError) as error:
        _log.debug("kernels are not cached: %s", error)
        return None


#: Both are those of the import: a kernel that was imported before a source was edited is not kept for the new source.
FOLDER, STAMP = _folder(), _stamp()


def content_of(function: FunctionType) -> tuple[Any, ...]:
    """Return what a function does, if the names in it mean the same."""
    code = function.__code__
    constants = [value for value in code.co_consts if not isinstance(value, CodeType)]
    return code.co_code, code.co_names, constants


def is_determined(function: FunctionType) -> bool:
    """Return whether a function means the same in every process in which it has this content.

    True for functions of ``_kernels``, whose sources name the folder, and for those that refer to nothing but their
    arguments, constants and builtins, as most moves of rules do. Others may call or read what is edited elsewhere;
    defaults of arguments are not part of the content.
    """
    if function.__module__.startswith("synaptic_sampling._kernels."):
        return True
    code = function.__code__
    names = [name for name in code.co_names if name in function.__globals__ or not hasattr(builtins, name)]
    others = code.co_freevars, function.__defaults__, function.__kwdefaults__
    return not names and not any(others) and not any(isinstance(value, CodeType) for value in code.co_consts)


def attach(kernel: Any, folder: Path | None = FOLDER) -> None:
    """Have a kernel load and keep its compiled signatures in a folder, if it means the same in other processes."""
    if folder is not None and is_determined(kernel.py_func):
        kernel._cache = KernelCache(kernel.py_func, folder)


class KernelCache:
    """The compiled signatures of one function, in the form in which a dispatcher of Numba asks for them.

    Parameters
    ----------
    function : function
        What is compiled.
    folder : Path
        Where the files are; it is created when it is needed.
    """

    def __init__(self, function: FunctionType, folder: Path) -> None:
        self._function, self._folder = function, folder

    @property
    def cache_path(self) -> str:
        """Return the folder."""
        return str(self._folder)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled signature, or None if it must be compiled."""
        target_context.refresh()
        path = self._path(signature, target_context.codegen())
        try:
            stored, parts = read(path)
            # The name of a file is a hash of names of types.
            if stored != signature or STAMP != _stamp():
                return None
            compiled = CompileResult._rebuild(target_context, *parts)
        except FileNotFoundError:
            return None
        except Exception as error:  # Whatever is wrong with the file, compiling replaces it.
            _log.debug("%s is compiled again: %r", path, error)
            return None
        with suppress(OSError):
            os.utime(self._folder)  # It is in use, and the last to be removed.
        return compiled

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled signature, if possible."""
        path = self._path(signature, compiled.codegen)
        try:
            if STAMP == _stamp():
                write(path, (signature, compiled._reduce()))
        except Exception as error:  # It has been compiled, and can be used.
            _log.debug("%s is not kept: %r", path, error)

    def flush(self) -> None:
        """Do nothing: no file can be out of date."""

    def _path(self, signature: Any, codegen: Any) -> Path:
        """Return the file of a signature on a processor."""
        function = self._function
        name = function.__module__, function.__qualname__
        settings = [str(getattr(config, name)) for name in SETTINGS]
        key = name, content_of(function), str(signature), codegen.magic_tuple(), settings
        digest = hashlib.sha256(repr(key).encode()).hexdigest()
        return self._folder / f"{function.__name__}-{digest[:LETTERS]}"


def read(path: Path) -> Any:
    """Return what ``write`` has written; raise an exception if it is damaged."""
    content = path.read_bytes()
    digest, data = content[:32], content[32:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError("its checksum is wrong")
    return pickle.loads(data)


def write(path: Path, value: Any) -> None:
    """Write a file such that another process finds all of it or nothing."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        prune(path.parent.parent)
    data = dumps(value)
    unfinished = path.with_name(f"{secrets.token_hex(8)}.unfinished")
    try:
        unfinished.write_bytes(hashlib.sha256(data).digest() + data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def prune(above: Path) -> None:
    """Remove all but the folders that were used last."""
    folders = [path for path in above.iterdir() if re.fullmatch(f"[0-9a-f]{{{LETTERS}}}", path.name)]
    for path in sorted(folders, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
