"""Figures of observations show the estimates and laws that they are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose
from scipy.stats import binomtest

from synaptic_sampling import Observations, plotting
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.statistics import observed


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(scope="module")
def seen():
    made = observed.simulate(LAWS["walk"], [0.2], 4.0 * np.arange(8), np.full(10, 40), unit=4.0, seed=1)
    sizes = np.random.default_rng(1).lognormal(size=made.presence.shape)
    return Observations(made.presence, made.times, weights=sizes, group=made.group)


def drawn(ax, n=0):
    """Return the points of one set of error bars, and their lower and upper ends."""
    line, _, (bars,) = ax.containers[n].lines
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    return line.get_xdata(), line.get_ydata(), ends[:, 0], ends[:, 1]


@pytest.mark.parametrize("fresh", [False, True])
def test_survival(ax, seen, fresh):
    fits = [observed.fit(seen, LAWS[name]) for name in ("constant", "walk")]
    assert plotting.plot_observed_survival(seen, ax, newly_seen=fresh, fits=fits, label="mine") is ax
    estimate = (observed.survival_of_newly_seen if fresh else observed.survival_of_seen)(seen)
    for values, expected in zip(drawn(ax), (estimate.at, estimate.value, estimate.low, estimate.high), strict=True):
        assert_allclose(values, expected)
    lines = {line.get_label(): line for line in ax.lines}
    for law in fits:
        a = law.survival_of_seen(4.0 * np.arange(8))
        expected = (a[:-1] - a[1:]) / (1 - a[1]) if fresh else a
        assert_allclose(lines[law.law.name].get_ydata(), expected)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["constant", "walk", "mine"]


def test_predictions(ax, seen):
    law = observed.fit(seen, LAWS["walk"])
    plotting.plot_predictions(seen, [law], ax)
    x, y, _, _ = drawn(ax)
    assert x.tolist() == [4, 8, 12]
    expected = [observed.survival_of_newly_seen(seen, every=n).value[1] for n in (1, 2, 3)]
    assert_allclose(y, expected)
    assert_allclose(ax.lines[-1].get_ydata(), [law.at_coarser_looks(n, 2).newly_seen[1] for n in (1, 2, 3)])


@pytest.mark.statistical
def test_points_follow_their_law_where_connections_return(ax):
    """An exact binomial test of the points under the law that made them, with a false-alarm rate of 1e-6 for each of 5.

    Points in which a connection may be absent in between, as by ``every=m`` alone, do not follow that law.
    """
    memory, mean, number = 2.0, -0.5, 40_000
    rho, rng = np.exp(-1.0 / memory), np.random.default_rng(1)
    theta = [mean + rng.standard_normal(number)]
    for _ in range(6):
        theta.append(mean + rho * (theta[-1] - mean) + np.sqrt(1.0 - rho**2) * rng.standard_normal(number))
    values = np.array([memory, mean])
    law = observed.Fit(LAWS["synaptic sampling"], values, values, values, 0.0, number, 1.0)
    for m in (1, 2, 3):
        seen = Observations(np.column_stack(theta) > 0, np.arange(7.0), group=np.arange(number) % 20)
        seen = seen.at_looks(range(2 * m + 1))
        ax.clear()
        plotting.plot_predictions(seen, [law], ax, most=m)
        value, expected = drawn(ax, -1)[1][-1], ax.lines[-1].get_ydata()[-1]
        again, alone = (
            observed.survival_of_newly_seen(own, every=m, resamples=20) for own in (seen.split_at_absences(), seen)
        )
        assert p_value(value, again.number[1], expected) > 1e-6
        if m > 1:
            assert p_value(alone.value[1], alone.number[1], expected) < 1e-6
            assert p_value(alone.value[1], alone.number[1], law.survival_of_newly_seen([0, m, 2 * m])[1]) > 1e-6


def p_value(fraction, number, expected):
    return binomtest(round(fraction * number), int(number), expected).pvalue


def test_loss_by_weight(ax, seen):
    plotting.plot_loss_by_weight({"mine": seen}, ax, classes=3)
    estimate = observed.loss_by_weight(seen, classes=3)
    x, y, low, high = drawn(ax)
    assert_allclose(x, estimate.at)
    assert_allclose(y, estimate.value)
    assert (low <= y).all()
    assert (y <= high).all()


def test_what_is_unknown_is_left_out(ax):
    value = np.array([1.0, np.nan, 0.5])
    plotting.plot_estimate(observed.Estimate(np.arange(3.0), value, value, value, value, np.arange(3)), ax, unit=2.0)
    assert drawn(ax)[0].tolist() == [0, 1]
    one = Observations([[1, 1], [1, 0], [0, 1]], [0, 4], group=["a", "a", "a"])
    plotting.plot_estimate(observed.survival_of_seen(one), ax)
    line, _, (bars,) = ax.containers[1].lines
    assert line.get_ydata().tolist() == [1, 0.5]
    assert [len(segment) for segment in bars.get_segments()] == [2, 0], "one group has no interval"


def test_wrong_arguments_are_refused(ax, seen):
    with pytest.raises(TypeError, match="fits must be a list of Fit"):
        plotting.plot_observed_survival(seen, ax, fits=LAWS["walk"])
    with pytest.raises(ValueError, match="most must be between 1 and 3"):
        plotting.plot_predictions(seen, [], ax, most=4)
    with pytest.raises(ValueError, match="observations must be 1 to 6"):
        plotting.plot_loss_by_weight({}, ax)
    assert not ax.containers
