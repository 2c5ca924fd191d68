"""Sweeps: one function, many settings and seeds, on the cores of a laptop or the nodes of a cluster."""

from synaptic_sampling.sweeps.engine import sweep

__all__ = ["sweep"]
