"""A trainer logs the rule of each layer, each change of it, and the rule that rewires between steps."""

from __future__ import annotations

import numpy as np

from scripts.report import answers
from synaptic_sampling.rate import SET, Decay, RigL, Trainer
from tests.rate.test_network import RULE, make, samples


def test_each_epoch_of_a_schedule_is_a_rule(rng):
    trainer = Trainer(make(), schedule=Decay(RULE, learning_rate=0.5))
    trainer.fit(*samples(rng, 40), epochs=3, batch_size=8, report=None)
    for c in trainer.network.connections:
        found = [(step, rule["learning_rate"]) for step, rule in trainer.log.rules_of(c.index)]
        assert found == [(1, 0.1), (6, 0.05), (11, 0.025)]


def test_a_rule_that_is_set_while_learning(rng):
    trainer = Trainer(make())

    def change(trainer):
        if trainer.steps_done == 3:
            trainer.network.rule = Decay(RULE, learning_rate=0.5)(1)

    trainer.fit(*samples(rng, 40), epochs=2, batch_size=8, report=None, watch=change)
    assert [(step, rule["learning_rate"]) for step, rule in trainer.log.rules_of(0)] == [(1, 0.1), (4, 0.05)]


def test_set_and_rigl_are_named(rng):
    x, y = samples(rng, 40)
    for between, name in ((SET(0.3), "SET"), (RigL(x, np.asarray(y), batch_size=8, steps=100), "RigL")):
        trainer = Trainer(make(), between=between, every=2)
        trainer.fit(x, y, epochs=3, batch_size=8, report=None)
        for index in trainer.log.sets:
            ((step, rule),) = trainer.log.rules_of(index)
            assert (step, rule["class"], rule["weights"]["class"]) == (1, name, "DeepR")
        assert answers(trainer.log)[2].verdict == f"No exact null law is known here: none is known for {name}."
