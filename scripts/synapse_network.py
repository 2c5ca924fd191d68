"""Fit the synapses of a Brian2 network to presence in vivo at 4 days alone, and see what else it predicts.

    python -m scripts.synapse_network --data-dir DIR --out DIR         # about two minutes

The rule is synaptic sampling (Kappel et al. 2015): memory and mean of theta are fitted, once to synapses onto pyramidal
and once to those onto PV cells, from which synapse was seen at which session. Weights are exp(theta), so that their
correlations and order follow without another parameter. The network then runs for seven sessions, alone and with an
STDP-like gradient that the fit does not know, and is looked at after each. Survival at 8 and 12 days, weights at loss
and correlations of weights were not fitted. DIR contains the tables of scripts.synapse_laws. Writes network.json and
network.png.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import brian2 as b2
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from models.data import data_folder
from scripts.common import Parser, folder_to_read
from scripts.interruption import interruptible
from scripts.results import results, write_figure, write_text
from scripts.synapse_laws import CELLS, DAYS, tables
from synaptic_sampling import Observations, Rewiring, RewiringMonitor, SynapticSampling
from synaptic_sampling.laws.presence import LAWS, Parameter
from synaptic_sampling.plotting import COLOURS
from synaptic_sampling.plotting.style import in_house_style
from synaptic_sampling.statistics import observed
from synaptic_sampling.statistics.observed.runs import runs_of
from synaptic_sampling.statistics.observed.search import best_values

__all__ = ["main", "network", "quantities"]

#: With a mean further below 0 hardly any of the potential synapses would be active; memory and mean form a ridge, along
#: which the likelihood is the same.
LOWEST_MEAN = -3.0
LAW = replace(
    LAWS["synaptic sampling"],
    parameters=(
        LAWS["synaptic sampling"].parameters[0],
        Parameter("mean", LOWEST_MEAN, 3.5, logarithmic=False, points=8),
    ),
)
#: Seconds of simulated time that stand for the 4 days between two sessions, and events of the rule in them.
SESSION, EVENTS = 1.0, 20
#: Active synapses of the network, on average, and its postsynaptic neurons.
ACTIVE, POSTSYNAPTIC = 1600, 80
#: Strength of the STDP-like gradient, per pair of spikes; the prior pulls with (mean - theta).
STDP = 0.5
#: Resamples of dendrites, and of neurons.
RESAMPLES = 40


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Fit, simulate, compare; write figure and numbers.

    Parameters
    ----------
    argv : sequence of str, optional
        Used instead of the command line.

    Returns
    -------
    int
        0; errors end the script.
    """
    parser = Parser("Predict weights and survival of synapses with a network fitted to their presence.")
    text = "folder of the tables (default: environment variable SYNAPTIC_SAMPLING_DATA, or ./data)"
    parser.add_argument("--data-dir", type=folder_to_read, metavar="DIR", help=text)
    parser.add_out("results/synapse-network")
    given = parser.parse_args(argv)
    presence, weights = tables(parser, data_folder(given.data_dir))
    with results(parser, given.out, ["network.json", "network.png"], overwrite=given.overwrite) as folder:
        found = {cell: compare(presence[cell], weights[cell]) for cell in CELLS}
        write_figure(folder / "network.png", draw(found))
        write_text(folder / "network.json", json.dumps(found, indent=2) + "\n")
    print(table(found))
    return 0


def compare(presence: Observations, weights: Observations) -> dict[str, Any]:
    """Return all quantities of the data, of the fitted law and of the network, with standard errors."""
    memory, mean = best(presence)
    law = [quantities(own, own) for own in (paths(*best(part), n) for n, part in enumerate(resampled(presence)))]
    found: dict[str, Any] = {"fitted": {"memory": memory, "mean": mean}}
    found["in vivo"] = {
        **with_errors(presence, "presence"),
        **with_errors(weights, "weights"),
    }
    exact = quantities(*[paths(memory, mean, -1)] * 2)
    found["law"] = {name: [exact[name], float(np.std([own[name] for own in law], ddof=1))] for name in exact}
    for name, strength in (("network", 0.0), ("network with STDP", STDP)):
        seen = network(memory, mean, strength)
        found[name] = {**with_errors(seen, "presence"), **with_errors(seen, "weights")}
    return found


