"""DEEP R as a sampler: how often wirings are visited, against the exact law of the steps and against the posterior.

Every row of one set of connections is a network of its own: each row may have K connections, which all have, so that an
eliminated one can only be replaced in its own row, where all vacant sites are equally likely.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.data import load_digits
from scripts.reproduce.ranges import ranges
from scripts.reproduce.runs import Runs, timed
from scripts.reproduce.study import Claim, Study, summary
from scripts.sampler_laws import CENTRE, LARGEST, STIFFNESS
from synaptic_sampling import Connections, DeepR, step
from synaptic_sampling.laws.posterior import limit_of_small_steps, site_law, wiring_law
from synaptic_sampling.laws.quadrature import quadrature
from synaptic_sampling.plotting.style import COLOURS, in_house_style, legend, plain_ticks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDY"]

Array = NDArray[np.float64]

NUM_SITES = len(CENTRE)
#: Connections per network of the separable problem.
NUM_ACTIVE = 3
L1, L1_OF_DIGITS = 0.2, 1.0
TEMPERATURES = (0.1, 0.25, 1.0)
#: Learning rates of the samples, and smaller ones for which the exact law alone is computed.
RATES, SMALL = (0.3, 0.1, 0.03, 0.01), (0.003, 0.001, 0.0003)
#: Two digits, how many images of each, and the range of the quadrature over theta.
DIGITS, IMAGES, FAR = (3, 8), 10, 12.0
#: Of the weights, relative to those that help.
SIGNS = np.array([1, 1, -1, 1, 1, -1])
#: Relative to the time that the slowest direction takes, long enough to forget the start.
RELAXED = 16.0


def visits(
    rule: DeepR, slope: Callable[[Connections], Array], num_active: int, rows: int, looks: int, seed: int
) -> NDArray[np.int64]:
    """Return how often each wiring, in lexical order, is visited by many networks, at looks far apart."""
    pre, post = np.repeat(np.arange(rows), num_active), np.tile(np.arange(num_active), rows)
    c = Connections(rows, NUM_SITES, pre, post, seed=seed, signs=1, max_out_degree=num_active)
    number = {sum(1 << site for site in wiring): n for n, wiring in enumerate(wirings(num_active))}
    numbers = np.array([number.get(code, -1) for code in range(1 << NUM_SITES)])
    counts = np.zeros(len(number), np.int64)
    for _ in range(looks):
        for _ in range(int(RELAXED / rule.learning_rate)):
            step(c, rule, gradient=slope(c))
        codes = np.bincount(c.pre, weights=1 << c.post.astype(np.int64), minlength=rows).astype(np.int64)
        counts += np.bincount(numbers[codes], minlength=len(number))
    return counts


def wirings(num_active: int) -> list[tuple[int, ...]]:
    """Return all sets of connected sites."""
    return list(combinations(range(NUM_SITES), num_active))


def distance(counts: NDArray[np.int64], law: Array) -> float:
    """Return the total variation distance between frequencies and a law."""
    return float(np.abs(counts / counts.sum() - law).sum() / 2)


def distance_by_chance(law: Array, number: int) -> float:
    """Return the expected total variation distance between a law and the frequencies of so many independent draws."""
    return float(np.sqrt(2 * law * (1 - law) / (np.pi * number)).sum() / 2)


@timed
def separable(*, learning_rate: float, temperature: float, rows: int, seed: int) -> dict[str, Any]:
    """Sample a problem whose energy is a sum over sites, for which the law of the steps is exact."""
    rule = DeepR(learning_rate, L1, temperature)
    law, limit = exact_laws(rule)
    counts = visits(rule, lambda c: STIFFNESS[c.post] * (c.theta - CENTRE[c.post]), NUM_ACTIVE, rows, 1, seed)
    return {
        "distance": distance(counts, law),
        "by chance": distance_by_chance(law, rows),
        "to posterior": distance(counts, limit),
    }


@timed
def law_of_steps(*, learning_rate: float, temperature: float, seed: int) -> dict[str, Any]:
    """Return the distance of the exact law of the separable problem to the posterior."""
    law, limit = exact_laws(DeepR(learning_rate, L1, temperature))
    return {"to posterior": float(np.abs(law - limit).sum() / 2)}


def exact_laws(rule: DeepR) -> tuple[Array, Array]:
    """Return the exact law of the wirings of the separable problem, and the posterior."""
    sites = range(NUM_SITES)
    lifetimes = [site_law(rule, partial(_slope_of_site, site), LARGEST).lifetime for site in sites]
    weights = [limit_of_small_steps(rule, partial(_energy_of_site, site), LARGEST) for site in sites]
    exact, posterior = (np.array(list(wiring_law(each, NUM_ACTIVE).values())) for each in (lifetimes, weights))
    return exact, posterior


def _slope_of_site(site: int, theta: Array) -> Array:
    slope: Array = STIFFNESS[site] * (theta - CENTRE[site])
    return slope


def _energy_of_site(site: int, theta: Array) -> Array:
    energy: Array = STIFFNESS[site] / 2 * (theta - CENTRE[site]) ** 2
    return energy


@timed
def digits(*, learning_rate: float, num_active: int, rows: int, looks: int, seed: int) -> dict[str, Any]:
    """Sample logistic regression of two digits at temperature 1, whose posterior follows by quadrature."""
    features = images()
    posterior = posterior_of_digits(features, num_active)
    counts = visits(
        DeepR(learning_rate, L1_OF_DIGITS, 1.0), partial(_slope_of_digits, features), num_active, rows, looks, seed
    )
    return {
        "to posterior": distance(counts, posterior),
        "by chance": distance_by_chance(posterior, rows * looks),
        "to uniform": float(np.abs(posterior - 1 / len(posterior)).sum() / 2),
    }


def images() -> Array:
    """Return the brightness of the pixels that differ most between two digits, with the sign of the label.

    Shape (images, sites); a weighted sum > 0 says that an image is recognised.
    """
    (pixels, labels), _ = load_digits()
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:IMAGES] for digit in DIGITS])
    x, y = np.asarray(pixels[chosen], float), np.where(labels[chosen] == DIGITS[1], 1.0, -1.0)
    x = x - x.mean(axis=0)
    sites = np.argsort(-np.abs(y @ x), kind="stable")[:NUM_SITES]
    return x[:, sites] * np.sign(y @ x[:, sites]) * y[:, np.newaxis] * SIGNS


def _slope_of_digits(features: Array, c: Connections) -> Array:
    """Return the derivatives of the negative log likelihood of all images."""
    theta = np.zeros((c.num_pre, NUM_SITES))
    theta[c.pre, c.post] = c.theta
    wrong = 1 / (1 + np.exp(theta @ features.T))
    slope: Array = -(wrong @ features)[c.pre, c.post]
    return slope


def posterior_of_digits(features: Array, num_active: int) -> Array:
    """Return the posterior of every wiring, by Gauss-Legendre quadrature over its weights."""
    nodes, weights = quadrature(FAR, 2.0)
    theta = np.array(list(product(nodes, repeat=num_active)))
    weight = np.prod(list(product(weights, repeat=num_active)), axis=1) * np.exp(-L1_OF_DIGITS * theta.sum(axis=1))
    masses = []
    for wiring in wirings(num_active):
        energy = np.logaddexp(0, -theta @ features[:, wiring].T).sum(axis=1)
        masses.append(weight @ np.exp(-energy))
    found = np.array(masses)
    return found / found.sum()


def measure(runs: Runs) -> pd.DataFrame:
    """Return the distances for several step sizes, temperatures and numbers of connections."""
    import pandas as pd  # noqa: PLC0415 (optional)

    rates, rows = ((0.3, 0.03), 5000) if runs.quick else (RATES, 40_000)
    settings = [{"learning_rate": eta, "temperature": T} for T in TEMPERATURES for eta in rates]
    smaller = RATES + (SMALL[:-1] if runs.quick else SMALL)
    exact = runs(law_of_steps, [{"learning_rate": eta, "temperature": T} for T in TEMPERATURES for eta in smaller], [1])
    sampled = runs(separable, [{**each, "rows": rows} for each in settings])
    numbers, looks = ([3], 2) if runs.quick else ([2, 3], 4)
    of_digits = [
        {"learning_rate": eta, "num_active": k, "rows": rows, "looks": looks}
        for k in numbers
        for eta in (rates if runs.quick else rates[1:])
    ]
    return pd.concat({"exact": exact, "separable": sampled, "digits": runs(digits, of_digits)}, names=["kind"])


def claims(table: pd.DataFrame) -> list[Claim]:
    """Return what must hold, and what was found."""
    sampled, real = table.loc["separable"], table.loc["digits"]
    ratio = sampled["distance"] / sampled["by chance"]
    mean, spread = summary(ratio.groupby(sampled["seed"]).mean())
    text = "separable energy: distance to the exact law, relative to that of as many independent draws; at most 1.2"
    found = [Claim(f"{text} (mean of all step sizes and temperatures)", mean, spread, mean <= 1.2)]
    largest, spread = summary(ratio.groupby(sampled["seed"]).max())
    found.append(Claim("the same, for the setting of each seed where it is largest", largest, spread, None))
    smallest = np.unique(table.loc["exact"]["learning_rate"])[:2]
    for temperature, rows in table.loc["exact"].groupby("temperature"):
        for pair, bound in ((RATES[-2:], None), (smallest, ", x between 0.4 and 0.6")):
            slope = _slope(rows[rows["learning_rate"].isin(pair)])
            text = f"separable energy, T = {temperature:g}: distance of the exact law to the posterior grows as eta^x"
            text = f"{text} from eta = {min(pair):g} to {max(pair):g}{bound or ''}"
            found.append(Claim(text, slope, None, 0.4 <= slope <= 0.6 if bound else None))
    for k, rows in real.groupby("num_active"):
        mean, spread = summary([_slope(own) for _, own in rows.groupby("seed")])
        ends = f"from eta = {rows['learning_rate'].min():g} to {rows['learning_rate'].max():g}"
        text = f"8x8 digits, K = {k:.0f}: distance to the posterior grows as eta^x {ends}, x between 0.4 and 0.6"
        found.append(Claim(text, mean, spread, 0.4 <= mean <= 0.6))
        last = rows[rows["learning_rate"] == rows["learning_rate"].min()]
        text = f"8x8 digits, K = {k:.0f}: distance to the posterior at eta = {last['learning_rate'].iloc[0]:g}"
        found.append(Claim(text, *summary(100 * last["to posterior"]), None, "%"))
    return found


def _slope(rows: pd.DataFrame) -> float:
    """Return the exponent of the distance to the posterior, without that by chance, against the learning rate."""
    expected = rows["by chance"].fillna(0.0).to_numpy()  # The exact law is no sample.
    left = np.sqrt(np.maximum(rows["to posterior"].to_numpy() ** 2 - expected**2, 1e-12))
    return float(np.polyfit(np.log(rows["learning_rate"].to_numpy()), np.log(left), 1)[0])


@in_house_style
def draw(table: pd.DataFrame) -> Figure:
    """Plot distances against the learning rate: mean and range over seeds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    exact, sampled, real = (table.loc[kind] for kind in ("exact", "separable", "digits"))
    for temperature, colour in zip(TEMPERATURES, COLOURS, strict=False):
        law = exact[exact["temperature"] == temperature].groupby("learning_rate")["to posterior"].mean()
        left.plot(law.index, law, color=colour, linewidth=1)
        rows = sampled[sampled["temperature"] == temperature]
        _points(left, rows, "to posterior", colour, f"to the posterior, T = {temperature:g} (line: exact)")
    _points(left, sampled, "distance", "0.4", "to the exact law (range over seeds and T)")
    by_chance = sampled.groupby("learning_rate")["by chance"].mean()
    left.plot(by_chance.index, by_chance, ":", color="0.4", label="chance alone")
    for (k, rows), colour in zip(real.groupby("num_active"), COLOURS, strict=False):
        _points(right, rows, "to posterior", colour, f"to the posterior, K = {k:.0f}", line="-")
    chance = real.groupby("learning_rate")["by chance"].mean()
    right.plot(chance.index, chance, ":", color="0.4", label="chance alone")
    for axes, rates in ((left, law.index[:4]), (right, chance.index)):
        axes.plot(rates, 0.1 * np.sqrt(rates), "--", color="0.15", linewidth=1, label="slope 1/2")
    left.set(title="separable energy", ylabel="total variation distance")
    right.set(title="8x8 digits, logistic regression")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="learning rate")
        plain_ticks(axes.xaxis, axes.yaxis)
        legend(axes)
    return figure


def _points(axes: Axes, rows: pd.DataFrame, column: str, colour: str, label: str, line: str = "") -> None:
    of = {float(str(rate)): own.to_numpy() for rate, own in rows.groupby("learning_rate")[column]}
    ranges(axes, list(of), of.values(), colour=colour, label=label, line=line)


STUDY = Study(
    title="DEEP R as a sampler of the connectivity",
    about=(
        "The sets of connections that 40 000 independent networks have after a run of DEEP R, against two laws. For an "
        "energy that is a sum over six sites, three of them connected, the law is known exactly at any step size; for "
        "logistic regression of 3 against 8 (20 images of 8x8 digits, six pixels, two or three of them connected, the "
        "full batch in each step, temperature 1; each network is observed four times, 16 relaxation times apart) the "
        "posterior follows by quadrature. Bellec et al. (2018) prove that the posterior is the limit of small steps; "
        "the distance at a finite step is ours. For the separable energy it grows with the root of the step only where "
        "steps are small: more slowly from 0.01 to 0.1, and faster beyond. Points include the distance by chance; "
        "lines do not."
    ),
    seeds=5,
    quick_seeds=1,
    minutes=12,
    measure=measure,
    claims=claims,
    draw=draw,
)
