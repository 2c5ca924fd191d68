// Parts of a step: direction by the optimizer, update, signs; same results as _kernels/dynamics.py and sweep.py.
//
// T is the type of theta; the arithmetic is double and rounded once when stored.
#ifndef SYNAPTIC_SAMPLING_DYNAMICS_H
#define SYNAPTIC_SAMPLING_DYNAMICS_H

#include <algorithm>
#include <vector>

#include "philox.h"

namespace synaptic_sampling {

// Tests bits, since comparisons with NaN are undefined under -ffast-math.
inline bool is_finite(double value)
{
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return (~bits & UINT64_C(0x7FF0000000000000)) != 0;
}

// All loops run over the slots in use, the first ones; this one from a given slot on.
template <class T> int64_t first_not_finite(const std::vector<T> &values, size_t number, size_t start = 0)
{
    // Without early exit, so that the loop is vectorised.
    int wrong = 0;
    for (size_t k = start; k < number; k++)
        wrong |= !is_finite(values[k]);
    for (size_t k = start; wrong && k < number; k++)
        if (!is_finite(values[k]))
            return (int64_t)k;
    return -1;
}

template <class T>
void momentum(const std::vector<T> &gradient, double decay, std::vector<T> &velocity, std::vector<T> &slope)
{
    for (size_t k = 0; k < slope.size(); k++) {
        velocity[k] = (T)(decay * (double)velocity[k] + (double)gradient[k]);
        slope[k] = velocity[k];
    }
}

// 1 - beta**age for age = 0, 1, ..., up to the age where it equals 1.
inline std::vector<double> bias_corrections(double beta)
{
    std::vector<double> table(1, 0.0);
    double power = 1.0;
    while (table.back() < 1.0) {
        power *= beta;
        table.push_back(1.0 - power);
    }
    return table;
}

struct Adam {
    double beta_1, beta_2, epsilon;
    std::vector<double> correction_1, correction_2;

    Adam(double beta_1, double beta_2, double epsilon)
        : beta_1(beta_1), beta_2(beta_2), epsilon(epsilon), correction_1(bias_corrections(beta_1)),
          correction_2(bias_corrections(beta_2)) {}

    template <class T>
    void direction(const std::vector<T> &gradient, int64_t step, const std::vector<int64_t> &birth_step,
                   std::vector<T> &first, std::vector<T> &second, std::vector<T> &slope) const
    {
        for (size_t k = 0; k < slope.size(); k++) {
            const double g = gradient[k];
            const size_t age = (size_t)(step - birth_step[k]);
            const double m = beta_1 * (double)first[k] + (1.0 - beta_1) * g;
            const double v = beta_2 * (double)second[k] + (1.0 - beta_2) * g * g;
            const double m_hat = m / correction_1[std::min(age, correction_1.size() - 1)];
            const double v_hat = v / correction_2[std::min(age, correction_2.size() - 1)];
            first[k] = (T)m;
            second[k] = (T)v;
            slope[k] = (T)(m_hat / (std::sqrt(v_hat) + epsilon));
        }
    }
};

// Update every theta by a function of (theta, gradient, polarity, nu); list the slots where it has become negative or,
// unless all connections are active, where it has crossed 0. Values are tested here, and not in a pass of their own,
// since large arrays do not fit into the caches: if a stretch has theta or a gradient that is not finite, `not_finite` is
// called with its first slot, before it is updated.
template <class T, class Move, class Report>
void sweep(const std::vector<T> &gradient, const std::vector<int8_t> &polarity, bool noisy, const Address &noise,
           Move move, Report not_finite, bool always_active, size_t number, std::vector<T> &theta,
           std::vector<int32_t> &crossed)
{
    float nu[STRETCH] = {0.0f};
    uint8_t active[STRETCH] = {0}, changed[STRETCH] = {0};
    for (size_t start = 0; start < number; start += STRETCH) {
        const size_t size = std::min((size_t)STRETCH, number - start);
        const T *g = gradient.data() + start;
        const int8_t *p = polarity.data() + start;
        T *th = theta.data() + start;
        if (noisy)
            fill_normals((int64_t)(start / CHUNK), size, noise, nu);
        // Without early exit, so that the loop is vectorised.
        int wrong = 0;
        for (size_t i = 0; i < size; i++)
            wrong |= (int)!is_finite(g[i]) | (int)!is_finite(th[i]);
        if (wrong)
            not_finite(start);
        for (size_t i = 0; !always_active && i < size; i++)
            active[i] = th[i] >= 0;
        for (size_t i = 0; i < size; i++)
            th[i] = (T)move((double)th[i], (double)g[i], (double)p[i], (double)nu[i]);
        // Tested by vector units and read in groups of eight, most of them 0.
        for (size_t i = 0; i < size; i++)
            changed[i] = always_active ? th[i] < 0 : (th[i] >= 0) != active[i];
        for (size_t eight = 0; eight < size; eight += 8) {
            uint64_t any;
            std::memcpy(&any, changed + eight, sizeof any);
            for (size_t i = eight; any && i < std::min(eight + 8, size); i++)
                if (changed[i])
                    crossed.push_back((int32_t)(start + i));
        }
    }
}

// The fraction of the weakest connections that is replaced in a step: rules/base.py, Replacement.
inline double fraction_in(int64_t step, const double *replacement)
{
    const int64_t every = (int64_t)replacement[0], size = (int64_t)replacement[1], number = step / every;
    return step % every != 0 || number == 0 ? 0.0 : replacement[1 + std::min(number, size)];
}

// The slots with the smallest absolute values, ascending; of equal ones, those in the first slots.
template <class T> std::vector<int32_t> weakest(const std::vector<T> &theta, double fraction)
{
    std::vector<int32_t> slots(theta.size());
    for (size_t k = 0; k < slots.size(); k++)
        slots[k] = (int32_t)k;
    std::stable_sort(slots.begin(), slots.end(), [&theta](int32_t a, int32_t b) {
        return std::fabs(theta[a]) < std::fabs(theta[b]);
    });
    slots.resize((size_t)(fraction * (double)slots.size() * (1.0 + 1e-12)));  // 0.29*100 is 28.999999999999996.
    std::sort(slots.begin(), slots.end());
    return slots;
}

// The table holds given signs, per presynaptic neuron or per site.
struct Signs {
    SignRule rule;
    const int8_t *table;
    uint64_t threshold;
};

inline int8_t polarity_of(const Signs &signs, int32_t pre, int32_t post, int64_t num_post, int32_t slot,
                          const Address &at)
{
    if (signs.rule == SIGN_GIVEN_PRE)
        return signs.table[pre];
    if (signs.rule == SIGN_GIVEN_SITE)
        return signs.table[pre * num_post + post];
    uint32_t first = (uint32_t)pre, second = (uint32_t)post;
    if (signs.rule == SIGN_OF_PRE)
        second = ANY_POST;
    if (signs.rule == SIGN_REDRAWN) {
        first = (uint32_t)slot;
        second = at.step;
    }
    return philox(first, second, at.stream, 0, at.k0, at.k1).w[0] < signs.threshold ? 1 : -1;
}

}  // namespace synaptic_sampling

#endif
