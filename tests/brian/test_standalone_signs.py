"""Signs that a user has set are kept in C++ standalone mode as in runtime mode, or refused for the same reasons."""

from __future__ import annotations

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms
from numpy.testing import assert_array_equal

from synaptic_sampling import DeepR, Rewiring, RewiringMonitor, SoftDeepR, SynapticSampling
from tests.brian.test_standalone import standalone

pytestmark = pytest.mark.usefixtures("exact_flags")

MODEL = "theta : 1\npolarity : 1\ngradient : 1"
DEEPR = DeepR(0.1, 0.2, 1e-2)
SOFT = SoftDeepR(0.1, 0.2, 1e-2, 0.3)
SAMPLING = SynapticSampling(10 / b2.second, 1.0, 0.5, 1.0, 1 * ms)
#: Signs as numbers, as strings that the program evaluates, of another type, and drawn.
SIGNS = {"numbers": "numbers", "string": "1 - 2*int(i >= 4)", "integer": "2*int(j > 3) - 1", "drawn": 0}


def make(signs, name, model=MODEL, pairs=None):
    """Return synapses with these signs, connected by the program if ``pairs`` is a string."""
    neurons = b2.NeuronGroup(8, "v : 1", name=f"{name}_neurons")
    s = b2.Synapses(neurons, neurons, model, name=name)
    if pairs is None:
        s.connect(i=np.arange(8).repeat(2), j=np.arange(16) % 7)
    else:
        s.connect(pairs)
    s.theta = 0.02
    if signs is not None:
        s.polarity = np.where(np.arange(16) % 3, 1, -1) if isinstance(signs, str) and signs == "numbers" else signs
    return s


def signs_of_sites(s):
    """Return the signs that are drawn for these synapses."""
    return Rewiring(s, SOFT, depth=5, seed=3, autapses=True).connections.polarity[:16]


class Network:
    """Synapses with signs of all kinds, under rules of all kinds."""

    def __init__(self, own_signs):
        self.synapses, self.rewirings = {}, {}
        for name, signs in SIGNS.items():
            model = MODEL.replace("polarity : 1", "polarity : integer") if name == "integer" else MODEL
            self.add(make(signs, name, model), DEEPR)
        self.add(make("2*int(i > j) - 1", "made", pairs="i != j"), DEEPR)
        self.add(make("1 - 2*int(i >= 4)", "sampled"), SAMPLING)
        self.add(make(own_signs, "soft"), SOFT, depth=5)
        self.monitors = {name: RewiringMonitor(each) for name, each in self.rewirings.items()}
        parts = [*self.synapses.values(), *self.rewirings.values(), *self.monitors.values()]
        self.net = b2.Network(*[s.source for s in self.synapses.values()], parts)

    def add(self, s, rule, **options):
        self.synapses[s.name] = s
        self.rewirings[s.name] = Rewiring(s, rule, seed=3, dt=1 * ms, autapses=True, **options)

    def run(self, build=lambda: None):
        """Return signs at the start and at the end by name, in the synapses, the connections and the log."""
        self.net.run(5.05 * ms)
        build()
        return {
            name: [
                np.array(s.polarity[:]),
                self.rewirings[name].connections.polarity.copy(),
                *self.monitors[name].log.wiring(0),
                *self.monitors[name].log.wiring(5),
            ]
            for name, s in self.synapses.items()
        }


@pytest.mark.slow
@pytest.mark.cython
def test_signs_that_are_set_are_kept(tmp_path):
    own = signs_of_sites(make(None, "signs"))
    expected = Network(own).run()
    with standalone(tmp_path) as build:
        got = Network(own).run(build)
    for name, arrays in expected.items():
        for one, other in zip(arrays, got[name], strict=True):
            assert_array_equal(one, other, err_msg=name)
        assert not np.array_equal(arrays[2], arrays[5]), f"{name}: some connections were replaced"


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize(
    ("signs", "rule", "depth"),
    [("0.5*int(i >= 4)", SAMPLING, None), ("2*int(i > j) - 1", SOFT, 5)],
    ids=["some set", "not of the site"],
)
def test_signs_that_the_program_finds_wrong_stop_it(tmp_path, capsys, signs, rule, depth):
    with pytest.raises(ValueError, match="'polarity' of 's'") as raised:
        Rewiring(make(signs, "s"), rule, seed=3, autapses=True, depth=depth)
    b2.start_scope()
    with standalone(tmp_path) as build:
        s = make(signs, "s")
        rewiring = Rewiring(s, rule, seed=3, autapses=True, depth=depth)
        b2.Network(s, s.source, rewiring).run(1 * ms)
        with pytest.raises(RuntimeError, match="Project run failed"):
            build()
    assert f"Error: {raised.value}\n" in capsys.readouterr().out
