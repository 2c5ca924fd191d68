"""What a Rewiring makes of its arguments: one projection for each Synapses object, with its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synaptic_sampling.brian.arguments import SEPARATE, distinct, spare_slots
from synaptic_sampling.brian.capabilities import refuse
from synaptic_sampling.brian.connect import Pairs, allowed_pairs
from synaptic_sampling.brian.expressions import check_early
from synaptic_sampling.brian.mistakes import check_theta
from synaptic_sampling.brian.potential import PotentialProjection
from synaptic_sampling.brian.projection import Projection
from synaptic_sampling.brian.signals import acts_on_potential, acts_on_soft, conditions_of, only_eliminates
from synaptic_sampling.brian.soft import SoftProjection
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.potential import StandalonePotentialProjection
from synaptic_sampling.brian.standalone.projection import StandaloneProjection
from synaptic_sampling.brian.standalone.soft import StandaloneSoftProjection
from synaptic_sampling.brian.standalone.varying import StandaloneVaryingProjection
from synaptic_sampling.rules import Rule

__all__ = ["adopt_all", "are_several", "check_strings", "projections_of"]


def are_several(synapses: Any) -> bool:
    """Return whether the user gave a list of Synapses objects."""
    return isinstance(synapses, Sequence) and not isinstance(synapses, str)


def projections_of(
    synapses: Any,
    rule: Rule,
    birth: Mapping[str, Any] | None,
    variables: Mapping[str, str] | None,
    companion: Any,
    namespace: Mapping[str, Any],
    depth: float | None,
) -> list[Projection]:
    """Return a projection for each Synapses object, after validation of rule, values and names."""
    several = are_several(synapses)
    make = _kind_of_projection(rule, several, depth)
    if several and companion is not None:
        raise ValueError(f"companion must be None for a list of Synapses, got {companion!r}; {SEPARATE}")
    projections = [
        make(each, rule, birth, variables, companion) for each in distinct(synapses if several else [synapses])
    ]
    check_strings(projections, rule, namespace)
    return projections


def check_strings(projections: Sequence[Projection], rule: Rule, namespace: Mapping[str, Any]) -> None:
    """Raise SyntaxError or TypeError if a string of a rule is not a condition, as far as its names are known."""
    for projection in projections:
        for condition in conditions_of(rule).values():
            check_early(projection.synapses, condition, namespace)


def _kind_of_projection(rule: Any, several: bool, depth: float | None) -> type[Projection]:
    """Return the class of the projections for this device and rule, which has not been validated yet."""
    potential, soft = acts_on_potential(rule), depth is not None
    if soft and not acts_on_soft(rule):
        raise ValueError(
            f"depth is for SoftDeepR, which counts retracted connections far below 0, got depth={depth!r} for "
            f"{type(rule).__name__}; leave it out."
        )
    if not program.is_standalone():
        return SoftProjection if soft else PotentialProjection if potential else Projection
    if several:
        raise refuse("budget")
    if soft:
        return StandaloneSoftProjection
    if potential:
        return StandalonePotentialProjection
    return StandaloneVaryingProjection if only_eliminates(rule) else StandaloneProjection


def adopt_all(
    projections: Sequence[Projection],
    rule: Rule,
    *,
    several: bool,
    capacity: int | None,
    depth: float | None,
    pairs: Pairs,
    namespace: Mapping[str, Any],
    **options: Any,
) -> None:
    """Make the connections of each projection; ``options`` are further arguments of `Connections`."""
    spare = spare_slots(projections, capacity if depth is None else None, several, rule)
    if depth is not None:
        options |= {"capacity": capacity, "depth": depth, "namespace": namespace}
    for index, (projection, more) in enumerate(zip(projections, spare, strict=True)):
        allowed = allowed_pairs(projection.synapses, pairs, namespace)
        projection.adopt(allowed, more, index=index, **options)
        projection.companion.settle(projection.made.sites)
        check_theta(projection)
