"""Compare the table of what works where in docs/guide/works_where.md with the code, or write it.

    python -m tests.works_where [--write]

Each rule of the contract is tried in each front end, alone, in a shared budget, and on each kind of connections. A cell
says what works, or else the error with which the code refuses it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from brian2.devices.device import get_device, runtime_device

from synaptic_sampling import Budget, PotentialConnections, Rewiring, Rule, step
from synaptic_sampling.rate import CrossEntropy, LogLikelihood, RateNetwork, SparseLinear
from synaptic_sampling.rules import Units
from tests.brian.test_standalone import standalone
from tests.contract.rules import RULES, growing, hard, potential, several, signals_of, soft

__all__ = ["NAMES", "main", "rows_of", "title"]

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "works_where.md"
#: All rules, without the variants of the contract.
NAMES = [name for name in RULES if "," not in name]
HEAD = (
    "| rule | arrays (`step`) | Brian2, runtime (`Rewiring`) | Brian2, C++ standalone | rate network (`RateNetwork`) |"
)
#: What every error of C++ standalone mode says, and the point at the end.
COMMON = r"^Rewiring in C\+\+ standalone mode does not support |,? or remove set_device\('cpp_standalone'\)|\.$"
#: How the variable of a signal is declared in Brian2.
NEURONS = {"presynaptic neuron": "{} : 1", "postsynaptic neuron": "{} : 1"}
SYNAPSES = {"connection": "{} : 1", "network": "{} : 1 (shared)"}
SITES = {"site": "{} : 1"}


def refusal(attempt: Callable[..., object], rule: Rule, **options: Any) -> str | None:
    """Return why a front end refuses a rule, without the rule; None if it makes a step."""
    try:
        attempt(rule, **options)
    except (TypeError, ValueError, NotImplementedError) as error:
        text = str(error).replace(f", got {rule!r}", "").replace(f" (got {type(rule).__name__})", "")
        return re.sub(COMMON, "", text)
    return None


def cell(attempt: Callable[..., object], rule: Rule, variants: dict[str, dict[str, Any]]) -> str:
    """Return what works, or why nothing does; ``variants`` are further attempts by what the cell says of them."""
    alone = refusal(attempt, rule)
    if alone is not None:
        return f"no: {alone}"
    return "; ".join(
        ["yes", *(said for said, options in variants.items() if refusal(attempt, rule, **options) is None)]
    )


def on_arrays(rule: Rule, make: Callable[[], Any] | None = None) -> None:
    """Make a step on connections of one kind, by default on the first that the rule accepts."""
    if make is None:
        make = {PotentialConnections: potential}.get(rule.storage[0], growing if rule.grows else hard)
    c = make()
    step(c, rule, **signals_of(rule, c, 0))


def equations(rule: Rule, declared: dict[str, str], *others: str) -> str:
    """Return equations with the signals of a rule."""
    return "\n".join([*others, *(declared[s.of].format(s.name) for s in rule.signals if s.of in declared)])


def with_units(rule: Any) -> Any:
    """Return a rule with the units that its parameters have where theta and the gradient have none."""
    own, units = vars(rule), {name: of(Units(1, 1, b2.second)) for name, of in rule.units.items() if of}
    return replace(rule, **{name: own[name] * unit for name, unit in units.items() if own.get(name) is not None})


def in_brian(given: Rule, number: int | None = None, depth: float | None = None) -> None:
    """Create a Rewiring of one Synapses object, or of a list; in runtime mode, have it make a step."""
    rule, objects, synapses = with_units(given), [], []
    options: dict[str, Any] = {"capacity": 36} if rule.grows else {}
    for _ in range(number or 1):
        one, other = (b2.NeuronGroup(6, equations(rule, NEURONS, "v : 1")) for _ in range(2))
        s = b2.Synapses(one, other, equations(rule, SYNAPSES, "w : 1", "theta : 1", "polarity : 1"))
        if depth is not None:
            s.connect(i=np.arange(6), j=np.arange(6))
        else:
            s.connect(condition="True" if rule.storage[0] is PotentialConnections else "i <= j")
        synapses.append(s)
        objects += [one, other, s]
        if any(signal.of == "site" for signal in rule.signals):
            options["companion"] = b2.Synapses(one, other, equations(rule, SITES))
            options["companion"].connect()
            objects.append(options["companion"])
    rewiring = Rewiring(synapses if number else s, rule, depth=depth, **options)
    if get_device() is runtime_device:
        b2.Network(objects, rewiring).run(2 * rewiring.interval)


def in_a_rate_network(rule: Rule, budget: str = "layer") -> None:
    """Make a step of a network with one sparse layer."""
    own = "gradient" if rule.linear_weight else LogLikelihood(2)
    sources = {s.name: own if s.of == "connection" else 1.0 for s in rule.signals}
    layers = [SparseLinear(6, 3, connectivity=0.5, bias=False)]
    net = RateNetwork(layers, rule=rule, signals=sources, budget=budget, seed=1)  # type: ignore[arg-type]
    samples, loss = net.check_samples(np.ones((2, 6))), CrossEntropy()
    net.gradients(samples, loss.check_targets([0, 1], 2, 3), loss)
    net.step()


def cells(rule: Rule, folder: Path) -> list[str]:
    """Return the cells of a rule, tried in all front ends."""
    on_potential, of_sites = rule.storage[0] is PotentialConnections, any(s.of == "site" for s in rule.signals)
    arrays = {"also on `SoftConnections`": {"make": soft}, "also with a `Budget`": {"make": several}}
    brian = {"several `Synapses` may share a budget": {"number": 2}, "also with `depth=`": {"depth": 10.0}}
    rate = {"layers may share a budget": {"budget": "network"}}
    always: dict[str, Any] = {}
    if on_potential:
        arrays = {"on `PotentialConnections`": always, **arrays}
        brian = {"every synapse is a potential connection": always, **brian}
    if of_sites:
        brian = {"with `companion=`": always, **brian}
    if not rule.linear_weight:
        rate = {"with `signals={'gradient': LogLikelihood(N)}`": always, **rate}
    found = [cell(on_arrays, rule, arrays), cell(in_brian, rule, brian)]
    with standalone(folder):
        found.append(cell(in_brian, rule, brian))
    found.append(cell(in_a_rate_network, rule, rate))
    return found


def rows_of(name: str, folder: Path) -> list[list[str]]:
    """Return the row of a rule, and one for each of its variants in the contract that works elsewhere."""
    first = cells(RULES[name].rule, folder)
    variants = [
        other for other in RULES if other.startswith(f"{name}, ") and not isinstance(RULES[other].make(), Budget)
    ]
    tried = {other: cells(RULES[other].rule, folder) for other in variants}
    differing = {other: found for other, found in tried.items() if words(found) != words(first)}
    return [[title(other), *found] for other, found in {name: first, **differing}.items()]


def words(found: list[str]) -> list[str]:
    """Return the first word of each cell."""
    return [re.split(r"\W", text)[0] for text in found]


def title(name: str) -> str:
    """Return the first cell of a row."""
    kind, _, variant = name.partition(", ")
    return name if " " in kind else f"`{kind}`" + (f", {variant}" if variant else "")


def table() -> str:
    """Return the table of the code."""
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.1 * b2.ms
    with tempfile.TemporaryDirectory() as folder:
        found = [row for name in NAMES for row in rows_of(name, Path(folder))]
    return "\n".join([HEAD, "|---|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in found)])


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table, or say whether it differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.works_where", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    given = parser.parse_args(argv)
    text, new = PAGE.read_text(), table()
    old = re.search(rf"^{re.escape(HEAD)}\n(\|.*\n)+", text, re.MULTILINE)
    assert old is not None
    if given.write:
        PAGE.write_text(text.replace(old[0], new + "\n"))
    differs = old[0] != new + "\n"
    print(f"The table {'is written' if given.write and differs else 'differs' if differs else 'is that of the code'}.")
    return int(differs and not given.write)


if __name__ == "__main__":
    sys.exit(main())
