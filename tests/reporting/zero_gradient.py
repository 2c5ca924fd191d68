"""Logs of all kinds in which no gradient acts, for tests of what a report claims of them."""

from __future__ import annotations

import numpy as np

from synaptic_sampling import Connections, DeepR, FixedWiring, PruneAndRegrow, RewiringLog, replace, step


def zero_gradient_log(seed, pull=0.0):
    """Return a log of one or two sets of random sizes, rules and lengths; ``pull`` adds a gradient to all of them."""
    rng = np.random.default_rng(seed)
    log, sets = RewiringLog(), []
    steps = int(rng.choice([1, 3, 30, 100, 300]))
    for index in range(rng.integers(1, 3)):
        side = int(rng.integers(6, 80))
        number = max(1, int(rng.uniform(0.01, 0.4) * side * side))
        c = Connections.random(side, side, number, seed=int(rng.integers(2**31)), index=index)
        c.theta[:] = rng.choice([0.0, 0.3]) * rng.random(number)
        log.describe(index, num_pre=side, num_post=side, num_sites=side * side)
        log.snapshot(0, index, c.pre, c.post, c.theta, c.polarity)
        sets.append((c, rule_over_time(rng)))
    for n in range(1, steps + 1):
        for c, rule_at in sets:
            rule, noted = rule_at(n)
            log.note_rule(n, c.index, noted)
            if isinstance(rule, PruneAndRegrow):
                log.record(replace(c, rng.random(len(c)) < 0.05))
            else:
                log.record(step(c, -pull * c.polarity.astype(float), rule))
    return log


def rule_over_time(rng):
    """Return, for each step, the rule that acts and what is noted of it: constant, in stretches, or by schedule."""
    kind = rng.choice(["constant", "stretches", "schedule", "other"], p=[0.5, 0.2, 0.2, 0.1])
    rate, ratio, temperature = 10 ** rng.uniform(-3, -0.5), 10 ** rng.uniform(-2, 0.3), 10 ** rng.uniform(-2, 0)
    l1 = ratio * np.sqrt(2 * temperature / rate)
    if kind == "other":
        rule = PruneAndRegrow("rand() < 0.05") if rng.random() < 0.5 else FixedWiring(rate)
        return lambda n: (rule, rule)
    if kind == "constant":
        return lambda n: (DeepR(rate, l1, temperature), DeepR(rate, l1, temperature))
    if kind == "stretches":
        length, factor = int(rng.integers(1, 60)), rng.uniform(0.3, 1.5)

        def in_stretches(n):
            rule = DeepR(rate * factor ** min((n - 1) // length, 4), l1, temperature)
            return rule, rule

        return in_stretches

    def by_schedule(n):
        noted = {"class": "DeepR", "learning_rate": "rate*exp(-t/tau)", "l1": l1, "temperature": temperature}
        return DeepR(rate * np.exp(-n / 50), l1, temperature), noted

    return by_schedule
