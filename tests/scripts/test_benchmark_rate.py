"""The benchmark of rate-based networks: its table, the point where dense wins, and that peers do what they should."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scripts import benchmark_rate, rate_peers, rate_works, rate_works_conv_lstm
from scripts.rate_works import CONNECTIVITY
from synaptic_sampling import DeepR

RULE = DeepR(learning_rate=0.1, l1=1e-3, temperature=1e-8)


@pytest.fixture
def small(monkeypatch):
    """Two connectivities of a small network, and one work that varies the number of connections."""
    monkeypatch.setattr(rate_works, "NUM_IMAGES", 200)
    monkeypatch.setattr(rate_works, "WARM_UP", 2)

    def works(quick):
        for share in (0.01, 0.1):
            counts = (share, share, 0.3)
            yield f"{CONNECTIVITY}{100 * share:g} %", lambda c=counts: rate_works.contenders((40, 30, 20, 5), c, 10)
        yield f"{rate_works.SCALING[0]}400", lambda: rate_works.alone(100, 400)

    monkeypatch.setattr(rate_works, "works", works)
    monkeypatch.setattr(benchmark_rate, "SECONDS_PER_TURN", 1e-3)
    for name in benchmark_rate.THREADS:
        monkeypatch.setenv(name, "1")


def test_rows_json_and_picture(small, tmp_path, capsys):
    rows = benchmark_rate.main(["--quick", "--json", str(tmp_path / "new" / "rate.json")])
    assert json.loads((tmp_path / "new" / "rate.json").read_text())["rows"] == rows
    assert (tmp_path / "new" / "rate.png").stat().st_size > 10_000
    assert {"ours", "NumPy dense", "SciPy CSR DEEP R"} <= {row["contender"] for row in rows}
    for row in rows:
        assert 0 < row["lowest_us"] <= row["median_us"] <= row["highest_us"]
        assert (row["ratio_to_ours"] == 1) == (row["contender"] == "ours")
    assert f"{CONNECTIVITY}10 %" in capsys.readouterr().out


def test_the_names_of_all_works_are_listed(capsys):
    assert benchmark_rate.main(["--list"]) == []
    names = capsys.readouterr().out.splitlines()
    assert {"784-300-100-10 batch 10", "connections 10000000", "neurons 1000000"} <= set(names)
    assert {"CIFAR-10 conv net batch 32 at 20 %", "speech LSTM batch 32 at 1 %"} <= set(names)
    assert benchmark_rate.main(["--list", "--only", "LSTM"]) == []
    assert capsys.readouterr().out.splitlines() == [f"speech LSTM batch 32 at {share} %" for share in (1, 5, 20)]


def test_a_part_of_the_works_can_be_drawn(monkeypatch, tmp_path):
    for name in benchmark_rate.THREADS:
        monkeypatch.setenv(name, "1")
    steps = {"ours": lambda: None, "NumPy dense": lambda: None}
    monkeypatch.setattr(rate_works_conv_lstm, "works", lambda: [("speech LSTM", lambda: steps)])
    monkeypatch.setattr(benchmark_rate, "_measure_memory", dict)
    monkeypatch.setattr(benchmark_rate, "SECONDS_PER_TURN", 1e-4)
    rows = benchmark_rate.main(["--only", "speech LSTM", "--json", str(tmp_path / "rows.json")])
    assert [(row["work"], row["contender"]) for row in rows] == [("speech LSTM", name) for name in steps]
    assert (tmp_path / "rows.png").stat().st_size > 5000


def test_more_threads_are_refused(monkeypatch, capsys):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(SystemExit):
        benchmark_rate.main(["--quick"])
    assert "set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1" in capsys.readouterr().err


def test_where_dense_wins():
    def rows(ratios):
        return [
            {"work": f"{CONNECTIVITY}{share} %", "contender": "NumPy dense", "ratio_to_ours": ratio}
            for share, ratio in ratios.items()
        ]

    assert benchmark_rate.dense_wins(rows({1: 8.0, 10: 2.0, 40: 0.5})) == pytest.approx(20)
    assert benchmark_rate.dense_wins(rows({1: 8.0, 10: 2.0})) is None


def test_the_names_of_works_are_those_that_are_asked_for():
    names = [name for name, _ in rate_works.works(quick=False)]
    assert {"784-300-100-10 batch 10", "784-300-100-10 batch 128", "784-4096-4096-10 batch 16 at 1 %"} <= set(names)
    assert len(set(names)) == len(names)


def test_scipy_keeps_its_connections_and_learns():
    samples, labels = np.eye(20, dtype=np.float32), np.arange(20) % 4
    batches = rate_peers.Batches(samples, labels, 10)
    peer = rate_peers.ScipyDeepR((20, 30, 4), (150, 60), batches, RULE)
    first = [layer[0] for layer in peer.layers]
    for _ in range(300):
        peer()
    for (keys, pre, post, _), count, before, (num_out, num_in) in zip(
        peer.layers, (150, 60), first, peer.shapes, strict=True
    ):
        assert len(np.unique(keys)) == count
        np.testing.assert_array_equal(keys, post * num_in + pre)
        assert not np.array_equal(keys, before)
        assert post.max() < num_out


def test_csr_matrices_in_numba_learn_as_dense_ones_with_zeros():
    rng = np.random.default_rng(4)
    samples, labels = rng.random((30, 20), np.float32), rng.integers(4, size=30)
    sizes, counts = (20, 30, 4), (150, 60)
    sparse = rate_peers.NumbaCsr(sizes, counts, rate_peers.Batches(samples, labels, 10), RULE)
    dense = rate_peers.NumpyDense(sizes, rate_peers.Batches(samples, labels, 10), RULE.learning_rate)
    dense.w = [matrix.toarray() for matrix in sparse.matrices]
    occupied = [w != 0 for w in dense.w]
    for _ in range(5):
        sparse()
        dense()
        dense.w = [w * there for w, there in zip(dense.w, occupied, strict=True)]
    for matrix, w in zip(sparse.matrices, dense.w, strict=True):
        np.testing.assert_allclose(matrix.toarray(), w, rtol=1e-4, atol=1e-6)


def test_pytorch_keeps_its_connections():
    pytest.importorskip("torch")
    samples, labels = np.eye(20, dtype=np.float32), np.arange(20) % 4
    for kind in (rate_peers.TorchCsr, rate_peers.TorchMask):
        peer = kind((20, 30, 4), (150, 60), rate_peers.Batches(samples, labels, 10), RULE)
        for _ in range(30):
            peer()
        found = [len(layer[0]) for layer in peer.layers] if kind is rate_peers.TorchCsr else None
        assert (found or [int((theta >= 0).sum()) for theta in peer.theta]) == [150, 60]
