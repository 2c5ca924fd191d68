"""Philox4x32-10: random numbers with addresses instead of a sequential stream.

Every block of four 32-bit words is a pure function of a 64-bit key (the seed) and a 128-bit counter
``(slot, step, stream | set << 8, attempt)``. There is no state to store and no order in which numbers must be drawn:
any thread, process or language that evaluates the same address gets the same bits.

Words travel as uint64 below 2**32, so that the product of two of them fits, and NumPy scalars behave the same without
compilation. Reference: Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11.
"""

from __future__ import annotations

import math

import numpy as np

from synaptic_sampling._numba import jit, merged

__all__ = [
    "BLOCK",
    "BLOCKS_PER_CHUNK",
    "CHUNK",
    "bounded",
    "fill_chunks",
    "fill_normals",
    "fill_uniforms",
    "fill_words",
    "philox",
]

BLOCKS_PER_CHUNK = 16
#: Slots are served in chunks: word l of block b in a chunk belongs to slot 16*l + b, which lets the compiler
#: process many blocks at once without shuffling words.
CHUNK = 4 * BLOCKS_PER_CHUNK
#: Slots that are processed together: so many that the checks before each loop do not count, in the first cache.
BLOCK = 4 * CHUNK

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
BITS_32 = np.uint64(32)
BIT_30 = np.uint32(30)
BIT_31 = np.uint32(31)
LOW_30_BITS = np.uint32(0x3FFFFFFF)

