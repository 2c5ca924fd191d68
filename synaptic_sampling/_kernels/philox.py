"""Philox4x32-10: random numbers that have addresses instead of a stream.

Every block of four 32-bit words is a pure function of a 64-bit key (the seed) and a 128-bit counter
``(slot, step, stream | set << 8, try)``. There is no state to store and no order in which numbers must be drawn:
any thread, process or language that evaluates the same address gets the same bits.

Words travel as uint64 below 2**32, so that a product of two of them fits and NumPy scalars behave alike without
compilation. Reference: Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._numba import jit

__all__ = [
    "BLOCKS_PER_CHUNK",
    "CHUNK",
    "_bounded",
    "_box_muller",
    "_fill_normals",
    "_fill_uniforms",
    "_fill_words",
    "_philox",
]

BLOCKS_PER_CHUNK = 16
#: Slots are served in chunks: block b of a chunk gives its word l to slot 16*l + b, which lets the compiler
#: work on many blocks at once without shuffling words.
CHUNK = 4 * BLOCKS_PER_CHUNK

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
BITS_32 = np.uint64(32)
BIT_30 = np.uint32(30)
BIT_31 = np.uint32(31)
ONE = np.uint32(1)
LOW_30_BITS = np.uint32(0x3FFFFFFF)

LN_2 = 0.6931471805599453
MANTISSA_BITS = 52
#: Added to the bits of a float64, carries into the exponent where the mantissa is >= sqrt(2).
HALF_OCTAVE = 0x0009_5F61_9980_C433
EXPONENT_BIAS = 1023
ANGLE_SCALE = math.pi / 2 * 2.0**-30
QUARTER_PI = math.pi / 4


@jit
def _round(c0, c1, c2, c3, k0, k1):
    """Mix the counter once."""
    p0 = MULTIPLIER_0 * c0
    p1 = MULTIPLIER_1 * c2
    return (p1 >> BITS_32) ^ c1 ^ k0, p1 & MASK, (p0 >> BITS_32) ^ c3 ^ k1, p0 & MASK


@jit
def _philox(c0, c1, c2, c3, k0, k1):
    """Return four words for counter (c0, c1, c2, c3) and key (k0, k1), all uint64 below 2**32."""
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@jit
def _bounded(word, bound):
    """Return a uniform integer in [0, bound), or -1 where this word must be rejected (Lemire 2019)."""
    product = word * bound
    low = product & MASK
    if low < bound and low < ((MASK - bound) + np.uint64(1)) % bound:
        return np.int64(-1)
    return np.int64(product >> BITS_32)


@jit
def _fill_words(chunk, step, stream, k0, k1, words):
    """Write the 64 words of a chunk into ``words`` (uint32[64]), in the order of the slots."""
    first = np.uint64(chunk) * np.uint64(BLOCKS_PER_CHUNK)
    for b in range(BLOCKS_PER_CHUNK):
        w0, w1, w2, w3 = _philox(first + np.uint64(b), step, stream, np.uint64(0), k0, k1)
        words[b] = np.uint32(w0)
        words[BLOCKS_PER_CHUNK + b] = np.uint32(w1)
        words[2 * BLOCKS_PER_CHUNK + b] = np.uint32(w2)
        words[3 * BLOCKS_PER_CHUNK + b] = np.uint32(w3)


@jit
def _gauss_pair(radius_word, angle_word):
    """Return two independent standard normals (Box and Muller 1958), from additions and products only.

    Library logarithms and sines differ in their last bits between NumPy, C and vector units; these polynomials
    (error below 1e-12) do not. Two bits of ``angle_word`` choose the quadrant, 30 the angle within it.
    """
    x = np.float64(radius_word) + 0.5
    bits = np.float64(x).view(np.int64)
    exponent = ((bits + HALF_OCTAVE) >> MANTISSA_BITS) - EXPONENT_BIAS
    mantissa = np.int64(bits - (exponent << MANTISSA_BITS)).view(np.float64)
    z = (mantissa - 1.0) / (mantissa + 1.0)
    q = z * z
    series = 2 / 9 + q * (2 / 11 + q * (2 / 13 + q * (2 / 15)))
    log_mantissa = z * (2.0 + q * (2 / 3 + q * (2 / 5 + q * (2 / 7 + q * series))))
    # sqrt(-log u) with u = x / 2**32: the factor sqrt(2) of Box and Muller cancels against cos(pi/4) below.
    radius = math.sqrt((32 - exponent) * LN_2 - log_mantissa)
    y = (np.float64(angle_word & LOW_30_BITS) + 0.5) * ANGLE_SCALE - QUARTER_PI
    q = y * y
    sine = y * (1.0 + q * (-1 / 6 + q * (1 / 120 + q * (-1 / 5040 + q * (1 / 362880 + q * (-1 / 39916800))))))
    series = 1 / 40320 + q * (-1 / 3628800 + q * (1 / 479001600))
    cosine = 1.0 + q * (-1 / 2 + q * (1 / 24 + q * (-1 / 720 + q * series)))
    sign_0 = 1.0 - 2.0 * np.float64((angle_word >> BIT_30) & ONE)
    sign_1 = 1.0 - 2.0 * np.float64(angle_word >> BIT_31)
    return sign_0 * radius * (cosine - sine), sign_1 * radius * (cosine + sine)


@jit
def _box_muller(words, normals):
    """Turn 64 words into 64 standard normals, written into ``normals`` (float64[64])."""
    for b in range(BLOCKS_PER_CHUNK):
        normals[b], normals[BLOCKS_PER_CHUNK + b] = _gauss_pair(words[b], words[BLOCKS_PER_CHUNK + b])
    for b in range(2 * BLOCKS_PER_CHUNK, 3 * BLOCKS_PER_CHUNK):
        normals[b], normals[BLOCKS_PER_CHUNK + b] = _gauss_pair(words[b], words[BLOCKS_PER_CHUNK + b])


@jit
def _fill_normals(step, stream, k0, k1, out):
    """Write the standard normals of slots 0, 1, ... into ``out`` (float64[n])."""
    words = np.empty(CHUNK, np.uint32)
    normals = np.empty(CHUNK, np.float64)
    for start in range(0, out.size, CHUNK):
        _fill_words(start // CHUNK, step, stream, k0, k1, words)
        _box_muller(words, normals)
        for i in range(min(CHUNK, out.size - start)):
            out[start + i] = normals[i]


@jit
def _fill_uniforms(step, stream, k0, k1, out):
    """Write uniforms in (0, 1) of slots 0, 1, ... into ``out`` (float64[n]); multiples of 2**-32, plus 2**-33."""
    words = np.empty(CHUNK, np.uint32)
    for start in range(0, out.size, CHUNK):
        _fill_words(start // CHUNK, step, stream, k0, k1, words)
        for i in range(min(CHUNK, out.size - start)):
            out[start + i] = (np.float64(words[i]) + 0.5) * 2.0**-32
