"""The style of the figures of all programs."""

from __future__ import annotations

from matplotlib import pyplot as plt

__all__ = ["in_house_style"]

#: Decorates a function that draws or writes a figure.
in_house_style = plt.style.context("synaptic_sampling.plotting.house")
