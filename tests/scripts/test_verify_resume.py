"""The verification of resumed trainings finds what differs, and kills real processes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from scripts import train_rate
from scripts.verify_resume import differences, main
from synaptic_sampling import RewiringLog


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("verify") / "one"
    train_rate.main(["--quick", "--epochs", "1", "--out", str(out)])
    return out


def change_weights(folder):
    arrays = dict(np.load(folder / "weights-1.npz"))
    arrays["1_w"][3] = np.nextafter(arrays["1_w"][3], 1, dtype=np.float32)
    np.savez_compressed(folder / "weights-1.npz", **arrays)


def change_log(folder):
    with RewiringLog(folder / "log-1.rewiring", mode="a") as log:
        log.continue_from(40)


def change_summary(folder):
    found = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**found, "births": 0, "seconds": 1.0}))


def test_differences_are_found(trained, tmp_path):
    for change, found in [
        (lambda _: None, []),
        (change_weights, ["weights-1 1_w"]),
        (change_log, ["log-1 events", "log-1 times", "log-1 snapshots"]),
        (change_summary, ["births"]),
        (lambda folder: (folder / "figure-1.png").unlink(), ["files"]),
    ]:
        other = tmp_path / getattr(change, "__name__", "x")
        shutil.copytree(trained, other)
        change(other)
        assert differences(trained, other) == found
        shutil.rmtree(other)


@pytest.mark.slow
def test_a_training_that_is_killed(capsys):
    assert main(["--quick", "--epochs", "40", "--method", "prune"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(" killed, " in line for line in lines) == 3
    assert any(f"epochs saved: {number}" in "\n".join(lines) for number in range(1, 40))
    assert lines[-1] == "differences: none"


@pytest.mark.slow
def test_a_training_that_fails_is_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        main(["--task", "mnist", "--data-dir", str(tmp_path)])
    assert "failed with exit status 2: train_rate.py: error: argument --data-dir:" in capsys.readouterr().err
