"""Samples in an array or a file, shown in any order, as a function of time in the equations of a Brian2 script."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Function, Quantity, defaultclock, get_dimensions, get_unit, second
from brian2.core.names import Nameable
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.caching import CacheKey
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_flag, read_array
from synaptic_sampling.brian import timing
from synaptic_sampling.brian.standalone import streams

__all__ = ["ArrayStream", "read_samples"]

#: Types that are read as they are; in equations, all values are doubles.
TYPES = {"float64": "double", "float32": "float", "int32": "int", "int64": "long long", "uint8": "unsigned char",
         "bool": "unsigned char"}  # fmt: skip
#: A frame starts this part of a time step early, so that rounding errors of t do not matter.
GRACE = 1 / 16

#: {about} holds the addresses of values and order, the number of frames in all and of a sample, and of channels.
CYTHON = """
@_cython.cdivision(True)
cdef double {name}(const double t{argument}):
    global _namespace{about}
    cdef int64_t* about = <int64_t*> _namespace{about}
    cdef int64_t channel = {channel}
    cdef double number = floor((t + {grace!r})/{dt!r})
    cdef int64_t frame
    if channel < 0 or channel >= about[4]:
        return _numpy.nan
    frame = <int64_t> (0.0 if number < 0.0 else min(number, <double> about[2]))
    frame = (<int64_t*> <size_t> about[1])[frame // about[3]]*about[3] + frame % about[3]
    return <double> (<{type}*> <size_t> about[0])[frame*about[4] + channel]
"""


class ArrayStream(Function, Nameable, CacheKey):
    """Show the samples of an array or a file one after the other, in any order, as a function of time.

    Like a ``TimedArray``, it is called in equations and strings, as in ``x = images(t, i) : 1``, but the data is
    neither copied nor converted, one order of a data set is as cheap as another, and a C++ program maps the file into
    memory: 60000 images of 784 bytes take 47 MB, however often they are shown.

    Parameters
    ----------
    values : array_like or path of a .npy file
        Shape (samples,), or (samples, frames) with ``framed=True``, for a function of t; shape (samples, channels) or
        (samples, frames, channels) for a function of t and the channel, usually ``i``. Of float64, float32, int32,
        int64, uint8 or bool, and kept as they are; a quantity has its unit in equations too. A file is mapped into
        memory, and must stay where it is until the program has run.
    dt : Quantity
        Time for which a frame is shown. A sample without frames is one frame.
    order : array_like of int, shape (number,), optional
        Which sample is shown first, second, ...; repeated and left out as you like. By default each once, in order.
    framed : bool
        Whether the second of two axes contains frames rather than channels.
    name : str
        Name of the object; streams in one C++ program must have different names.

    Attributes
    ----------
    samples : ndarray
        The values, in SI units.
    order : ndarray of int64
        As given.
    duration : Quantity
        Time for which all samples of ``order`` are shown.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range, or a file cannot be mapped into memory.
    DimensionMismatchError
        If ``dt`` is not a time.

    Notes
    -----
    Before t = 0 the first frame is shown, after the end the last one, as with a ``TimedArray``. A frame starts a
    sixteenth of a time step early, so that rounding errors of t do not matter. A channel that does not exist is NaN.

    Examples
    --------
    >>> images = ArrayStream('images.npy', dt=16*ms, order=rng.permutation(60000))  # doctest: +SKIP
    >>> pixels = NeuronGroup(784, 'x = images(t, i)/255 : 1')  # doctest: +SKIP
    """

    # What code is generated from is the name, the dt, the type, and whether there are channels.
    _cache_irrelevant_attributes = frozenset(("_id", "samples", "order", "file", "pyfunc", "implementations"))

    def __init__(
        self,
        values: ArrayLike | str | os.PathLike[str],
        *,
        dt: Any,
        order: ArrayLike | None = None,
        framed: bool = False,
        name: str = "arraystream*",
    ) -> None:
        timing.check_interval(dt)
        check_flag("framed", framed)
        #: The file with the values and where they start in it, None for an array in memory.
        self.file: tuple[Path, int] | None
        self.samples, self.file = read_samples("values", values)
        self.order = _order(order, len(self.samples))
        self.num_frames, self.num_channels = _shape(self.samples, framed)
        #: Whether the stream is a function of t and i, and not of t alone.
        self.has_channels = self.samples.ndim > (2 if framed else 1)
        self.dim, self.dt = DIMENSIONLESS if self.file else get_dimensions(values), float(dt)
        Nameable.__init__(self, name)
        units = [second, 1] if self.has_channels else [second]
        Function.__init__(self, self._at_default_clock, arg_units=units, return_unit=get_unit(self.dim))
        self._implement()

    @property
    def duration(self) -> Quantity:
        """Return the time for which all samples of ``order`` are shown."""
        return Quantity(len(self.order) * self.num_frames * self.dt, dim=second.dim)

    def is_locally_constant(self, dt: float) -> bool:
        """Return whether the value stays the same within each time step, so that equations can be solved exactly."""
        return round(self.dt / dt) >= 1 and math.isclose(self.dt / dt, round(self.dt / dt), rel_tol=1e-9)

    def _implement(self) -> None:
        """Register the implementations for all targets."""
        name = f"_{self.name}_stream"
        add = self.implementations.add_dynamic_implementation
        add("numpy", self._in_numpy)
        add("cython", self._in_cython, namespace=lambda _: {f"{self.name}_about": self._about()}, name=name)
        streams.add_implementation(self, name, lambda owner: _grace(self.dt, owner.clock.dt_))

    def _at_default_clock(self, t: Any, *channel: Any) -> Quantity:
        """Return values with units, where the stream is called outside of a simulation."""
        seconds = np.asarray(Quantity(t, dim=get_dimensions(t)))
        return Quantity(self._look_up(_grace(self.dt, float(defaultclock.dt)), seconds, *channel), dim=self.dim)

    def _in_numpy(self, owner: Any) -> Callable[..., NDArray[np.float64]]:
        grace = _grace(self.dt, owner.clock.dt_)

        def values_at(t: Any, *channel: Any) -> NDArray[np.float64]:
            return self._look_up(grace, t, *channel)

        return values_at

    def _look_up(self, grace: float, t: Any, channel: Any = 0) -> NDArray[np.float64]:
        """Return the values at some times in seconds."""
        last = len(self.order) * self.num_frames - 1
        frame = np.clip(np.floor((np.asarray(t) + grace) / self.dt), 0, last).astype(np.int64)
        channel = np.asarray(channel).astype(np.int64)
        exists = (channel >= 0) & (channel < self.num_channels)
        samples = self.samples.reshape(-1, self.num_frames, self.num_channels)
        sample = self.order[frame // self.num_frames]
        found = samples[sample, frame % self.num_frames, np.where(exists, channel, 0)]
        return np.where(exists, found.astype(np.float64), np.nan)

    def _in_cython(self, owner: Any) -> str:
        argument, channel = (", const int64_t i", "i") if self.has_channels else ("", "0")
        return CYTHON.format(
            name=f"_{self.name}_stream", about=f"{self.name}_about", argument=argument, channel=channel,
            grace=_grace(self.dt, owner.clock.dt_), dt=self.dt, type=TYPES[self.samples.dtype.name],
        )  # fmt: skip

    def _about(self) -> NDArray[np.int64]:
        addresses = self.samples.ctypes.data, self.order.ctypes.data
        frames = len(self.order) * self.num_frames - 1, self.num_frames
        return np.array([*addresses, *frames, self.num_channels], np.int64)


def _grace(dt: float, step: float) -> float:
    """Return how many seconds a frame starts early, for a group with this time step."""
    return GRACE * min(dt, step)


def read_samples(name: str, values: ArrayLike | str | os.PathLike[str]) -> tuple[NDArray[Any], tuple[Path, int] | None]:
    """Return values in memory or in a .npy file as they are, and where they are in which file; errors name them."""
    if isinstance(values, str | os.PathLike):
        return _map(name, Path(values))
    return _checked(name, values), None


def _checked(name: str, values: Any) -> NDArray[Any]:
    """Return values as an array of one of the types, without a copy where possible."""
    array = read_array(name, values)
    if array.dtype.name not in TYPES or not array.dtype.isnative:
        raise TypeError(f"{name} must be of {', '.join(TYPES)}, got {array.dtype}; convert them by astype().")
    if array.ndim not in {1, 2, 3} or not array.size:
        raise ValueError(f"{name} must have 1 to 3 axes, none of them empty, got shape {array.shape}.")
    return np.ascontiguousarray(array)


def _map(name: str, path: Path) -> tuple[NDArray[Any], tuple[Path, int]]:
    """Return the array in a .npy file, mapped into memory, and where in which file it is."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{name} must be an array or a .npy file, got '{path}': {error}; write it by np.save."
        ) from error
    if not isinstance(values, np.memmap) or not values.flags.c_contiguous:
        raise ValueError(
            f"'{path}' must be a .npy file in C order; write it by np.save(path, np.ascontiguousarray(x))."
        )
    return np.asarray(_checked(name, values)), (path.resolve(), int(values.offset))


def _shape(samples: NDArray[Any], framed: bool) -> tuple[int, int]:
    """Return the number of frames of a sample, and of channels."""
    if framed and samples.ndim == 1:
        raise ValueError(f"framed=True needs values of shape (samples, frames), got shape {samples.shape}.")
    if samples.ndim == 3:
        return samples.shape[1], samples.shape[2]
    length = samples.shape[1] if samples.ndim > 1 else 1
    return (length, 1) if framed else (1, length)


def _order(order: ArrayLike | None, number: int) -> NDArray[np.int64]:
    """Return which samples are shown, as an array of its own."""
    if order is None:
        return np.arange(number)
    given = check_array("order", order, "iu")
    if given.ndim != 1 or not len(given):
        raise ValueError(f"order must be a list of samples, not empty, got shape {given.shape}.")
    wrong = given[(given < 0) | (given >= number)]
    if len(wrong):
        raise ValueError(f"order must be between 0 and {number - 1}, the last of the samples, got {wrong[0]}.")
    return given.astype(np.int64)
