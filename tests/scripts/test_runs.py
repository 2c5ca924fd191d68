"""Finished runs and the checkpoints of the others."""

from scripts.results import UNFINISHED
from scripts.runs import Runs


def test_a_finished_run_whose_process_was_killed_leaves_no_checkpoint(tmp_path):
    """Killed after the row was written, before its checkpoints were removed."""
    runs, job = Runs(tmp_path / "runs.json", checkpoint_every=1), {"seed": 1}
    paths = [runs.checkpoints(each)["checkpoint"] for each in (job, {"seed": 2})]
    runs.write([job | {"accuracy": 0.5}])
    for path in paths:
        path.touch()
    again = Runs(runs.path, runs.rows, checkpoint_every=1)
    assert again.get(job, None)["accuracy"] == 0.5
    assert list((tmp_path / UNFINISHED).iterdir()) == paths[1:], "that of the run which has not finished is kept"
    again.get({"seed": 2}, lambda **_: {"accuracy": 0.6})
    assert [path.name for path in tmp_path.iterdir()] == ["runs.json"]
