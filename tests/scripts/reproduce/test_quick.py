"""A quick run of each study shows the direction of its claims, and its figure."""

from __future__ import annotations

import json

import pytest

from scripts.reproduce import __main__ as command
from scripts.reproduce.study import NAMES


@pytest.fixture
def quick(tmp_path):
    """Return a function that runs a study, and returns what was found by the first words of its claims."""

    def run(name):
        found = command.main([name, "--quick", "--out", str(tmp_path)])
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert json.loads((tmp_path / f"{name}.json").read_text())["quick"]
        assert f"## {name}: " in (tmp_path / "reproductions.md").read_text()
        return Found(found["claims"])

    return run


class Found:
    def __init__(self, claims):
        self.claims = claims

    def of(self, *words):
        (claim,) = (each for each in self.claims if all(word in each["claim"] for word in words))
        return claim["ours"]


def survival_law(found):
    for labels in ("no l1:", "no l1, random labels:"):
        assert found.of(f"layer 1, SGD, {labels}") < 10
    assert found.of("layer 1, Adam") > 1.5
    assert found.of("layer 1, l1: slope") > found.of("layer 1, l1, random labels: slope") + 0.1
    assert found.of("no gradient, no l1") < 3


def posterior(found):
    assert found.of("exact law, relative to that of as many independent draws") < 1.2
    assert 0.3 < found.of("8x8 digits", "eta^x") < 0.7


def turnover_kappel2018(found):
    assert found.of("1 h apart: within") == pytest.approx(9.5, abs=0.5)
    assert found.of("24 h apart: within") == pytest.approx(39, abs=1.5)
    assert found.of("for 4 h") == pytest.approx(31.5, abs=2)


def wta_kappel2015(found):
    assert found.of("from 3 to 3.5 h: enriched minus standard") > 1
    assert found.of("stays enriched, minus standard again") > 0
    assert found.of("their output is shown, of 2;") > 55


def reward_kappel2018(found):
    assert found.of("accuracy before the swap") > 70
    assert found.of("in the first 50 s") < 50
    assert found.of("rewiring minus no noise") > 0
    assert found.of("turnover ratio", "after it") > 1


def lever_kappel2018(found):
    assert found.of("the difference, above 0") > 10
    assert found.of("turnover ratio", "after it") > 1


def shuffle(found):
    assert found.of("DEEP R, learning rate 0.3: accuracy of the last", "above 0") > 0
    assert found.of("fixed connections", "the same") < -5


def mnist_connectivity(found):
    assert found.of("2 %: DEEP R minus fixed connections") > 20
    assert found.of("at 2 %: DEEP R") * 20 < found.of("at 100 %: dense")


def frames(found):
    assert found.of("ECG, 3 %: DEEP R minus fixed") > 1
    assert found.of("ECG, 3 %: DEEP R, at least") > found.of("the most common class") + 20


def spiking_rules(found):
    assert found.of("digits, 0.3 %: DEEP R minus fixed") > 0
    assert found.of("digits, 0.3 %: the best") > 55


def cifar10(found):
    assert found.of("2 %: DEEP R minus fixed") > 0
    assert next(each["ours"] for each in found.claims if each["claim"] == "2 %: DEEP R") > 45


DIRECTION = {
    "cifar10": cifar10,
    "spiking-rules": spiking_rules,
    "mnist-connectivity": mnist_connectivity,
    "frames": frames,
    "survival-law": survival_law,
    "posterior": posterior,
    "turnover-kappel2018": turnover_kappel2018,
    "wta-kappel2015": wta_kappel2015,
    "reward-kappel2018": reward_kappel2018,
    "lever-kappel2018": lever_kappel2018,
    "shuffle": shuffle,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_run(name, quick):
    DIRECTION[name](quick(name))
