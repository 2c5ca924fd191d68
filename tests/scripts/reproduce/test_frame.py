"""Finished runs of a study are kept; its results, and the page of all, follow from them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scripts.common import Parser
from scripts.reproduce import __main__ as command
from scripts.reproduce import cifar10 as cifar
from scripts.reproduce import frames
from scripts.reproduce import mnist_connectivity as mnist
from scripts.reproduce import page as pages
from scripts.reproduce.runs import Runs, Unfinished, processor, timed
from scripts.reproduce.study import NAMES, Accuracy, Claim, Study, accuracies, study_of, summary
from scripts.results import locked

RESULTS = Path(__file__).parents[3] / "docs" / "results"
FOUND = [name for name in NAMES if (RESULTS / f"{name}.json").exists()]
performed = []


@timed
def square(*, number: float, seed: int) -> dict[str, float]:
    performed.append((number, seed))
    if number < 0:
        raise ValueError("number must be >= 0, got -1.")
    if number > 100:
        raise KeyboardInterrupt
    return {"square": number**2 + seed, "cube": number**3}


@pytest.fixture(autouse=True)
def none_performed():
    performed.clear()


def runs(folder, **options):
    return Runs(folder / "runs" / "name.jsonl", folder / ".sweeps", **options)


def test_finished_runs_are_not_repeated(tmp_path):
    settings = [{"number": 2}, {"number": 3}]
    table = runs(tmp_path, seeds=2)(square, settings)
    assert performed == [(2, 1), (3, 1), (2, 2), (3, 2)]
    assert table["square"].tolist() == [5, 10, 6, 11]
    (tmp_path / ".sweeps").rename(tmp_path / "lost")
    more = runs(tmp_path, seeds=2)
    again = more(square, [*settings, {"number": 4}])
    assert performed[4:] == [(4, 1), (4, 2)], "the file alone says what has been performed"
    assert again.columns.tolist() == table.columns.tolist()
    assert again["square"].tolist() == [5, 10, 17, 6, 11, 18]
    assert [row["arguments"]["number"] for row in more.used] == [2, 3, 4, 2, 3, 4]
    assert len((tmp_path / "runs" / "name.jsonl").read_text().splitlines()) == 6


def test_runs_before_an_error_or_an_interruption_are_kept(tmp_path):
    with pytest.raises(RuntimeError, match=r"1 runs failed, the first by ValueError: number must be >= 0, got -1"):
        runs(tmp_path)(square, [{"number": 2}, {"number": -1}])
    with pytest.raises(KeyboardInterrupt):
        runs(tmp_path)(square, [{"number": 3}, {"number": 101}])
    performed.clear()
    (tmp_path / ".sweeps").rename(tmp_path / "lost")
    assert runs(tmp_path)(square, [{"number": 2}, {"number": 3}])["square"].tolist() == [5, 10]
    assert not performed


def parts(made):
    """Return the runs of three parts, of which the second needs two."""
    return made.parts(
        {
            "first": lambda: made(square, [{"number": 2}]),
            "second": lambda: made(square, [{"number": 3}]).merge(made(square, [{"number": 4}]), how="outer"),
            "third": lambda: made(square, [{"number": 5}]),
        }
    )


def test_finished_parts_are_evaluated_and_the_others_named(tmp_path):
    with pytest.raises(Unfinished, match="no part of this study is finished"):
        parts(runs(tmp_path, finished=True))
    runs(tmp_path)(square, [{"number": number} for number in (2, 3, 5)])
    performed.clear()
    some = runs(tmp_path, finished=True)
    assert parts(some)["number"].tolist() == [2, 5]
    assert some.missing == ["second"]
    assert [row["arguments"]["number"] for row in some.used] == [2, 5], "those of an unfinished part do not count"
    assert not performed
    rest = runs(tmp_path)
    assert parts(rest)["number"].tolist() == [2, 3, 4, 5]
    assert rest.missing == []
    assert performed == [(4, 1)]


def test_one_missing_seed_leaves_a_part_unfinished(tmp_path):
    runs(tmp_path)(square, [{"number": 2}])
    with pytest.raises(Unfinished, match="not all runs are finished; leave out --finished to perform the others"):
        runs(tmp_path, seeds=2, finished=True)(square, [{"number": 2}])


def measure(made):
    return made(square, [{"number": 1 if made.quick else 2}])


def claims(table):
    return [Claim("it is large", *summary(table["square"]), bool((table["square"] > 5).all()), "cm", "7", "a paper")]


def draw(table):
    return plt.figure(figsize=(1, 1))


@pytest.fixture
def study(monkeypatch, tmp_path):
    made = Study("A title", "What is run.", 3, 1, 90, measure, claims, draw)
    for module in (command, pages):
        monkeypatch.setattr(module, "study_of", lambda name: made)
        monkeypatch.setattr(module, "NAMES", ("one", "two"))
    return made


def test_a_command_writes_results_and_page(study, tmp_path, capsys):
    found = command.main(["one", "--out", str(tmp_path)])
    assert found["claims"] == [
        {
            "claim": "it is large",
            "ours": 6.0,
            "spread": 1.0,
            "held": False,
            "unit": "cm",
            "published": "7",
            "source": "a paper",
        }
    ]
    assert json.loads((tmp_path / "one.json").read_text()) == found
    assert (found["seeds"], found["runs"], found["quick"]) == (3, 3, False)
    assert found["command"] == "python -m scripts.reproduce one"
    assert found["settings"] == [{"number": 2}]
    assert "NOT HELD" in capsys.readouterr().out
    text = (tmp_path / "reproductions.md").read_text()
    assert "| it is large | 7 (a paper) | 6.0 ± 1.0 cm | **no** |" in text
    assert "## two: A title\n\nWhat is run.\n\nNot run yet: `python -m scripts.reproduce two`, about 1.5 h." in text


def test_accuracies_are_a_table_of_methods_and_places(study, tmp_path, monkeypatch):
    cells = [("A", "1 %", 90.0, 1.25), ("A", "2 %", 95.0, 0.125), ("B", "2 %", 96.5, None)]
    for module in (command, pages):
        with_cells = study._replace(accuracies=lambda table: [Accuracy(*cell) for cell in cells])
        monkeypatch.setattr(module, "study_of", lambda name, made=with_cells: made)
    command.main(["one", "--out", str(tmp_path)])
    table = """
