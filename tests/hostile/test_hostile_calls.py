"""Arbitrary arguments of public functions and classes are accepted for good reason, or rejected by name."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt

from tests.hostile import of_brian, of_core, of_logs, of_plotting, of_rate, of_statistics
from tests.hostile.runner import NONSENSE, Call, fault_of, faults

AREAS = {
    "brian": of_brian,
    "core": of_core,
    "logs": of_logs,
    "plotting": of_plotting,
    "rate": of_rate,
    "statistics": of_statistics,
}


@pytest.fixture(scope="module")
def made():
    """Count the calls."""
    return []


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_nonsense_is_refused_by_name(area, tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    found = []
    for call in AREAS[area].calls(tmp_path):
        plt.close("all")  # The current axes must not be those of another plot.
        number, wrong = faults(call)
        made.append(number)
        found += wrong
    assert "\n".join(found) == ""


@pytest.mark.slow
def test_these_were_5000_calls(made):
    assert sum(made) >= 5000


def test_nonsense_in_the_core_is_refused_by_name(tmp_path):
    """The part of the calls above that is fast."""
    assert [wrong for call in of_core.calls(tmp_path) for wrong in faults(call)[1]] == []


def test_nonsense_is_refused_by_name_in_brian2(tmp_path, monkeypatch):
    """One kind of nonsense, or two, for each argument."""
    monkeypatch.chdir(tmp_path)  # A log named "nonsense" is allowed.
    found = []
    for call in of_brian.calls(None):
        for n, name in enumerate(call.arguments):
            for label in list(NONSENSE)[n % 23 :: 23]:
                found.append(fault_of(call, name, label))
    assert [wrong for wrong in found if wrong] == []


def test_every_function_of_a_log_is_called():
    called = {call.function for call in of_statistics.calls(None)}
    assert set(of_statistics.public_functions()) - called == set()


def takes(fraction):
    """Do what must not be done."""
    return float(fraction)


def names(fraction):
    """Do it right."""
    if not isinstance(fraction, float) or not 0 <= fraction < 1:
        raise TypeError(f"fraction must be 0 to 1, got {fraction!r}.")


def test_the_runner_finds_what_is_wrong():
    """The negative control."""
    number, found = faults(Call(takes, {"fraction": 0.5}, {"fraction": "0.5"}))
    assert number == len(found) + 1
    assert any("fraction=nan): is taken" in line for line in found)
    assert any("does not name it" in line for line in found)
    assert any("is none of its errors: OverflowError" in line for line in found)
    assert faults(Call(names, {"fraction": 0.5}, {"fraction": "0.5"})) == (number, [])
    (line,) = faults(Call(names, {"fraction": 0.5}, {"fraction": "0.5, -1"}))[1]
    assert line.endswith("names(fraction=-1): is refused")
    _, found = faults(Call(changes, {"numbers": [0.5], "other": 1}))
    assert sum("(other=" in line and "something has changed" in line for line in found) > 15


def changes(numbers, other):
    """Change an argument, then reject the rest."""
    if other == 1 and numbers[0] == 0.5:
        return
    numbers[0] += 1
    raise TypeError("numbers and other must be others.")