def best(presence: Observations) -> tuple[float, float]:
    """Return memory, in sessions, and mean of theta, in standard deviations, of largest likelihood."""
    runs = runs_of(presence)
    memory, mean = best_values(LAW, runs, runs.counts.sum(axis=0)).tolist()
    return memory, mean


def of_presence(seen: Observations) -> dict[str, float]:
    """Return survival at 8 and 12 days, of seen and of newly seen synapses."""
    found = {}
    for every in (2, 3):
        for name, function in (("seen", observed.survival_of_seen), ("newly seen", observed.survival_of_newly_seen)):
            value = function(seen, every=every, resamples=20).value[1]
            found[f"{name}, seen again {4 * every} days later"] = float(value)
    return found


def of_weights(seen: Observations) -> dict[str, float]:
    """Return quantities that do not depend on the unit of log weights."""
    logs = np.log(np.asarray(seen.weights, float))
    gone = seen.seen[:, :-1] & (seen.presence[:, 1:] == 0)
    correlation = observed.weight_autocorrelation(seen, resamples=20).value
    loss = observed.loss_by_weight(seen, resamples=20).value
    first = observed.weight_by_age(seen, resamples=20).value
    mean, spread = np.nanmean(logs), np.nanstd(logs)
    return {
        "log weight before loss (SD from the mean)": float((logs[:, :-1][gone].mean() - mean) / spread),
        "log weight at first sight (SD from the mean)": float((first[0] - mean) / spread),
        "log weight 8 days later (SD from the mean)": float((first[2] - mean) / spread),
        "loss in the lowest quartile of weights": float(loss[0]),
        "loss in the second quartile": float(loss[1]),
        "correlation of log weights, 4 days": float(correlation[0]),
        "correlation of log weights, 24 days": float(correlation[5]),
        "correlation at 24 days over that at 4": float(correlation[5] / correlation[0]),
    }


def quantities(presence: Observations, weights: Observations) -> dict[str, float]:
    """Return everything that is compared."""
    return {**of_presence(presence), **of_weights(weights)}


def with_errors(seen: Observations, kind: str) -> dict[str, list[float]]:
    """Return quantities with standard errors over dendrites, or postsynaptic neurons."""
    function = {"presence": of_presence, "weights": of_weights}[kind]
    drawn = [function(part) for part in resampled(seen)]
    return {
        name: [value, float(np.std([own[name] for own in drawn], ddof=1))] for name, value in function(seen).items()
    }


def resampled(seen: Observations) -> list[Observations]:
    """Return studies of as many groups, drawn with replacement."""
    rows = [np.flatnonzero(seen.group == n) for n in range(len(seen.groups))]
    rng = np.random.default_rng(1)
    chosen = rng.integers(len(rows), size=(RESAMPLES, len(rows)))
    return [seen.select(np.concatenate([rows[n] for n in own])) for own in chosen]


def paths(memory: float, mean: float, seed: int, number: int = 100_000) -> Observations:
    """Return theta of synapses under the fitted law at 8 sessions, by simulation of those that may be seen."""
    rng = np.random.default_rng(seed + 1)
    keep = math.exp(-1.0 / memory)
    noise = math.sqrt(1.0 - keep**2)
    least = ndtr(-6.0 * math.sqrt(1.0 - keep ** (2 * (len(DAYS) - 1))) - mean)
    first: NDArray[np.float64] = ndtri(least + (1.0 - least) * rng.random(number))
    theta = [mean + first]
    for _ in DAYS[1:]:
        theta.append(mean + keep * (theta[-1] - mean) + noise * rng.standard_normal(number))
    return seen_at(np.array(theta).T, np.arange(number) % 20)


