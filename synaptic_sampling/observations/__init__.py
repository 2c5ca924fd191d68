"""Presence of single connections at a few looks, as an imaging study sees them: the type, and tables that hold it."""

from synaptic_sampling.observations.observations import MISSING, Observations

__all__ = ["MISSING", "Observations"]
