// Random numbers addressed by (slot, step, stream, key); bit-identical to _kernels/philox.py.
//
// Compiled with -ffp-contract=off; with -ffast-math the normals may differ in their last bits.
#ifndef SYNAPTIC_SAMPLING_PHILOX_H
#define SYNAPTIC_SAMPLING_PHILOX_H

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace synaptic_sampling {

// The words of a counter that all slots of a step share, and the key.
struct Address {
    uint32_t step, stream, k0, k1;
};

struct Words {
    uint32_t w[4];
};

inline Words philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return Words{{c0, c1, c2, c3}};
}

inline Words philox(int32_t slot, const Address &at, uint32_t attempt)
{
    return philox((uint32_t)slot, at.step, at.stream, attempt, at.k0, at.k1);
}

// A uniform integer below the bound, or -1 where this word must be rejected (Lemire 2019).
inline int64_t bounded(uint32_t word, uint64_t bound)
{
    const uint64_t product = word * bound, low = product & 0xFFFFFFFFu;
    if (low < bound && low < (0xFFFFFFFFu - bound + 1) % bound)
        return -1;
    return (int64_t)(product >> 32);
}

// Slots are processed in chunks: word l of block b of a chunk belongs to slot BLOCKS*l + b. Rounds are the outer loop,
// so that all blocks are processed at once by vector units.
#if defined(__GNUC__) && defined(__AVX2__)
// Compilers multiply words of 64 bits here, which on some processors takes seven times as long as multiplying their lower
// halves.
#if defined(__AVX512F__)
typedef uint64_t Lanes __attribute__((vector_size(64)));
inline Lanes product_of_halves(Lanes a, Lanes b) { return (Lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
#else
typedef uint64_t Lanes __attribute__((vector_size(32)));
inline Lanes product_of_halves(Lanes a, Lanes b) { return (Lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
#endif

// Upper halves are not cleared: no product depends on them.
inline void fill_words(int64_t chunk, const Address &at, uint32_t *words)
{
    const int WIDTH = sizeof(Lanes) / sizeof(uint64_t), GROUPS = BLOCKS / WIDTH;
    const Lanes zero = {0}, multiplier_0 = zero + 0xD2511F53u, multiplier_1 = zero + 0xCD9E8D57u;
    Lanes c0[GROUPS], c1[GROUPS], c2[GROUPS], c3[GROUPS];
    uint32_t k0 = at.k0, k1 = at.k1;
    for (int g = 0; g < GROUPS; g++) {
        c0[g] = zero;
        for (int lane = 0; lane < WIDTH; lane++)
            c0[g][lane] = (uint32_t)(chunk * BLOCKS) + (uint32_t)(g * WIDTH + lane);
        c1[g] = zero + at.step;
        c2[g] = zero + at.stream;
        c3[g] = zero;
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int g = 0; g < GROUPS; g++) {
            const Lanes p0 = product_of_halves(multiplier_0, c0[g]), p1 = product_of_halves(multiplier_1, c2[g]);
            c0[g] = (p1 >> 32) ^ c1[g] ^ (zero + k0);
            c1[g] = p1;
            c2[g] = (p0 >> 32) ^ c3[g] ^ (zero + k1);
            c3[g] = p0;
        }
    for (int g = 0; g < GROUPS; g++)
        for (int lane = 0; lane < WIDTH; lane++) {
            words[g * WIDTH + lane] = (uint32_t)c0[g][lane];
            words[BLOCKS + g * WIDTH + lane] = (uint32_t)c1[g][lane];
            words[2 * BLOCKS + g * WIDTH + lane] = (uint32_t)c2[g][lane];
            words[3 * BLOCKS + g * WIDTH + lane] = (uint32_t)c3[g][lane];
        }
}
#else
inline void fill_words(int64_t chunk, const Address &at, uint32_t *words)
{
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS], k0 = at.k0, k1 = at.k1;
    for (int b = 0; b < BLOCKS; b++) {
        c0[b] = (uint32_t)(chunk * BLOCKS) + (uint32_t)b;
        c1[b] = at.step;
        c2[b] = at.stream;
        c3[b] = 0;
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
#pragma GCC unroll 1
        for (int b = 0; b < BLOCKS; b++) {
            const uint64_t p0 = UINT64_C(0xD2511F53) * c0[b], p1 = UINT64_C(0xCD9E8D57) * c2[b];
            c0[b] = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0;
            c1[b] = (uint32_t)p1;
            c2[b] = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
            c3[b] = (uint32_t)p0;
        }
    std::memcpy(words, c0, sizeof c0);
    std::memcpy(words + BLOCKS, c1, sizeof c1);
    std::memcpy(words + 2 * BLOCKS, c2, sizeof c2);
    std::memcpy(words + 3 * BLOCKS, c3, sizeof c3);
}
#endif

// Two independent standard normals (Box and Muller 1958), from float additions and products only.
inline void gauss_pair(uint32_t radius_word, uint32_t angle_word, float *first, float *second)
{
    const float A1 = 2.0, A3 = 2.0 / 3, A5 = 2.0 / 5, A7 = 2.0 / 7, A9 = 2.0 / 9;
    const float S1 = 1.0, S3 = -1.0 / 6, S5 = 1.0 / 120, S7 = -1.0 / 5040, S9 = 1.0 / 362880;
    const float C0 = 1.0, C2 = -1.0 / 2, C4 = 1.0 / 24, C6 = -1.0 / 720, C8 = 1.0 / 40320;
    const float LN_2 = 0.6931471805599453, ANGLE_SCALE = 3.141592653589793 / 2 / 1073741824.0;
    const float x = (float)radius_word + 0.5f;
    int32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    // Carries into the exponent where the mantissa is >= sqrt(2).
    const int32_t octave = (bits + 0x004AFB0D) >> 23, reduced = bits - ((octave - 127) << 23);
    float mantissa;
    std::memcpy(&mantissa, &reduced, sizeof mantissa);
    const float z = (mantissa - 1.0f) / (mantissa + 1.0f), zz = z * z;
    const float log_mantissa = z * (A1 + zz * (A3 + zz * (A5 + zz * (A7 + zz * A9))));
    const float radius = std::sqrt((float)(127 + 32 - octave) * LN_2 - log_mantissa);
    const float y = ((float)((int32_t)(angle_word & 0x3FFFFFFFu) - (1 << 29)) + 0.5f) * ANGLE_SCALE, yy = y * y;
    const float sine = y * (S1 + yy * (S3 + yy * (S5 + yy * (S7 + yy * S9))));
    const float cosine = C0 + yy * (C2 + yy * (C4 + yy * (C6 + yy * C8)));
    const float sign_0 = 1.0f - 2.0f * (float)((angle_word >> 30) & 1u);
    const float sign_1 = 1.0f - 2.0f * (float)(angle_word >> 31);
    *first = sign_0 * radius * (cosine - sine);
    *second = sign_1 * radius * (cosine + sine);
}

// Slots that are processed together: enough that memory is read in long stretches, and few enough for the first cache.
const int STRETCH = 4 * CHUNK;

// The normals of up to STRETCH slots from a chunk on, their number rounded up to half a chunk. All words are generated
// first, since reading words that have just been written stalls.
inline void fill_normals(int64_t chunk, size_t size, const Address &at, float *normals)
{
    uint32_t words[STRETCH];
    for (size_t begin = 0; begin < size; begin += CHUNK)
        fill_words(chunk + (int64_t)begin / CHUNK, at, words + begin);
    for (size_t begin = 0; begin < size; begin += 2 * BLOCKS) {
        const uint32_t *own = words + begin;
        float first[BLOCKS], second[BLOCKS];
#pragma GCC unroll 1
        for (int b = 0; b < BLOCKS; b++)
            gauss_pair(own[b], own[BLOCKS + b], &first[b], &second[b]);
        std::memcpy(normals + begin, first, sizeof first);
        std::memcpy(normals + begin + BLOCKS, second, sizeof second);
    }
}

}  // namespace synaptic_sampling

#endif
