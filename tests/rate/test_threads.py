"""Threads share the work of layers without changing a bit."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling.rate import (
    AveragePool2d,
    MaxPool2d,
    RateNetwork,
    ReLU,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Tanh,
    Trainer,
)
from synaptic_sampling.rate import threads as module
from synaptic_sampling.rules import DeepR

NUMBERS = (1, 2, 3, 7)
RULE = DeepR(0.05, l1=0.01, temperature=1e-4)


def images():
    return [
        SparseConv2d(2, 5, 3, 2, 1, connectivity=0.3, size=13),
        ReLU(),
        MaxPool2d(2),
        SparseConv2d(5, 4, (2, 1), 1, 0, connectivity=0.5),
        Tanh(),
        AveragePool2d(2, 1),
        SparseLinear(8, 3, connectivity=0.8),
    ]


def sequences():
    return [
        SparseLSTM(17, 6, connectivity=0.3, steps=9, masked=True, window=4, output="all"),
        SparseLSTM(6, 5, connectivity=0.4, steps=9, masked=True),
        SparseLinear(5, 3, connectivity=0.8),
    ]


@pytest.fixture(autouse=True)
def all_work_is_divided(monkeypatch):
    monkeypatch.setattr(module, "WORTH_DIVIDING", 1)


@pytest.mark.parametrize("layers", [images, sequences])
def test_any_number_of_threads_leads_to_the_same_bits(rng, layers, monkeypatch):
    """Kernels run in several threads, and parameters, log and losses are those of one."""
    x = rng.random((70, RateNetwork(layers(), rule=RULE).num_in)).astype(np.float32)
    labels = rng.integers(0, 3, 70)
    used, divided = set(), []
    run = module.divided

    def noted(kernel, pieces):
        divided.append(len(pieces))
        run(lambda *piece: (used.add(threading.get_ident()), kernel(*piece)), pieces)

    for place in ("planes", "steps", "pooling", "activations"):
        monkeypatch.setattr(f"synaptic_sampling.rate.layers.{place}.divided", noted)
    results = []
    for threads in NUMBERS:
        used.clear(), divided.clear()
        trainer = Trainer(RateNetwork(layers(), rule=RULE, seed=3))
        trainer.fit(x, labels, epochs=3, batch_size=60, report=None, threads=threads)
        assert (len(used) > 1) == (max(divided) > 1) == (threads > 1)
        theta = [c.theta.copy() for c in trainer.network.connections]
        results.append((theta, trainer.history[-1].loss, trainer.log.num_births))
    assert results[0][2] > 0
    for theta, *rest in results[1:]:
        assert rest == list(results[0][1:])
        for one, two in zip(theta, results[0][0], strict=True):
            assert_array_equal(one, two)


def test_parts_hold_all_groups_once(rng):
    for _ in range(200):
        sizes = rng.integers(0, 5, rng.integers(1, 12))
        starts = np.concatenate([[0], np.cumsum(sizes)])
        number = int(rng.integers(1, 9))
        with module.using(number):
            found = module.parts(starts, 1e9)
        assert 1 <= len(found) <= number
        assert [n for start, end in found for n in range(start, end)] == list(range(len(sizes)))


def test_parts_are_about_equal():
    with module.using(4):
        assert module.parts(np.arange(0, 1001, 10), 1e9) == [(0, 25), (25, 50), (50, 75), (75, 100)]
        assert module.equal_parts(10, 1e9) == [(0, 3), (3, 5), (5, 8), (8, 10)]


def test_little_work_is_not_divided(monkeypatch):
    monkeypatch.setattr(module, "WORTH_DIVIDING", 100)
    with module.using(2):
        assert module.equal_parts(10, 99) == [(0, 10)]
        assert len(module.equal_parts(10, 100)) == 2
    assert module.equal_parts(10, 100) == [(0, 10)]


def test_an_error_in_another_thread_is_raised():
    def fails(n):
        if n == 1:
            raise MemoryError("no memory")

    with module.using(2), pytest.raises(MemoryError, match="no memory"):
        module.divided(fails, [(0,), (1,)])


def test_one_thread_within_several():
    with module.using(2):
        with module.using(1):
            assert module.equal_parts(10, 1e9) == [(0, 10)]
        assert len(module.equal_parts(10, 1e9)) == 2


def test_pieces_run_here_if_no_thread_can_be_started(monkeypatch):
    """As at the end of a program, whose main thread is done."""
    done = []
    with module.using(3):

        def refuse(*_):
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

        monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
        module.divided(done.append, [(0,), (1,), (2,)])
    assert done == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks():
    with module.using(2):
        child = os.fork()
        if child == 0:
            os._exit(len(module.equal_parts(10, 1e9)))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_threads_end_with_the_training():
    before = threading.active_count()
    with module.using(3):
        module.divided(lambda n: None, [(0,), (1,), (2,)])
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_linear_layers_say_that_threads_have_no_effect(rng, caplog):
    network = RateNetwork([SparseLinear(4, 3, connectivity=0.5)], rule=RULE, seed=1)
    with caplog.at_level(logging.WARNING):
        Trainer(network).fit(rng.random((40, 4)), rng.integers(0, 3, 40), epochs=1, report=None, threads=2)
    assert "threads=2 has no effect" in caplog.text


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (1.5, TypeError), (2**20, ValueError)])
def test_wrong_numbers_are_refused(rng, value, error):
    network = RateNetwork([SparseLinear(4, 3, connectivity=0.5)], rule=RULE, seed=1)
    with pytest.raises(error, match="threads"):
        Trainer(network).fit(rng.random((40, 4)), rng.integers(0, 3, 40), epochs=1, report=None, threads=value)
