"""Trained networks as ONNX files, which most runtimes read. Needs the package onnx.

ONNX has no sparse matrices that runtimes take, so that connections are written as dense weights with zeros; those who
want them sparse have `to_scipy`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptic_sampling._checks import check_instance
from synaptic_sampling.rate.export.arrays import to_arrays
from synaptic_sampling.rate.layers.activations import ReLU, Tanh
from synaptic_sampling.rate.layers.convolution import SparseConv2d
from synaptic_sampling.rate.layers.dense_convolution import Conv2d
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.frames import EachFrame
from synaptic_sampling.rate.layers.linear import Linear, SparseLinear
from synaptic_sampling.rate.layers.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM
from synaptic_sampling.rate.network import RateNetwork

__all__ = ["to_onnx"]

#: Gates of an LSTM in the order of ONNX (input, output, forget, cell) from that of the layers.
GATES = (0, 3, 1, 2)
OPSET = 17


def to_onnx(network: RateNetwork) -> Any:
    """Return a network as a model of ONNX, for ``onnx.save``.

    Parameters
    ----------
    network : RateNetwork
        Of layers of this package.

    Returns
    -------
    onnx.ModelProto
        From ``samples`` [n, num_in] to ``outputs`` [n, num_out]. Dropout, which is for learning, is left out. Of
        masked sequences the frames that are there must come first.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If it is no network, or ONNX has no such layer: an LSTM that gives all states of masked frames.
    """
    check_instance("network", network, RateNetwork)
    helper = import_module("onnx.helper")  # a dependency of this function alone
    graph = _Graph(helper)
    for number, layer in enumerate(network.layers):
        graph.add(layer, to_arrays(layer), number)
    graph.node("Identity", [graph.last], "outputs")
    ends = [("samples", network.num_in), ("outputs", network.num_out)]
    first, last = (helper.make_tensor_value_info(name, 1, ["n", number]) for name, number in ends)
    model = helper.make_graph(graph.nodes, "synaptic_sampling", [first], [last], graph.constants)
    return helper.make_model(model, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


class _Graph:
    """Nodes and constants, written layer by layer; between layers stand arrays [n, feature]."""

    def __init__(self, helper: Any) -> None:
        self.helper = helper
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "samples"

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        self.last = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, inputs, [self.last], **attributes))
        return self.last

    def constant(self, values: Any) -> str:
        """Add an array, float32 or int64, and return its name."""
        array: NDArray[Any] = np.asarray(values)
        name, kind = f"constant_{len(self.constants)}", 1 if array.dtype == np.float32 else 7
        self.constants.append(self.helper.make_tensor(name, kind, array.shape, array.ravel().tolist()))
        return name

    def reshape(self, *shape: int) -> str:
        """Give the last array another shape."""
        return self.node("Reshape", [self.last, self.constant(np.array(shape, np.int64))])

    def add(self, layer: Any, arrays: dict[str, Any], number: int) -> None:
        """Add a layer."""
        if isinstance(layer, ReLU | Tanh):
            self.node("Relu" if isinstance(layer, ReLU) else "Tanh", [self.last])
        elif isinstance(layer, SparseLinear | Linear):
            self.node("Gemm", [self.last, *self._constants(arrays)], transB=1)
        elif isinstance(layer, SparseConv2d | Conv2d):
            pads, strides = [layer.padding] * 4, [layer.stride] * 2
            self.reshape(-1, *layer.before.shape)
            self.node("Conv", [self.last, *self._constants(arrays)], pads=pads, strides=strides)
            self.reshape(-1, int(layer.after))
        elif isinstance(layer, MaxPool2d | AveragePool2d):
            self.reshape(-1, *layer.before.shape)
            kind = "MaxPool" if isinstance(layer, MaxPool2d) else "AveragePool"
            self.node(kind, [self.last], kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2)
            self.reshape(-1, int(layer.after))
        elif isinstance(layer, EachFrame) and isinstance(layer.layer, SparseLinear | Linear):
            self.reshape(-1, layer.before.features)
            self.node("Gemm", [self.last, *self._constants(arrays)], transB=1)
            self.reshape(-1, int(layer.after))
        elif isinstance(layer, SparseLSTM | LSTM) and not (layer.masked and layer.output == "all"):
            self._add_lstm(layer, arrays)
        elif not isinstance(layer, Dropout):
            raise TypeError(f"layer {number}, {layer}, cannot be written as ONNX.")

    def _constants(self, arrays: dict[str, Any]) -> list[str]:
        return [self.constant(arrays["weight"]), self.constant(arrays["bias"])]

    def _add_lstm(self, layer: SparseLSTM | LSTM, arrays: dict[str, Any]) -> None:
        """Add an LSTM [step, n, feature] with the lengths of masked sequences."""
        features, units = layer.inputs, layer.units
        self.reshape(-1, *layer.before.shape)
        frames, lengths = self.node("Transpose", [self.last], perm=[1, 0, 2]), ""
        if layer.masked:
            parts = [self.constant(np.array(n, np.int64)) for n in ([features], [features + 1], [2])]
            marks = self.node("Slice", [frames, *parts])
            total = self.node("ReduceSum", [marks, self.constant(np.array([0, 2], np.int64))], keepdims=0)
            lengths = self.node("Cast", [total], to=6)
            frames = self.node("Slice", [frames, self.constant(np.array([0], np.int64)), parts[0], parts[2]])
        gates = [values.reshape(4, units, -1)[GATES, :].reshape(1, 4 * units, -1) for values in arrays.values()]
        bias = np.concatenate([gates[2][:, :, 0], np.zeros((1, 4 * units), np.float32)], axis=1)
        inputs = [frames, *(self.constant(values) for values in (gates[0], gates[1], bias)), lengths]
        outputs = [f"states_{len(self.nodes)}", f"last_{len(self.nodes)}"]
        self.nodes.append(self.helper.make_node("LSTM", inputs, outputs, hidden_size=units))
        if layer.output == "all":
            self.last = outputs[0]
            # [step, direction, n, unit]
            self.node("Transpose", [self.last], perm=[2, 0, 1, 3])
        else:
            self.last = outputs[1]
        self.reshape(-1, layer.num_out)