MANTISSA_BITS = np.int32(23)
#: When added to the bits of a float32, it carries into the exponent where the mantissa is >= sqrt(2).
HALF_OCTAVE = np.int32(0x004A_FB0D)
EXPONENT_OF_ONE = np.int32(127)
#: The exponent of 2**32, the number of words.
EXPONENT_OF_ALL_WORDS = np.int32(127 + 32)
BIT_0 = np.uint32(1)
HALF, ONE, TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)
LN_2 = np.float32(math.log(2.0))
#: Coefficients of 2 atanh(z) (odd powers), sine (odd powers) and cosine (even powers).
A1, A3, A5, A7, A9 = (np.float32(2 / n) for n in (1, 3, 5, 7, 9))
S1, S3, S5, S7, S9 = (np.float32((-1) ** (n // 2) / math.factorial(n)) for n in (1, 3, 5, 7, 9))
C0, C2, C4, C6, C8 = (np.float32((-1) ** (n // 2) / math.factorial(n)) for n in (0, 2, 4, 6, 8))
MIDDLE = np.int32(2**29)
ANGLE_SCALE = np.float32(math.pi / 2 * 2.0**-30)


@merged
def _round(c0, c1, c2, c3, k0, k1):
    """Mix the counter once."""
    p0 = MULTIPLIER_0 * c0
    p1 = MULTIPLIER_1 * c2
    return (p1 >> BITS_32) ^ c1 ^ k0, p1 & MASK, (p0 >> BITS_32) ^ c3 ^ k1, p0 & MASK


@merged
def philox(c0, c1, c2, c3, k0, k1):
    """Return four words for counter (c0, c1, c2, c3) and key (k0, k1), all uint64 below 2**32."""
    # Masks tell the compiler that products need the lower halves only.
    c0, c1, c2, c3, k0, k1 = c0 & MASK, c1 & MASK, c2 & MASK, c3 & MASK, k0 & MASK, k1 & MASK
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@jit
def bounded(word, bound):
    """Return a uniform integer in [0, bound), or -1 where this word must be rejected (Lemire 2019)."""
    product = word * bound
    low = product & MASK
    if low < bound and low < ((MASK - bound) + np.uint64(1)) % bound:
        return np.int64(-1)
    return np.int64(product >> BITS_32)


@jit
def fill_words(chunk, step, stream, k0, k1, words):
    """Write the 64 words of a chunk into ``words`` (uint32[64]), in the order of the slots."""
    first = np.uint64(chunk) * np.uint64(BLOCKS_PER_CHUNK)
    for b in range(BLOCKS_PER_CHUNK):
        w0, w1, w2, w3 = philox(first + np.uint64(b), step, stream, np.uint64(0), k0, k1)
        words[b] = np.uint32(w0)
        words[BLOCKS_PER_CHUNK + b] = np.uint32(w1)
        words[2 * BLOCKS_PER_CHUNK + b] = np.uint32(w2)
        words[3 * BLOCKS_PER_CHUNK + b] = np.uint32(w3)


@merged
def gauss_pair(radius_word, angle_word):
    """Return two independent standard normals (Box and Muller 1958), from float32 additions and products only.

    Library logarithms and sines differ in their last bits between NumPy, C and vector units; these polynomials
    (error below 2e-6) do not. Two bits of ``angle_word`` select the quadrant, 30 the angle within it.
    The largest normal is 6.76; a fraction of 1e-11 would exceed it.
    """
    x = np.float32(radius_word) + HALF
    bits = np.float32(x).view(np.int32)
    octave = np.int32(np.int32(bits + HALF_OCTAVE) >> MANTISSA_BITS)
    mantissa = np.int32(bits - ((octave - EXPONENT_OF_ONE) << MANTISSA_BITS)).view(np.float32)
    z = (mantissa - ONE) / (mantissa + ONE)
    q = z * z
    log_mantissa = z * (A1 + q * (A3 + q * (A5 + q * (A7 + q * A9))))
    # sqrt(-log u) with u = x / 2**32: the factor sqrt(2) of Box and Muller cancels against cos(pi/4) below.
    radius = np.sqrt(np.float32(np.int32(EXPONENT_OF_ALL_WORDS - octave)) * LN_2 - log_mantissa)
    y = (np.float32(np.int32(np.int32(angle_word & LOW_30_BITS) - MIDDLE)) + HALF) * ANGLE_SCALE
    q = y * y
    sine = y * (S1 + q * (S3 + q * (S5 + q * (S7 + q * S9))))
    cosine = C0 + q * (C2 + q * (C4 + q * (C6 + q * C8)))
    sign_0 = ONE - TWO * np.float32(np.int32((angle_word >> BIT_30) & BIT_0))
    sign_1 = ONE - TWO * np.float32(np.int32(angle_word >> BIT_31))
    return sign_0 * radius * (cosine - sine), sign_1 * radius * (cosine + sine)


@merged
def _to_normals(words, normals):
    """Write the standard normals of the words of a chunk."""
    for b in range(BLOCKS_PER_CHUNK):
        first, second = gauss_pair(words[b], words[BLOCKS_PER_CHUNK + b])
        third, fourth = gauss_pair(words[2 * BLOCKS_PER_CHUNK + b], words[3 * BLOCKS_PER_CHUNK + b])
        normals[b], normals[BLOCKS_PER_CHUNK + b] = first, second
        normals[2 * BLOCKS_PER_CHUNK + b], normals[3 * BLOCKS_PER_CHUNK + b] = third, fourth


@merged
def fill_chunks(chunk, number, step, stream, k0, k1, words, normals):
    """Write the standard normals of some chunks into ``normals`` (float32[64*number]), in the order of the slots.

    ``words`` is scratch memory (uint32[64*number]). All words are generated before the first normal: alternating
    between both takes a third longer.
    """
    for n in range(number):
        fill_words(chunk + n, step, stream, k0, k1, words[n * CHUNK : (n + 1) * CHUNK])
    for n in range(number):
        _to_normals(words[n * CHUNK : (n + 1) * CHUNK], normals[n * CHUNK : (n + 1) * CHUNK])


@jit
def fill_normals(step, stream, k0, k1, out):
    """Write the standard normals of slots 0, 1, ... into ``out`` (float64[n])."""
    words, normals = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.float32)
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        fill_chunks(start // CHUNK, (size + CHUNK - 1) // CHUNK, step, stream, k0, k1, words, normals)
        for i in range(size):
            out[start + i] = normals[i]


@jit
def fill_uniforms(step, stream, k0, k1, out):
    """Write uniforms in (0, 1) of slots 0, 1, ... into ``out`` (float64[n]); multiples of 2**-32, plus 2**-33."""
    words = np.empty(CHUNK, np.uint32)
    for start in range(0, out.size, CHUNK):
        fill_words(start // CHUNK, step, stream, k0, k1, words)
        for i in range(min(CHUNK, out.size - start)):
            out[start + i] = (np.float64(words[i]) + 0.5) * 2.0**-32
