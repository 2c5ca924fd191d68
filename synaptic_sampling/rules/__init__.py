"""Rules that decide which connections are eliminated and formed, and the step that carries the decision out."""

from synaptic_sampling.rules.base import Decision, Rule, Signal
from synaptic_sampling.rules.deepr import DeepR
from synaptic_sampling.rules.elements import SynapticElements, pair_elements
from synaptic_sampling.rules.fixed import FixedWiring
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum
from synaptic_sampling.rules.prune import PruneAndRegrow, replace
from synaptic_sampling.rules.soft_deepr import SoftDeepR
from synaptic_sampling.rules.stepping import step
from synaptic_sampling.rules.synaptic_sampling import SynapticSampling

__all__ = [
    "SGD",
    "Adam",
    "Decision",
    "DeepR",
    "FixedWiring",
    "Momentum",
    "PruneAndRegrow",
    "Rule",
    "Signal",
    "SoftDeepR",
    "SynapticElements",
    "SynapticSampling",
    "pair_elements",
    "replace",
    "step",
]
