"""The command of the wheel writes the report that the function writes, and refuses in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from synaptic_sampling.reporting import command
from tests.reporting.test_report import RULE, record


def test_report_of_two_runs(tmp_path, capsys):
    record(tmp_path / "a.rewiring", RULE, samples=10.0, steps=60)
    record(tmp_path / "b.rewiring", RULE, seconds=0.1, steps=60)
    words = ["report", f"first={tmp_path / 'a.rewiring'}", str(tmp_path / "b.rewiring"), "--out", str(tmp_path / "out")]
    assert command.main(words) == 0
    assert capsys.readouterr().out == f"Wrote {tmp_path / 'out' / 'report.html'} and its figures.\n"
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"b.png", "comparison.png", "first.png", "in_vivo.png", "report.html"}
    with pytest.raises(SystemExit, match="2"):
        command.main(words)
    assert "already contains report.html; --overwrite replaces it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("lr=0.1/log.rewiring", "log"),
        ("a=lr=0.1/log.rewiring", "a"),
        ("lr=0.2=lr=0.1/log.rewiring", "lr=0.2"),
        ("lr=0.1=b.rewiring", "lr=0.1"),
        ("=b.rewiring", "b"),
        ("b.rewiring", "b"),
    ],
)
def test_names_and_paths_may_contain_an_equals_sign(tmp_path, monkeypatch, word, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    record(tmp_path / "lr=0.1" / "log.rewiring", RULE, steps=8)
    record(tmp_path / "b.rewiring", RULE, steps=16)
    ((found, log),) = command.read_logs([word]).items()
    assert found == name
    assert log.last_step == (16 if "b.rewiring" in word else 8)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.rewiring"], "x.rewiring"),
        (["a.rewiring", "a.rewiring"], "two logs are named 'a'"),
        (["a.rewiring", "--by", "cell"], "argument --by: needs --observations"),
        (["a.rewiring", "--weights"], "argument --weights: needs --observations"),
        (["a.rewiring", "--observations", "no.csv"], "no.csv"),
        (["a.rewiring", "--film", "1"], "film must be"),
    ],
)
def test_mistakes_are_refused_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "a.rewiring", RULE, steps=8)
    with pytest.raises(SystemExit, match="2"):
        command.main(["report", *words, "--out", "out"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert said in line
    assert not (tmp_path / "out").exists()


def test_command_is_installed():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["synaptic-sampling"].partition(":")
    assert module == command.__name__
    assert getattr(command, name) is command.main