| test accuracy (%) | 1 % | 2 % |
| --- | --- | --- |
| A | 90.0 ± 1.2 | 95.00 ± 0.12 |
| B | – | 96.50 |
"""
    assert table in (tmp_path / "reproductions.md").read_text()


def test_accuracies_are_those_of_method_and_level():
    made = [("x", "m", 0.5, 1, 0.5), ("x", "m", 0.5, 2, 0.7), ("x", "m", 0.01, 1, 0.2), ("y", "n", 0.5, 1, 0.9)]
    table = pd.DataFrame(made, columns=["task", "method", "level", "seed", "accuracy"])
    names = {"n": "N", "m": "M", "absent": "-"}
    found = accuracies(table, names, {"x": "X", "y": "Y"})
    assert [each[:2] for each in found] == [("M", "X, 1 %"), ("M", "X, 50 %"), ("N", "Y, 50 %")]
    assert [each.ours for each in found] == pytest.approx([20, 60, 90])
    assert found[1].spread == pytest.approx(np.sqrt(200))
    assert found[0].spread is None
    assert [each[:2] for each in accuracies(table, names)] == [("M", "1 %"), ("N", "50 %"), ("M", "50 %")]


def test_the_page_says_what_is_not_finished(study, tmp_path, monkeypatch, capsys):
    in_parts = study._replace(
        measure=lambda made: made.parts({name: partial(part, made, name) for name in ("here: 2", "here: 3")})
    )

    def part(made, name):
        return made(square, [{"number": int(name[-1])}])

    for module in (command, pages):
        monkeypatch.setattr(module, "study_of", lambda name: in_parts)
    with pytest.raises(SystemExit):
        command.main(["one", "--finished", "--out", str(tmp_path)])
    assert "no part of this study is finished" in capsys.readouterr().err
    runs(tmp_path / "other", seeds=3)(square, [{"number": 2}])
    (tmp_path / "runs").mkdir()
    (tmp_path / "other" / "runs" / "name.jsonl").rename(tmp_path / "runs" / "one.jsonl")
    found = command.main(["one", "--finished", "--out", str(tmp_path)])
    assert (found["missing"], found["runs"], found["processor"]) == (["here: 3"], 3, processor())
    assert found["command"] == "python -m scripts.reproduce one --finished"
    page = (tmp_path / "reproductions.md").read_text()
    assert (
        "**Not finished**, and therefore not in the table: here: 3. `python -m scripts.reproduce one` performs" in page
    )
    with locked(Parser("a study that is running"), tmp_path / ".sweeps" / "one"):
        command.main(["one", "--finished", "--out", str(tmp_path)])
    assert command.main(["one", "--out", str(tmp_path)])["missing"] == []
    assert "Not finished" not in (tmp_path / "reproductions.md").read_text()
    with pytest.raises(SystemExit):
        command.main(["one", "--finished", "--seeds", "4", "--out", str(tmp_path)])
    assert "no part of this study is finished" in capsys.readouterr().err
    lines = (tmp_path / "runs" / "one.jsonl").read_text().splitlines()
    (tmp_path / "runs" / "one.jsonl").write_text("\n".join(lines[:-1]))
    with pytest.raises(SystemExit):
        command.main(["one", "--finished", "--out", str(tmp_path)])
    assert "one.json is of more parts, which it would replace" in capsys.readouterr().err


def test_a_processor_or_a_version_that_is_not_known_is_not_stated(study, tmp_path):
    """Runs are finished one after another, perhaps on several machines."""
    runs(tmp_path, seeds=3)(square, [{"number": 2}])
    path = tmp_path / "runs" / "one.jsonl"
    rows = [json.loads(line) for line in (tmp_path / "runs" / "name.jsonl").read_text().splitlines()]
    assert {row["processor"] for row in rows} == {processor()}
    rows[1]["processor"], rows[1]["versions"] = "another", {**rows[1]["versions"], "numpy": "2.0"}
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = command.main(["one", "--finished", "--out", str(tmp_path)])
    assert found["processor"] == f"{processor()}, another"
    assert found["versions"]["numpy"] == f"{rows[0]['versions']['numpy']}, 2.0"
    del rows[1]["processor"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert command.main(["one", "--finished", "--out", str(tmp_path)])["processor"] is None


def _tables():
    """Return the names of studies in parts, with the runs that each part consists of."""
    for level, method in [(level, m) for level in mnist.LEVELS for m in mnist.METHODS if m != "dense"] + [(1, "dense")]:
        yield "mnist-connectivity", {"task": "mnist", "method": method, "level": level, "connections": 9, "most": 20}
    for task in frames.TASKS:
        for level, method in [*((level, m) for level in frames.LEVELS for m in ("deepr", "fixed")), (1.0, "dense")]:
            yield "frames", {"task": task, "method": method, "level": level, "most common": 0.3}
    for level, method in [*((level, m) for level in cifar.LEVELS for m in ("deepr", "fixed")), (1.0, "dense")]:
        yield "cifar10", {"method": method, "level": level}
    for task, method, level in [("ecg", "deepr", 0.01), ("ecg", "fixed", 0.01), ("mnist", "deepr", 0.02)]:
        yield "spiking-rules", {"task": task, "method": method, "connectivity": level}


@pytest.mark.parametrize("name", ["mnist-connectivity", "frames", "cifar10", "spiking-rules"])
def test_any_part_and_any_beginning_of_a_study_can_be_evaluated(name):
    made = [
        pd.DataFrame([{**part, "seed": seed, "accuracy": 0.9 + 0.01 * seed} for seed in (1, 2)])
        for of, part in _tables()
        if of == name
    ]
    some = [pd.concat(made[:number], ignore_index=True) for number in range(1, len(made) + 1)]
    for table in [*made, *some]:
        for claim in study_of(name).claims(table):
            assert np.isfinite([claim.ours, claim.spread or 0.0]).all(), claim
    for table in [*made[:2], made[-1], *some[2::4]]:
        plt.close(study_of(name).draw(table))


def test_deep_r_is_compared_with_what_is_finished():
    def lead(*methods):
        rows = [
            {"method": method, "level": 0.02, "seed": 1, "accuracy": 0.9, "connections": 3993, "most": 1}
            for method in methods
        ]
        return [claim.claim for claim in mnist.claims(pd.DataFrame(rows)) if "minus" in claim.claim]

    assert lead("deepr") == lead("fixed", "set") == []
    assert lead("deepr", "soft") == ["2 %: soft DEEP R, which ends with 1.5 %, minus DEEP R"]
    assert lead("deepr", "fixed") == ["2 %: DEEP R minus fixed connections"]
    assert lead("deepr", "fixed", "set") == [
        "2 %: DEEP R minus the better of fixed connections and SET, fixed connections"
    ]
    assert lead("deepr", "fixed", "set", "rigl") == [
        "2 %: DEEP R minus the best method with as many connections throughout, fixed connections"
    ]


def test_a_quick_run_says_so_and_replaces_no_full_one(study, tmp_path, capsys):
    found = command.main(["two", "--quick", "--out", str(tmp_path)])
    assert found["quick"]
    assert found["claims"][0]["held"] is None
    assert "**Quick run only**" in (tmp_path / "reproductions.md").read_text()
    command.main(["two", "--seeds", "2", "--out", str(tmp_path)])
    assert "Quick run" not in (tmp_path / "reproductions.md").read_text()
    with pytest.raises(SystemExit):
        command.main(["two", "--quick", "--out", str(tmp_path)])
    assert "--quick: " in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--finished"]])
def test_fewer_seeds_replace_no_more(study, tmp_path, capsys, more):
    command.main(["two", "--out", str(tmp_path)])
    before = (tmp_path / "two.json").read_text()
    with pytest.raises(SystemExit):
        command.main(["two", "--seeds", "2", *more, "--out", str(tmp_path)])
    assert "two.json is of 3 seeds, which 2 would replace; choose another --out" in capsys.readouterr().err
    assert (tmp_path / "two.json").read_text() == before
    assert command.main(["two", "--seeds", "4", "--out", str(tmp_path)])["seeds"] == 4
    with pytest.raises(SystemExit):
        command.main(["two", *more, "--out", str(tmp_path)])
    assert "two.json is of 4 seeds, which 3 would replace" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "argument NAME: is missing; choose one of survival-law, "),
        (["survival"], "argument NAME: invalid choice: 'survival'"),
        (["shuffle", "--seeds", "0"], "argument --seeds: must be an integer between 1 and "),
        (["shuffle", "--n-jobs", "-1"], "argument --n-jobs: must be an integer between 1 and "),
        (["shuffle", "--data-dir", "nowhere"], "argument --data-dir: no such folder: nowhere"),
        (["shuffle", "--out", __file__], "argument --out: must be a folder, got the file "),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_all_names_are_listed(capsys):
    command.main(["--list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(NAMES)


def test_the_page_is_that_of_the_results():
    assert (RESULTS / "reproductions.md").read_text() == pages.page(RESULTS), (
        "run python -m scripts.reproduce NAME, which writes the page"
    )


@pytest.mark.parametrize("name", FOUND)
def test_the_claims_follow_from_the_runs(name, tmp_path):
    found = json.loads((RESULTS / f"{name}.json").read_text())
    options = {"quick": found["quick"], "seeds": found["seeds"], "finished": True}
    made = Runs(RESULTS / "runs" / f"{name}.jsonl", tmp_path, **options)
    study = study_of(name)
    table = study.measure(made)
    own = command.stated(study, table, quick=found["quick"])
    assert made.missing == found.get("missing", []), "all other runs are in the file"
    for claim, stored in zip(own, found["claims"], strict=True):
        numbers = [(row.pop("ours"), row.pop("spread") or 0.0) for row in (stored, claim)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-9)
        assert stored == claim
    cells = [[*cell] for cell in study.accuracies(table)] if study.accuracies else []
    assert [[*cell.values()] for cell in found.get("accuracies", [])] == [
        [method, at, pytest.approx(mean, rel=1e-9), pytest.approx(spread, rel=1e-6)]
        for method, at, mean, spread in cells
    ]
