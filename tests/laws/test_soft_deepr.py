"""The exact law of soft DEEP R: known values, its limit, and what must balance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synaptic_sampling import SoftDeepR
from synaptic_sampling.laws.soft_deepr import soft_law


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        # The first four digits of 1e5 chains over 3000 steps, written in NumPy alone, are 0.1934 and 0.1793.
        (SoftDeepR(0.05, 1e-3, 1e-6, 0.2), 0.1934),
        (SoftDeepR(0.05, 1e-5, 2.5e-12, 0.2), 0.1792),
        (SoftDeepR(0.05, 1e-5, 2.5e-12, 0.1), 0.0945),
        (SoftDeepR(0.05, 1e-5, 2.5e-12, 0.005), 0.0050),
    ],
)
def test_known_shares(rule, share):
    law = soft_law(rule)
    assert law.active_share == pytest.approx(share, abs=6e-5)
    assert law.density @ law.weight + law.floor_share == pytest.approx(1, abs=1e-12)
    assert law.density.min() > -1e-12 * law.density.max()


def test_births_balance_deaths():
    rule = SoftDeepR(0.05, 1e-3, 1e-6, 0.2)
    law = soft_law(rule)
    dormant = law.theta < 0
    z = law.theta / rule.noise_scale
    up = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in z[dormant]])
    at_floor = 0.5 * math.erfc(-rule.theta_min / rule.noise_scale / math.sqrt(2))
    births = (law.density * law.weight)[dormant] @ up + law.floor_share * at_floor
    assert births == pytest.approx(law.turnover, rel=1e-9)


def test_it_tends_to_the_connectivity_with_the_root_of_the_step():
    missing = [0.3 - soft_law(SoftDeepR(eta, 0.5, 0.5, 0.3)).active_share for eta in (0.02, 0.005)]
    assert missing[0] < 0.03
    assert missing[0] / missing[1] == pytest.approx(2, rel=0.05)


def test_units_cancel():
    """Only ratios count: theta in other units, the same law."""
    one, two = soft_law(SoftDeepR(0.1, 0.5, 0.2, 0.3)), soft_law(SoftDeepR(0.1, 5.0, 20.0, 0.3))
    assert one.active_share == pytest.approx(two.active_share, rel=1e-12)


def test_active_part_is_exponential_in_the_limit():
    rule = SoftDeepR(0.005, 0.5, 0.5, 0.3)
    law = soft_law(rule)
    up = law.theta >= 0
    mean = (law.theta * law.density * law.weight)[up].sum() / law.active_share
    assert mean == pytest.approx(rule.temperature / rule.l1, rel=0.06)


def test_too_small_steps_are_refused():
    with pytest.raises(ValueError, match="the active fraction is the connectivity"):
        soft_law(SoftDeepR(1e-9, 0.5, 0.5, 0.3))
