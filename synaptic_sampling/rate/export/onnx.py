"""Trained networks as ONNX files, which most runtimes read. Needs the package onnx.

No runtime accepts the sparse matrices of ONNX, so connections are written as dense weights with zeros; `to_scipy` keeps
them sparse.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from synaptic_sampling._checks import check_instance
from synaptic_sampling.rate.export.graph import Graph
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["to_onnx"]

OPSET = 17


def to_onnx(network: RateNetwork) -> Any:
    """Return a network as a model of ONNX, for ``onnx.save``.

    Parameters
    ----------
    network : RateNetwork
        Of layers of this package, or of your own that implement ``write``.

    Returns
    -------
    onnx.ModelProto
        From ``samples`` [n, num_in] to ``outputs`` [n, num_out]. Dropout is left out, since it acts in training only.
        In masked sequences, the frames that are present must come first.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If ``network`` is not a network, or ONNX has no such layer: an LSTM with all states of masked frames as output.
    """
    check_instance("network", network, RateNetwork)
    helper = import_module("onnx.helper")  # only this function depends on it
    graph = Graph(helper)
    for number, layer in enumerate(network.layers):
        try:
            layer.write(graph)
        except NotImplementedError:
            raise TypeError(f"network: layer {number}, {layer}, cannot be written as ONNX.") from None
    graph.node("Identity", outputs=("outputs",))
    ends = [("samples", network.num_in), ("outputs", network.num_out)]
    first, last = (helper.make_tensor_value_info(name, 1, ["n", number]) for name, number in ends)
    model = helper.make_graph(graph.nodes, "synaptic_sampling", [first], [last], graph.constants)
    return helper.make_model(model, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
