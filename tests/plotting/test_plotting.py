"""Pictures show the numbers they are given; the pictures themselves are looked at by people."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from synaptic_sampling import Connections, DeepR, plotting, step
from synaptic_sampling.log import RewiringLog
from synaptic_sampling.statistics import exact, survival, turnover

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
    plotting.plot_turnover(SimpleNamespace(log=record(seconds=0.1)), ax, bins=10)
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
    plotting.plot_weights(record(), ax)
    plotting.plot_weights([[0.5, -1.0], [2.0, 0.0]], ax)
    assert len(ax.lines) == 1
    assert len(ax.patches) == 2
    density, edges, _ = ax.patches[0].get_data()
    assert (density * np.diff(edges)).sum() == pytest.approx(1)


def test_accuracy_of_one_run_and_of_several(ax):
    plotting.plot_accuracy([1, 2], [0.5, 0.75], ax)
    plotting.plot_accuracy([1, 2], [[0.5, 0.7], [0.7, 0.9]], ax)
    assert_allclose(ax.lines[0].get_ydata(), [50, 75])
    assert_allclose(ax.lines[1].get_ydata(), [60, 80])
    assert len(ax.collections) == 1


def test_current_axes_are_the_default(ax):
    assert plotting.plot_accuracy([1], [0.5]) is ax


def test_what_is_refused(ax):
    with pytest.raises(TypeError, match="a RewiringLog is needed"):
        plotting.plot_turnover([1, 2, 3], ax)
    with pytest.raises(ValueError, match="the log has no seconds"):
        plotting.plot_turnover(record(), ax)
    with pytest.raises(ValueError, match="all weights are 0"):
        plotting.plot_weights(np.zeros(3), ax)
    with pytest.raises(ValueError, match="accuracy must have shape"):
        plotting.plot_accuracy([1, 2], [0.5], ax)
