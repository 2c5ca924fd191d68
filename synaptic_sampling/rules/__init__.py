"""Rules, which decide which connections are eliminated and formed, and the step that carries out their decisions.

``sweep`` and ``run_sweep`` compile and run the update of theta of a rule of your own (docs/developer/new_rule.md).
"""

from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling.rules.base import Decision, GradientRule, Replacement, Rule, Signal, Units, run_sweep
from synaptic_sampling.rules.deepr import DeepR
from synaptic_sampling.rules.elements import SynapticElements, pair_elements
from synaptic_sampling.rules.fixed import FixedWiring
from synaptic_sampling.rules.magnitude import SET, RigL, RigLDescent, SETDescent
from synaptic_sampling.rules.optimizers import SGD, Adam, Momentum
from synaptic_sampling.rules.prune import PruneAndRegrow, replace
from synaptic_sampling.rules.soft_deepr import SoftDeepR
from synaptic_sampling.rules.stepping import step
from synaptic_sampling.rules.synaptic_sampling import SynapticSampling

__all__ = [
    "SET",
    "SGD",
    "Adam",
    "Decision",
    "DeepR",
    "FixedWiring",
    "GradientRule",
    "Momentum",
    "PruneAndRegrow",
    "Replacement",
    "RigL",
    "RigLDescent",
    "Rule",
    "SETDescent",
    "Signal",
    "SoftDeepR",
    "SynapticElements",
    "SynapticSampling",
    "Units",
    "pair_elements",
    "replace",
    "run_sweep",
    "step",
    "sweep",
]
