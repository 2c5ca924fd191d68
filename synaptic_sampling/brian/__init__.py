"""Structural plasticity for the synapses of a Brian2 script."""

from synaptic_sampling.brian.connect import connect_exactly
from synaptic_sampling.brian.monitor import RewiringMonitor
from synaptic_sampling.brian.resumable import run_resumable
from synaptic_sampling.brian.rewiring import Rewiring
from synaptic_sampling.brian.standalone import recorder as recorder  # It adds monitors of C++ programs.
from synaptic_sampling.brian.standalone.compiled import run_program
from synaptic_sampling.brian.stream import ArrayStream
from synaptic_sampling.brian.switched import run_while

__all__ = ["ArrayStream", "Rewiring", "RewiringMonitor", "connect_exactly", "run_program", "run_resumable", "run_while"]
