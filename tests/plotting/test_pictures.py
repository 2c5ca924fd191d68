"""Pictures of turnover ratios, lifetimes, degrees, rasters, matrices, ways and brains show what was computed."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal

from synaptic_sampling import Connections, DeepR, plotting, step
from synaptic_sampling.laws import deepr as exact
from synaptic_sampling.laws import wiring as wiring_laws
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics import changes, comparison, drift, survival, turnover

RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
STEPS = 300


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def record(steps=STEPS, snapshots=5, side=40):
    """Return the log of two sets, the second empty."""
    c, log = Connections.random(side, side, 200, seed=1), RewiringLog()
    for _ in range(steps):  # Until the start is forgotten.
        step(c, np.zeros(200), RULE)
    c.steps_done = 0
    c.birth_step[:] = 0
    for index in range(2):
        log.describe(index, num_pre=side, num_post=side, num_sites=side * side, name="abc"[index])
    log.snapshot(0, 1, [], [], [], [])
    for n in range(steps + 1):
        if n:
            log.record(step(c, np.zeros(200), RULE), samples=10.0 * n)
        if n % (steps // (snapshots - 1)) == 0:
            log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)
    return log


@pytest.fixture(scope="module")
def log():
    return record()


def test_turnover_ratio_with_its_law(ax, log):
    plotting.plot_turnover_ratio(log, ax, lags=[1, 5, 20], step_ratio=RULE.step_ratio)
    found = changes.turnover_by_lag(log, [1, 5, 20])
    line, law = ax.lines[0], ax.lines[-1]
    assert_allclose(line.get_ydata(), 100 * found.turnover)
    assert law.get_gid() == "null law"
    assert_allclose(law.get_ydata(), 100 * exact.turnover_ratio(RULE.step_ratio, 20, 200 / 1600)[1:])
    # The run is chance alone: it lies on its law.
    assert abs(found.turnover[2] / law.get_ydata()[19] * 100 - 1) < 0.1


def test_lifetimes_with_their_law(ax, log):
    plotting.plot_lifetimes(log, ax, step_ratio=RULE.step_ratio)
    found = survival.hazard_of_newborns(log)
    seen = found.deaths > 0
    assert_allclose(ax.lines[0].get_ydata(), found.rate[seen])
    assert_allclose(ax.lines[0].get_xdata()[0], np.sqrt(2.0) if found.end[0] == 2 else 1.0)
    steps, law = ax.lines[1].get_data()
    assert_allclose(law, exact.hazard(RULE.step_ratio, int(steps[-1]))[np.asarray(steps, int) - 1])


@pytest.mark.parametrize("side", ["pre", "post"])
def test_degrees_with_their_law(ax, log, side):
    plotting.plot_degrees(log, ax, step=100, side=side)
    pre, post, _ = log.wiring(100)
    held = np.bincount(np.bincount(pre if side == "pre" else post, minlength=40))
    assert_allclose(ax.patches[0].get_data().values, held / 40)
    assert_allclose(ax.lines[0].get_ydata(), wiring_laws.degree_law(1600, 40, 200)[: len(held) + 1])
    assert ax.get_xlabel() == ("out-degree" if side == "pre" else "in-degree")


def test_raster_is_whole_or_thinned(ax, log):
    plotting.plot_connectivity(log, ax)
    events = log.events
    for line, kind in zip(ax.lines, (-1, 1), strict=True):
        own = events[events["kind"] == kind]
        assert_array_equal(line.get_xdata(), own["step"])
        assert_array_equal(line.get_ydata(), own["post"])
    assert ax.get_legend().get_title().get_text() == ""
    ax.clear()
    plotting.plot_connectivity(log, ax, most=1000)
    drawn = sum(len(line.get_xdata()) for line in ax.lines)
    every = -(-len(events) // 1000)
    assert drawn == -(-len(events) // every)
    assert ax.get_legend().get_title().get_text() == f"1 of {every} events"


def test_matrix_shows_signs(ax, log):
    plotting.plot_matrix(log, 150, ax)
    pre, post, polarity = log.wiring(150)
    expected = np.zeros((40, 40))
    expected[pre, post] = polarity
    assert_array_equal(ax.images[0].get_array(), expected)


def test_matrix_of_many_neurons_joins_neighbours(ax):
    many = record(steps=4, snapshots=2, side=1000)
    plotting.plot_matrix(many, 0, ax)
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == (400, 400)
    assert set(np.unique(image)) == {-1.0, 0.0, 1.0}
    assert 150 < np.count_nonzero(image) <= 200
    assert ax.get_xlim() == (-0.5, 999.5)


def test_way_of_the_weights(ax, log):
    plotting.plot_trajectory(log, ax)
    way = drift.principal_components(log)
    assert_allclose(ax.lines[0].get_xydata(), way.position)
    assert_allclose(ax.lines[1].get_xydata()[0], way.position[0])
    assert_allclose(ax.lines[2].get_xydata()[0], way.position[-1])


def test_a_way_needs_three_snapshots(ax):
    with pytest.raises(ValueError, match="at least three snapshots, the log has 2"):
        plotting.plot_trajectory(record(steps=4, snapshots=2), ax)


def test_visited_sites_with_their_law(ax, log):
    assert plotting.plot_visited(log, ax, color="C3") is ax
    line, law = ax.lines
    assert_allclose(line.get_ydata(), 100 * turnover.visited_share(log).rate)
    assert (line.get_color(), law.get_gid(), law.get_linestyle()) == ("C3", "null law", "--")
    expected = turnover.visited_by_chance(log)
    steps = np.asarray(law.get_xdata(), int)
    assert_allclose(law.get_ydata(), 100 * expected.rate[steps])
    assert steps[[0, -1]].tolist() == [0, STEPS]
    assert 20 < line.get_ydata()[-1] <= 100
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "possible connections\never tried (%)")
    with pytest.raises(ValueError, match="set 7 was not described"):
        plotting.plot_visited(log, ax, index=7)


def test_visited_sites_of_shared_pairs_have_no_law(ax, log):
    shared = RewiringLog()
    shared.describe(0, num_pre=3, num_post=3, num_sites=20, multapses=True)
    shared.snapshot(0, 0, [0, 0], [1, 1], [0.1, 0.1], [1, 1])
    plotting.plot_visited(shared, ax)
    assert len(ax.lines) == 1
    assert ax.lines[0].get_ydata().tolist() == [10.0]


def test_drift_of_the_weights(ax, log):
    assert plotting.plot_drift(log, ax, label="net") is ax
    found = drift.drift(log)
    line, apart = ax.lines
    assert_allclose(line.get_xydata(), np.transpose([found.step, found.from_start]))
    assert_allclose(apart.get_ydata(), np.sqrt(found.norm[0] ** 2 + found.norm**2))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["net", "orthogonal to the initial weights"]
    assert (ax.get_xlabel(), ax.get_ylabel()[:8]) == ("step", "distance")
    # Chance alone forgets: half a record later the weights are nearly as far away as any others.
    assert 0.7 < found.from_start[2] / apart.get_ydata()[2] < 1.05


def test_drift_needs_two_snapshots_with_weights(ax):
    log = RewiringLog()
    log.snapshot(0, 0, [0], [1], [np.nan], [1])
    with pytest.raises(ValueError, match="at least two snapshots, the log has 1"):
        plotting.plot_drift(log, ax)
    log.snapshot(1, 0, [0], [1], [np.nan], [1])
    with pytest.raises(ValueError, match="contains no weights"):
        plotting.plot_drift(log, ax)
    assert not ax.lines


def test_brains(ax, log):
    plotting.plot_brains({"run": log}, ax)
    curve = comparison.survival_in(log, "steps")
    unit = comparison.half_life_at_one_rate(curve)
    assert_allclose(ax.lines[0].get_xdata(), curve.time[curve.time > 0] / unit)
    zuo = next(line for line in ax.lines if "Zuo" in str(line.get_label()))
    times, shares = plotting.brains_in_half_lives()["Zuo et al. 2005, mouse layer 5, adult"]
    assert_allclose(zuo.get_xydata(), np.transpose([times, 100 * np.array(shares)]))
    assert shares == [pytest.approx(0.96)]
    # The half-life follows from 26 % in 548 days, of which nothing is drawn: that point would lie on the curve.
    assert 0.5 ** (times[0] * 548 / 14) == pytest.approx(0.74)
    assert "extrapolated" in str(zuo.get_label())


def test_brains_without_a_death(ax):
    still = RewiringLog()
    still.describe(0, num_pre=3, num_post=3, num_sites=9)
    still.snapshot(0, 0, [0], [1], [1.0], [1])
    still.record(step(Connections(3, 3, [0], [1], theta=[9.0]), np.zeros(1), RULE))
    plotting.plot_brains({"still": still}, ax)
    assert all(line.get_label() != "still" for line in ax.lines)
    for wrong in ({}, [still], {str(n): still for n in range(7)}):
        with pytest.raises(ValueError, match="mapping of 1 to 6"):
            plotting.plot_brains(wrong, ax)


def test_film_shows_the_wirings(tmp_path, log):
    film = plotting.animate_connectivity(log, [0, 100, 300], interval=50)
    film.save(tmp_path / "film.gif", writer="pillow")
    from PIL import Image

    with Image.open(tmp_path / "film.gif") as image:
        assert image.n_frames == 3
    plt.close(film._fig)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda log, ax: plotting.plot_degrees(log, ax, side="both"), "side must be"),
        (lambda log, ax: plotting.plot_degrees(log, ax, index=7), "does not describe set 7"),
        (lambda log, ax: plotting.plot_matrix(log, None, ax, index=7), "does not describe set 7"),
        (lambda log, ax: plotting.plot_connectivity(log, ax, most=0), "most must be"),
        (lambda log, ax: plotting.animate_connectivity(log, frames=1), "frames must be"),
        (lambda log, ax: plotting.plot_degrees(3, ax), "must be a RewiringLog"),
    ],
)
def test_nonsense_is_refused(ax, log, draw, message):
    with pytest.raises((TypeError, ValueError), match=message):
        draw(log, ax)
