"""The files of an ArrayStream in a C++ project, and the C++ function that reads them when the program starts."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synaptic_sampling.brian.standalone import program

__all__ = ["add_implementation"]

#: No sizes, paths or values: the program reads these from files, so that it also shows other data.
FUNCTION = """
static inline double {name}(const double t{argument})
{{
    static const synaptic_sampling::ArrayStream stream("{stream}", sizeof({type}));
    return stream.at<{type}>((t + {grace!r})/{dt!r}, {channel});
}}
"""
TYPES = {"float64": "double", "float32": "float", "int32": "int32_t", "int64": "int64_t", "uint8": "uint8_t",
         "bool": "uint8_t"}  # fmt: skip
#: The streams whose files have been written, by name, in each build of a project.
_WRITTEN: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


def add_implementation(stream: Any, name: str, grace: Callable[[Any], float]) -> None:
    """Register the C++ function of a stream; ``grace`` is the time in seconds that a frame starts early in a group."""

    def code(owner: Any) -> str:
        program.prepare()
        argument, channel = (", const int64_t i", "i") if stream.has_channels else ("", "0")
        return FUNCTION.format(
            name=name, stream=stream.name, argument=argument, channel=channel, grace=grace(owner), dt=stream.dt,
            type=TYPES[stream.samples.dtype.name],
        )  # fmt: skip

    # Brian2 asks for the arrays of a function when it writes a project; those of a stream have no size in the code.
    def namespace(_: Any) -> dict[str, Any]:
        writer, folder = program.project()
        if writer is not None:
            _write(stream, _WRITTEN.setdefault(writer, {}), folder)
        return {}

    stream.implementations.add_dynamic_implementation(
        program.code_object_class(), code, namespace=namespace, name=name,
        compiler_kwds={"headers": ['"array_stream.h"']},
    )  # fmt: skip


def _write(stream: Any, written: dict[str, Any], folder: Path) -> None:
    """Write where the values are, their order, and values that are in memory; once in each build."""
    other = written.setdefault(stream.name, stream)
    if other is not stream:
        raise ValueError(f"two ArrayStreams of the program have the name {stream.name!r}; give each a name of its own.")
    path, offset = stream.file or (Path("static_arrays", f"{stream.name}.values"), 0)
    if stream.file is None:
        stream.samples.tofile(folder / path)
    stream.order.tofile(folder / "static_arrays" / f"{stream.name}.order")
    sizes = offset, len(stream.samples), stream.num_frames, stream.num_channels, len(stream.order)
    about = f"{path.as_posix()}\n{' '.join(map(str, sizes))}\n"
    (folder / "static_arrays" / f"{stream.name}.stream").write_text(about, encoding="utf-8")
