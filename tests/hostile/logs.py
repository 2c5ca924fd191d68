"""A log to ask."""

from __future__ import annotations

import numpy as np

from synaptic_sampling import Connections, DeepR, RewiringLog, step


def a_log(steps=40, snapshots=5, side=12, number=30):
    """Return the log of a set of connections with weights, times and samples."""
    rule = DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
    c, log = Connections.random(side, side, number, seed=1), RewiringLog()
    c.theta[:] = np.linspace(0.1, 2.0, number)
    log.describe(0, num_pre=side, num_post=side, num_sites=side * side)
    log.annotate(rule=rule)
    for n in range(steps + 1):
        if n:
            log.record(step(c, np.zeros(number), rule), samples=10.0 * n, seconds=0.1 * n)
        if n % (steps // (snapshots - 1)) == 0:
            log.snapshot(n, 0, c.pre, c.post, c.theta, c.polarity)
    return log
