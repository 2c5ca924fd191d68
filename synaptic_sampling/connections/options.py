"""Keyword arguments by which sets of connections describe their sites and signs, and the objects made from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_integer, check_seed
from synaptic_sampling.connections.signs import Signs
from synaptic_sampling.connections.sites import PairFunction, Sites
from synaptic_sampling.randomness import MAX_SET

__all__ = ["ConnectionOptions", "PotentialOptions", "SoftOptions", "check_options", "fixed_signs", "sites_and_signs"]


class PotentialOptions(TypedDict, total=False):
    """What `PotentialConnections` accept: the signs, and whether a neuron may connect to itself."""

    signs: str | int | ArrayLike
    excitatory: float
    autapses: bool
    diagonal: int


class SoftOptions(PotentialOptions, total=False):
    """What `SoftConnections` accept: also which pairs may be connected."""

    candidates: ArrayLike | PairFunction | None


class ConnectionOptions(SoftOptions, total=False):
    """What `Connections` accept: all options of `Sites` and `Signs`."""

    probability: ArrayLike | PairFunction | None
    multapses: bool
    max_in_degree: ArrayLike | None
    max_out_degree: ArrayLike | None


def sites_and_signs(
    owner: str, num_pre: int, num_post: int, options: Mapping[str, Any], allowed: Any, seed: int, index: int
) -> tuple[Sites, Signs]:
    """Return sites and signs for keyword arguments, all of which ``owner`` must accept."""
    check_options(owner, options, allowed)
    of_signs = {name: options[name] for name in ("signs", "excitatory") if name in options}
    of_sites = cast(Any, {name: value for name, value in options.items() if name not in of_signs})
    sites = Sites(num_pre, num_post, **of_sites)
    seed, index = check_seed(seed), check_integer("index", index, minimum=0, maximum=MAX_SET)
    return sites, Signs(sites.num_pre, sites.num_post, **of_signs, seed=seed, index=index)


def check_options(owner: str, options: Mapping[str, Any], allowed: Any) -> None:
    """Raise an error that names a keyword argument that is not among those of a TypedDict."""
    names = sorted(allowed.__optional_keys__)
    for name in options:
        if name not in names:
            raise TypeError(f"{owner} got an unexpected keyword argument {name!r}; allowed are {', '.join(names)}.")


def fixed_signs(options: Mapping[str, Any], why: str) -> None:
    """Raise an error where signs would be redrawn although a site keeps its sign."""
    if isinstance(options.get("signs"), str) and options["signs"] == "redrawn":
        raise ValueError(f"signs must be 'site', 'presynaptic', +1, -1 or an array: {why}.")
