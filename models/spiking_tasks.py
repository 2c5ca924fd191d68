"""Tasks of spiking networks: data, network and parameters of learning; docs/guide/spiking.md says which are tuned."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from brian2 import Hz, ms

from models.braille import load_braille
from models.data import load_digits
from models.ecg import load_ecg
from models.evidence import make_evidence
from models.mnist_sequences import load_images, load_rows
from models.sequences import Labelled, Sequences
from models.speech_spikes import load_speech
from synaptic_sampling.rules import Adam, DeepR, FixedWiring, RigLDescent, Rule, SETDescent, SoftDeepR
from synaptic_sampling.spiking import EpropNetwork, RatePenalty, SequenceTask, Wiring

__all__ = ["METHODS", "TASKS", "SpikingTask"]

METHODS = ("deepr", "soft", "set", "rigl", "fixed", "dense")
#: Methods that replace the weakest connections.
REPLACING = {"set": SETDescent, "rigl": RigLDescent}


class Rates(NamedTuple):
    """Parameters of a method at one connectivity."""

    learning_rate: float
    l1: float = 0.0
    temperature: float = 0.0
    #: Fraction of the connections that are replaced at once, and the number of updates between two replacements.
    fraction: float = 0.2
    every: int = 50


@dataclass(frozen=True)
class SpikingTask:
    """A data set with the network that learns it.

    Attributes
    ----------
    load : callable
        From the folder of data sets, and whether to keep sequences for validation, to `Sequences`.
    channels : int
        Number of input channels.
    rates : dict
        Parameters of each method: of the largest connectivity in the table that is not above that of the network.
        Methods that are missing have those of 'fixed'.
    connectivity : tuple of float
        Default of input and recurrent synapses; the inputs are fixed and trained by `FixedWiring` where it is 1.
    lif, alif, batch, epochs, decay
        As for `EpropNetwork` and `Training`.
    network : dict
        Other options of `EpropNetwork`.
    scales : tuple of float
        Scale of the initial weights of input, recurrent and readout synapses.
    soft_share : float
        Fraction of sites that soft DEEP R keeps active without a gradient, in units of the connectivity: the gradient
        keeps more, so that a run ends near the connectivity at its start.
    readout_rate : float
        Learning rate of the readout.
    quick : int
        Training sequences of a test run of seconds; a third as many are tested.
    scale, score
        As for `SequenceTask`.
    """

    load: Callable[..., Sequences]
    channels: int
    rates: Mapping[str, Mapping[float, Rates]]
    connectivity: tuple[float, float]
    lif: int
    alif: int
    batch: int
    epochs: int
    decay: float = 1.0
    network: Mapping[str, Any] = field(default_factory=dict)
    scales: tuple[float, float, float] = (4.0, 0.5, 0.3)
    soft_share: float = 0.25
    readout_rate: float = 0.01
    quick: int = 320
    scale: float = 1.0
    score: str | None = None

    def sequences(
        self, data_dir: str | os.PathLike[str] | None = None, *, validation: bool = False, quick: bool = False
    ) -> SequenceTask:
        """Return the data; with ``validation``, the sequences kept for it are tested in place of the test set."""
        found = self.load(data_dir, validation=validation)
        tested = found.validation if validation else found.test
        assert tested is not None
        train = found.train
        if quick:
            train, tested = _first(train, self.quick), _first(tested, self.quick // 3)
        options = {"steps": found.steps, "scale": self.scale, "score": self.score}
        return SequenceTask.of_parts(_held(train), _held(tested), **options)

    def make(self, method: str, connectivity: tuple[float, float]) -> EpropNetwork:
        """Return the network; a recurrent connectivity of 0 means no recurrent synapses."""
        into, recurrent = ((1.0 if method == "dense" else fraction) for fraction in connectivity)
        input_scale, recurrent_scale, readout_scale = self.scales
        return EpropNetwork(
            self.lif,
            self.alif,
            input=Wiring(into, self.rule(method, into), input_scale),
            recurrent=Wiring(recurrent, self.rule(method, recurrent), recurrent_scale) if connectivity[1] else None,
            readout=Wiring(1.0, FixedWiring(self.readout_rate, optimizer=Adam()), readout_scale),
            **self.network,
        )

    def sites(self, name: str) -> int:
        """Return the number of possible connections of the input or recurrent synapses; there are no autapses."""
        neurons = self.lif + self.alif
        return neurons * (self.channels if name == "input" else neurons - 1)

    def described(self, method: str) -> dict[str, Any]:
        """Return the parameters as JSON can hold them."""
        names = ("lif", "alif", "batch", "decay", "soft_share", "readout_rate", "scale")
        own = {name: getattr(self, name) for name in names}
        network = {name: str(value) for name, value in self.network.items()}
        rates = {str(key): value._asdict() for key, value in self._rates(method).items()}
        return {**own, "scales": list(self.scales), **network, "rates": rates}

    def _rates(self, method: str) -> Mapping[float, Rates]:
        """Return the parameters by connectivity; soft DEEP R has those of DEEP R unless the table has others."""
        fallback = "deepr" if method == "soft" else "fixed"
        return self.rates[method if method in self.rates else fallback]

    def rule(self, method: str, connectivity: float) -> Rule:
        """Return the rule of a set of synapses; one that has all connections cannot rewire."""
        table = self._rates(method)
        key = max((known for known in table if known <= connectivity), default=min(table))
        own = table[key]
        if method == "deepr" and connectivity < 1:
            return DeepR(own.learning_rate, own.l1, own.temperature, optimizer=Adam())
        if method == "soft" and connectivity < 1:
            share = self.soft_share * connectivity
            return SoftDeepR(own.learning_rate, own.l1, own.temperature, share, optimizer=Adam())
        if method in REPLACING and connectivity < 1:
            return REPLACING[method](own.learning_rate, optimizer=Adam(), fraction=own.fraction, every=own.every)
        return FixedWiring(own.learning_rate, optimizer=Adam())


def _first(part: Labelled, number: int) -> Labelled:
    return part[0][:number], part[1][:number]


def _held(part: Labelled) -> Labelled:
    """Return inputs that do not change within a sequence without their axis of steps."""
    return (part[0][:, 0], part[1]) if part[0].shape[1] == 1 else part


def _digits(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return the 8x8 digits of scikit-learn, each for 16 steps; the last 270 training images are for validation."""
    train, test = ((x[:, np.newaxis].astype(np.float32), y.astype(np.int32)) for x, y in load_digits())
    kept = None
    if validation:
        train, kept = _first(train, -270), (train[0][-270:], train[1][-270:])
    return Sequences(train, kept, test, 16, 10)


