"""Logs on the command line: their names, the files that are written, and what is refused."""

from __future__ import annotations

import base64

import pytest

from scripts import plot_rewiring
from tests.reporting.test_report import QUESTIONS, RULE, Page, record


def test_report_of_two_runs_is_one_file(tmp_path, capsys):
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    record(tmp_path / "b.rewiring", RULE, seconds=0.1)
    logs = [f"first={tmp_path / 'a.rewiring'}", str(tmp_path / "b.rewiring")]
    assert plot_rewiring.main([*logs, "--out", str(tmp_path / "out"), "--film", "3"]) == 0
    assert "report.html" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["b.gif", "b.png", "comparison.png", "first.gif", "first.png", "in_vivo.png", "report.html"]
    text = (tmp_path / "out" / "report.html").read_text()
    page = Page(text)
    assert len(page.images) == 4
    for image in page.images:
        assert base64.b64decode(image.removeprefix("data:image/png;base64,"))[:4] == b"\x89PNG"
    assert page.open == page.links == []
    for question in QUESTIONS:
        assert question in text
    assert "a &lt;set&gt; &amp; more" in text
    assert "<set>" not in text
    assert "Zuo et al. 2005" in text
    assert '"learning_rate": 0.1' in text.replace("&quot;", '"')


@pytest.mark.parametrize("content", [b"", b"no log at all"])
def test_files_that_are_no_logs(tmp_path, capsys, content):
    path = tmp_path / "x.rewiring"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        plot_rewiring.main([str(path), "--out", str(tmp_path / "out")])
    assert "not a rewiring log" in capsys.readouterr().err


def test_names_must_differ(tmp_path, capsys):
    record(tmp_path / "a.rewiring", RULE, steps=8)
    path = str(tmp_path / "a.rewiring")
    with pytest.raises(SystemExit, match="2"):
        plot_rewiring.main([path, path, "--out", str(tmp_path)])
    assert "two logs are named 'a'" in capsys.readouterr().err
    many = [f"{n}={path}" for n in range(7)]
    with pytest.raises(SystemExit, match="2"):
        plot_rewiring.main([*many, "--out", str(tmp_path)])
    assert "1 to 6 logs" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a/b", "comparison"])
def test_names_that_are_no_file_names(tmp_path, capsys, name):
    record(tmp_path / "a.rewiring", RULE, steps=8)
    with pytest.raises(SystemExit, match="2"):
        plot_rewiring.main([f"{name}={tmp_path / 'a.rewiring'}", "--out", str(tmp_path)])
    assert "cannot name the figures" in capsys.readouterr().err


def test_an_empty_name_is_that_of_the_file(tmp_path):
    record(tmp_path / "a.rewiring", RULE, steps=8)
    assert plot_rewiring.main([f"={tmp_path / 'a.rewiring'}", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "a.png").exists()
