"""Laws of weights: found again in what was drawn from them, and in what both samplers give by chance alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import truncnorm

from synaptic_sampling import Connections, DeepR, PotentialConnections, SynapticSampling, step
from synaptic_sampling.statistics.weight_laws import fit_weights, likelihood_ratio

RECORDS = 200


def drawn(rng, law, number=400):
    if law == "exponential":
        return rng.exponential(0.3, number)
    if law == "log-normal":
        return rng.lognormal(-1.0, 0.8, number)
    low = math.log(0.2)  # Cut off in the middle: half of all are missing.
    return np.exp(truncnorm.rvs((low + 1.6) / 0.8, np.inf, -1.6, 0.8, size=number, random_state=rng))


def of(fits, name):
    return next(fit for fit in fits if fit.name == name)


@pytest.mark.parametrize("law", ["exponential", "log-normal", "truncated log-normal"])
def test_the_law_is_found_again(law):
    """The truth wins by far at 4000 weights; and each density has the integral 1."""
    rng = np.random.default_rng(6)
    w = drawn(rng, law, 4000)
    fits = fit_weights(w, lower=0.2 if law == "truncated log-normal" else None)
    # Where a law is cut off at an unknown place, a little of it is always there to be cut off.
    assert fits[0].name == law or (law == "log-normal" and fits[1].name == law and fits[1].aic - fits[0].aic < 20)
    assert [fit.aic for fit in fits] == sorted(fit.aic for fit in fits)
    for fit in fits:
        total = quad(lambda x, fit=fit: math.exp(fit.log_density(x)), max(fit.lower, 1e-12), np.inf, limit=500)[0]
        assert total == pytest.approx(1, abs=1e-3)
        assert fit.log_likelihood == pytest.approx(fit.log_density(w).sum())
        assert fit.log_density(fit.lower - 1e-6) == -np.inf
        assert np.isfinite(fit.log_density(fit.lower + 1e-6))
    others = [fit for fit in fits[1:] if {fit.name, law} != {"log-normal", "truncated log-normal"}]
    for fit in others:
        ratio = likelihood_ratio(w, fits[0], fit)
        assert ratio.statistic > 4
        assert ratio.p_value < 1e-4
        assert likelihood_ratio(w, fit, fits[0]).statistic == pytest.approx(-ratio.statistic)


@pytest.mark.statistical
@pytest.mark.parametrize("law", ["exponential", "log-normal"])
def test_parameters_are_right_on_average(law):
    """4.9 standard errors over 200 records: 1e-6 of all seeds."""
    rng = np.random.default_rng(7)
    fits = [of(fit_weights(drawn(rng, law)), law).parameters for _ in range(RECORDS)]
    truth = {"scale": 0.3} if law == "exponential" else {"mu": -1.0, "sigma": 0.8}
    for name, true in truth.items():
        found = np.array([fit[name] for fit in fits])
        bias = 0.8 * 0.75 / 400 if name == "sigma" else 0.0  # Of a maximum likelihood estimate: (3/4)/n.
        assert abs(found.mean() + bias - true) < 4.9 * found.std(ddof=1) / math.sqrt(RECORDS)


@pytest.mark.statistical
def test_what_was_cut_off_is_accounted_for():
    """Location and width before the cut, from 20000 weights each; without regard to the cut they are wrong by far."""
    rng = np.random.default_rng(8)
    fits = [fit_weights(drawn(rng, "truncated log-normal", 20_000), lower=0.2) for _ in range(10)]
    for name, true in (("mu", -1.6), ("sigma", 0.8)):
        cut, plain = (
            np.array([of(each, law).parameters[name] for each in fits])
            for law in ("truncated log-normal", "log-normal")
        )
        error = cut.std(ddof=1) / math.sqrt(10)
        # Student's t of 10 beyond 10: 4e-6 of all seeds.
        assert abs(cut.mean() - true) < 10 * error
        assert abs(plain.mean() - true) > 10 * error
        assert error < 0.03


@pytest.mark.statistical
def test_the_two_samplers_are_told_apart_by_chance_alone():
    """DEEP R gives exponential weights, synaptic sampling log-normal ones, cut off at the weight of theta = 0."""
    c = Connections.random(200, 200, 4000, seed=9)
    rule = DeepR(learning_rate=0.02, l1=0.1, temperature=0.2)
    for _ in range(3000):
        step(c, np.zeros(4000), rule)
    fits = fit_weights(c.theta)
    assert fits[0].name == "exponential"
    assert likelihood_ratio(c.theta, fits[0], fits[1]).statistic > 4

    sampling = SynapticSampling(learning_rate=5e-5, temperature=0.1, mean=0.0, std=2.0, interval=4000.0)
    p = PotentialConnections(300, 200, seed=9)
    for _ in range(200):
        step(p, np.zeros(len(p)), sampling)
    w = sampling.weight(p.theta[p.connected])
    fits = fit_weights(w, lower=float(sampling.weight(np.zeros(1))[0]))
    assert fits[0].name == "truncated log-normal"
    assert likelihood_ratio(w, fits[0], of(fits, "exponential")).statistic > 4
    # log w = theta - theta_0, normal with mean -3 and SD 2*sqrt(0.1) before it is cut off.
    assert fits[0].parameters["sigma"] == pytest.approx(2 * math.sqrt(0.1), rel=0.1)


def test_signs_and_newborns_do_not_count(rng):
    w = drawn(rng, "exponential")
    plain = fit_weights(w)
    assert fit_weights(np.concatenate([-w[:100], w[100:], np.zeros(50)])) == plain


@pytest.mark.parametrize(
    ("weights", "lower", "message"),
    [
        ([1.0] * 20, None, "at least ten different values above 0, got 1"),
        ([], None, "got 0"),
        (np.arange(1, 12), 5.0, "above 5, got 7"),
        ([np.nan] * 20, None, "weights must be finite, got nan"),
        (np.arange(20), -1.0, "lower must be >= 0"),
    ],
)
def test_too_few_weights_are_refused(weights, lower, message):
    with pytest.raises(ValueError, match=message):
        fit_weights(weights, lower)


def test_a_law_is_not_compared_with_itself(rng):
    w = drawn(rng, "exponential")
    fit = fit_weights(w)[0]
    with pytest.raises(ValueError, match="do not differ"):
        likelihood_ratio(w, fit, fit)
    with pytest.raises(ValueError, match="do not differ"):
        likelihood_ratio([], fit, fit)
