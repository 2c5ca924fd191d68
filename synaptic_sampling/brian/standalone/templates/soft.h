// Untracked connections of soft DEEP R: when they return, and where they land; same results as _kernels/soft_deep.py.
#ifndef SYNAPTIC_SAMPLING_SOFT_H
#define SYNAPTIC_SAMPLING_SOFT_H

#include <algorithm>
#include <vector>

#include "philox.h"

namespace synaptic_sampling {

// The number of 32 bits that are set.
inline int64_t bits_of(uint32_t word)
{
    word = word - ((word >> 1) & 0x55555555u);
    word = (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
    return (((word + (word >> 4)) & 0x0F0F0F0Fu) * 0x01010101u) >> 24;
}

// The number of heads among fair coins; the attempt becomes the next one.
inline int64_t count_heads(int64_t number, uint32_t slot, const Address &at, uint32_t &attempt)
{
    int64_t heads = 0;
    for (int64_t first = 0; first < number; first += 128) {
        const Words block = philox((int32_t)slot, at, attempt++);
        for (int lane = 0; lane < 4; lane++) {
            const int64_t coins = std::min<int64_t>(std::max<int64_t>(number - first - 32 * lane, 0), 32);
            heads += bits_of(block.w[lane] & (uint32_t)((UINT64_C(1) << coins) - 1));
        }
    }
    return heads;
}

// How many of so many uniform random numbers are below p: bit by bit, each of which decides half of the undecided.
inline int64_t binomial(int64_t number, double p, uint32_t slot, const Address &at)
{
    const int64_t target = (int64_t)(p * 9007199254740992.0);  // 2**53
    if (target >> 53)
        return number;
    int64_t below = 0;
    uint32_t attempt = 0;
    for (int bit = 52; bit >= 0; bit--) {
        const int64_t ones = count_heads(number, slot, at, attempt);
        if ((target >> bit) & 1) {
            below += number - ones;
            number = ones;
        } else {
            number -= ones;
        }
    }
    return below;
}

// The value at x of a function that is tabulated from -REACH on.
inline double interpolate(const double *table, double x)
{
    const double place = (x + REACH) * FINENESS;
    const int64_t n = (int64_t)place;
    return table[n] + (place - (double)n) * (table[n + 1] - table[n]);
}

inline double normal_of(const Words &block)
{
    float first, second;
    gauss_pair(block.w[0], block.w[1], &first, &second);
    return first;
}

// When a Brownian motion first reaches 0, starting at a distance from it and reflected at the span.
inline double sojourn(double distance, double span, int32_t slot, const Address &at, const double *exits)
{
    double time = 0.0;
    for (uint32_t attempt = 0;; attempt++) {
        const Words block = philox(slot, at, attempt);
        time += distance * distance * interpolate(exits, normal_of(block));
        distance = std::min(2.0 * distance, 2.0 * span - 2.0 * distance);
        if (block.w[2] < 0x80000000u)
            return time;
    }
}

// The noise of a step: its standard deviation, the ticks that pass, and the distance to the floor in units of it.
struct Noise {
    double sigma, ticks, span;
};

// Draw return times for the connections in these slots, and count them in the wheel.
template <class T>
void enter(const std::vector<int32_t> &slots, const std::vector<T> &theta, const Noise &noise, int64_t now,
           const Address &at, const double *exits, int64_t *wheel)
{
    for (size_t n = 0; n < slots.size(); n++) {
        const double distance = SHIFT - (double)theta[slots[n]] / noise.sigma;
        const double time = sojourn(distance, noise.span, slots[n], at, exits);
        const int64_t delay =
            (int64_t)std::min(std::max(std::ceil((time - 0.25) * noise.ticks), 1.0), MAX_DELAY - 1.0);
        int level = 0;
        while (delay >> level >= 2 * WHEEL_NEAR)
            level++;
        wheel[level * WHEEL_RING + ((now + delay) >> level) % WHEEL_RING]++;
    }
}

// Split the blocks that start with a tick, if that has not been done; return the number of connections in the tick.
inline int64_t &start(int64_t *wheel, int64_t now, const Address &at)
{
    for (int level = WHEEL_LEVELS - 1; level > 0; level--) {
        if (now % (INT64_C(1) << level))
            continue;
        const int64_t block = now >> level, number = wheel[level * WHEEL_RING + block % WHEEL_RING];
        wheel[level * WHEEL_RING + block % WHEEL_RING] = 0;
        uint32_t attempt = 0;
        const int64_t first = count_heads(number, (uint32_t)(level << 26 | (block & 0x3FFFFFF)), at, attempt);
        wheel[(level - 1) * WHEEL_RING + 2 * block % WHEEL_RING] += first;
        wheel[(level - 1) * WHEEL_RING + (2 * block + 1) % WHEEL_RING] += number - first;
    }
    return wheel[now % WHEEL_RING];
}

// Advance the clock by a step, and return how many connections return.
inline int64_t advance(int64_t *wheel, double &clock, double ticks, const Address &at)
{
    double time = clock;
    const double end = clock + ticks;
    int64_t due = 0, now = (int64_t)clock + 1;
    for (; (double)now <= end; now++) {
        int64_t &left = start(wheel, now, at);
        due += left;
        left = 0;
        time = (double)now;
    }
    if (time < end) {
        int64_t &left = start(wheel, now, at);
        const int64_t returning = binomial(left, (end - time) / ((double)now - time), WHEEL_PARTIAL, at);
        left -= returning;
        due += returning;
    }
    clock = end;
    return due;
}

// Write the theta, above 0, of connections that return.
template <class T>
void land(const std::vector<int32_t> &slots, double sigma, const Address &at, const double *overshoots,
          std::vector<T> &theta)
{
    for (size_t n = 0; n < slots.size(); n++)
        theta[slots[n]] = (T)(sigma * interpolate(overshoots, normal_of(philox(slots[n], at, 0))));
}

}  // namespace synaptic_sampling

#endif
