"""The C++ functions of standalone mode give the bits of the Numba kernels, also where vector units compute them."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling._kernels import dynamics, soft_deep
from synaptic_sampling._kernels.langevin import langevin, sweep_langevin
from synaptic_sampling._kernels.philox import bounded
from synaptic_sampling._kernels.sweep import sweep
from synaptic_sampling.brian.standalone import program
from synaptic_sampling.brian.standalone.constants import constants_in_cpp
from synaptic_sampling.brian.standalone.moves import move_in_cpp, noise_in_cpp
from synaptic_sampling.connections.deep import Deep, exit_times, overshoots, span_of
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.events import EVENT
from synaptic_sampling.randomness import Stream, key_words, normals
from synaptic_sampling.rules import SET
from synaptic_sampling.rules.optimizers import Adam
from synaptic_sampling.spiking.device import FLAGS
from tests.kernels.test_philox import KNOWN_ANSWERS

pytestmark = pytest.mark.cython

SEED, STEP, N = 0x1234_5678_9ABC_DEF0, 77, 1000
KEY = key_words(SEED)


def address(stream):
    return np.array([STEP, stream, *KEY], np.uint32)


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Return the C++ functions; arrays are passed by their addresses."""
    return compiled(tmp_path_factory.mktemp("twins"))


def compiled(folder, *more):
    """Return the C++ functions, compiled with more flags."""
    library = folder / "twins.so"
    source = Path(__file__).with_name("twins.cpp")
    (library.parent / "constants.h").write_text(constants_in_cpp())
    (library.parent / "move.h").write_text(move_in_cpp(langevin) + noise_in_cpp(langevin))
    flags = ["-shared", "-fPIC", *FLAGS, *more, "-I", program.FOLDER, "-I", library.parent]
    subprocess.run([os.environ.get("CXX", "c++"), *flags, source, "-o", library], check=True)
    functions = ctypes.CDLL(str(library))

    def call(name, *arguments, returns=None):
        function = getattr(functions, name)
        function.restype = returns
        return function(
            *(each.ctypes.data_as(ctypes.c_void_p) if isinstance(each, np.ndarray) else each for each in arguments)
        )

    return call


