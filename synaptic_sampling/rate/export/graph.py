"""A graph of ONNX, which layers append themselves to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Graph"]


class Graph:
    """Nodes and constants of a graph; arrays between layers have shape [n, feature].

    Parameters
    ----------
    helper : module
        ``onnx.helper``.

    Attributes
    ----------
    nodes, constants : list
        What ``onnx.helper.make_graph`` takes.
    last : str
        Name of the output of the last node.
    """

    def __init__(self, helper: Any) -> None:
        self.helper = helper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "samples"

    def node(self, kind: str, *others: str, outputs: tuple[str, ...] = (), **attributes: Any) -> str:
        """Append a node and return the name of its output.

        Parameters
        ----------
        kind : str
            Operator.
        *others : str
            Names of its inputs after the first one, which is the output of the last node.
        outputs : tuple of str
            Names of its outputs, the last of which is passed on; by default a name is made up.
        **attributes
            Of the operator.

        Returns
        -------
        str
            The name.
        """
        names = outputs or (f"{kind}_{len(self.nodes)}",)
        self.nodes.append(self.helper.make_node(kind, [self.last, *others], names, **attributes))
        self.last = names[-1]
        return self.last

    def constant(self, values: Any) -> str:
        """Append an array, float32 or int64, and return its name."""
        array: NDArray[Any] = np.asarray(values)
        name, kind = f"constant_{len(self.constants)}", 1 if array.dtype == np.float32 else 7
        self.constants.append(self.helper.make_tensor(name, kind, array.shape, array.ravel().tolist()))
        return name

    def integers(self, *values: int) -> str:
        """Append a list of integers and return its name."""
        return self.constant(np.array(values, np.int64))

    def reshape(self, *shape: int) -> str:
        """Append a change of shape of the last array, and return the name of the result."""
        return self.node("Reshape", self.integers(*shape))
