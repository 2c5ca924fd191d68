"""A network written as ONNX computes the same when another program runs it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from synaptic_sampling import DeepR, RateNetwork
from synaptic_sampling.rate import Linear, ReLU, SparseLinear, Tanh
from synaptic_sampling.rate.export.onnx import to_onnx
from synaptic_sampling.rate.layers.convolution import Conv2d, SparseConv2d
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.frames import EachFrame, pack
from synaptic_sampling.rate.layers.pooling import AveragePool2d, MaxPool2d
from synaptic_sampling.rate.layers.recurrent import LSTM, SparseLSTM

pytest.importorskip("onnx")
RULE = DeepR(0.1, 0.01, 1e-4)

NETWORKS = {
    "images": [
        SparseConv2d(2, 4, 3, 2, 1, connectivity=0.5, size=(9, 8)),
        MaxPool2d(2, 1),
        ReLU(),
        Conv2d(4, 3, (2, 1)),
        AveragePool2d(2),
        Tanh(),
        Dropout(0.5),
        SparseLinear(3, 5, connectivity=0.5),
    ],
    "last of masked": [SparseLSTM(3, 6, connectivity=0.5, steps=7, masked=True), Linear(6, 2)],
    "all frames": [
        SparseLSTM(3, 6, connectivity=0.5, dense=("xg", "hi"), steps=7, output="all"),
        LSTM(6, 4, output="all"),
        EachFrame(SparseLinear(4, 2, connectivity=0.8)),
    ],
}


def run(model, x):
    """Run the model by onnxruntime, or by the evaluator of onnx, which does not support lengths of sequences."""
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        from onnx.reference import ReferenceEvaluator as Plain

        return Plain(model).run(None, {"samples": x})[0]
    return InferenceSession(model.SerializeToString()).run(None, {"samples": x})[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_another_program_computes_the_same(rng, name):
    import onnx

    if "masked" in name:
        pytest.importorskip("onnxruntime")
    net = RateNetwork(NETWORKS[name], RULE, seed=1)
    for parameter in net.parameters:
        if hasattr(parameter, "value"):
            parameter.value += 0.1 * rng.standard_normal(parameter.value.shape).astype(np.float32)
    x = rng.standard_normal((5, net.num_in)).astype(np.float32)
    if name == "last of masked":
        x = pack([rng.standard_normal((n, 3)).astype(np.float32) for n in (1, 7, 4)], 7)
    model = to_onnx(net)
    onnx.checker.check_model(model, full_check=True)
    assert_allclose(run(model, x), net.outputs(x), atol=1e-5)


#: Marks of frames that are present and absent: above 0, and not.
MARKS = [(1, 0), (0.9, 0), (0.5, -0.5), (2, 0), (3, -1), (1e-6, -7)]


@pytest.mark.parametrize(("present", "absent"), MARKS)
def test_lengths_are_numbers_of_marks_above_0(rng, present, absent):
    """The part of the graph that precedes the LSTM, which the evaluator of onnx does not support with lengths."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    net = RateNetwork([LSTM(3, 6, steps=7, masked=True), Linear(6, 2)], RULE, seed=1)
    x = pack([rng.standard_normal((n, 3)).astype(np.float32) for n in (1, 7, 4)], 7).reshape(3, 7, 4)
    x[:, :, 3] = np.where(x[:, :, 3] > 0, present, absent)
    x = x.reshape(3, -1)
    model = to_onnx(net)
    (lstm,) = (node for node in model.graph.node if node.op_type == "LSTM")
    length = onnx.helper.make_tensor_value_info(lstm.input[4], 6, ["n"])
    before = list(model.graph.node)[: list(model.graph.node).index(lstm)]
    graph = onnx.helper.make_graph(before, "lengths", model.graph.input, [length], model.graph.initializer)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=8)
    onnx.checker.check_model(part, full_check=True)
    (found,) = ReferenceEvaluator(part).run(None, {"samples": x})
    np.testing.assert_array_equal(found, [1, 7, 4])


@pytest.mark.parametrize(("present", "absent"), MARKS)
def test_another_program_takes_marks_as_the_network_does(rng, present, absent):
    pytest.importorskip("onnxruntime")
    net = RateNetwork([LSTM(3, 6, steps=7, masked=True), Linear(6, 2)], RULE, seed=1)
    x = pack([rng.standard_normal((n, 3)).astype(np.float32) for n in (1, 7, 4)], 7).reshape(3, 7, 4)
    x[:, :, 3] = np.where(x[:, :, 3] > 0, present, absent)
    x = x.reshape(3, -1)
    assert_allclose(run(to_onnx(net), x), net.outputs(x), atol=1e-5)


def test_what_onnx_has_not_is_refused():
    net = RateNetwork([LSTM(3, 6, steps=7, masked=True, output="all")], RULE, seed=1)
    with pytest.raises(TypeError, match=r"layer 0, LSTM\(3, 6\), cannot be written as ONNX"):
        to_onnx(net)
