"""Good calls of logs and checkpoints."""

from __future__ import annotations

import numpy as np

from synaptic_sampling import CheckpointError, RewiringLog, join_logs, load_checkpoint, merge_logs, save_checkpoint
from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.log.recorder import LogError
from tests.hostile.logs import a_log
from tests.hostile.runner import Call

SIDES = {"num_pre": 12, "num_post": 12, "num_sites": 9}
SET = {"index": "set|index"}
#: A path of which there is no file, or one already, is named.
FILE = {"path": "path|nonsense"}
ONE = (LogError, FileExistsError)


def calls(folder):
    """Return them."""
    log, other, empty, fresh = a_log(), a_log(), RewiringLog(), RewiringLog()
    log.save(folder / "a.rewiring")
    path, info = folder / "a.rewiring", RewiringInfo(0, np.empty(0, EVENT), 0, 0)
    arrays = {"pre": [0, 1], "post": [2, 3], "theta": [0.1, 0.2], "polarity": [1, -1]}
    times = {"seconds": "nan, 0.5, 2**70", "samples": "nan, 0.5, 2**70"}
    saved = {"path": folder / "c.npz", "arrays": {"a": np.zeros(0)}, "about": {"b": 1}}
    save_checkpoint(**saved)
    return [
        Call(RewiringLog.open, {"path": path}, said=FILE, errors=(LogError,)),
        Call(RewiringLog.load, {"path": path}, said=FILE, errors=(LogError,)),
        Call(load_checkpoint, {"path": folder / "c.npz"}, said=FILE, errors=(CheckpointError,)),
        Call(
            empty.describe,
            {"index": 0, **SIDES, "name": "a", "multapses": False},
            {"name": "text", "multapses": "true"},
        ),
        Call(fresh.snapshot, {"step": 0, "index": 0, **arrays}),
        Call(fresh.record, {"info": info, "seconds": 0.0, "samples": 0.0}, times),
        Call(log.save, {"path": folder / "b"}, {"path": "text"}),
        Call(log.rule_of, {"index": 0}, said=SET),
        Call(log.snapshot_steps, {"index": 0}, said=SET, errors=(LogError,)),
        Call(log.wiring, {"step": 3, "index": 0}, {"step": "none"}, SET, (LogError,)),
        Call(log.lives, {"index": 0}, {"index": "none"}, SET, (LogError,)),
        Call(log.fates, {"step": 10, "index": 0}, said=SET, errors=(LogError,)),
        Call(log.snapshot_at, {"step": 0, "index": 0}, said=SET, errors=(LogError,)),
        Call(log.survivors, {"begin": 0, "end": 10, "index": 0}, said=SET, errors=(LogError,)),
        Call(merge_logs, {"logs": [log, other], "path": folder / "m"}, {"path": "none"}, FILE, ONE),
        Call(join_logs, {"parts": [log], "path": folder / "j"}, {"path": "none"}, FILE, ONE),
        Call(save_checkpoint, saved, {"path": "text", "arrays": "{}", "about": "{}"}),
    ]
