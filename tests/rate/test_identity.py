"""A checkpoint is refused by a network or a training that differs in anything on which training depends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, FixedWiring, PruneAndRegrow, SynapticSampling
from synaptic_sampling.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from synaptic_sampling.rate import (
    LSTM,
    Conv2d,
    CrossEntropy,
    Dropout,
    EachFrame,
    Layer,
    Linear,
    LogLikelihood,
    RateNetwork,
    SparseConv2d,
    SparseLinear,
    SparseLSTM,
    Trainer,
)

RULE = DeepR(learning_rate=0.1, l1=0.02, temperature=1e-4)
X, Y = np.random.default_rng(5).standard_normal((20, 48)).astype(np.float32), np.arange(20) % 3


def resume(trainer, path, epochs=2, **options):
    trainer.fit(X, Y, until_epoch=epochs, batch_size=10, report=None, checkpoint=path, resume=True, **options)
    return trainer


def sparse_lstm(**options):
    return [SparseLSTM(4, 5, connections=60, **{"steps": 12, **options}), SparseLinear(5, 3, connections=9)]


def lstm(**options):
    return [LSTM(4, 5, **{"steps": 12, **options}), Linear(5, 3)]


def in_frames(**options):
    """The second LSTM knows its frames from the first one; both have as many outputs with a mark as units."""
    first = LSTM(3, 4, steps=12, masked=True, output="all")
    return [
        first,
        EachFrame(Dropout(options.get("rate", 0.25))),
        LSTM(4, 5, window=options.get("window")),
        Linear(5, 3),
    ]


def conv(kind, size):
    kept = {"connections": 20} if kind is SparseConv2d else {}
    return [kind(1, 4, 3, padding=1, size=size, **kept), Linear(192, 3)]


def limited(limits):
    return [SparseLinear(48, 1200, connections=900, max_in_degree=limits), Linear(1200, 3)]


LIMITS = np.full(1200, 2)
LIMITS_IN_THE_MIDDLE = np.where(np.arange(1200) == 600, 3, 2)  # Which a repr abbreviates.

#: Two networks that differ in one argument.
PAIRS = {
    "window": (partial(sparse_lstm), partial(sparse_lstm, window=2)),
    "window of a dense one": (partial(lstm, window=3), partial(lstm, window=2)),
    "window of the second": (in_frames, partial(in_frames, window=2)),
    "rate": (partial(in_frames, rate=0.1234567), partial(in_frames, rate=0.1234568)),
    "size": (partial(conv, SparseConv2d, (6, 8)), partial(conv, SparseConv2d, (8, 6))),
    "size of a dense one": (partial(conv, Conv2d, (6, 8)), partial(conv, Conv2d, (8, 6))),
    "limits": (partial(limited, LIMITS), partial(limited, LIMITS_IN_THE_MIDDLE)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_layers_are_compared(name, tmp_path):
    one, other = PAIRS[name]
    first = resume(Trainer(RateNetwork(one(), RULE, seed=1)), tmp_path / "run.npz")
    again = resume(Trainer(RateNetwork(one(), RULE, seed=1)), tmp_path / "run.npz")
    assert again.history == first.history
    trainer = Trainer(RateNetwork(other(), RULE, seed=1))
    before = {key: values.copy() for key, values in trainer.network.state().items()}
    for go_on in (partial(resume, epochs=3), Trainer.load):
        with pytest.raises(
            CheckpointError, match=r"is of another network: \{'details': .*but this one is \{'details': "
        ):
            go_on(trainer, tmp_path / "run.npz")
    for key, values in trainer.network.state().items():
        assert_array_equal(values, before[key])


def plain_network(rule=RULE, **options):
    return RateNetwork([SparseLinear(48, 3, connections=50)], rule, seed=1, **options)


def sampled(number):
    rule = SynapticSampling(1.0, 1.0, mean=-1.0, std=1.0, interval=3e-3, theta_range=(-6, 5))
    return plain_network(rule, signals={"gradient": LogLikelihood(number)}, dense_rule=FixedWiring(0.05))


def noisy(batch, rng):
    return batch + rng.standard_normal(batch.shape).astype(np.float32)


def shifted(batch, rng):
    return np.roll(batch, rng.integers(3), axis=1)


def weak(parameter):
    return np.abs(parameter.connections.theta) < 0.01


def strong(parameter):
    return np.abs(parameter.connections.theta) > 10


@dataclass(frozen=True)
class Scaled(CrossEntropy):
    """A loss with a parameter."""

    scale: float

    def evaluate(self, out, targets):
        loss, delta = super().evaluate(out, targets)
        return self.scale * loss, np.float32(self.scale) * delta


def between(condition):
    return Trainer(plain_network(FixedWiring(0.1)), between=PruneAndRegrow(), signals={"condition": condition})


#: Two trainings, with options of ``fit``, and what the message names.
TRAININGS = {
    "signals": (lambda: (Trainer(sampled(64)), {}), lambda: (Trainer(sampled(6400)), {}), "signals.gradient"),
    "signals of between": (lambda: (between(weak), {}), lambda: (between(strong), {}), "signals_of_between.condition"),
    "augment": (
        lambda: (Trainer(plain_network()), {"augment": noisy}),
        lambda: (Trainer(plain_network()), {"augment": shifted}),
        "augment is 'noisy' there and 'shifted' here",
    ),
    "no augment": (
        lambda: (Trainer(plain_network()), {"augment": noisy}),
        lambda: (Trainer(plain_network()), {}),
        "augment is 'noisy' there and None here",
    ),
    "loss": (
        lambda: (Trainer(plain_network(), Scaled(1.0)), {}),
        lambda: (Trainer(plain_network(), Scaled(0.5)), {}),
        "loss_options.scale",
    ),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_trainings_are_compared(name, tmp_path):
    one, other, message = TRAININGS[name]
    trainer, options = one()
    resume(trainer, tmp_path / "run.npz", **options)
    again, options = one()
    assert resume(again, tmp_path / "run.npz", epochs=3, **options).steps_done == 6
    changed, options = other()
    with pytest.raises(CheckpointError, match=rf"is of another run: {message}"):
        resume(changed, tmp_path / "run.npz", epochs=4, **options)
    assert not changed.steps_done


def test_what_was_shown_is_saved_at_any_time(tmp_path):
    """``save`` states the augmentation of the last ``fit``; a trainer that was refused keeps its own."""
    trainer = Trainer(plain_network())
    trainer.fit(X, Y, epochs=1, batch_size=10, report=None, augment=noisy)
    trainer.save(tmp_path / "run.npz")
    assert load_checkpoint(tmp_path / "run.npz").about["plan"]["augment"] == "noisy"


def test_checkpoints_of_earlier_versions_are_read(tmp_path):
    """They do not state the details, which are then not compared."""
    whole = resume(Trainer(RateNetwork(in_frames(), RULE, seed=1)), tmp_path / "whole.npz", epochs=3)
    resume(Trainer(RateNetwork(in_frames(), RULE, seed=1)), tmp_path / "run.npz")
    arrays, about = load_checkpoint(tmp_path / "run.npz")
    del about["details"]
    about["plan"] = {name: about["plan"][name] for name in ("loss", "schedule", "between", "every")}
    save_checkpoint(tmp_path / "run.npz", arrays, about)
    trainer = resume(Trainer(RateNetwork(in_frames(), RULE, seed=1)), tmp_path / "run.npz", epochs=3)
    assert trainer.history == whole.history
    about["plan"]["loss"] = "MeanSquaredError"
    save_checkpoint(tmp_path / "run.npz", arrays, about)
    with pytest.raises(CheckpointError, match="loss is 'MeanSquaredError' there"):
        resume(Trainer(RateNetwork(in_frames(), RULE, seed=1)), tmp_path / "run.npz", epochs=3)


class Twice(Layer):
    """2 x, without a repr of its own, which would contain its address."""

    def __init__(self, factor=2.0):
        self.parameters, self.factor = [], np.float32(factor)

    @property
    def details(self):
        return {"factor": float(self.factor)}

    def outputs_after(self, num_before):
        return num_before

    def forward(self, x, *, training=False):
        return self.factor * x

    def backward(self, delta, *, wanted):
        return self.factor * delta


def test_a_layer_of_your_own_can_be_resumed_and_states_its_details(tmp_path):
    def trainer(factor):
        return Trainer(RateNetwork([Linear(48, 4), Twice(factor), Linear(4, 3)], FixedWiring(0.1), seed=1))

    resume(trainer(2.0), tmp_path / "run.npz")
    kept = trainer(1.0)  # So that another object takes another address.
    assert resume(trainer(2.0), tmp_path / "run.npz", epochs=3).steps_done == 6
    with pytest.raises(CheckpointError, match="is of another network"):
        resume(kept, tmp_path / "run.npz", epochs=4)


class Plain:
    """Without a repr of its own."""


@dataclass
class Augmenting:
    """Holds data, functions and objects, of which no two processes have equal reprs."""

    data: np.ndarray
    function: object
    names: frozenset[str]
    other: Plain
    shift: float = 1.0

    def __call__(self, images, rng):
        return images + self.shift * rng.random(images.shape).astype(np.float32)


@dataclass
class Smoothed(CrossEntropy):
    base: object = None


def augmenting(**options):
    return Augmenting(np.zeros((1000, 48)), lambda x: x, frozenset("abc"), Plain(), **options)


def dense():
    return RateNetwork([Linear(48, 3)], FixedWiring(0.1), seed=1)


def test_objects_that_hold_anything_do_not_stand_in_the_way(tmp_path):
    """Each has another address in each process, as two instances have in one."""
    path, options = tmp_path / "run.npz", {"augment": augmenting(), "epochs": 2}
    resume(Trainer(dense(), Smoothed(base=Plain()), record=False), path, **options)
    assert path.stat().st_size < 20_000, "without the data"
    other = Trainer(dense(), Smoothed(base=Plain()), record=False)
    assert len(resume(other, path, epochs=3, augment=augmenting()).history) == 3
    with pytest.raises(CheckpointError, match=r"augment.shift is 1.0 there and 2.0 here"):
        resume(Trainer(dense(), Smoothed(base=Plain()), record=False), path, augment=augmenting(shift=2.0))


def test_a_checkpoint_that_was_loaded_and_saved_goes_on(tmp_path):
    path = tmp_path / "run.npz"
    resume(Trainer(dense(), record=False), path, augment=augmenting())
    loaded = Trainer(dense(), record=False)
    loaded.load(path)
    loaded.notes["mine"] = 1
    loaded.save(path)
    resumed = resume(Trainer(dense(), record=False), path, epochs=3, augment=augmenting())
    assert resumed.notes == {"mine": 1}
