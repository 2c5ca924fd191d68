// The functions of brian/standalone/templates for ctypes, to be compared with the Numba kernels.
// constants.h and move.h are generated from the Python values and from the update of DEEP R.
#include "constants.h"
#include "dynamics.h"
#include "proposals.h"
#include "soft.h"
#include "vacancy.h"
#include "move.h"

using namespace synaptic_sampling;

template <class X> static std::vector<X> vector_of(const X *values, size_t n) { return std::vector<X>(values, values + n); }

static Occupied occupied_by(int n, const int64_t *keys, int freed)
{
    Occupied occupied(n);
    for (int k = 0; k < n; k++)
        occupied.insert(keys[k]);
    for (int k = 0; k < freed; k++)
        occupied.remove(keys[k]);
    return occupied;
}

static const double *the_probabilities;

static void multiply(const std::vector<int64_t> &keys, std::vector<double> &accepted)
{
    for (size_t n = 0; n < keys.size(); n++)
        accepted[n] *= the_probabilities[keys[n]];
}

extern "C" {

void the_philox(const uint32_t *counter, const uint32_t *key, uint32_t *words)
{
    const Words block = philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
    std::copy(block.w, block.w + 4, words);
}

void the_normals(const uint32_t *at, int n, double *out)
{
    float normals[STRETCH];
    for (int k = 0; k < n; k++) {
        if (k % STRETCH == 0)
            fill_normals(k / CHUNK, std::min(STRETCH, n - k), Address{at[0], at[1], at[2], at[3]}, normals);
        out[k] = normals[k % STRETCH];
    }
}

int64_t the_bounded(uint32_t word, uint64_t bound) { return bounded(word, bound); }

void the_polarities(int rule, const int8_t *table, uint64_t threshold, const uint32_t *at, int n, const int32_t *pre,
                    const int32_t *post, int64_t num_post, int8_t *out)
{
    const Signs signs = {(SignRule)rule, table, threshold};
    for (int k = 0; k < n; k++)
        out[k] = polarity_of(signs, pre[k], post[k], num_post, k, Address{at[0], at[1], at[2], at[3]});
}

// The number of slots where theta has crossed 0, or -1 - start if a value is not finite in the stretch from there on.
int the_langevin(int n, const double *slope, const int8_t *polarity, const double *parameters, const uint32_t *at,
                 int always_active, double *theta, int32_t *crossed)
{
    std::vector<double> moved = vector_of(theta, n);
    std::vector<int32_t> slots;
    int wrong = -1;
    const auto not_finite = [&wrong](size_t start) { wrong = wrong < 0 ? (int)start : wrong; };
    sweep(vector_of(slope, n), vector_of(polarity, n), noisy(parameters), Address{at[0], at[1], at[2], at[3]},
          [parameters](double theta, double gradient, double polarity, double nu) {
              return move(theta, gradient, polarity, nu, parameters);
          }, not_finite, always_active != 0, moved.size(), moved, slots);
    std::copy(moved.begin(), moved.end(), theta);
    std::copy(slots.begin(), slots.end(), crossed);
    return wrong < 0 ? (int)slots.size() : -1 - wrong;
}

void the_momentum(int n, const double *gradient, double decay, double *velocity, double *slope)
{
    std::vector<double> moment = vector_of(velocity, n), out(n);
    momentum(vector_of(gradient, n), decay, moment, out);
    std::copy(moment.begin(), moment.end(), velocity);
    std::copy(out.begin(), out.end(), slope);
}

void the_adam(int n, const double *gradient, const double *parameters, int64_t step, const int64_t *birth_step,
              double *first, double *second, double *slope)
{
    std::vector<double> one = vector_of(first, n), two = vector_of(second, n), out(n);
    Adam(parameters[0], parameters[1], parameters[2])
        .direction(vector_of(gradient, n), step, vector_of(birth_step, n), one, two, out);
    std::copy(one.begin(), one.end(), first);
    std::copy(two.begin(), two.end(), second);
    std::copy(out.begin(), out.end(), slope);
}

int64_t the_first_not_finite(int n, const double *values) { return first_not_finite(vector_of(values, n), n); }

// Free the sites of some of the occupied keys, then draw one for each slot.
void the_draw(const int64_t *grid, int num_listed, const int64_t *listed, int64_t number, int multapses, int n,
              const int64_t *keys, int freed, int num_slots, const int32_t *slots, const uint32_t *at, int64_t *out)
{
    const Sites sites = {grid[0], grid[1], grid[2], listed, (size_t)num_listed, number, multapses != 0};
    Occupied occupied = occupied_by(n, keys, freed);
    const std::vector<int64_t> drawn = sites.draw(vector_of(slots, num_slots), n - freed,
                                                  Address{at[0], at[1], at[2], at[3]}, occupied);
    std::copy(drawn.begin(), drawn.end(), out);
}

// The same where sites have probabilities; EMPTY where none is vacant.
void the_uneven_draw(const int64_t *grid, int num_listed, const int64_t *listed, const double *probabilities,
                     int multapses, int n, const int64_t *keys, int freed, int num_slots, const int32_t *slots,
                     const uint32_t *at, int64_t *out)
{
    const Sites sites = {grid[0], grid[1], grid[2], listed, (size_t)num_listed, 0, multapses != 0};
    Occupied occupied = occupied_by(n, keys, freed);
    the_probabilities = probabilities;
    const std::vector<int64_t> drawn = Uneven(multiply).draw(sites, vector_of(slots, num_slots),
                                                             Address{at[0], at[1], at[2], at[3]}, occupied);
    std::copy(drawn.begin(), drawn.end(), out);
}

int64_t the_heads(int64_t number, uint32_t slot, const uint32_t *at)
{
    uint32_t attempt = 0;
    return count_heads(number, slot, Address{at[0], at[1], at[2], at[3]}, attempt);
}

void the_enter(int num_slots, const int32_t *slots, int n, const double *theta, const double *noise, int64_t now,
               const uint32_t *at, const double *exits, int64_t *wheel)
{
    enter(vector_of(slots, num_slots), vector_of(theta, n), Noise{noise[0], noise[1], noise[2]}, now,
          Address{at[0], at[1], at[2], at[3]}, exits, wheel);
}

int64_t the_advance(int64_t *wheel, double *clock, double ticks, const uint32_t *at)
{
    return advance(wheel, *clock, ticks, Address{at[0], at[1], at[2], at[3]});
}

void the_land(int num_slots, const int32_t *slots, double sigma, const uint32_t *at, const double *overshoots, int n,
              double *theta)
{
    std::vector<double> landed = vector_of(theta, n);
    land(vector_of(slots, num_slots), sigma, Address{at[0], at[1], at[2], at[3]}, overshoots, landed);
    std::copy(landed.begin(), landed.end(), theta);
}

int the_weakest(int n, const double *theta, double fraction, int32_t *slots)
{
    const std::vector<int32_t> found = weakest(vector_of(theta, n), fraction);
    std::copy(found.begin(), found.end(), slots);
    return (int)found.size();
}

}
