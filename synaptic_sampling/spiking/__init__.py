"""Recurrent networks of spiking neurons that learn sequences by e-prop, and rewire while they learn."""

from synaptic_sampling.spiking.network import EpropNetwork, RatePenalty, Wiring
from synaptic_sampling.spiking.tasks import SequenceTask
from synaptic_sampling.spiking.training import SpikingResult, Training

__all__ = ["EpropNetwork", "RatePenalty", "SequenceTask", "SpikingResult", "Training", "Wiring"]
