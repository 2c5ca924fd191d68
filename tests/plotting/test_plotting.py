"""Pictures show the numbers they are given; the pictures themselves are looked at by people."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from synaptic_sampling import Connections, DeepR, plotting, step
from synaptic_sampling.events import EVENT, RewiringInfo
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics import survival, turnover

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def record(**units):
    c = Connections.random(50, 50, 200, seed=1)
    log = RewiringLog()
    log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for n in range(200):
        log.record(step(c, np.zeros(200), RULE), **{name: value * (n + 1) for name, value in units.items()})
    log.snapshot(200, 0, c.pre, c.post, c.theta, c.polarity)
    return log


def test_turnover_in_samples_or_seconds(ax):
    log = record(samples=16.0)
    assert plotting.plot_turnover(log, ax, per=500, bins=10, label="net") is ax
    curve = turnover.rewired_per_samples(log, 500, bins=10)
    assert_allclose(ax.lines[0].get_ydata(), curve.rate)
    assert ax.lines[0].get_label() == "net"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("presented samples", "connections rewired\nper 500 samples")
    ax.clear()
    plotting.plot_turnover(SimpleNamespace(log=record(seconds=0.1)), ax, bins=10)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "connections rewired\nper second")


def test_samples_and_seconds_do_not_share_axes(ax):
    samples, seconds, both = record(samples=16.0), record(seconds=0.1), record(samples=16.0, seconds=0.1)
    plotting.plot_turnover(samples, ax, per=500, bins=10)
    plotting.plot_turnover(both, ax, per=500, bins=10)
    with pytest.raises(ValueError, match="cannot be plotted per 500 samples, the unit of these axes"):
        plotting.plot_turnover(seconds, ax, per=500, bins=10)
    with pytest.raises(ValueError, match="cannot be plotted per 500 samples"):
        plotting.plot_turnover(both, ax, per=100, bins=10)
    assert len(ax.lines) == 2
    assert ax.get_ylabel() == "connections rewired\nper 500 samples"
    ax.clear()
    plotting.plot_turnover(seconds, ax, bins=10)
    plotting.plot_turnover(both, ax, bins=10)  # In seconds, too, although it has samples.
    assert_allclose(ax.lines[1].get_ydata(), turnover.rewired_per_second(both, bins=10).rate)
    with pytest.raises(ValueError, match="cannot be plotted per second"):
        plotting.plot_turnover(samples, ax, bins=10)
    assert ax.get_xlabel() == "time (s)"


def test_survival_with_its_law(ax):
    log = record()
    plotting.plot_survival(log, ax, step_ratio=RULE.step_ratio)
    curve = survival.survival_of_newborns(log)
    assert_allclose(ax.lines[0].get_ydata(), curve.probability[curve.time > 0])
    steps, law = ax.lines[1].get_data()
    assert_allclose(law, exact.survival_of_newborns(RULE.step_ratio, int(steps[-1]))[steps.astype(int)])
    assert len(ax.collections) == 1
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_weights_of_logs_and_arrays_share_one_law(ax):
    plotting.plot_weights(record(), ax, step_ratio=0.01)
    plotting.plot_weights([[0.5, -1.0], [2.0, 0.0]], ax, step_ratio=0.02)
    assert len(ax.lines) == 1
    x, law = ax.lines[0].get_data()
    assert_allclose(law, np.exp(-x))
    assert len(ax.patches) == 2
    density, edges, _ = ax.patches[0].get_data()
    assert (density * np.diff(edges)).sum() == pytest.approx(1)


@pytest.mark.parametrize("ratio", [None, 0.0, 0.3, 2.0])
def test_weights_without_a_law_of_small_steps(ax, ratio):
    """Nothing is dashed where no law is known, or where too many are new in each step for the law of small steps."""
    plotting.plot_weights(record(), ax, step_ratio=ratio)
    assert not ax.lines


def test_every_bar_holds_enough_and_none_is_lost(ax, rng):
    values = rng.exponential(1.0, 300)
    plotting.plot_weights(values, ax, bins=40)
    density, edges, _ = ax.patches[0].get_data()
    held = density * np.diff(edges) * len(values)
    assert held.sum() == pytest.approx(300)
    assert held[1:].min() > 4.5  # The first bar takes what is left.
    assert len(held) > 10
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(values.max() / values.mean())


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [0.0, 3.0]])
def test_few_weights_can_be_drawn(ax, values):
    plotting.plot_weights(values, ax)
    density, edges, _ = ax.patches[0].get_data()
    assert (density * np.diff(edges)).sum() == pytest.approx(1)


def fixed_log():
    log = RewiringLog()
    log.snapshot(0, 0, [0, 1], [1, 2], [0.5, 1.5], [1, -1])
    for n in (1, 2):
        log.record(RewiringInfo(n, np.empty(0, EVENT), 0, 0), samples=n)
    return log


def test_comparison_shows_each_run_in_each_panel():
    runs = {
        "rate-based": plotting.Run(record(samples=16.0), [0, 3200], [0.1, 0.9], RULE.step_ratio),
        "spiking": plotting.Run(SimpleNamespace(log=record(samples=1.0)), [0, 200], [[0.1, 0.8], [0.1, 0.9]]),
        "fixed": plotting.Run(fixed_log()),
    }
    panels = plotting.plot_comparison(runs, per=500, bins=10)
    try:
        both, chance = ["rate-based", "spiking"], "noise and l1 only"
        shown = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in panels.flat]
        assert shown == [both, both, [*both, chance], [*both, "fixed"]]
        for n in (0, 1):
            assert plotting.COLOURS[:2] == tuple(
                line.get_color() for line in panels[0, n].lines if line.get_label() in runs
            )
        expected = turnover.rewired_per_samples(runs["rate-based"].log, 500, bins=10).rate
        number = 200  # of connections in each record
        assert_allclose(
            panels[0, 1].lines[0].get_ydata(), 100 * expected / number, err_msg="per cent of a fixed number"
        )
        low, high = panels[0, 1].get_ylim()
        assert (panels[0, 1].get_yscale(), low) == ("linear", 0)
        assert high > max(max(line.get_ydata()) for line in panels[0, 1].lines), "no curve is cut off"
        assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_title(loc="left") for ax in panels.flat)
        panels[0, 0].figure.canvas.draw()
        for ax in panels.flat:  # Nothing is cut off or lies on its neighbour.
            others = [other for other in panels.flat if other is not ax]
            box = ax.get_tightbbox()
            assert not any(box.overlaps(other.get_tightbbox()) for other in others)
    finally:
        plt.close(panels[0, 0].figure)


def test_comparison_draws_where_it_is_told():
    figure, axes = plt.subplots(1, 4)
    panels = plotting.plot_comparison({"net": plotting.Run(record(samples=1.0))}, axes)
    assert panels.shape == (2, 2)
    assert all(ax.figure is figure for ax in panels.flat)
    plt.close(figure)


@pytest.mark.parametrize("number", [0, 7])
def test_number_of_compared_runs_is_limited(number):
    with pytest.raises(ValueError, match=f"1 to 6 runs, which can be distinguished, got {number}"):
        plotting.plot_comparison({str(n): plotting.Run(fixed_log()) for n in range(number)})


def test_accuracy_of_one_run_and_of_several(ax):
    plotting.plot_accuracy([1, 2], [0.5, 0.75], ax)
    plotting.plot_accuracy([1, 2], [[0.5, 0.7], [0.7, 0.9]], ax)
    assert_allclose(ax.lines[0].get_ydata(), [50, 75])
    assert_allclose(ax.lines[1].get_ydata(), [60, 80])
    assert len(ax.collections) == 1


def test_current_axes_are_the_default(ax):
    assert plotting.plot_accuracy([1], [0.5]) is ax


def test_what_is_refused(ax):
    with pytest.raises(TypeError, match="log must be a RewiringLog"):
        plotting.plot_turnover([1, 2, 3], ax)
    with pytest.raises(ValueError, match="the log has no seconds"):
        plotting.plot_turnover(record(), ax)
    with pytest.raises(ValueError, match="all weights are 0"):
        plotting.plot_weights(np.zeros(3), ax)
    with pytest.raises(ValueError, match="accuracy must have shape"):
        plotting.plot_accuracy([1, 2], [0.5], ax)


def test_a_log_without_weights_is_told_from_weights_of_0(ax):
    log = fixed_log()
    log.describe(0, num_pre=5, num_post=5, num_sites=25, has_theta=False)
    with pytest.raises(ValueError, match="the log contains no weights"):
        plotting.plot_weights(log, ax)
    assert not ax.patches


def test_survival_of_one_set(ax):
    log = record()
    log.describe(0, num_pre=50, num_post=50, num_sites=2500)
    log.describe(1, num_pre=50, num_post=50, num_sites=2500)
    log.snapshot(0, 1, [0], [1], [0.0], [1])
    for draw in (plotting.plot_survival, plotting.plot_lifetimes):
        draw(log, ax, index=0)
        with pytest.raises(ValueError, match="no lives to estimate from"):
            draw(log, ax, index=1)
