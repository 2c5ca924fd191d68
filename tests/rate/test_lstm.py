"""Long short-term memory: the reference implementation, derivatives, masks, windows, rewiring, invalid input."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, RateNetwork, Trainer
from synaptic_sampling._kernels import lstm
from synaptic_sampling._numba import jit
from synaptic_sampling.rate import Linear, ReLU, SparseLinear
from synaptic_sampling.rate.layers.dropout import Dropout
from synaptic_sampling.rate.layers.frames import EachFrame, pack
from synaptic_sampling.rate.layers.recurrent import LSTM, MATRICES, SparseLSTM
from synaptic_sampling.rate.layers.shapes import Frames
from tests import naive_lstm as naive
from tests.naive_convolution import derivatives

RULE = DeepR(learning_rate=0.1, l1=0.01, temperature=1e-4)
HALF_DENSE = ("xi", "xg", "hf", "ho", "hg")


@jit
def tanh_of(x, out):
    for n in range(x.size):
        out[n] = lstm.tanh(x[n])


def test_tanh_equals_naive_and_is_tanh():
    x = np.concatenate([np.linspace(-12, 12, 10001), [0.0, -0.0, 1e-30, np.inf, -np.inf]]).astype(np.float32)
    out = np.empty_like(x)
    tanh_of(x, out)
    assert_array_equal(out, naive.tanh(x))
    assert_allclose(out, np.tanh(x.astype(float)), rtol=5e-7)
    tanh_of(np.full(1, np.nan, np.float32), out[:1])
    assert np.isnan(out[0])


def present_of(lengths, steps):
    return (np.arange(steps)[:, None] < lengths).astype(np.float32)


def make(rng, layer, batch, lengths=None):
    """Build the layer alone in a network, and draw frames [step, number, batch] for it."""
    RateNetwork([layer], RULE, seed=int(rng.integers(1000)))
    layer.bias[:] += 0.5 * rng.standard_normal(layer.bias.size)
    frames = rng.standard_normal((*layer.before.shape, batch)).astype(np.float32)
    present = np.ones((layer.before.steps, batch), np.float32)
    if layer.masked:
        present = frames[:, -1] = present_of(lengths, layer.before.steps)
    return frames.reshape(layer.num_in, batch), frames[:, : layer.inputs], present


def matrix_of(layer):
    matrix = np.zeros((4 * layer.units, layer.inputs + layer.units))
    if layer.connections is not None:
        matrix[layer.connections.post, layer.connections.pre] = layer.connections.weights
    for rows, columns, block in layer.blocks:
        assert not matrix[rows, columns].any()
        matrix[rows, columns] = block.value
    return matrix


@pytest.mark.parametrize("output", ["last", "all"])
@pytest.mark.parametrize("masked", [False, True])
def test_lstm_equals_naive(rng, output, masked):
    for _ in range(6):
        inputs, units, steps = (int(n) for n in rng.integers(1, 7, 3))
        batch, window = 16 * int(rng.choice([1, 2, 9])), int(rng.integers(1, 8))
        number = int(rng.integers(1, 4 * units * (inputs + units) + 1))
        layer = SparseLSTM(inputs, units, connections=number, steps=steps, masked=masked, output=output, window=window)
        lengths = rng.integers(0, steps + 1, batch)
        x, frames, present = make(rng, layer, batch, lengths)
        last = max(lengths) if masked else steps
        connections = layer.connections.pre.tolist(), layer.connections.post.tolist(), layer.connections.weights
        delta = rng.standard_normal((layer.num_out, batch)).astype(np.float32)
        for _ in range(2):  # What is kept from one batch must not show in the next.
            out = layer.forward(x.copy())
            dx = layer.backward(delta.copy(), wanted=True).reshape(*layer.before.shape, batch)
        course = naive.forward(connections, layer.bias, frames[:last], present[:last], units)
        h = np.array([step[4] for step in course]).reshape(last, units, batch)
        outside, end = np.zeros_like(h), delta
        if output == "last":
            assert_array_equal(out, h[-1] if last else 0)
        else:
            rows = out.reshape(*layer.after.shape, batch)
            assert_array_equal(rows[:last, :units], h)
            assert_array_equal(rows[last:, :units], np.broadcast_to(h[-1], (steps - last, units, batch)) if last else 0)
            if masked:
                assert_array_equal(rows[:, units], present)
            slopes = delta.reshape(*layer.after.shape, batch)[:, :units]
            outside, end = slopes[:last], slopes[last:].sum(axis=0)
        gradient, sums, slopes = naive.backward(connections, course, present[:last], outside, end, inputs, window)
        assert_array_equal(layer.parameters[0].gradient, gradient)
        assert_allclose(layer.parameters[1].gradient, np.sum(sums, axis=(0, 2)) if last else 0, rtol=1e-4, atol=1e-4)
        assert_array_equal(dx[:last, :inputs], np.array(slopes).reshape(last, inputs, batch))
        assert not dx[last:].any()
        assert not dx[:, inputs:].any()


def kinds(kind, *sizes, **options):
    if kind == "sparse":
        return SparseLSTM(*sizes, connectivity=0.5, **options)
    return (
        LSTM(*sizes, **options)
        if kind == "dense"
        else SparseLSTM(*sizes, connectivity=0.6, dense=HALF_DENSE, **options)
    )


def check(layer, got_dx, loss, matrix, bias, frames):
    """Compare all gradients with derivatives of ``loss()``, which reads matrix, bias and frames."""
    slopes = derivatives(loss, matrix)
    scale = 1e-5 * np.abs(slopes).max()
    if layer.connections is not None:
        c = layer.connections
        assert_allclose(layer.parameters[0].gradient, slopes[c.post, c.pre], rtol=1e-4, atol=scale)
    for rows, columns, block in layer.blocks:
        assert_allclose(block.gradient, slopes[rows, columns], rtol=1e-4, atol=scale)
    slopes = derivatives(loss, bias)
    assert_allclose(layer.parameters[-1].gradient, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())
    some = frames[::7, :, :2]
    slopes = derivatives(loss, some)
    own = got_dx.reshape(*layer.before.shape, -1)[::7, : layer.inputs, :2]
    assert_allclose(own, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())


@pytest.mark.parametrize("kind", ["sparse", "dense", "mixed"])
@pytest.mark.parametrize("output", ["last", "all"])
def test_gradients_over_sixty_steps_are_derivatives(rng, kind, output):
    """Every entry against central differences in float64, over 60 steps, lengths 0 to 57."""
    layer = kinds(kind, 3, 4, steps=60, masked=True, output=output)
    lengths = np.concatenate([[0, 1, 57, 40], rng.integers(0, 57, 12)])
    x, frames, present = make(rng, layer, 16, lengths)
    toward = rng.standard_normal((layer.num_out, 16))
    if output == "all":
        toward.reshape(*layer.after.shape, 16)[:, 4] = 0  # The mark of a frame is no function of weights.
    matrix, bias, frames = matrix_of(layer), layer.bias.astype(float), frames.astype(float)

    def loss():
        h, (last, _) = naive.run(matrix, bias, frames, present > 0)
        if output == "last":
            return np.sum(last * toward)
        return np.sum(h * toward.reshape(*layer.after.shape, 16)[:, :4])

    out = layer.forward(x)
    assert np.sum(out * toward) == pytest.approx(loss(), rel=1e-4, abs=1e-4)
    check(layer, layer.backward(toward.astype(np.float32), wanted=True), loss, matrix, bias, frames)


@pytest.mark.parametrize("kind", ["sparse", "mixed"])
def test_truncated_gradients_are_derivatives_with_the_state_before_a_window_held(rng, kind):
    layer = kinds(kind, 2, 3, steps=10, output="all", window=4)
    x, frames, present = make(rng, layer, 16)
    toward = rng.standard_normal((10, 3, 16))
    matrix, bias, frames = matrix_of(layer), layer.bias.astype(float), frames.astype(float)
    states, state = [], None
    for start in (0, 4, 8):
        states.append(state)
        _, state = naive.run(matrix, bias, frames[start : start + 4], present[start : start + 4] > 0, state)

    def loss():
        total = 0.0
        for start, held in zip((0, 4, 8), states, strict=True):
            part = slice(start, start + 4)
            total += np.sum(naive.run(matrix, bias, frames[part], present[part] > 0, held)[0] * toward[part])
        return total

    layer.forward(x)
    dx = layer.backward(toward.reshape(30, 16).astype(np.float32), wanted=True)
    check(layer, dx, loss, matrix, bias, frames)


def test_gradients_equal_those_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    layer = SparseLSTM(5, 6, connectivity=0.5, steps=55, output="all")
    x, frames, _ = make(rng, layer, 16)
    reference, matrix = torch.nn.LSTM(5, 6), torch.tensor(matrix_of(layer), dtype=torch.float32)
    with torch.no_grad():
        reference.weight_ih_l0[:], reference.weight_hh_l0[:] = matrix[:, :5], matrix[:, 5:]
        reference.bias_ih_l0[:], reference.bias_hh_l0[:] = torch.tensor(layer.bias), 0
    out = reference(torch.tensor(frames.transpose(0, 2, 1).copy()))[0]
    delta = rng.standard_normal(out.shape).astype(np.float32)
    out.backward(torch.tensor(delta))
    own = layer.forward(x).reshape(55, 6, 16)
    assert_allclose(own, out.detach().numpy().transpose(0, 2, 1), atol=1e-5)
    layer.backward(np.ascontiguousarray(delta.transpose(0, 2, 1)).reshape(-1, 16), wanted=False)
    slopes, c = np.concatenate([reference.weight_ih_l0.grad, reference.weight_hh_l0.grad], axis=1), layer.connections
    slopes = slopes[c.post, c.pre]
    assert_allclose(layer.parameters[0].gradient, slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())
    assert_allclose(layer.parameters[1].gradient, reference.bias_ih_l0.grad, rtol=1e-4, atol=1e-4)


def test_dense_and_mixed_and_sparse_with_all_weights_are_the_same(rng):
    layers = [
        LSTM(3, 5, steps=8, masked=True),
        SparseLSTM(3, 5, connectivity=1.0, steps=8, masked=True),
        SparseLSTM(3, 5, connectivity=1.0, dense=HALF_DENSE, steps=8, masked=True),
    ]
    lengths = rng.integers(0, 9, 32)
    x, _, _ = make(rng, layers[0], 32, lengths)
    delta = rng.standard_normal((5, 32)).astype(np.float32)
    outs, slopes = [], []
    for layer in layers:
        if layer is not layers[0]:
            make(rng, layer, 32, lengths)
        matrix = layers[0].matrix
        if layer.connections is not None:
            c = layer.connections
            c.theta[:], c.polarity[:] = np.abs(matrix[c.post, c.pre]), np.sign(matrix[c.post, c.pre])
            for rows, columns, block in layer.blocks:
                block.value[:] = matrix[rows, columns]
        layer.bias[:] = layers[0].bias
        assert_allclose(matrix_of(layer), matrix)
        outs.append(layer.forward(x))
        slopes.append(layer.backward(delta.copy(), wanted=True))
    for out, slope in zip(outs[1:], slopes[1:], strict=True):
        assert_allclose(out, outs[0], atol=1e-6)
        assert_allclose(slope, slopes[0], atol=1e-5)


def test_dense_matrices_hold_no_connections():
    layer = SparseLSTM(3, 5, connectivity=1.0, dense=("xg", "hf"), steps=2)
    RateNetwork([layer], RULE, seed=1)
    c = layer.connections
    assert c.num_sites == len(c) == layer.num_connections == 4 * 40 - 15 - 25
    gates, recurrent = c.post // 5, c.pre >= 3
    assert not np.any((gates == 2) & ~recurrent)
    assert not np.any((gates == 1) & recurrent)


def test_a_sequence_gives_the_same_whatever_it_is_batched_with(rng):
    layer = SparseLSTM(3, 8, connectivity=0.4, steps=9, masked=True)
    net = RateNetwork([layer, Linear(8, 2)], RULE, seed=1)
    sequences = [rng.standard_normal((n, 3)).astype(np.float32) for n in (4, 9, 1, 7)]
    together = net.outputs(pack(sequences))
    for sequence, out in zip(sequences, together, strict=True):
        assert_array_equal(net.outputs(pack([sequence], 9))[0], out)


def network(rule, window=None, budget="layer"):
    layers = [
        SparseLSTM(3, 12, connectivity=0.3, dense=("hg",), steps=9, masked=True, output="all"),
        SparseLSTM(12, 10, connections=150, masked=True, window=window),
        SparseLinear(10, 2, connectivity=0.5),
    ]
    return RateNetwork(layers, rule, budget=budget, seed=4)


def memory_task(rng, n=256):
    """The sign of the first of 4 to 9 frames must be remembered."""
    sequences = [0.5 * rng.standard_normal((length, 3)).astype(np.float32) for length in rng.integers(4, 10, n)]
    labels = rng.integers(0, 2, n)
    for frames, label in zip(sequences, labels, strict=True):
        frames[0, 0] = 2 * label - 1
    return pack(sequences, 9), labels


def test_rewiring_keeps_every_budget(rng):
    net = network(RULE)
    budgets = [len(c) for c in net.connections]
    x, y = memory_task(rng, 96)
    trainer, counts = Trainer(net), []
    trainer.fit(x, y, epochs=40, batch_size=16, report=None, watch=lambda t: counts.append(t.network.num_connections))
    assert set(counts) == {sum(budgets)}
    assert trainer.log.num_births == trainer.log.num_deaths > 100
    for c, budget in zip(net.connections, budgets, strict=True):
        pre, post, polarity = trainer.log.wiring(trainer.steps_done, c.index)
        assert len(c) == budget
        assert_array_equal(pre, c.pre)
        assert_array_equal(post, c.post)
        assert_array_equal(polarity, c.polarity)
    first = net.connections[0]
    assert not np.any((first.post // 12 == 2) & (first.pre >= 3)), "a matrix that is dense has no connections"


def test_layers_share_one_budget(rng):
    net, counts = network(RULE, budget="network"), []
    before = [len(c) for c in net.connections]
    x, y = memory_task(rng, 96)
    Trainer(net).fit(
        x, y, epochs=30, batch_size=16, report=None, watch=lambda t: counts.append(t.network.num_connections)
    )
    assert set(counts) == {sum(before)}
    assert [len(c) for c in net.connections] != before


@pytest.mark.parametrize("rule", [DeepR(0.3, 1e-4, 1e-7), FixedWiring(0.3)])
def test_it_learns_to_remember(rng, rule):
    x, y = memory_task(rng)
    net = network(rule)
    Trainer(net).fit(x, y, epochs=40, batch_size=16, report=None)
    assert net.accuracy(x, y) > 0.95


def test_dropout_leaves_the_marks_of_frames(rng):
    net = RateNetwork([LSTM(2, 4, steps=5, masked=True, output="all"), Dropout(0.5), LSTM(4, 2, masked=True)], RULE)
    frames, dropout = np.ones((5, 5, 16), np.float32), net.layers[1]
    out = dropout.forward(frames.reshape(25, 16), training=True).reshape(5, 5, 16)
    assert (out[:, 4] == 1).all()
    assert set(np.unique(out[:, :4])) == {0, 2}
    frames[:] = 1
    assert_array_equal(dropout.backward(frames.reshape(25, 16), wanted=True).reshape(5, 5, 16), out)


def test_each_frame_equals_the_layer_on_each_frame(rng):
    inner = SparseLinear(4, 3, connectivity=0.7)
    net = RateNetwork([LSTM(2, 4, steps=5, masked=True, output="all"), EachFrame(inner), ReLU()], RULE, seed=3)
    assert net.num_out == 15
    x = pack([rng.standard_normal((n, 2)).astype(np.float32) for n in rng.integers(1, 6, 16)], 5)
    h = net.layers[0].forward(np.ascontiguousarray(x.T)).reshape(5, 5, 16)
    out = net.layers[1].forward(h.reshape(25, 16)).reshape(5, 3, 16)
    delta = rng.standard_normal((5, 3, 16)).astype(np.float32)
    dx = net.layers[1].backward(delta.reshape(15, 16), wanted=True).reshape(5, 5, 16)
    c, matrix = inner.connections, np.zeros((3, 4))
    matrix[c.post, c.pre] = c.weights
    assert_allclose(out, np.einsum("of,tfb->tob", matrix, h[:, :4]) + inner.bias[:, None], atol=1e-6)
    assert_allclose(dx[:, :4], np.einsum("of,tob->tfb", matrix, delta), atol=1e-5)
    assert not dx[:, 4].any()
    assert_allclose(c.num_post * [0], inner.bias)
    slopes = np.einsum("tob,tfb->of", delta, h[:, :4])[c.post, c.pre]
    assert_allclose(inner.parameters[0].gradient, slopes, atol=1e-4)
    assert net.connections[0].index == 1


def test_memory_is_in_proportion_to_connections_and_activations(rng):
    """4e8 sites would take 1.6 GB; 10 000 connections, 15 000 inputs and 5000 units for five frames take 50."""
    tracemalloc.start()
    layer = SparseLSTM(15_000, 5_000, connections=10_000, steps=5)
    net = RateNetwork([layer], RULE, seed=1)
    layer.forward(rng.standard_normal((layer.num_in, 16), np.float32))
    layer.backward(rng.standard_normal((layer.num_out, 16), np.float32), wanted=True)
    net.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "either connectivity or connections"),
        ({"connectivity": 1.5}, ValueError, "connectivity must be <= 1"),
        ({"connections": 4 * 4 * 7 + 1}, ValueError, "connections must be between 1 and 112, got 113"),
        ({"connections": 80, "dense": ("xi", "ho", "xo")}, ValueError, "connections must be between 1 and 72, got 80"),
        ({"connectivity": 0.5, "dense": ("xi", "ha")}, ValueError, "dense must contain some of xi, xf, xg, xo, hi"),
        ({"connectivity": 0.5, "dense": "xi"}, TypeError, "dense must be a list of names"),
        ({"connectivity": 0.5, "dense": MATRICES}, ValueError, "dense must contain some of"),
        ({"connectivity": 0.5, "output": "both"}, ValueError, "output must be 'last' or 'all', got 'both'"),
        ({"connectivity": 0.5, "window": 0}, ValueError, "window must be between 1"),
        ({"connectivity": 0.5, "steps": 2.0}, TypeError, "steps must be an integer"),
        ({"connectivity": 0.5, "masked": 1}, TypeError, "masked must be True or False"),
        ({"connectivity": 0.5, "forget_bias": float("nan")}, ValueError, "forget_bias must be finite"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SparseLSTM(3, 4, **arguments)


def test_layers_that_do_not_fit_are_refused(rng):
    def make(*layers):
        return RateNetwork(list(layers), RULE)

    with pytest.raises(ValueError, match="must know how many frames its input has; give steps"):
        make(LSTM(3, 4))
    first = LSTM(3, 4, steps=5, output="all")
    with pytest.raises(ValueError, match=r"has 5 frames of 4 inputs and a mark, but the layer before it has \(5, 4\)"):
        make(first, LSTM(4, 2, masked=True))
    with pytest.raises(ValueError, match=r"has 5 frames of 2 inputs, but the layer before it has \(5, 4\) outputs"):
        make(first, SparseLSTM(2, 2, connectivity=0.5))
    with pytest.raises(ValueError, match="must follow a layer of frames"):
        make(Linear(3, 4), EachFrame(Linear(4, 2)))
    with pytest.raises(ValueError, match="has 3 inputs, but the layer before it has 4 outputs"):
        make(first, EachFrame(Linear(3, 2)))
    with pytest.raises(TypeError, match="layer must be a layer such as SparseLinear"):
        EachFrame(3)
    net = make(Linear(7, 15), LSTM(2, 2, steps=5, masked=True))
    with pytest.raises(ValueError, match="part of a network already"):
        make(Linear(7, 15), net.layers[1])
    with pytest.raises(ValueError, match="a sequence of 4 frames does not fit in 3"):
        pack([np.zeros((4, 2))], 3)
    with pytest.raises(ValueError, match="must be a list of arrays"):
        pack([])
    with pytest.raises(ValueError, match="all frames must have 2 features, got 3"):
        pack([np.zeros((4, 2)), np.zeros((4, 3))])
    assert (Frames(5, 3, True).size, Frames(5, 3, True).shape) == (20, (5, 4))
