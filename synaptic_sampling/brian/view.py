"""What can be read from a Rewiring: its connections, as arrays, sparse matrices and graphs, and its time."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Quantity, second
from numpy.typing import NDArray
from scipy.sparse import coo_array

from synaptic_sampling._checks import check_integer
from synaptic_sampling._tables import html_table
from synaptic_sampling.brian import export
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.rules import Rule

__all__ = ["View"]


class View:
    """The part of a `Rewiring` that changes nothing."""

    rule: Rule
    clock: Any
    _projections: list[Projection]
    _shared: Any
    _observers: list[Any]
    _interval: Any
    _steps: int
    _switch: Any

    def __repr__(self) -> str:
        names = ", ".join(f"'{projection.synapses.name}'" for projection in self._projections)
        try:
            number = f", {self.num_active} active"
        except NotImplementedError:  # Known after the program has run.
            number = ""
        return f"<{type(self).__name__} of {names} by {type(self.rule).__name__}{number}>"

    def _repr_html_(self) -> str:
        """Return one row per Synapses object, for notebooks."""
        rows = [
            (own.synapses.name, own.synapses.source.name, own.synapses.target.name, len(own.connections))
            for own in self._projections
        ]
        title = f"{type(self).__name__} by {self.rule}"
        return html_table(title, ("synapses", "from", "to", "connections"), rows)

    @property
    def sets(self) -> list[Connections]:
        """Return the connections of each Synapses object, a list also where there is only one."""
        return [projection.connections for projection in self._projections]

    @property
    def connections(self) -> Any:
        """Return the connections, a list of them for a list of Synapses."""
        return self.sets[0] if self._shared is None else self.sets

    @property
    def projections(self) -> list[Projection]:
        """Return what this package knows of each Synapses object; for monitors."""
        return self._projections

    @property
    def observers(self) -> list[Any]:
        """Return the monitors that record this Rewiring; they add themselves."""
        return self._observers

    @property
    def interval(self) -> Quantity:
        """Return the time between events."""
        return self.clock.dt if self._interval is None else self._interval

    @property
    def steps(self) -> int:
        """Return the number of time steps from event to event; known in a run."""
        return self._steps

    @property
    def switch(self) -> Any:
        """Return the shared variable that switches events on and off, None where there is none."""
        return self._switch

    @property
    def t(self) -> Quantity:
        """Return the time of the simulation, for callbacks."""
        return Quantity(self.seconds, dim=second.dim)

    @property
    def seconds(self) -> float:
        """Return the time of the simulation in seconds."""
        return float(self._projections[0].synapses.variables["t"].item())

    @property
    def num_active(self) -> int:
        """Return the number of connections."""
        return sum(c.num_active for c in self.sets)

    @property
    def i(self) -> NDArray[np.int32]:
        """Return the presynaptic index of each connection, a copy; in the order of the Synapses."""
        return np.concatenate([pre[sign != 0] for pre, _, _, sign in self._held()])

    @property
    def j(self) -> NDArray[np.int32]:
        """Return the postsynaptic index of each connection, a copy; in the order of the Synapses."""
        return np.concatenate([post[sign != 0] for _, post, _, sign in self._held()])

    def to_scipy(self, weights: str | None = None, synapses: int = 0) -> coo_array:
        """Return the connections as a sparse matrix.

        Parameters
        ----------
        weights : str, optional
            Synaptic variable or subexpression whose values are the entries, in SI units; ones by default.
        synapses : int
            Index of the Synapses object, where there are several.

        Returns
        -------
        coo_array, shape (presynaptic neurons, postsynaptic neurons)
            Connections with value 0 are stored explicitly.

        Raises
        ------
        TypeError, ValueError
            If the variable or the Synapses object does not exist.
        """
        number = check_integer("synapses", synapses, minimum=0, maximum=len(self._projections) - 1)
        return export.to_matrix(self._projections[number], weights)

    def to_networkx(self, *variables: str) -> Any:
        """Return the connections of all Synapses as a ``networkx.MultiDiGraph``.

        Parameters
        ----------
        *variables : str
            Synaptic variables or subexpressions stored with each edge, in SI units.

        Returns
        -------
        MultiDiGraph
            Nodes are (name of a group, index); edges store the name of their ``synapses``.

        Raises
        ------
        ImportError
            If networkx is not installed.
        ValueError
            If a variable does not exist.
        """
        return export.to_networkx(self._projections, variables)

    def _held(self) -> list[tuple[NDArray[Any], ...]]:
        return [projection.held() for projection in self._projections]
