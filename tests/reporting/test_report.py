"""The report: self-contained, with an answer to each question, whatever the log contains."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt

from synaptic_sampling import Connections, DeepR, FixedWiring, LogError, PruneAndRegrow, RewiringInfo, RewiringLog, step
from synaptic_sampling.events import EVENT
from synaptic_sampling.reporting import answers, report
from synaptic_sampling.reporting.figures import comparison, details

QUESTIONS = [
    "Turnover",
    "Survival",
    "Test against the null model (noise and l1 only)",
    "Comparison with in vivo imaging",
]


def record(path, rule, steps=200, pull=0.0, **units):
    """Write a log; the gradient increases every theta."""
    c = Connections.random(30, 30, 100, seed=2)
    c.theta[:] = 0.5
    with RewiringLog(path) as log:
        log.annotate(rule=rule, seed=2)
        log.describe(0, num_pre=30, num_post=30, num_sites=900, name="a <set> & more")
        for n in range(steps + 1):
            if n:
                info = step(c, -pull * c.polarity.astype(float), rule)
                log.record(info, **{name: value * n for name, value in units.items()})
            if n % (steps // 4) == 0:
                log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)


RULE = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.images, self.open, self.links = [], [], re.findall(r"https?:|//", re.sub(r"base64,[^\"]*", "", text))
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes)["src"])
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_report_in_a_browser(tmp_path):
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    path = report({"a": tmp_path / "a.rewiring"}, tmp_path)
    path.write_text(path.read_text().replace("</body>", "<script>document.title = "
                    "[...document.images].map(i => i.naturalWidth > 300).join()</script></body>"))  # fmt: skip
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=100, check=False)
    assert "<title>true,true,true</title>" in done.stdout


def test_page_says_what_it_is_and_fits_a_phone(tmp_path):
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    tested = SimpleNamespace(log=RewiringLog.load(tmp_path / "a.rewiring"), tests=[(100, 0.5), (2000, 0.912)])
    noted = RewiringLog.load(tmp_path / "a.rewiring")
    noted.annotate(last_test={"samples": 300, "accuracy": 0.25})
    noted.save(tmp_path / "b.rewiring")
    logs = {"tested": tested, "not tested": tmp_path / "a.rewiring", "noted": tmp_path / "b.rewiring"}
    text = report(logs, tmp_path / "out").read_text()
    assert "<title>How connections are rewired: tested, not tested, noted</title>" in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    row = text.split('<td data-head="">Test accuracy</td>')[1].split("</tr>")[0]
    assert re.findall(r"<td data-head=\"([\w ]+)\">(.*?)</td>", row) == [
        ("tested", "<b>91.2&nbsp;%</b><small>After 2,000 presented samples.</small>"),
        ("not tested", ""),
        ("noted", "<b>25.0&nbsp;%</b><small>After 300 presented samples.</small>"),
    ]
    assert text.count('<div class="table"><table>') == text.count("<table>")
    assert text.count('<div class="table"><img') == text.count("<img") == 5  # wider than a phone


def texts(path):
    return {answer.question: answer.text for answer in answers(RewiringLog.open(path))}


def test_chance_is_told_from_more_and_from_less(tmp_path):
    record(tmp_path / "chance.rewiring", RULE, steps=600)
    record(tmp_path / "held.rewiring", RULE, steps=600, pull=0.15)
    said = [texts(tmp_path / f"{name}.rewiring")[QUESTIONS[2]] for name in ("chance", "held")]
    assert said[0].startswith("Not rejected")  # Although all start at theta = 0.5, where none is eliminated at first.
    assert said[1].startswith("Rejected: new connections persist longer")


def test_numbers_are_those_of_the_log(tmp_path):
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    log, said = RewiringLog.load(tmp_path / "a.rewiring"), texts(tmp_path / "a.rewiring")
    counts = f"{log.num_births} formations and {log.num_deaths} eliminations in 200 steps"
    assert f"{counts}, with 100 connections on average" in said[QUESTIONS[0]]
    per = 100 * log.num_births / 200 / 100
    found = rf"{per:.3g} % \(.*\) of the connections are replaced per step, {per * 100:,.0f} % per 1000 samples"
    assert re.match(found, said[QUESTIONS[0]])
    first, last = (set(zip(*(ends.tolist() for ends in log.wiring(n)[:2]), strict=True)) for n in (0, 200))
    there = len(log.lives()[log.lives()["initial"] & ~log.lives()["dead"]])
    assert there <= len(first & last)
    assert f"Of the 100 connections at the start {there:.1f} % are present to the end" in said[QUESTIONS[1]]


def test_a_wiring_that_never_changes(tmp_path):
    record(tmp_path / "still.rewiring", FixedWiring(0.1))
    assert set(texts(tmp_path / "still.rewiring").values()) == {"No connection was formed or eliminated in 200 steps."}
    assert report({"still": tmp_path / "still.rewiring"}, tmp_path / "out").exists()


def two_rules(pulls, rules):
    """Return a log of two sets, each with its rule and a gradient that increases every theta."""
    log = RewiringLog()
    sets = [Connections.random(60, 60, 400, seed=3, index=n) for n in range(2)]
    for c in sets:
        log.describe(c.index, num_pre=60, num_post=60, num_sites=3600, name="ab"[c.index])
        log.snapshot(0, c.index, c.pre, c.post, c.theta, c.polarity)
    log.annotate(rules=dict(enumerate(rules)))
    for _ in range(600):
        for c, pull, rule in zip(sets, pulls, rules, strict=True):
            log.record(step(c, -pull * c.polarity.astype(float), rule))
    return log


def test_each_set_is_compared_with_the_law_of_its_own_rule():
    slow, fast = (DeepR(learning_rate=0.1, l1=l1, temperature=0.2) for l1 in (0.2, 0.6))
    said = answers(two_rules((0.0, 0.2), (slow, fast)))[2]
    assert re.match(r"a: Not rejected: .*\. b: Rejected: new connections persist longer", said.verdict)
    assert re.match(r"a: Of \d+ new connections .* b: Of \d+ new connections ", said.numbers)
    same = answers(two_rules((0.0, 0.0), (slow, slow)))[2]
    assert same.verdict == "Not rejected: new connections cannot be distinguished from noise and l1 alone."


def test_a_rule_without_a_law_is_named():
    log = RewiringLog()
    c = Connections.random(5, 5, 6, seed=1)
    for n in range(2):
        log.describe(n, num_pre=5, num_post=5, num_sites=25)
        log.snapshot(0, n, c.pre, c.post, c.theta, c.polarity)
    log.record(
        RewiringInfo(
            1, np.array([(1, c.pre[0], c.post[0], 0, 0, -1, c.polarity[0]), (1, *free(c), 0, 0, 1, 1)], EVENT), 1, 0
        )
    )
    log.annotate(rule=PruneAndRegrow("w < 0.1"))
    assert answers(log)[2].text == "No exact null law is known here: none is known for PruneAndRegrow."
    log.annotate(rules={1: RULE})
    said = answers(log)[2].text
    assert said.startswith("set 0: No exact null law is known here: none is known for PruneAndRegrow.")
    assert "set 1: Too few new connections for a test: 0 were observed" in said


def by_chance(seed, ratio=0.2, steps=600, pull=0.0):
    """Return a log without a gradient, or with one that increases every theta; the initial transient is left out."""
    rule = DeepR(learning_rate=0.1, l1=2 * ratio, temperature=0.2)
    c = Connections.random(60, 60, 400, seed=seed)
    log = RewiringLog()
    log.describe(0, num_pre=60, num_post=60, num_sites=3600)
    log.annotate(rule=rule)
    for n in range(2 * steps):
        if n == steps:
            log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)
        info = step(c, -pull * c.polarity.astype(float), rule)
        if n >= steps:
            log.record(info)
    return log


@pytest.mark.parametrize("seed", range(6))
def test_chance_is_not_taken_for_learning(seed):
    # A false alarm in a million.
    said = {answer.question: answer.text for answer in answers(by_chance(seed))}
    assert "new connections cannot be distinguished from noise and l1 alone." in said[QUESTIONS[2]]
    assert "too long to compare early losses" in said[QUESTIONS[3]]


@pytest.mark.parametrize(("pull", "verdict"), [(0.1, "persist longer"), (-0.1, "eliminated sooner")])
def test_a_gradient_is_seen(pull, verdict):
    said = {answer.question: answer.text for answer in answers(by_chance(1, pull=pull))}
    assert verdict in said[QUESTIONS[2]]


def test_what_chance_does_too_is_no_sign_of_learning():
    said = {answer.question: answer.text for answer in answers(by_chance(1, ratio=0.02, steps=3000))}
    assert "in 14 days" in said[QUESTIONS[3]]
    assert "Noise and l1 alone do so too: this is not evidence of learning." in said[QUESTIONS[3]]


def test_logs_without_units_weights_or_deaths_have_a_report(tmp_path):
    c = Connections.random(5, 5, 6, seed=1)
    for name, events in (("still", 0), ("one", 2)):
        log = RewiringLog()
        log.describe(0, num_pre=5, num_post=5, num_sites=25)
        log.snapshot(0, 0, c.pre, c.post, np.zeros(6), c.polarity)
        for n in (1, 2, 3):
            rows = [(n, c.pre[0], c.post[0], 0, 0, -1, c.polarity[0]), (n, *free(c), 0, 0, 1, 1)][: events * (n == 2)]
            log.record(RewiringInfo(n, np.array(rows, EVENT), len(rows) // 2, 0))
        log.save(tmp_path / f"{name}.rewiring")
        assert report({name: tmp_path / f"{name}.rewiring"}, tmp_path / name).exists()
        assert len(Page((tmp_path / name / "report.html").read_text()).images) == 3


def test_runs_beside_each_other_keep_their_units_and_laws(tmp_path):
    """What cannot be counted in the unit of the others is named; each law of chance has the colour of its run."""
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    record(tmp_path / "b.rewiring", DeepR(learning_rate=0.1, l1=0.4, temperature=0.2), seconds=0.1)
    picture = comparison({name: RewiringLog.open(tmp_path / f"{name}.rewiring") for name in "ab"})
    _, rewired, newborns, weights = picture.figure.axes
    assert len(rewired.lines) == 1
    assert "b: the log cannot be plotted per 1000\nsamples" in rewired.get_legend().get_title().get_text()
    curves, laws = ([line for line in newborns.lines if (line.get_gid() == "null law") == law] for law in (False, True))
    assert [law.get_color() for law in laws] == [curve.get_color() for curve in curves]
    assert len({law.get_color() for law in laws}) == 2
    assert not weights.lines  # With such large steps the law of small steps is not that of the weights.
    plt.close(picture.figure)


@pytest.mark.parametrize("survivors", [0, 3])
def test_what_is_pruned_for_good_is_not_all_that_survives(tmp_path, survivors):
    log, ends = RewiringLog(), np.arange(10)
    log.describe(0, num_pre=10, num_post=10, num_sites=100)
    log.snapshot(0, 0, ends, ends, np.full(10, np.nan), np.ones(10))
    for n in range(1, 41):
        rows = [(n, n - 1, n - 1, n - 1, 0, -1, 1)] if n <= 10 - survivors else []
        log.record(RewiringInfo(n, np.array(rows, EVENT), len(rows), 0), seconds=n)
    log.save(tmp_path / "pruned.rewiring")
    said = {answer.question: answer.text for answer in answers(log)}
    assert f"0 formations and {10 - survivors} eliminations in 40 steps" in said[QUESTIONS[0]]
    assert f"Of the 10 connections at the start {10 * survivors:.1f} % are present to the end." in said[QUESTIONS[1]]
    assert said[QUESTIONS[1]].startswith("More than half of the connections" if survivors else "No connection is left")
    assert said[QUESTIONS[2]] == "No connection was formed, so there is nothing to test."
    assert ("Too few eliminations" if survivors else "No connection is left in the middle") in said[QUESTIONS[3]]
    assert report({"pruned": tmp_path / "pruned.rewiring"}, tmp_path).exists()


def test_what_is_said_in_place_of_a_picture_leaves_room_for_the_others(tmp_path):
    c = Connections.random(30, 30, 100, seed=1)
    log = RewiringLog()
    log.annotate(rule=PruneAndRegrow("w < 0.1"))
    log.describe(0, num_pre=30, num_post=30, num_sites=900, name="synapses of a long name", has_theta=False)
    for n in range(5):
        if n:
            log.record(step(c, np.zeros(100), RULE), seconds=n)
        log.snapshot(n, 0, c.pre, c.post, np.zeros(100), c.polarity)
    for picture in (details("a", log), comparison({"a": log})):
        picture.figure.canvas.draw()
        shown = [text for ax in picture.figure.axes for text in ax.texts if "contains no weights" in text.get_text()]
        assert shown
        width = picture.figure.bbox.width
        assert all(text.get_window_extent().width < 0.5 * width for text in shown)
        assert all(ax.get_window_extent().width > 0.3 * width for ax in picture.figure.axes)
        plt.close(picture.figure)


def free(c):
    taken = set(zip(c.pre.tolist(), c.post.tolist(), strict=True))
    return next((i, j) for i in range(5) for j in range(5) if (i, j) not in taken)


def test_a_report_from_python(tmp_path):
    """Logs, files and objects that have a log are taken; what is wrong is refused before anything is written."""
    record(tmp_path / "a.rewiring", RULE, steps=40)
    log = RewiringLog.open(tmp_path / "a.rewiring")
    holder = type("Holder", (), {"log": log})()
    page = report({"log": log, "file": tmp_path / "a.rewiring", "holder": holder}, tmp_path / "out")
    assert page == tmp_path / "out" / "report.html"
    assert len(Page(page.read_text()).images) == 5
    wrong = tmp_path / "wrong"
    for logs, error, said in [
        (log, TypeError, "logs must be a mapping"),
        ({}, ValueError, "logs must contain 1 to 6 logs"),
        ({"a": 3}, TypeError, "RewiringLog"),
        ({3: log}, ValueError, "3 in logs cannot name the figures"),
        ({"a": RewiringLog()}, LogError, "log 'a' contains no connections"),
        ({"a": tmp_path / "missing"}, LogError, "cannot be read"),
    ]:
        with pytest.raises(error, match=said):
            report(logs, wrong)
    for film, error in ((1.5, TypeError), (1, ValueError), (-2, ValueError)):
        with pytest.raises(error, match="film"):
            report({"a": log}, wrong, film=film)
    assert not wrong.exists()


def test_figures_have_the_house_style_whatever_that_of_the_caller(tmp_path):
    record(tmp_path / "a.rewiring", RULE, samples=10.0)
    with plt.style.context("classic"):
        drawn = comparison({"a": RewiringLog.open(tmp_path / "a.rewiring")})
    weights = drawn.figure.axes[-1]
    assert not weights.spines["top"].get_visible()
    assert weights.get_title(loc="left") == "Weights"
    assert drawn.figure.get_constrained_layout()
    plt.close(drawn.figure)
