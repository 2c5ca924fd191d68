"""The search for parameters and the comparison of rules in spiking networks."""

from __future__ import annotations

import json
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest
from matplotlib import pyplot as plt

from models.spiking_tasks import TASKS, Rates
from scripts import compare_spiking, tune_spiking
from scripts.compare_spiking import AGES, draw, measured, table
from scripts.tune_spiking import RANGES, pair_of, rates_of
from synaptic_sampling import Adam, DeepR
from synaptic_sampling.spiking import EpropNetwork, SequenceTask, Training, Wiring


@pytest.mark.parametrize("method", RANGES)
def test_settings_fill_the_ranges_and_do_not_depend_on_their_number(method):
    settings = rates_of(method, 16)
    assert rates_of(method, 5) == settings[:5]
    for name, (low, high) in RANGES[method].items():
        values = np.log([getattr(each, name) for each in settings])
        assert np.log(0.95 * low) <= values.min() < values.max() <= np.log(1.05 * high)
        # Of 16 points of a Halton sequence, each half of a range has half.
        assert 5 <= np.count_nonzero(values < np.mean(np.log([low, high]))) <= 11
    assert len({*settings}) == 16


def test_each_method_has_the_same_effort_and_the_best_setting_is_chosen(monkeypatch, tmp_path, capsys):
    done = []

    def validated(task, method, connectivity, rates, given, **_):
        done.append((method, connectivity, rates))
        return {"accuracy": rates.learning_rate if connectivity == 0.1 else 1 - rates.learning_rate}

    monkeypatch.setattr(tune_spiking, "validated", validated)
    arguments = ["--methods", "deepr,fixed", "--connectivity", "0.1,0.2", "--out", str(tmp_path)]
    tune_spiking.main([*arguments, "--settings", "3"])
    assert [sum(method == own for own, _, _ in done) for method in ("deepr", "fixed")] == [6, 6]
    said = capsys.readouterr().out
    rates = [each.learning_rate for each in rates_of("fixed", 3)]
    assert f"fixed at 10 %: {100 * max(rates):.1f} % with learning_rate={max(rates):g}" in said
    assert f"fixed at 20 %: {100 - 100 * min(rates):.1f} % with learning_rate={min(rates):g}" in said
    tune_spiking.main([*arguments, "--settings", "4", "--resume"])
    assert len(done) == 16
    assert len(json.loads((tmp_path / "tuning.json").read_text())["rows"]) == 16


def test_a_run_that_ends_with_more_connections_is_not_chosen():
    common = {"method": "soft", "connectivity": 0.1}
    rows = [{**common, "accuracy": a, "growth": g} for a, g in ((0.9, 1.2), (0.95, 1.3), (0.8, 0.5))]
    assert tune_spiking.best(rows) == rows[:1]
    assert tune_spiking.best(rows[1:2]) == []


@pytest.mark.parametrize("method", ["deepr", "soft"])
def test_a_setting_replaces_the_parameters_of_the_task(monkeypatch, method):
    made = []

    class Stop(Exception):
        pass

    def training(net, data, **options):
        made.append(net)
        raise Stop

    monkeypatch.setattr(tune_spiking, "Training", training)
    given = type("Given", (), {"data_dir": None, "quick": True, "epochs": 1, "recurrent": True})
    with pytest.raises(Stop):
        tune_spiking.validated(TASKS["digits"], method, 0.05, Rates(0.011, 0.012, 0.013), given)
    for wiring in (made[0].input, made[0].recurrent):
        assert (wiring.connectivity, wiring.rule.learning_rate) == (0.05, 0.011)
        assert (wiring.rule.l1, wiring.rule.temperature) == (0.012, 0.013)


