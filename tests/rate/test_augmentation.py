"""Batches are changed at random before they are shown, by numbers that depend on seed and step only."""

from __future__ import annotations

import numpy as np
import pytest

from synaptic_sampling import DeepR
from synaptic_sampling.randomness import Stream, generator
from synaptic_sampling.rate import RateNetwork, ReLU, SparseLinear, Trainer

RULE = DeepR(learning_rate=0.1, l1=0.02, temperature=1e-4)
X, Y = np.random.default_rng(5).standard_normal((50, 18)).astype(np.float32), np.arange(50) % 4


def trainer(seed=3):
    layers = [SparseLinear(18, 15, connections=60), ReLU(), SparseLinear(15, 4, connections=20)]
    return Trainer(RateNetwork(layers, RULE, seed=seed))


def shifted(batch, rng):
    return batch + rng.standard_normal((len(batch), 1))


def weights(made):
    return np.concatenate([c.weights for c in made.network.connections])


def trained(augment, *, seed=3, epochs=2, **options):
    made = trainer(seed)
    made.fit(X, Y, until_epoch=epochs, batch_size=12, report=None, augment=augment, **options)
    return made


def test_batches_are_changed_and_samples_are_not():
    before, seen = X.copy(), []

    def halved(batch, rng):
        batch *= 0.5
        seen.append((batch.copy(), rng.random()))
        return batch

    trained(halved)
    assert (before == X).all()
    assert sorted(len(batch) for batch, _ in seen) == [2, 2, *[12] * 8]
    shown = np.concatenate([batch for batch, _ in seen])
    assert np.sort(shown, axis=0).tolist() == np.sort(np.repeat(X / 2, 2, axis=0), axis=0).tolist()
    assert len({number for _, number in seen}) == 10


def test_one_that_changes_nothing_gives_the_same_bits_as_none():
    assert (weights(trained(lambda batch, rng: batch)) == weights(trained(None))).all()


def test_the_same_seed_gives_the_same_bits_also_after_an_interruption(tmp_path):
    one, path = trained(shifted), tmp_path / "run.npz"
    assert (weights(trained(shifted)) == weights(one)).all()
    assert (weights(trained(shifted, seed=4)) != weights(one)).any()
    assert (weights(trained(None)) != weights(one)).any()
    trained(shifted, epochs=1, checkpoint=path)
    assert (weights(trained(shifted, checkpoint=path, resume=True)) == weights(one)).all()


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda batch, rng: batch[:, 1:], r"augment must return a batch of shape \(12, 18\), got \(12, 17\)"),
        (lambda batch, rng: batch * np.nan, "augment must return finite values, got NaN or infinity"),
    ],
)
def test_a_wrong_batch_is_refused_before_a_step(augment, message):
    made = trainer()
    with pytest.raises(ValueError, match=message):
        made.fit(X, Y, epochs=1, batch_size=12, report=None, augment=augment)
    assert made.steps_done == 0


def test_it_must_be_a_function():
    with pytest.raises(TypeError, match="augment must be"):
        trainer().fit(X, Y, epochs=1, augment=3)


def test_generators_have_addresses():
    def numbers(*address):
        return tuple(generator(*address).random(3))

    same = numbers(1, Stream.AUGMENT, 7)
    assert numbers(1, Stream.AUGMENT, 7) == same
    others = [(2, Stream.AUGMENT, 7), (1, Stream.AUGMENT, 8), (1, Stream.DATA, 7), (2**64 - 1, Stream.AUGMENT, 7)]
    found = {number for address in others for number in numbers(*address)}
    assert len(found) == 12
    assert not found & set(same)
