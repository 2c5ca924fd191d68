"""Philox: published vectors, bit-identity to the reference implementation, laws of the normals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from synaptic_sampling._kernels import philox
from synaptic_sampling.randomness import Stream, normals, permutation, uniforms
from tests import naive

# Random123, tests/kat_vectors: counter, key -> result of philox4x32 with 10 rounds.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def random_words(rng, n):
    """Words of which some are extreme."""
    words = rng.integers(0, 2**32, n, dtype=np.uint64)
    words[rng.random(n) < 0.1] = 0
    words[rng.random(n) < 0.1] = 2**32 - 1
    return words


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_known_answers(counter, key, expected):
    words = [np.uint64(w) for w in counter + key]
    assert tuple(int(w) for w in philox.philox(*words)) == expected
    assert naive.philox(*counter, *key) == expected


def test_philox_equals_naive(rng):
    for _ in range(500):
        words = random_words(rng, 6)
        assert tuple(map(int, philox.philox(*words))) == naive.philox(*map(int, words))


def test_bounded_equals_naive(rng):
    for _ in range(2000):
        word = random_words(rng, 1)[0]
        bound = np.uint64(rng.integers(1, 2 ** rng.integers(1, 32)))
        assert philox.bounded(word, bound) == naive.bounded(int(word), int(bound))


def test_bounded_gives_each_result_the_same_number_of_words():
    bound = 3 * 2**29  # Leaves a large remainder: without rejection some results would have 3 words, others 2.
    words = {-(-k * 2**32 // bound) + offset for k in (0, 1, 2, 5, bound - 1) for offset in range(-3, 4)}
    words = {w for w in words if 0 <= w < 2**32}
    counts = {}
    for word in words:
        result = int(philox.bounded(np.uint64(word), np.uint64(bound)))
        assert result == naive.bounded(word, bound)
        counts[result] = counts.get(result, 0) + 1
    assert all(counts[k] == 2**32 // bound for k in (0, 1, 2, 5, bound - 1))


def test_gauss_pair_equals_naive(rng):
    for _ in range(2000):
        r, a = np.uint32(random_words(rng, 2))
        assert philox.gauss_pair(r, a) == naive.gauss_pair(int(r), int(a))


def test_chunks_equal_naive(rng):
    words, out = np.empty(256, np.uint32), np.empty(256, np.float32)
    for case in range(200):
        step, stream, k0, k1 = random_words(rng, 4)
        chunk, number = int(rng.integers(0, 2**20)), case % 5
        address = int(step), int(stream), int(k0), int(k1)
        philox.fill_words(chunk, step, stream, k0, k1, words[:64])
        assert_array_equal(words[:64], naive.fill_words(chunk, *address))
        out[:] = -9.0
        philox.fill_chunks(chunk, number, step, stream, k0, k1, words, out)
        assert_array_equal(out[: 64 * number], naive.fill_chunks(chunk, number, *address))
        assert (out[64 * number :] == -9.0).all()


@pytest.mark.parametrize("n", [0, 1, 15, 16, 63, 64, 65, 200, 256, 257, 600])
def test_normals_and_uniforms_equal_naive(n):
    seed = 2**63 + 12345
    address = 7, int(Stream.NOISE) + 256 * 3, seed % 2**32, seed // 2**32
    assert_array_equal(normals(seed, Stream.NOISE, 7, n, index=3), naive.fill_normals(*address, n))
    assert_array_equal(uniforms(seed, Stream.NOISE, 7, n, index=3), naive.fill_uniforms(*address, n))


def test_numbers_depend_on_every_part_of_the_address():
    base = normals(1, Stream.NOISE, 1, 8)
    for other in (
        normals(2, Stream.NOISE, 1, 8),
        normals(1 + 2**32, Stream.NOISE, 1, 8),
        normals(1, Stream.BIRTH, 1, 8),
        normals(1, Stream.NOISE, 2, 8),
        normals(1, Stream.NOISE, 1, 8, index=1),
    ):
        assert not np.any(base == other)
    assert_array_equal(normals(1, Stream.NOISE, 1, 100)[:8], base)


def exact_pair(radius_word, angle_word):
    """What float32 approximates: the angle runs from -45 to 45 degrees off the middle of its quadrant."""
    radius = np.sqrt(-2 * np.log((radius_word + 0.5) / 2**32))
    angle = (angle_word % 2**30 + 0.5) / 2**30 * np.pi / 2
    return radius * np.cos(angle) * (-1) ** (angle_word >> 30 & 1), radius * np.sin(angle) * (-1) ** (angle_word >> 31)


def test_normals_are_those_of_box_and_muller(rng):
    """Off by less than 2e-6, but where the radius is near 0: 32 bits near 1 have only 24 in float32."""
    words = random_words(rng, 4000).reshape(-1, 2)
    for r, a in words:
        pair = philox.gauss_pair(np.uint32(r), np.uint32(a))
        error = np.abs(np.subtract(pair, exact_pair(int(r), int(a)))).max()
        assert error < (2e-6 if r < 2**32 - 2**22 else 3e-4)


def test_extreme_words_give_finite_normals():
    for r in (0, 1, 2**31, 2**32 - 1):
        for a in (0, 2**30 - 1, 2**30, 2**31, 2**32 - 1):
            assert np.abs(philox.gauss_pair(np.uint32(r), np.uint32(a))).max() < 6.77


@pytest.mark.statistical
def test_normals_follow_the_normal_law():
    """Kolmogorov-Smirnov at 1e-6; catches a distance of 0.01 (for example noise 2.5 % too strong) surely."""
    n = 302_000
    sample = np.concatenate([normals(11, Stream.NOISE, s, n // 4) for s in range(4)])
    assert stats.kstest(sample, "norm").pvalue > 1e-6
    assert stats.kstest(1.025 * sample, "norm").pvalue < 1e-6
    pairs = sample[:-1] * sample[1:]
    assert abs(pairs.mean()) * np.sqrt(len(pairs)) < 4.9


def test_permutation_is_one_and_repeats():
    order = permutation(5, Stream.ORDER, 2, 1000)
    assert_array_equal(np.sort(order), np.arange(1000))
    assert_array_equal(order, permutation(5, Stream.ORDER, 2, 1000))
    assert not np.array_equal(order, permutation(5, Stream.ORDER, 3, 1000))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-1, Stream.NOISE, 0, 1), ValueError, "seed must be between 0 and 18446744073709551615, got -1"),
        ((1.5, Stream.NOISE, 0, 1), TypeError, "seed must be an integer, got 1.5"),
        ((1, Stream.NOISE, 2**32, 1), ValueError, "step must be between"),
        ((1, Stream.NOISE, 0, -1), ValueError, "n must be between"),
        ((1, Stream.NOISE, 0, 1, 2**16), ValueError, "index must be between"),
    ],
)
def test_bad_addresses(arguments, error, message):
    with pytest.raises(error, match=message):
        normals(*arguments)
