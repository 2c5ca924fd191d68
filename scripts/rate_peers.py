"""The training step of a multilayer perceptron in NumPy, SciPy and Numba, and with PyTorch libraries if installed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from synaptic_sampling import DeepR
from synaptic_sampling._numba import jit

torch: Any = import_module("torch") if find_spec("torch") else None
sparseprop: Any = import_module("sparseprop.modules") if find_spec("sparseprop") else None
sparselab: Any = import_module("sparselab") if find_spec("sparselab") else None

__all__ = ["Batches", "peers"]

Array = NDArray[Any]
Run = Callable[[int], object]


class Batches:
    """An endless sequence of batches in random order."""

    def __init__(self, samples: Array, labels: Array, size: int) -> None:
        self.samples, self.labels, self.size = samples, labels, size
        self._order, self._place = np.random.default_rng(2).permutation(len(samples)), 0

    def next(self) -> tuple[Array, Array]:
        """Return the next batch."""
        if self._place + self.size > len(self._order):
            self._place = 0
        own = self._order[self._place : self._place + self.size]
        self._place += self.size
        return self.samples[own], self.labels[own]


def peers(sizes: Sequence[int], counts: Sequence[int], batches: Batches, rule: DeepR, *, mask: bool) -> dict[str, Run]:
    """Return all contenders that are installed."""
    steps: dict[str, Any] = {
        "NumPy dense": NumpyDense(sizes, batches, rule.learning_rate),
        "SciPy CSR DEEP R": ScipyDeepR(sizes, counts, batches, rule),
        "SciPy and Numba CSR, fixed connections": NumbaCsr(sizes, counts, batches, rule),
    }
    if torch is not None:
        torch.set_num_threads(1)
        steps["PyTorch dense"] = TorchNet([torch.nn.Linear(a, b) for a, b in pairwise(sizes)], batches, rule)
        steps["PyTorch CSR DEEP R"] = TorchCsr(sizes, counts, batches, rule)
        if mask:
            steps["PyTorch mask DEEP R"] = TorchMask(sizes, counts, batches, rule)
        if sparseprop is not None:
            layers = [sparseprop.SparseLinear(*part) for part in _sparse_tensors(sizes, counts)]
            steps["sparseprop, fixed connections"] = TorchNet(layers, batches, rule)
        if sparselab is not None:
            parts = zip(pairwise(sizes), counts, strict=True)
            layers = [sparselab.SparseLinear(a, b, sparsity=1 - count / (a * b)) for (a, b), count in parts]
            steps["sparselab, fixed connections"] = TorchNet(layers, batches, rule)
    return {name: _repeat(step) for name, step in steps.items()}


def _repeat(step: Callable[[], None]) -> Run:
    def run(steps: int) -> None:
        for _ in range(steps):
            step()

    return run


def _connections(num_in: int, num_out: int, count: int) -> tuple[Array, Array, Array, Array]:
    """Return ascending keys post * num_in + pre of random connections, their endpoints and weights."""
    rng = np.random.default_rng(count)
    keys = np.sort(rng.choice(num_in * num_out, count, replace=False))
    weights = rng.standard_normal(count) * math.sqrt(2 * num_out / count)
    return keys, keys % num_in, keys // num_in, weights.astype(np.float32)


class NumpyDense:
    """Dense matrices and gradient descent."""

    def __init__(self, sizes: Sequence[int], batches: Batches, eta: float) -> None:
        rng = np.random.default_rng(1)
        self.w = [math.sqrt(2 / a) * rng.standard_normal((b, a)).astype(np.float32) for a, b in pairwise(sizes)]
        self.b = [np.zeros((b, 1), np.float32) for b in sizes[1:]]
        self.batches, self.eta = batches, np.float32(eta / 3)

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = self.batches.next()
        x = [samples.T]
        for n, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            out = w @ x[-1] + b
            x.append(np.maximum(out, 0) if n < len(self.w) - 1 else out)
        delta = _softmax_gradient(x[-1], labels)
        for n in range(len(self.w) - 1, -1, -1):
            slope = delta @ x[n].T
            self.b[n] -= self.eta * delta.sum(axis=1, keepdims=True)
            if n:
                delta = (self.w[n].T @ delta) * (x[n] > 0)
            self.w[n] -= self.eta * slope


class ScipyDeepR:
    """CSR matrices of SciPy, gradients at connections by indexing, DEEP R in NumPy."""

    def __init__(self, sizes: Sequence[int], counts: Sequence[int], batches: Batches, rule: DeepR) -> None:
        self.layers = [list(_connections(a, b, k)) for (a, b), k in zip(pairwise(sizes), counts, strict=True)]
        self.shapes = [(b, a) for a, b in pairwise(sizes)]
        self.b = [np.zeros((b, 1), np.float32) for b in sizes[1:]]
        self.batches, self.rule, self.rng = batches, rule, np.random.default_rng(3)

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = self.batches.next()
        x, matrices = [np.ascontiguousarray(samples.T)], []
        for (_, pre, post, w), shape, b in zip(self.layers, self.shapes, self.b, strict=True):
            starts = np.searchsorted(post, np.arange(shape[0] + 1))
            matrices.append(scipy.sparse.csr_matrix((w, pre, starts), shape=shape))
            out = matrices[-1] @ x[-1] + b
            x.append(np.maximum(out, 0) if len(matrices) < len(self.layers) else out)
        delta = _softmax_gradient(x[-1], labels)
        for n in range(len(self.layers) - 1, -1, -1):
            _, pre, post, _ = self.layers[n]
            slope = np.einsum("kb,kb->k", x[n][pre], delta[post])
            self.b[n] -= np.float32(self.rule.learning_rate) * delta.sum(axis=1, keepdims=True)
            if n:
                delta = (matrices[n].T @ delta) * (x[n] > 0)
            self.layers[n] = _deep_r(self.layers[n], self.shapes[n], slope, self.rule, self.rng)


@jit
def _at_connections(x: Array, delta: Array, pre: Array, post: Array, slope: Array) -> None:
    """Write the gradient of each weight, one connection after the other."""
    for k in range(len(slope)):
        total = np.float32(0)
        for n in range(x.shape[1]):
            total += x[pre[k], n] * delta[post[k], n]
        slope[k] = total


class NumbaCsr:
    """SET as in the large-scale code of Curci et al. (2021), between two replacements of connections.

    CSR matrices of SciPy for both passes, the gradient at connections in Numba, and gradient descent.
    """

    def __init__(self, sizes: Sequence[int], counts: Sequence[int], batches: Batches, rule: DeepR) -> None:
        self.ends, self.matrices = [], []
        for (a, b), count in zip(pairwise(sizes), counts, strict=True):
            _, pre, post, w = _connections(a, b, count)
            self.ends.append((pre, post))
            self.matrices.append(scipy.sparse.csr_matrix((w, pre, np.searchsorted(post, np.arange(b + 1))), (b, a)))
        self.b = [np.zeros((b, 1), np.float32) for b in sizes[1:]]
        self.batches, self.eta = batches, np.float32(rule.learning_rate / 3)

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = self.batches.next()
        x = [np.ascontiguousarray(samples.T)]
        for n, (matrix, b) in enumerate(zip(self.matrices, self.b, strict=True)):
            out = matrix @ x[-1] + b
            x.append(np.maximum(out, 0) if n < len(self.matrices) - 1 else out)
        delta = _softmax_gradient(x[-1], labels)
        for n in range(len(self.matrices) - 1, -1, -1):
            slope = np.empty(self.matrices[n].nnz, np.float32)
            _at_connections(x[n], delta, *self.ends[n], slope)
            self.b[n] -= self.eta * delta.sum(axis=1, keepdims=True)
            if n:
                delta = (self.matrices[n].T @ delta) * (x[n] > 0)
            self.matrices[n].data -= self.eta * slope


def _softmax_gradient(out: Array, labels: Array) -> Array:
    odds = np.exp(out - out.max(axis=0))
    odds /= odds.sum(axis=0)
    odds[labels, np.arange(len(labels))] -= 1
    return odds / np.float32(len(labels))


def _deep_r(layer: list[Array], shape: tuple[int, int], slope: Array, rule: DeepR, rng: Any) -> list[Array]:
    """Return a layer after a step of DEEP R; the sign of a weight is that of its connection."""
    keys, pre, post, w = layer
    eta = np.float32(rule.learning_rate)
    sign = np.where(w < 0, np.float32(-1), np.float32(1))
    noise = np.float32(rule.noise_scale) * rng.standard_normal(len(w), np.float32)
    theta = np.abs(w) - eta * (sign * slope + np.float32(rule.l1)) + noise
    kept = theta >= 0
    missing = len(w) - int(np.count_nonzero(kept))
    if not missing:
        return [keys, pre, post, sign * theta]
    keys, w = keys[kept], (sign * theta)[kept]
    new = np.empty(0, np.int64)
    while len(new) < missing:
        drawn = rng.integers(0, shape[0] * shape[1], missing - len(new))
        place = np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)
        new = np.unique(np.concatenate([new, drawn[keys[place] != drawn]]))
    # Tiny weights carry the random sign of a new connection.
    new_weights = rng.choice(np.array([-1e-30, 1e-30], np.float32), missing)
    order = np.argsort(np.concatenate([keys, new]), kind="stable")
    keys, w = np.concatenate([keys, new])[order], np.concatenate([w, new_weights])[order]
    return [keys, keys % shape[1], keys // shape[1], w]


class TorchNet:
    """PyTorch modules with ReLU in between, autograd and SGD."""

    def __init__(self, layers: Sequence[Any], batches: Batches, rule: DeepR) -> None:
        parts = [part for layer in layers for part in (layer, torch.nn.ReLU())][:-1]
        self.net, self.batches = torch.nn.Sequential(*parts), batches
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=rule.learning_rate / 3)

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = map(torch.from_numpy, self.batches.next())
        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(self.net(samples), labels).backward()
        self.optimizer.step()


def _sparse_tensors(sizes: Sequence[int], counts: Sequence[int]) -> list[tuple[Any, Any]]:
    """Return for each layer a dense matrix with zeros at vacant sites, and biases."""
    parts = []
    for (a, b), count in zip(pairwise(sizes), counts, strict=True):
        _, pre, post, w = _connections(a, b, count)
        matrix = torch.zeros(b, a)
        matrix[torch.from_numpy(post), torch.from_numpy(pre)] = torch.from_numpy(w)
        parts.append((matrix, torch.nn.Parameter(torch.zeros(b))))
    return parts


class TorchCsr:
    """CSR tensors of PyTorch, gradients at connections by ``sampled_addmm``, DEEP R as with SciPy."""

    def __init__(self, sizes: Sequence[int], counts: Sequence[int], batches: Batches, rule: DeepR) -> None:
        warnings.filterwarnings("ignore", message="Sparse")
        self.layers = [list(_connections(a, b, k)) for (a, b), k in zip(pairwise(sizes), counts, strict=True)]
        self.shapes = [(b, a) for a, b in pairwise(sizes)]
        self.b = [torch.zeros(b, 1) for b in sizes[1:]]
        self.batches, self.rule, self.rng = batches, rule, np.random.default_rng(3)

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = self.batches.next()
        x, matrices = [torch.from_numpy(samples).T.contiguous()], []
        for (_, pre, post, w), shape, b in zip(self.layers, self.shapes, self.b, strict=True):
            starts = np.searchsorted(post, np.arange(shape[0] + 1))
            matrices.append(torch.sparse_csr_tensor(*map(torch.from_numpy, (starts, pre, w)), size=shape))
            out = matrices[-1] @ x[-1] + b
            x.append(torch.relu(out) if len(matrices) < len(self.layers) else out)
        delta = torch.from_numpy(_softmax_gradient(x[-1].numpy(), labels))
        for n in range(len(self.layers) - 1, -1, -1):
            slope = torch.sparse.sampled_addmm(matrices[n], delta, x[n].T, beta=0.0).values().numpy()
            self.b[n] -= self.rule.learning_rate * delta.sum(dim=1, keepdim=True)
            if n:
                delta = (self._transposed(n) @ delta) * (x[n] > 0)
            self.layers[n] = _deep_r(self.layers[n], self.shapes[n], slope, self.rule, self.rng)

    def _transposed(self, n: int) -> Any:
        """Return the transposed matrix of a layer; PyTorch cannot multiply by a transposed CSR tensor."""
        _, pre, post, w = self.layers[n]
        order = np.argsort(pre, kind="stable")
        starts = np.searchsorted(pre[order], np.arange(self.shapes[n][1] + 1))
        return torch.sparse_csr_tensor(
            *map(torch.from_numpy, (starts, post[order], w[order])), size=self.shapes[n][::-1]
        )


class TorchMask:
    """Dense matrices of theta and signs, vacant sites found by trial and error: the usual implementation of DEEP R."""

    def __init__(self, sizes: Sequence[int], counts: Sequence[int], batches: Batches, rule: DeepR) -> None:
        self.theta, self.sign = [], []
        for matrix, _ in _sparse_tensors(sizes, counts):
            self.theta.append(torch.where(matrix == 0, -1.0, matrix.abs()))
            self.sign.append(torch.where(torch.rand_like(matrix) < 0.5, -1.0, 1.0))
        self.b = [torch.zeros(b) for b in sizes[1:]]
        self.batches, self.counts, self.rule = batches, counts, rule

    def __call__(self) -> None:
        """Perform one step."""
        samples, labels = map(torch.from_numpy, self.batches.next())
        weights = [
            (theta.clamp(min=0) * sign).requires_grad_() for theta, sign in zip(self.theta, self.sign, strict=True)
        ]
        biases = [b.requires_grad_() for b in self.b]
        x = samples
        for n, (w, b) in enumerate(zip(weights, biases, strict=True)):
            x = torch.nn.functional.linear(torch.relu(x) if n else x, w, b)
        slopes = torch.autograd.grad(torch.nn.functional.cross_entropy(x, labels), [*weights, *biases])
        rule = self.rule
        with torch.no_grad():
            for n in range(len(self.theta)):
                theta = self.theta[n]
                active = theta >= 0
                drift = rule.learning_rate * (slopes[n] * self.sign[n] + rule.l1)
                theta.add_(torch.where(active, rule.noise_scale * torch.randn_like(theta) - drift, 0.0))
                theta[active & (theta < 0)] = -1.0
                missing = self.counts[n] - int((theta >= 0).sum())
                while missing > 0:
                    place = int(torch.randint(theta.numel(), ()))
                    if theta.view(-1)[place] < 0:
                        theta.view(-1)[place] = 0.0
                        missing -= 1
                self.b[n] = (biases[n] - rule.learning_rate * slopes[len(weights) + n]).detach()