@pytest.fixture
def numpy_target():
    """Compile nothing."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


def test_numbers_of_a_run(numpy_target):
    rng = np.random.default_rng(1)
    inputs = (rng.random((12, 6)) < 0.5).astype(np.float32)
    data = SequenceTask(inputs, np.arange(12) % 2, steps=10, train=np.arange(8), test=np.arange(8, 12))
    rule = DeepR(0.05, 0.05, 1e-3, optimizer=Adam())
    net = EpropNetwork(6, 4, input=Wiring(0.5, rule, 6.0), recurrent=Wiring(0.2, rule))
    training = Training(net, data, epochs=20, batch=2, seed=1)
    result = training.run()
    row = measured(training, result)
    assert row["connections"] == 30 + 18 + 20
    assert row["total_connectivity"] == (30 + 18 + 20) / (60 + 90 + 20)
    assert row["accuracy"] == result.accuracies[-1]
    assert row["growth"] == 1.0
    log = result.log
    assert row["turnover"] == pytest.approx(log.num_births / (48 * 80))
    # Every event of a connection's life counts: 80 updates, some connections that live through many of them.
    assert 1 >= row["survival"][0] >= row["survival"][-1] > 0
    assert len(row["survival"]) > 3
    active = (inputs[8:] != 0).mean(axis=0)[result.weights["input"][0]].sum()
    spikes = result.rate * 0.01
    assert row["operations"] == pytest.approx(10 * active + spikes * (18 + 20))


def rows():
    """Return made-up runs of two methods at two connectivities, and of dense networks."""
    common = {"growth": 1.0, "total_connectivity": 0.03, "connections": 5, "rate_hz": 20.0, "operations": 1234.0}
    found = []
    for seed in (1, 2):
        for p in (0.01, 0.05):
            lasting = [0.5**k for k in range(9)]
            for method, turnover, survival in (("fixed", 0.0, []), ("deepr", 0.004, lasting)):
                accuracy = 0.9 + p + 0.01 * seed * (method == "deepr")
                own = {"method": method, "connectivity": p, "accuracy": accuracy, "turnover": turnover}
                found.append({**common, **own, "survival": survival})
        found.append(
            {**common, "method": "dense", "connectivity": 1.0, "accuracy": 0.97, "turnover": 0, "survival": []}
        )
    return found


def test_the_table_has_means_and_spread():
    lines = table(rows()).splitlines()
    assert len(lines) == 2 + 5
    assert lines[2].startswith("| 1 % | DEEP R | 3.0 % | 92.50 ± 0.71 | 4 | ")
    # Half as many reach twice the age, so 100 updates are between 1/64 and 1/128.
    assert "| 1 % |" in lines[2][5:]
    assert lines[3].startswith("| 1 % | fixed | 3.0 % | 91.00 ± 0.00 | 0 |  | 20 | 1,234 |")
    assert lines[6].startswith("| 100 % | dense |")


def test_the_picture_shows_means_and_ranges():
    figure = draw(rows())
    accuracy, turnover, survival = figure.axes
    lines = {each.get_label(): each.lines[0].get_xydata().tolist() for each in accuracy.containers}
    assert lines["DEEP R"] == [pytest.approx([0.01, 0.925]), pytest.approx([0.05, 0.965])]
    assert [each.get_label() for each in turnover.containers] == ["DEEP R"]
    (curve,) = survival.get_lines()
    assert curve.get_xydata().tolist() == [[age, 0.5**k] for k, age in enumerate(AGES[:9])]
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["dense", "DEEP R", "fixed"]
    plt.close(figure)


@pytest.mark.parametrize("name", ["rules_mnist", "rules_ecg", "mnist", "ecg"])
def test_the_page_of_results_has_the_numbers_of_its_runs(name):
    folder = Path(__file__).parents[2] / "docs" / "results"
    runs = json.loads((folder / f"spiking_{name}.json").read_text())["rows"]
    assert table(runs) in (folder / "spiking_rules.md").read_text()


def test_the_page_of_tasks_has_the_numbers_of_its_runs():
    folder = Path(__file__).parents[2] / "docs" / "results"
    page, groups = (folder / "spiking_tasks.md").read_text(), {}
    for row in json.loads((folder / "spiking_tasks.json").read_text())["rows"]:
        groups.setdefault((row["task"], row["recurrent"], row["neurons"]), []).append(row)
    assert {task for task, *_ in groups} >= {"rows", "speech", "braille", "evidence"}
    for runs in groups.values():
        assert table(runs) in page


def test_equal_runs_and_soft_rules_are_drawn():
    """The mean of three times 0.1 is not 0.1; soft DEEP R is drawn at the connectivity that it ends with."""
    own = [row for row in rows() if row["method"] == "deepr"][:1]
    made = [{**own[0], "method": method, "accuracy": 0.9, "turnover": 0.1} for method in ("soft", "set")] * 3
    assert np.mean([0.1] * 3) > 0.1
    figure = draw([{**row, "growth": 0.8 if row["method"] == "soft" else 1.0} for row in made])
    found = {each.get_label(): each.lines[0].get_xdata()[0] for each in figure.axes[1].containers}
    assert found == pytest.approx({"soft DEEP R": 0.008, "SET": 0.01})
    plt.close(figure)


def test_the_overview_of_tasks_has_the_means_of_the_runs():
    folder = Path(__file__).parents[2] / "docs" / "results"
    page = (folder / "spiking_tasks.md").read_text()
    names = {"MNIST row by row": "rows", "spoken digits as spikes": "speech", "Braille": "braille", "digits": "digits"}
    names |= {"evidence": "evidence"}
    runs = json.loads((folder / "spiking_tasks.json").read_text())["rows"]
    checked = 0
    for line in page[: page.index("\n## ")].splitlines():
        task, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        if task in names:
            for shown, (method, recurrent) in zip(
                cells[2:], [("deepr", False), ("fixed", True), ("deepr", True), ("dense", True)], strict=False
            ):
                own = [r for r in runs if (r["task"], r["method"], r["recurrent"]) == (names[task], method, recurrent)]
                assert float(shown) == pytest.approx(100 * np.mean([r["accuracy"] for r in own]), abs=0.051)
                checked += 1
    assert checked == 18


def test_dense_networks_alone_have_a_table_and_no_figure(monkeypatch, tmp_path, capsys):
    dense = next(row for row in rows() if row["method"] == "dense")
    run = {name: value for name, value in dense.items() if name not in {"task", "method", "connectivity", "seed"}}
    monkeypatch.setattr(compare_spiking, "trained", lambda task, job, given, **_: dict(run))
    compare_spiking.main(["--methods", "dense", "--seeds", "2", "--out", str(tmp_path)])
    assert "| 100 % | dense |" in (tmp_path / "compare.md").read_text()
    assert not (tmp_path / "compare.png").exists()
    assert "wrote compare.json and compare.md to" in capsys.readouterr().out


def test_input_and_recurrent_synapses_keep_their_ratio():
    assert pair_of(TASKS["mnist"], 0.05) == (0.05, 0.05)
    assert pair_of(TASKS["ecg"], 0.05) == (1.0, 0.05)
    assert pair_of(TASKS["braille"], 0.02) == (0.1, 0.02)
    assert pair_of(TASKS["braille"], 0.5) == (1.0, 0.5)
    assert pair_of(TASKS["braille"], 0.02, recurrent=False) == (0.1, 0.0)


def test_networks_of_another_size_and_without_recurrence(monkeypatch, tmp_path):
    made, jobs = rows(), []

    def trained(task, job, given, **_):
        net = task.make(job["method"], pair_of(task, job["connectivity"], recurrent=given.recurrent))
        jobs.append((net.lif, net.alif, net.recurrent is None))
        return {name: value for name, value in made[0].items() if name not in job}

    monkeypatch.setattr(compare_spiking, "trained", trained)
    arguments = ["--methods", "deepr", "--connectivity", "0.1", "--seeds", "1", "--out", str(tmp_path), "--resume"]
    for more in ["--neurons", "61"], ["--without-recurrence"], [], ["--neurons", "61"]:
        compare_spiking.main([*arguments, *more])
    assert jobs == [(41, 20, False), (100, 50, True), (100, 50, False)]
    found = json.loads((tmp_path / "compare.json").read_text())["rows"]
    assert [(row["neurons"], row["recurrent"]) for row in found] == [(61, True), (150, False), (150, True)]


def test_nothing_is_run_twice(monkeypatch, tmp_path):
    made, done = rows(), []

    def trained(task, job, given, **_):
        done.append((job["method"], job["connectivity"], job["seed"]))
        own = next(row for row in made if row["method"] == job["method"])
        return {name: value for name, value in own.items() if name not in job}

    monkeypatch.setattr(compare_spiking, "trained", trained)
    arguments = ["--methods", "deepr,fixed", "--connectivity", "0.01,0.05", "--out", str(tmp_path), "--resume"]
    compare_spiking.main([*arguments, "--seeds", "1"])
    assert done == [(method, p, 1) for method in ("deepr", "fixed") for p in (0.01, 0.05)]
    compare_spiking.main([*arguments, "--seeds", "2"])
    assert len(done) == 8
    assert {path.name for path in tmp_path.iterdir()} == {"compare.json", "compare.md", "compare.png"}