def seen_at(theta: NDArray[np.float64], group: NDArray[np.int64]) -> Observations:
    """Return what a study sees of synapses with these theta: those above 0, with the weight exp(theta).

    One that returns after an absence is a new one, as in the data.
    """
    change = np.diff(np.pad(theta >= 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, begin = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1]
    look = np.arange(theta.shape[1])
    presence = (begin[:, None] <= look) & (look < end[:, None])
    return Observations(presence, DAYS, weights=np.exp(np.maximum(theta[row], 0.0)), group=group[row])


def network(memory: float, mean: float, strength: float) -> Observations:
    """Run a spiking network with the fitted rule for seven sessions, and look at it at each."""
    b2.start_scope()
    b2.seed(1)
    b2.defaultclock.dt = 1 * b2.ms
    per_neuron = round(ACTIVE / POSTSYNAPTIC / float(ndtr(mean)))
    session = SESSION * b2.second
    rule = SynapticSampling(
        learning_rate=1 / (memory * session), temperature=1.0, mean=mean, std=1.0, interval=session / EVENTS
    )
    inputs = b2.PoissonGroup(per_neuron, 20 * b2.Hz)
    neurons = b2.NeuronGroup(
        POSTSYNAPTIC, "dv/dt = (1.1 - v)/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact"
    )
    synapses = b2.Synapses(
        inputs,
        neurons,
        """w = 0.01*polarity*exp(theta)*int(theta >= 0) : 1
           theta : 1
           polarity : 1
           gradient : 1
           dx/dt = -x/(20*ms) : 1 (event-driven)
           dy/dt = -y/(20*ms) : 1 (event-driven)""",
        on_pre="v_post += w; x += 1; gradient -= strength*y",
        on_post="y += 1; gradient += strength*x",
        namespace={"strength": strength},
    )
    synapses.connect()
    synapses.theta = f"{mean} + randn()"
    neurons.v = "rand()"
    rewiring = Rewiring(synapses, rule)
    monitor = RewiringMonitor(rewiring)
    net = b2.Network(inputs, neurons, synapses, rewiring, monitor)
    net.run(session / EVENTS)  # The first event is after one interval.
    theta = [np.array(synapses.theta[:])]
    for _ in DAYS[1:]:
        net.run(session)
        theta.append(np.array(synapses.theta[:]))
    # The microscope, which knows nothing of theta, sees as many.
    looks = monitor.log.last_step - EVENTS * np.arange(len(DAYS))[::-1]
    seen = seen_at(np.array(theta).T, np.array(synapses.j[:], np.int64))
    if not np.array_equal(monitor.log.observe(looks).seen.sum(axis=0), seen.seen.sum(axis=0)):
        raise RuntimeError("the log of the network differs from theta; please report this.")
    return seen


@in_house_style
def draw(found: dict[str, Any]) -> Figure:
    """Draw all quantities: in vivo, law and network, with standard errors."""
    names = list(found["pyr"]["law"])
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True)
    shown = {"in vivo": "0.2", "law": COLOURS[0], "network": COLOURS[1], "network with STDP": COLOURS[2]}
    for ax, cell in zip(axes, CELLS, strict=True):
        for n, (kind, colour) in enumerate(shown.items()):
            value, error = np.array([found[cell][kind][name] for name in names]).T
            places = np.arange(len(names)) + 0.15 * (n - 1.5)
            ax.errorbar(value, places, xerr=error, fmt="D" if n == 0 else "o", color=colour, markersize=4, label=kind)
        ax.set_yticks(range(len(names)), names)
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.set_title(f"synapses onto {CELLS[cell]}")
    axes[0].invert_yaxis()
    axes[0].legend(loc="lower left")
    return figure


def table(found: dict[str, Any]) -> str:
    """Return the comparison as text, with the distance between law and data in joint standard errors."""
    kinds = ("in vivo", "law", "network", "network with STDP")
    lines = []
    for cell, own in found.items():
        lines.append(
            f"{CELLS[cell]}: memory {own['fitted']['memory']:.3g} sessions, mean {own['fitted']['mean']:.3g} SD"
        )
        for name in own["law"]:
            cells = "  ".join(f"{own[kind][name][0]:6.3f} +- {own[kind][name][1]:.3f}" for kind in kinds)
            (data, spread), (law, error) = own["in vivo"][name], own["law"][name]
            z = (law - data) / math.hypot(spread, error)
            lines.append(f"  {name:46} {cells}  z {z:+.1f}")
    return "\n".join(["  " + " " * 47 + "  ".join(f"{kind:15}" for kind in kinds), *lines])


if __name__ == "__main__":
    sys.exit(main())
