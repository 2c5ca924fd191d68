"""The section of a report that shows runs as an imaging study would have seen them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

from synaptic_sampling import Connections, DeepR, Observations, RewiringLog, step
from synaptic_sampling.laws.presence import LAWS
from synaptic_sampling.reporting import report
from synaptic_sampling.reporting.in_vivo import in_vivo
from synaptic_sampling.statistics import observed


@pytest.fixture(scope="module")
def log():
    rule, rng = DeepR(learning_rate=1.0, l1=0.05, temperature=0.5), np.random.default_rng(1)
    c, found = Connections.random(100, 20, connections=400, seed=1), RewiringLog()
    c.theta[:] = rng.exponential(10, 400)
    found.describe(0, num_pre=100, num_post=20, num_sites=2000)
    found.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    for _ in range(600):
        found.record(step(c, rule, gradient=np.zeros(400)))
    return found


@pytest.fixture(scope="module")
def mice():
    seen = observed.simulate(LAWS["walk"], [0.4], 4.0 * np.arange(6), np.full(8, 30), unit=4.0, seed=1)
    sizes = np.random.default_rng(1).lognormal(size=seen.presence.shape)
    return Observations(seen.presence, seen.times, weights=sizes, group=seen.group)


def test_a_run_beside_a_study(log, mice):
    found = in_vivo({"run": log}, {"mice": mice})
    study, run = found.rows
    assert study[:4] == ["mice", "6", "4", str(len(mice))]
    assert run[0] == "run, as mice"
    lost = observed.changes(mice).elimination
    assert study[5] == "{:.3g} % ({:.3g} to {:.3g} %)".format(*(100 * own[0] for own in lost[1:2] + lost[3:5]))
    turnover = observed.changes(mice).turnover.value[0]
    looks = observed.matched_looks(log, turnover, 6)
    again = observed.survival_of_newly_seen(log.observe(looks)).value[1]
    assert run[6].startswith(f"{100 * again:.3g} %")
    assert run[7], "a law is named"
    left, middle, right = found.figure.figure.axes
    assert [len(ax.containers) for ax in (left, middle, right)] == [2, 2, 1]
    assert left.get_title(loc="left") == "mice"
    law = observed.fit(mice, LAWS["killed walk"]).at_coarser_looks(1, 5)
    for ax, curve in ((left, law.seen), (middle, law.newly_seen)):
        (line,) = [own for own in ax.lines if own.get_label() == "killed walk, fitted"]
        np.testing.assert_allclose(line.get_ydata(), curve)
    plt.close(found.figure.figure)


def test_what_is_not_known_has_no_interval():
    """Nothing formed in twelve dendrites: a limit above 0; with one dendrite there is none."""
    presence = np.repeat([[1, 1, 1], [1, 1, 0], [1, 0, 0]], 12, axis=0)
    for group, expected in ((np.arange(36) % 12, "0 % (0 to 6.15 %)"), (np.zeros(36, int), "0 %")):
        found = in_vivo({}, {"mice": Observations(presence, [0, 4, 8], group=group)})
        assert found.rows[0][4] == expected
        plt.close(found.figure.figure)


def test_the_published_study_is_the_default(log):
    found = in_vivo({"run": log}, {})
    assert [row[0] for row in found.rows[:2]] == [own.name for own in observed.PUBLISHED_STUDIES]
    assert [row[0] for row in found.rows[2:]] == ["run, as onto pyramidal cells (Melander et al. 2021)"]
    texts = found.figure.figure.axes[2].get_legend().get_title().get_text()
    assert "the steps of the log are too long" in texts.replace("\n", " ")
    plt.close(found.figure.figure)


def test_a_short_run_says_why_it_is_not_shown(mice):
    c, short = Connections.random(10, 10, connections=20, seed=1), RewiringLog()
    short.describe(0, num_pre=10, num_post=10, num_sites=100)
    short.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
    found = in_vivo({"run": short}, {"mice": mice})
    assert len(found.rows) == 1
    title = found.figure.figure.axes[0].get_legend().get_title().get_text()
    assert "record for longer" in title.replace("\n", " ")
    plt.close(found.figure.figure)


def test_the_page_has_the_section(log, mice, tmp_path):
    page = report({"run": log}, tmp_path, observations={"<mice>": mice}).read_text()
    assert page.count("Comparison with in vivo imaging") >= 3
    assert "run, as &lt;mice&gt;" in page
    assert (tmp_path / "in_vivo.png").stat().st_size > 10_000


def test_wrong_observations_are_refused(log, mice, tmp_path):
    constant = Observations(np.ones((3, 4)), [0, 1, 2, 3])
    uneven = Observations(np.eye(3), [0, 1, 5])
    for wrong, message in (
        (mice, "observations must be a mapping of names to Observations"),
        ({"a": 3}, "observations must be a mapping of names to Observations"),
        ({"a": uneven}, "observations 'a' must have three imaging sessions or more at equal intervals"),
        ({"a": constant}, "observations 'a' contain no connection that was lost"),
        ({str(n): mice for n in range(5)}, "observations must be at most 4 studies"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            report({"run": log}, tmp_path / "new", observations=wrong)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="'in_vivo'"):
        report({"in_vivo": log}, tmp_path / "new")
