"""Laws of what a microscope sees, against the exact laws of the rules and simulated walks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import ndtr

from synaptic_sampling.laws import deepr
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.laws.presence import LAWS, Parameter, PresenceLaw

LOOKS = np.arange(8.0)
UNEVEN = np.array([0.0, 1.0, 1.5, 4.0])
#: One set of values for each law.
VALUES = {
    "constant": [0.1],
    "two states": [0.2, 0.7, 0.02],
    "synaptic sampling": [25.0, -0.7],
    "DEEP R": [0.07, 3.0],
    "DEEP R from an age on": [0.08, 2.0, 1.5],
    "killed walk": [0.09, 1.1],
    "walk": [0.2],
    "driftless walk": [0.07],
}


@pytest.mark.parametrize("name", LAWS)
def test_each_is_a_survival_function(name):
    for times in (LOOKS, UNEVEN):
        a = LAWS[name].survival_of_seen(VALUES[name], times)
        assert a[0] == 1
        assert (np.diff(a) < 0).all()
        assert (a > 0).all()
        b = LAWS[name].survival_of_newly_seen(VALUES[name], times)
        assert b[0] == pytest.approx(1)
        assert ((b >= 0) & (b <= 1 + 1e-9)).all()
        assert (np.diff(b) < 0).all()
    assert LAWS[name].survival_of_seen(VALUES[name], [0.0]).tolist() == [1.0]
    a = LAWS[name].survival_of_seen(VALUES[name], LOOKS)
    b = LAWS[name].survival_of_newly_seen(VALUES[name], LOOKS)
    assert_allclose(b, (a[:-1] - a[1:]) / (1 - a[1]), atol=1e-12)


@pytest.mark.parametrize(("memory", "mean"), [(30.0, 0.0), (1000.0, -4.0), (3.0, 1.5), (400.0, 2.5)])
def test_synaptic_sampling(memory, mean):
    exact = diffusion.survival_of_all(math.exp(-1 / memory), 7, mean)
    assert_allclose(LAWS["synaptic sampling"].survival_of_seen([memory, mean], LOOKS), exact, atol=1e-7)


def test_deepr():
    for ratio, per_look in ((0.05, 1), (0.3, 4), (0.5, 5)):
        exact = deepr.survival_of_all(ratio, 7 * per_look)[::per_look]
        assert_allclose(LAWS["DEEP R"].survival_of_seen([ratio, per_look], LOOKS), exact, atol=1e-12)
        old = deepr.survival_of_old(ratio, 3 * per_look, 7 * per_look)[::per_look]
        assert_allclose(LAWS["DEEP R from an age on"].survival_of_seen([ratio, per_look, 3.0], LOOKS), old, atol=1e-12)


def test_killed_walk():
    drift, z = VALUES["killed walk"]

    def stays(t):
        return ndtr((z - drift * t) / np.sqrt(t)) - np.exp(2 * drift * z) * ndtr(-(z + drift * t) / np.sqrt(t))

    exact = [1 - drift / z * quad(stays, 0, t, limit=200)[0] for t in UNEVEN]
    assert_allclose(LAWS["killed walk"].survival_of_seen([drift, z], UNEVEN), exact, atol=1e-7)


def test_driftless_walk_is_spitzers_law():
    loss = LAWS["driftless walk"].survival_of_seen([0.05], LOOKS)
    assert_allclose(-np.diff(loss), 0.05 / np.sqrt(np.arange(1, 8)), atol=1e-12)


def test_the_walk_is_a_limit():
    """For a small step it is the driftless walk; synaptic sampling with a mean far below 0 tends to it."""
    step = 0.004
    loss = 1 - LAWS["walk"].survival_of_seen([step], LOOKS)
    assert_allclose(loss, 1 - LAWS["driftless walk"].survival_of_seen([loss[1]], LOOKS), rtol=0.01)
    far = LAWS["synaptic sampling"].survival_of_seen([2 / (0.2 / 20) ** 2, -20.0], LOOKS)
    assert_allclose(LAWS["walk"].survival_of_seen([0.2], LOOKS), far, atol=2e-3)


def walks(name, times, number, rng):
    """Simulate theta at the looks, from the stationary density above 0."""
    spans = np.diff(times)
    if name == "walk":
        (step,) = VALUES[name]
        x = [rng.exponential(size=number)]
        for span in spans:
            x.append(x[-1] - 0.5 * step**2 * span + step * math.sqrt(span) * rng.standard_normal(number))
    elif name == "synaptic sampling":
        memory, mean = VALUES[name]
        x = [rng.standard_normal(8 * number) + mean]
        x[0] = x[0][x[0] >= 0][:number]
        for span in spans:
            keep = math.exp(-span / memory)
            x.append(mean + keep * (x[-1] - mean) + math.sqrt(1 - keep**2) * rng.standard_normal(number))
    else:
        # Uniform up to a height from which none comes down: that many are seen per unit of density.
        (loss,), top = VALUES[name], 12.0 * math.sqrt(times[-1])
        x = [rng.random(number) * top]
        for span in spans:
            x.append(x[-1] + math.sqrt(span) * rng.standard_normal(number))
        seen = np.logical_and.accumulate(np.array(x) >= 0).mean(axis=1)
        return 1 - loss * (1 - seen) * top * math.sqrt(2 * math.pi)
    return np.logical_and.accumulate(np.array(x) >= 0).mean(axis=1)


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["walk", "synaptic sampling", "driftless walk"])
@pytest.mark.parametrize("times", [LOOKS[:4], UNEVEN], ids=["even", "uneven"])
def test_laws_with_return_depend_on_every_look(name, times):
    """|z| < 4.9 at each look, a false-alarm rate of 2e-5 in all; a law of the lag alone is rejected."""
    number = 400_000
    found, law = walks(name, times, number, np.random.default_rng(5)), LAWS[name].survival_of_seen(VALUES[name], times)
    error = 0.5 / math.sqrt(number) * (0.6 if name != "driftless walk" else 2.0)
    assert_allclose(found, law, atol=4.9 * error)
    of_lag_alone = LAWS[name].survival_of_seen(VALUES[name], [0.0, times[-1]])[1]
    assert abs(found[-1] - of_lag_alone) > 4.9 * error


def test_wrong_arguments_are_refused():
    law = LAWS["two states"]
    for values, times, message in (
        ([0.1], [0, 1], r"values must be 3 numbers \(labile, fast, slow\)"),
        ([0.1, np.nan, 1], [0, 1], "values must be 3 numbers"),
        (VALUES["two states"], [1, 2], "times must ascend from 0"),
        (VALUES["two states"], [0, 0], "times must ascend from 0"),
    ):
        with pytest.raises(ValueError, match=message):
            law.survival_of_seen(values, times)
    with pytest.raises(ValueError, match="two or more looks"):
        law.survival_of_newly_seen(VALUES["two states"], [0])
    with pytest.raises(TypeError, match="seen_at_all must be a function"):
        PresenceLaw("mine", (), 3)
    with pytest.raises(TypeError, match="parameters must be a tuple of Parameter"):
        PresenceLaw("mine", (3,), np.exp)
    with pytest.raises(ValueError, match="low must be > 0"):
        Parameter("rate", 0.0, 1.0)
    with pytest.raises(ValueError, match="high must be > 1"):
        Parameter("rate", 1.0, 1.0)