def draws(seed=1):
    """Return gradients, signs and thetas of connections."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=N), rng.choice(np.array([-1, 1], np.int8), N), rng.exponential(0.1, N)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(twins, counter, key, words):
    out = np.empty(4, np.uint32)
    twins("the_philox", np.array(counter, np.uint32), np.array(key, np.uint32), out)
    assert out.tolist() == list(words)


def test_normals(twins):
    check_normals(twins)


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="the flags are those of x86 processors")
@pytest.mark.parametrize("missing", ["avx512f", "avx2"])
def test_normals_with_fewer_vector_units(tmp_path, missing):
    check_normals(compiled(tmp_path, f"-mno-{missing}"))


def check_normals(functions):
    out = np.empty(100_001)
    functions("the_normals", address(Stream.NOISE), len(out), out)
    assert_array_equal(out, normals(SEED, Stream.NOISE, STEP, len(out)))


def test_bounded_integers(twins):
    words = np.random.default_rng(1).integers(2**32, size=1000).tolist()
    for bound in (1, 3, 2**31 - 1, 3 * 2**30):
        for word in [0, bound, 2**32 - 1, *words]:
            got = twins("the_bounded", ctypes.c_uint32(word), ctypes.c_uint64(bound), returns=ctypes.c_int64)
            assert got == bounded(np.uint64(word), np.uint64(bound))


@pytest.mark.parametrize("signs", ["site", "presynaptic", "redrawn", "given", "table"])
def test_signs(twins, signs):
    rng = np.random.default_rng(1)
    given = {"given": rng.choice([-1, 1], 30), "table": rng.choice([-1, 1], (30, 40))}.get(signs, signs)
    c = Connections(30, 40, [], [], signs=given, excitatory=0.3, seed=SEED)
    rule, table, threshold = c.signs.rule
    pre, post = rng.integers(30, size=N, dtype=np.int32), rng.integers(40, size=N, dtype=np.int32)
    out, at = np.empty(N, np.int8), address(Stream.SIGN)
    at[0] = 0
    twins(
        "the_polarities", rule, table, ctypes.c_uint64(threshold), at, N, pre, post, ctypes.c_int64(40), out
    )  # fmt: skip
    assert_array_equal(out, c.signs_of(pre, post))


@pytest.mark.parametrize("always_active", [True, False])
@pytest.mark.parametrize("sigma", [0.0, 0.02])
def test_langevin(twins, sigma, always_active):
    """If all are active, those with a negative theta are listed; else those in which theta has crossed 0."""
    slope, polarity, theta = draws()
    kernel = sweep_langevin
    if not always_active:
        theta *= draws(2)[1]
        kernel = sweep(langevin)
    expected, crossed, got = theta.copy(), np.empty(N, np.int32), np.empty(N, np.int32)
    at = address(Stream.NOISE)
    words = (np.uint64(word) for word in at)
    number = kernel(slope, polarity, (0.05, 0.3, sigma), sigma > 0, *words, expected, crossed)
    parameters = np.array([0.05, 0.3, sigma])
    found = twins(
        "the_langevin", N, slope, polarity, parameters, at, always_active, theta, got, returns=ctypes.c_int
    )  # fmt: skip
    assert 0 < found == number < N
    assert_array_equal(theta, expected)
    assert_array_equal(got[:found], crossed[:number])


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("place", "start"), [(0, 0), (255, 0), (256, 256), (700, 512), (N - 1, 768)])
@pytest.mark.parametrize("array", ["slope", "theta"])
def test_the_sweep_tells_where_a_value_is_not_finite(twins, array, place, start, value):
    slope, polarity, theta = draws()
    given = {"slope": slope, "theta": theta}
    given[array][1] = 1e308
    parameters, at, crossed = np.array([0.05, 0.3, 0.0]), address(Stream.NOISE), np.empty(N, np.int32)

    def swept():
        return twins(
            "the_langevin", N, slope, polarity, parameters, at, True, theta.copy(), crossed, returns=ctypes.c_int
        )  # fmt: skip

    assert swept() > 0
    given[array][place] = value
    assert swept() == -1 - start


def test_momentum(twins):
    gradient, _, velocity = draws()
    expected, slope, got = velocity.copy(), np.empty(N), np.empty(N)
    dynamics.momentum(gradient, 0.9, expected, slope)
    twins("the_momentum", N, gradient, ctypes.c_double(0.9), velocity, got)
    assert_array_equal(velocity, expected)
    assert_array_equal(got, slope)


def test_adam(twins):
    gradient, _, second = draws()
    first = draws(2)[0]
    c = Connections(N, N, np.arange(N), np.arange(N))
    c.steps_done = 10**6
    # From new connections to those for which both corrections have ended.
    c.birth_step[:] = c.steps_done - np.random.default_rng(3).integers(1, 50_000, N)
    c.birth_step[:5] = c.steps_done - np.arange(1, 6)
    c.moments = first.copy(), second.copy()
    adam, got = Adam(0.9, 0.999, 1e-8), np.empty(N)
    expected = adam.direction(gradient, c)
    parameters = np.array([adam.beta1, adam.beta2, adam.epsilon])
    twins("the_adam", N, gradient, parameters, ctypes.c_int64(c.steps_done), c.birth_step, first, second, got)
    assert_array_equal(got, expected)
    assert_array_equal([first, second], c.moments)


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_first_not_finite(twins, value):
    values = np.full(N, 1e308)
    values[1] = 5e-324
    assert twins("the_first_not_finite", N, values, returns=ctypes.c_int64) == -1
    values[[700, 900]] = value
    assert twins("the_first_not_finite", N, values, returns=ctypes.c_int64) == 700


def candidates(number):
    """Return so many pairs of 40 by 50 neurons."""
    keys = np.random.default_rng(4).choice(2000, number, replace=False)
    return np.column_stack([keys // 50, keys % 50])


@pytest.mark.parametrize(
    ("connections", "options"),
    [
        (300, {}),
        (300, {"autapses": False, "diagonal": -3}),
        (1990, {}),
        (1930, {"autapses": False, "diagonal": 2}),
        (300, {"candidates": candidates(400)}),
        (395, {"candidates": candidates(400)}),
        (300, {"multapses": True}),
        (20, {"candidates": candidates(20)}),
    ],
)
def test_draw_of_vacant_sites(twins, connections, options):
    c = Connections.random(40, 50, connections, seed=SEED, **options)
    sites, retracted = c.sites, np.sort(np.random.default_rng(5).permutation(connections)[:15]).astype(np.int32)
    keys = sites.keys(c.pre, c.post)
    order = np.concatenate([retracted, np.setdiff1d(np.arange(connections), retracted)])
    got = np.empty(15, np.int64)
    twins(
        "the_draw", np.array(sites.grid), len(sites.listed), sites.listed, ctypes.c_int64(sites.number),
        sites.multapses, connections, keys[order], 15, 15, retracted, address(Stream.BIRTH), got,
    )  # fmt: skip
    dynamics.retract(retracted, c.pre, c.post, c.polarity, 50, STEP, 0, c.table, np.empty(15, EVENT))
    assert_array_equal(got, c.draw_vacant(retracted, retracted, Stream.BIRTH, STEP))


def probabilities(lowest, exponent=1, num_pre=40):
    """Return a probability for each of 40 by 50 pairs; those with a number below the lowest are never accepted."""
    numbers = np.random.default_rng(6).random((num_pre, 50))
    return np.where(numbers < lowest, 0.0, numbers**exponent)


#: Draws by proposals: by chance, in blocks, from a list of what is free; and with few sites left.
UNEVEN = {
    "condition": (300, {"candidates": lambda pre, post: probabilities(0.3)[pre, post] > 0}),
    "few candidates": (60, {"candidates": lambda pre, post: probabilities(0.95)[pre, post] > 0}),
    "no vacant candidate": (90, {"candidates": lambda pre, post: probabilities(0.95)[pre, post] > 0}),
    "probabilities": (300, {"probability": probabilities(0.1)}),
    "low probabilities": (300, {"probability": probabilities(0.1, 20)}),
    "one in ten": (150, {"candidates": lambda pre, post: probabilities(0.9)[pre, post] > 0}),
    "extreme probabilities": (150, {"probability": probabilities(0.0, 400)}),
    "many extreme probabilities": (500, {"probability": probabilities(0.0, 4000, num_pre=400)}),
    "almost all": (1850, {"probability": probabilities(0.05), "autapses": False, "diagonal": 3}),
    "listed": (300, {"candidates": candidates(400), "probability": probabilities(0.0)}),
    "listed with low probabilities": (385, {"candidates": candidates(400), "probability": probabilities(0.0, 30)}),
    "multapses": (300, {"probability": probabilities(0.1, 20), "multapses": True}),
}


@pytest.mark.parametrize("kind", UNEVEN)
def test_draw_of_vacant_sites_by_proposals(twins, kind):
    connections, options = UNEVEN[kind]
    num_pre = len(options["probability"]) if "probability" in options else 40
    c = Connections.random(num_pre, 50, connections, seed=SEED, **options)
    sites, retracted = c.sites, np.sort(np.random.default_rng(5).permutation(connections)[:15]).astype(np.int32)
    keys = sites.keys(c.pre, c.post)
    order = np.concatenate([retracted, np.setdiff1d(np.arange(connections), retracted)])
    table, slots = sites.acceptance(np.arange(num_pre * 50)), np.arange(30, dtype=np.int32)
    got = np.empty(30, np.int64)
    twins(
        "the_uneven_draw", np.array(sites.grid), len(sites.listed), sites.listed, table, sites.multapses, connections,
        keys[order], 15, 30, slots, address(Stream.BIRTH), got,
    )  # fmt: skip
    dynamics.retract(retracted, c.pre, c.post, c.polarity, 50, STEP, 0, c.table, np.empty(15, EVENT))
    expected = c.draw_vacant(slots, retracted, Stream.BIRTH, STEP)
    assert_array_equal(got[got >= 0], expected)
    assert len(expected) == 15 + min(15, np.count_nonzero(table) - connections) or sites.multapses


@pytest.mark.parametrize("number", [0, 1, 31, 32, 33, 128, 129, 1000, 100_000])
def test_heads(twins, number):
    for slot in (0, 1, 2**31 - 1, 28 << 26 | 0x3FFFFFF):
        got = twins(
            "the_heads", ctypes.c_int64(number), ctypes.c_uint32(slot), address(Stream.DEEP), returns=ctypes.c_int64
        )
        expected, _ = soft_deep.count_heads(number, slot, *words_of(Stream.DEEP), np.uint64(0))
        assert got == expected


def words_of(stream, step=STEP):
    return np.uint64(step), np.uint64(stream), *(np.uint64(word) for word in KEY)


def test_untracked_connections(twins):
    """In every step some connections enter, and others return; in the end the wheel and the clock are equal."""
    rng = np.random.default_rng(6)
    floor, sigma = -40.0, 1.3
    deep, wheel, clock = Deep(1000, -5.0, floor / sigma, SEED, 0), np.zeros((29, 256), np.int64), np.zeros(1)
    wheel[:] = deep.wheel
    returned = 0
    for step in range(1, 400):
        ticks = (1.7, 0.3, 1.0)[step // 10 % 3]
        noise = np.array([sigma, ticks, span_of(floor, sigma)])
        theta = -rng.uniform(5, 40, 50)
        slots = np.flatnonzero(rng.random(50) < 0.1).astype(np.int32)
        due = deep.advance(step, ticks)
        deep.enter(slots, theta, sigma, floor, step, ticks)
        at = [np.array([step, stream, *KEY], np.uint32) for stream in (Stream.DEEP, Stream.SOJOURN)]
        assert twins("the_advance", wheel, clock, ctypes.c_double(ticks), at[0], returns=ctypes.c_int64) == due
        now = ctypes.c_int64(int(clock[0]))
        twins("the_enter", len(slots), slots, 50, theta, noise, now, at[1], exit_times(), wheel)
        returned += due
    assert_array_equal(wheel, deep.wheel)
    assert clock[0] == deep.clock[0]
    assert returned > 500


def test_landing(twins):
    theta, slots = draws()[2], np.arange(3, N, 7, dtype=np.int32)
    expected = theta.copy()
    soft_deep.land(slots, 0.3, *words_of(Stream.LANDING), overshoots(), expected)
    at = address(Stream.LANDING)
    twins("the_land", len(slots), slots, ctypes.c_double(0.3), at, overshoots(), N, theta)
    assert_array_equal(theta, expected)
    assert (theta[slots] > 0).all()


def test_weakest(twins):
    for percent in range(1, 100):
        c, slots = Connections.random(20, 20, 100, theta=draws(percent)[2][:100]), np.empty(100, np.int32)
        number = twins("the_weakest", 100, c.theta, ctypes.c_double(percent / 100), slots, returns=ctypes.c_int)
        assert number == percent
        assert_array_equal(slots[:number], SET(percent / 100).decide(c).deaths)
