"""Which connections were seen at each of a few looks: interval-censored and left-truncated by nature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._checks import check_array, check_number, read_array
from synaptic_sampling.observations import tables

__all__ = ["MISSING", "Observations"]

#: How ``Observations.presence`` marks a look at which a connection was not imaged.
MISSING = -1


class Observations:
    """Presence of connections at looks (imaging sessions), from an imaging study or from ``RewiringLog.observe``.

    What forms and disappears between two looks is never seen, and what is there at the first look has an unknown age.
    The estimators of ``statistics.observed`` account for both; those that need exact times refuse observations.

    Parameters
    ----------
    presence : array_like, shape (n, looks)
        Above 0 where a connection was seen, 0 where it was imaged but absent, NaN where it was not imaged.
    times : array_like, shape (looks,)
        Times of the looks, ascending, in any unit, for example days.
    weights : array_like, shape (n, looks), optional
        Sizes of the connections, >= 0; those of connections that were not seen are ignored.
    group : array_like, shape (n,), optional
        What each connection belongs to (dendrite, cell, animal): integers or strings. Confidence intervals resample
        groups, since connections of one dendrite are not independent. By default each is a group of its own.
    missing : float, optional
        A number that also marks looks at which a connection was not imaged, for example -1.

    Attributes
    ----------
    presence : ndarray of int8, shape (n, looks)
        1 seen, 0 absent, ``MISSING`` (-1) not imaged. Missing is not absent.
    times : ndarray of float64, shape (looks,)
        As given.
    weights : ndarray of float64, shape (n, looks), or None
        NaN where a connection was not seen.
    group : ndarray of int64, shape (n,)
        Number of the group of each connection, 0 to ``len(groups) - 1``.
    groups : tuple of str
        Names of the groups.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or shape, there are fewer than two looks, times do not ascend, presence is
        negative, or a weight is missing, negative or not finite where the connection was seen.
    """

    def __init__(
        self,
        presence: ArrayLike,
        times: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        group: ArrayLike | None = None,
        missing: float | None = None,
    ) -> None:
        values = check_array("presence", presence)
        if values.ndim != 2 or values.shape[1] < 2:
            raise ValueError(
                "presence must be a table of connections by looks, with two looks or more, got the shape "
                f"{values.shape}."
            )
        values = values.astype(float)
        if missing is not None:
            values[values == check_number("missing", missing)] = np.nan
        if (values < 0).any() or np.isinf(values).any():
            raise ValueError(
                "presence must be 0 (absent), above 0 (seen) or NaN (not imaged); pass missing=-1 if -1 marks looks "
                "without imaging."
            )
        self.presence = np.where(np.isnan(values), MISSING, values > 0).astype(np.int8)
        self.times = _ascending(times, values.shape[1])
        self.weights = None if weights is None else self._sizes(weights)
        self.group, self.groups = _codes(group, len(values))

    @classmethod
    def from_table(
        cls,
        table: Any,
        times: ArrayLike | None = None,
        *,
        weights: bool = False,
        group: str | None = None,
        missing: float | None = None,
        where: Mapping[str, str] | None = None,
    ) -> Observations:
        """Read observations from a CSV file, a pandas DataFrame, or a mapping of names to columns.

        Two forms are understood. Wide: one row per connection, with one column per look whose names are a common prefix
        and a number (``session0``, ``session1``, ... or ``day-4``, ``day0``, ``day4``, ...); no other column may have a
        name that ends in a number, except those of ``group`` and ``where``. Long: one row per connection and look, with
        the columns ``synapse``, ``time``, ``present`` or ``weight``; combinations without a row were not imaged, so
        absent connections need a row as well. There a connection is known by its ``synapse`` together with all of the
        columns ``group`` (unless another one is the group), ``dendrite``, ``cell``, ``animal`` that exist.

        Parameters
        ----------
        table : path-like, DataFrame or mapping of str to array_like
            Values above 0 were seen, 0 is absent; empty cells and NaN were not imaged.
        times : array_like, shape (looks,), optional
            Times of the looks in ascending order; by default the numbers in the names of the columns, or the ``time``
            of the long form.
        weights : bool
            Whether the values of the wide form are weights; the column ``weight`` of the long form always is.
        group : str, optional
            Column with the group of each connection, taken as it is. By default the first of ``group``, ``dendrite``,
            ``cell``, ``animal`` that exists; where two cells or animals have a dendrite of the same name, or two
            animals a cell, groups are named by all of these, as in ``animal/cell/dendrite``. Without such a column,
            each connection is a group.
        missing : float, optional
            A number that also marks looks without imaging, for example -1.
        where : mapping of str to str, optional
            Keeps only the rows with these texts in these columns, for example ``{'cell': 'pyr'}``.

        Returns
        -------
        Observations
            In the order of the table.

        Raises
        ------
        OSError
            If the file cannot be read.
        TypeError, ValueError
            If the table has neither form, a column is missing, a value is not a number, or names that end in a number
            have several prefixes.
        """
        columns = tables.columns_of(table)
        found = tables.read(columns, group=group, missing=missing, where=where, weights=weights)
        looks = found.times if times is None else times
        return cls(found.values, looks, weights=found.weights, group=found.group)

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self.presence)

    def __repr__(self) -> str:
        return (
            f"<Observations: {len(self)} connections in {len(self.groups)} groups, {len(self.times)} looks from "
            f"{self.times[0]:g} to {self.times[-1]:g}>"
        )

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Return at which looks each connection was seen, shape (n, looks)."""
        return self.presence > 0

    @property
    def imaged(self) -> NDArray[np.bool_]:
        """Return at which looks each connection was imaged, shape (n, looks)."""
        return self.presence != MISSING

    @property
    def interval(self) -> float | None:
        """Return the time between two looks; None if it varies."""
        steps = np.diff(self.times)
        return float(steps.mean()) if np.ptp(steps) <= 1e-9 * steps.max() else None

    def select(self, synapses: ArrayLike) -> Observations:
        """Return the observations of some connections.

        Parameters
        ----------
        synapses : array_like
            Indices, or a mask of n truth values.

        Returns
        -------
        Observations
            In the given order.

        Raises
        ------
        TypeError, ValueError
            If an index is out of range, or the mask has another length.
        """
        rows = _indices("synapses", synapses, len(self))
        return self._part(rows, np.arange(len(self.times)))

    def at_looks(self, looks: ArrayLike) -> Observations:
        """Return what a study with only some of the looks would have observed.

        Parameters
        ----------
        looks : array_like of int
            Indices of two or more looks, ascending, for example ``range(0, 8, 2)``.

        Returns
        -------
        Observations
            Of all connections, those never seen included.

        Raises
        ------
        TypeError, ValueError
            If an index is out of range, or they do not ascend.
        """
        columns = _indices("looks", looks, len(self.times))
        if len(columns) < 2 or (np.diff(columns) <= 0).any():
            raise ValueError(f"looks must be two or more indices in ascending order, got {columns.tolist()[:20]}.")
        return self._part(np.arange(len(self)), columns)

    def split_at_absences(self) -> Observations:
        """Return what a study would have noted that takes each connection which returns for a new one.

        Returns
        -------
        Observations
            With a row for each series of looks at which a connection was seen and never absent in between. All others
            are absent there, except those without imaging. The first series of all connections come first, in their
            order, then the second ones, and so on.
        """
        seen, absences = self.seen, np.cumsum(self.presence == 0, axis=1)
        # A series begins where the number of absences has grown since the connection was last seen.
        last = np.maximum.accumulate(np.where(seen, absences, -1), axis=1)
        series = np.cumsum(seen & (absences > np.pad(last, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]), axis=1)
        numbers = np.arange(1, series.max(initial=1) + 1)[:, None]
        number, row = np.nonzero(numbers <= np.maximum(series[:, -1], 1))
        presence = np.where(seen[row] & (series[row] == numbers[number]), 1, np.minimum(self.presence[row], 0))
        weights = None if self.weights is None else self.weights[row]
        return Observations(presence, self.times, weights=weights, group=self._names_at(row), missing=MISSING)

    def by_group(self) -> Iterator[tuple[str, Observations]]:
        """Yield the name and the observations of each group."""
        for number, name in enumerate(self.groups):
            yield name, self.select(self.group == number)

    def _part(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Observations:
        values = self.presence[np.ix_(rows, columns)].astype(float)
        values[values == MISSING] = np.nan
        weights = None if self.weights is None else self.weights[np.ix_(rows, columns)]
        return Observations(values, self.times[columns], weights=weights, group=self._names_at(rows))

    def _names_at(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the names of the groups of some connections."""
        return np.array(self.groups, dtype=object)[self.group[rows]].astype(str)

    def _sizes(self, weights: Any) -> NDArray[np.float64]:
        sizes = check_array("weights", weights).astype(float)
        if sizes.shape != self.presence.shape:
            raise ValueError(f"weights must have the shape of presence, {self.presence.shape}, got {sizes.shape}.")
        own = sizes[self.seen]
        if not np.isfinite(own).all() or (own < 0).any():
            raise ValueError("weights must be finite and >= 0 wherever a connection was seen.")
        return np.where(self.seen, sizes, np.nan)


def _ascending(times: Any, number: int) -> NDArray[np.float64]:
    looks = check_array("times", times).astype(float)
    if looks.shape != (number,) or not np.isfinite(looks).all() or (np.diff(looks) <= 0).any():
        raise ValueError(f"times must be {number} ascending numbers, one for each look, got {looks}.")
    return looks


def _codes(group: Any, number: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the number of the group of each connection, and the names in order of appearance."""
    names = np.arange(number) if group is None else read_array("group", group)
    if names.shape != (number,) or names.dtype.kind not in "biuU":
        raise ValueError(
            f"group must hold an integer or a text for each of the {number} connections, got {names.dtype} of the "
            f"shape {names.shape}."
        )
    unique, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(unique), np.int64)
    place[order] = np.arange(len(unique))
    return place[inverse], tuple(str(name) for name in unique[order])


def _indices(name: str, values: Any, number: int) -> NDArray[np.int64]:
    chosen = check_array(name, values, "biu")
    if chosen.ndim != 1 or (chosen.dtype.kind == "b" and len(chosen) != number):
        raise ValueError(
            f"{name} must be a vector of indices or of {number} truth values, got the shape {chosen.shape}."
        )
    found = np.flatnonzero(chosen) if chosen.dtype.kind == "b" else chosen.astype(np.int64)
    if found.size and not (0 <= found.min() and found.max() < number):
        raise ValueError(f"{name} must be between 0 and {number - 1}, got {found.min()} to {found.max()}.")
    return found
