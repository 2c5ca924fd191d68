"""The log of every formation and elimination of a connection: recording, files, replay, merging."""

from synaptic_sampling.log.merging import join_logs, merge_logs
from synaptic_sampling.log.recorder import LIFE, TIME, LogError, RewiringLog, SetInfo, Snapshot

__all__ = ["LIFE", "TIME", "LogError", "RewiringLog", "SetInfo", "Snapshot", "join_logs", "merge_logs"]