def _evidence(data_dir: str | os.PathLike[str] | None = None, *, validation: bool = True) -> Sequences:
    """Return generated trials, which need no files."""
    return make_evidence(validation=validation)


TASKS: Mapping[str, SpikingTask] = MappingProxyType(
    {
        "digits": SpikingTask(
            _digits,
            64,
            {"deepr": {0.0: Rates(0.04, 0.05, 5e-4)}, "fixed": {0.0: Rates(0.05)}, "dense": {0.0: Rates(0.003)}},
            connectivity=(0.01, 0.01),
            lif=100,
            alif=50,
            batch=16,
            epochs=20,
            network={"loss": "sigmoid"},
        ),
        "mnist": SpikingTask(
            load_images,
            784,
            {
                "deepr": {0.0: Rates(0.129, 0.0144, 8.53e-5), 0.03: Rates(0.0792, 0.00862, 4.16e-6)},
                "soft": {0.0: Rates(0.129, 0.00782, 2.26e-4)},
                "set": {
                    0.0: Rates(0.129, fraction=0.0782, every=84),
                    0.03: Rates(0.0792, fraction=0.0572, every=12),
                },
                "rigl": {0.0: Rates(0.0486, fraction=0.0306, every=175)},
                "fixed": {0.0: Rates(0.0792), 0.03: Rates(0.0486)},
                "dense": {0.0: Rates(0.014)},
            },
            connectivity=(0.01, 0.01),
            lif=200,
            alif=100,
            batch=32,
            epochs=4,
            decay=0.02,
        ),
        "rows": SpikingTask(
            load_rows,
            28,
            {
                "deepr": {0.0: Rates(0.129, 0.0144, 8.53e-5)},
                "fixed": {0.0: Rates(0.0183)},
                "dense": {0.0: Rates(0.014)},
            },
            connectivity=(0.05, 0.05),
            lif=200,
            alif=100,
            batch=32,
            epochs=4,
            decay=0.02,
            network={"tau": 8 * ms, "tau_readout": 10 * ms},
            scale=10.0,
            score="sequences",
        ),
        "ecg": SpikingTask(
            load_ecg,
            5,
            {
                "deepr": {0.0: Rates(0.0792, 0.00862, 4.16e-6)},
                "soft": {0.0: Rates(0.343, 0.0373, 1.12e-4)},
                "set": {0.0: Rates(0.0792, fraction=0.0572, every=12)},
                "rigl": {0.0: Rates(0.0792, fraction=0.0572, every=12)},
                "fixed": {0.0: Rates(0.129)},
                "dense": {0.0: Rates(0.002)},
            },
            connectivity=(1.0, 0.02),
            lif=100,
            alif=100,
            batch=1,
            epochs=10,
            decay=0.02,
            network={"tau_readout": 3 * ms},
            quick=6,
            scale=10.0,
        ),
        "braille": SpikingTask(
            load_braille,
            20,
            {
                "deepr": {0.0: Rates(0.0183, 0.0668, 8.36e-6)},
                "fixed": {0.0: Rates(0.0183)},
                "dense": {0.0: Rates(0.000882)},
            },
            connectivity=(0.05, 0.01),
            lif=100,
            alif=100,
            batch=8,
            epochs=27,
            decay=0.02,
            quick=60,
        ),
        "speech": SpikingTask(
            load_speech,
            64,
            {
                "deepr": {0.0: Rates(0.129, 0.0144, 8.53e-5)},
                "fixed": {0.0: Rates(0.0112)},
                "dense": {0.0: Rates(0.00558)},
            },
            connectivity=(0.01, 0.01),
            lif=200,
            alif=100,
            batch=16,
            epochs=10,
            decay=0.02,
            network={"tau": 20 * ms, "tau_readout": 20 * ms},
            quick=48,
            scale=10.0,
            score="sequences",
        ),
        "evidence": SpikingTask(
            _evidence,
            40,
            {"deepr": {0.0: Rates(0.1, 0.01, 1e-5)}, "fixed": {0.0: Rates(0.1)}, "dense": {0.0: Rates(0.003)}},
            connectivity=(0.1, 0.02),
            lif=50,
            alif=50,
            batch=64,
            epochs=6,
            decay=0.1,
            network={
                "tau": 20 * ms,
                "tau_readout": 20 * ms,
                "tau_adaptation": 2000 * ms,
                "adaptation": 0.03,
                "rate_penalty": RatePenalty(10.0, 10 * Hz),
            },
            quick=48,
            scale=10.0,
            score="sequences",
        ),
    }
)
