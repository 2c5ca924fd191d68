"""Tables: of logs, histories and results; and what notebooks show of objects."""

from __future__ import annotations

import csv
import sys
from html.parser import HTMLParser

import brian2 as b2
import numpy as np
import pandas as pd
import pytest

from synaptic_sampling import DeepR, PruneAndRegrow, RateNetwork, Rewiring, RewiringLog, RewiringMonitor, Trainer
from synaptic_sampling.rate import Linear, ReLU, SparseLinear
from synaptic_sampling.spiking import SpikingResult
from synaptic_sampling.statistics import changes, survival, weights
from synaptic_sampling.statistics.lifetables import kaplan_meier
from synaptic_sampling.statistics.tables import to_pandas

RULE = DeepR(learning_rate=0.3, l1=1e-2, temperature=1e-4)


@pytest.fixture(scope="module")
def trainer():
    rng = np.random.default_rng(1)
    samples, labels = rng.standard_normal((200, 30)), rng.integers(3, size=200)
    layers = [SparseLinear(30, 20, connections=60), ReLU(), Linear(20, 10), ReLU(), SparseLinear(10, 3, connections=12)]
    made = Trainer(RateNetwork(layers, RULE, seed=1))
    made.fit(samples, labels, epochs=3, test=(samples, labels), report=None)
    return made


def test_events(trainer):
    log, table = trainer.log, trainer.log.to_pandas()
    assert table.columns.tolist() == ["step", "samples", "set", "pre", "post", "kind"]  # seconds are not known
    assert len(table) == log.num_births + log.num_deaths
    for name in ("step", "set", "pre", "post"):
        assert (table[name] == log.events[name]).all()
    assert (table.kind == "formed").sum() == log.num_births
    assert ((table.kind == "formed") == (log.events["kind"] == 1)).all()
    assert (table.samples == table.step.map(dict(zip(log.times["step"], log.times["samples"], strict=True)))).all()


def test_lives(trainer):
    table = trainer.log.to_pandas("lives")
    assert table.columns.tolist() == list(trainer.log.lives().dtype.names)
    assert table.initial.sum() == 72
    assert (table[table.dead].end >= table[table.dead].birth).all()
    with pytest.raises(ValueError, match="rows must be 'events' or 'lives', got 'deaths'"):
        trainer.log.to_pandas("deaths")


def test_history(trainer, tmp_path):
    table = trainer.history.to_pandas()
    assert table.epoch.tolist() == [1, 2, 3]
    assert table.loss.tolist() == [epoch.loss for epoch in trainer.history]
    assert table.connections.tolist() == [72, 72, 72]
    trainer.history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["accuracy"] for row in csv.DictReader(file)] == [str(epoch.accuracy) for epoch in trainer.history]


def test_history_is_a_table_after_a_checkpoint_too(trainer, tmp_path):
    trainer.save(tmp_path / "state.npz")
    layers = [SparseLinear(30, 20, connections=60), ReLU(), Linear(20, 10), ReLU(), SparseLinear(10, 3, connections=12)]
    again = Trainer(RateNetwork(layers, RULE, seed=1))
    again.load(tmp_path / "state.npz")
    assert again.history.to_pandas().equals(trainer.history.to_pandas())


def test_results(trainer):
    curve = survival.survival_of_newborns(trainer)
    table = to_pandas(curve)
    assert isinstance(table, pd.DataFrame)
    assert (table.probability == curve.probability).all()
    assert to_pandas(changes.turnover_by_lag(trainer, [1, 4])).turnover.shape == (2,)
    for wrong in (weights.strengths(trainer.log), 3):
        with pytest.raises(TypeError, match="must be a named tuple"):
            to_pandas(wrong)


def test_without_pandas(trainer, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        trainer.log.to_pandas()


class Cells(HTMLParser):
    """The text of a table."""

    def __init__(self, text):
        super().__init__()
        self.cells = []
        self.feed(text)

    def handle_data(self, data):
        self.cells.append(data)


def test_what_notebooks_show(trainer):
    shown = Cells(trainer.network._repr_html_()).cells
    assert ["SparseLinear(30, 20, connections=60)", "60", "600", "10 %"] == shown[5:9]
    assert len(shown) == 1 + 4 + 2 * 4 + 3  # layers without connections have empty cells
    assert "3 epochs" in Cells(trainer._repr_html_()).cells[0]
    assert repr(trainer).startswith("<Trainer: 3 epochs, 21 steps, loss ")
    assert "30 by 20" in Cells(trainer.log._repr_html_()).cells
    assert repr(trainer.log)[1:-1] == Cells(trainer.log._repr_html_()).cells[0]


def test_results_of_statistics_in_a_notebook(trainer):
    """Long tables without their middle; the values of a row in the order of the fields."""
    curve = kaplan_meier(range(1, 41), [True] * 40)
    shown = Cells(curve._repr_html_()).cells
    assert shown[:5] == [f"Survival, {len(curve.time)} rows", "time", "probability", "low", "high"]
    assert len(shown) == 1 + 4 * (1 + 6 + 1 + 3)
    assert shown[5:9] == [f"{column[0]:.6g}" for column in curve]
    assert shown[-4:] == [f"{column[-1]:.6g}" for column in curve]
    few = changes.turnover_by_lag(trainer, [1, 4])
    assert Cells(few._repr_html_()).cells[:4] == ["LagTurnover, 2 rows", "lag", "turnover", "spread"]
    assert len(Cells(few._repr_html_()).cells) == 4 + 2 * 3
    for kind in (survival.hazard_of_newborns(trainer), survival.table_of_newborns(trainer)):
        assert str(len(kind[0])) in Cells(kind._repr_html_()).cells[0]


def test_rewirings_and_monitors_in_a_notebook():
    b2.start_scope()
    b2.prefs.codegen.target = "numpy"
    group = b2.NeuronGroup(4, "v : 1", name="cells")
    synapses = b2.Synapses(group, group, "w : 1", name="plastic")
    synapses.connect(i=[0, 1, 2], j=[1, 2, 3])
    rewiring = Rewiring(synapses, PruneAndRegrow("w < 0"), dt=1 * b2.ms)
    monitor = RewiringMonitor(rewiring)
    assert repr(rewiring) == "<Rewiring of 'plastic' by PruneAndRegrow, 3 active>"
    shown = Cells(rewiring._repr_html_()).cells
    assert shown[1:] == ["synapses", "from", "to", "connections", "plastic", "cells", "cells", "3"]
    b2.Network(group, synapses, rewiring, monitor).run(2 * b2.ms)
    assert repr(monitor).startswith("<RewiringMonitor")
    assert len(repr(monitor)) < 200
    assert "4 by 4" in Cells(monitor._repr_html_()).cells


def test_a_spiking_result_in_a_notebook():
    ends = np.array([0, 1], np.int32)
    result = SpikingResult(
        [0.5, 0.75], [0.6, 0.8], [10, 20], 12.0, {"input": (ends, ends, np.ones(2))}, {"input": 8}, RewiringLog(), 3.0
    )
    assert repr(result) == "<SpikingResult: 2 connections, 12 Hz, test accuracy 75.0 %, 3 s>"
    assert Cells(result._repr_html_()).cells[1:] == ["synapses", "connections", "possible", "input", "2", "8"]
