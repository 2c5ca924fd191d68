"""Potential connections through the same functions: synaptic sampling without data follows its exact laws in a log."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synaptic_sampling import PotentialConnections, SynapticSampling, step
from synaptic_sampling.laws import synaptic_sampling as diffusion
from synaptic_sampling.log.recorder import RewiringLog
from synaptic_sampling.statistics import changes, survival, topology

RULE = SynapticSampling(learning_rate=5e-5, temperature=0.1, mean=0.0, std=2.0, interval=1800.0)
STEPS, WINDOW = 200, 10


@pytest.fixture(scope="module")
def log():
    """100 hours in steps of half an hour, started in the stationary law; half of the sites are connected."""
    p = PotentialConnections(50, 60, seed=3)
    p.theta[:] = np.random.default_rng(1).normal(0.0, diffusion.stationary_std(RULE), len(p))
    log = RewiringLog()
    log.describe(0, num_pre=50, num_post=60, num_sites=len(p))
    log.snapshot(0, 0, p.pre, p.post, p.theta, p.polarity * p.connected)
    for n in range(1, STEPS + 1):
        log.record(step(p, np.zeros(len(p)), RULE), seconds=RULE.interval * n)
    return log


def t_of(values, truth):
    values = np.asarray(values)
    return (values.mean() - truth) / (values.std(ddof=1) / math.sqrt(len(values)))


@pytest.mark.statistical
def test_turnover_between_looks_is_that_of_the_diffusion(log):
    """Student's t of 20 windows beyond 7.5: 4e-7 of all seeds. A correlation 2 % lower must fail."""
    per_step = changes.changes_between(log, np.arange(STEPS + 1)).turnover.reshape(-1, WINDOW).mean(axis=1)
    rho = diffusion.correlation(RULE)
    assert abs(t_of(per_step, diffusion.turnover_ratio(rho))) < 7.5
    assert abs(t_of(per_step, diffusion.turnover_ratio(0.98 * rho))) > 7.5
    ten = [changes.changes_between(log, [n, n + WINDOW]).turnover[0] for n in range(0, STEPS, WINDOW)]
    assert abs(t_of(ten, diffusion.turnover_ratio(diffusion.correlation(RULE, WINDOW)))) < 7.5


@pytest.mark.statistical
def test_survival_at_every_look_is_that_of_the_diffusion(log):
    """All of 1500 observed from the start: binomial, 5.5 sd. New ones, 20000: Greenwood's band at 1 - 4e-8."""
    rho = diffusion.correlation(RULE)
    law = diffusion.survival_of_all(rho, 8)
    curve = survival.survival_of_all(log, 0)
    present = len(log.wiring(0)[0])
    for n in (1, 4, 8):
        got = curve.probability[np.searchsorted(curve.time, n, side="right") - 1]
        assert abs(got - law[n]) < 5.5 * math.sqrt(law[n] * (1 - law[n]) / present)
    newborns = survival.survival_curve(survival.table_of_newborns(log), 1 - 4e-8)
    law = diffusion.survival_of_newborns(rho, 8)
    for n in (1, 4, 8):
        place = np.searchsorted(newborns.time, n, side="right") - 1
        assert newborns.low[place] < law[n] < newborns.high[place]
        assert newborns.high[place] - newborns.low[place] < 0.06


def test_slots_without_a_connection_count_nowhere(log):
    number = topology.connections_over_time(log, 0)
    for n in (0, 77, STEPS):
        assert number[n] == len(log.wiring(n)[0])
    assert abs(topology.density(log).mean() - 0.5) < 0.05
