// The draw of vacant sites by proposals, where some are never accepted or less likely than others; same results as
// connections/draw.py.
#ifndef SYNAPTIC_SAMPLING_PROPOSALS_H
#define SYNAPTIC_SAMPLING_PROPOSALS_H

#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "fail.h"
#include "vacancy.h"

namespace synaptic_sampling {

// Pairs that are evaluated together.
const size_t PAIRS_AT_ONCE = 4096;

// Multiply the acceptance probabilities of some pairs by what the user's strings, functions and arrays give for them.
typedef void (*Evaluate)(const std::vector<int64_t> &keys, std::vector<double> &accepted);

// The sum in the order in which NumPy adds; of a multiple of 8 values.
inline double pairwise_sum(const double *values, size_t number)
{
    if (number > 128) {
        const size_t half = number / 2 - number / 2 % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, number - half);
    }
    double sum[8] = {0};
    for (size_t n = 0; n < number; n++)
        sum[n % 8] += values[n];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

// A place for a uniform random number, by cumulative probabilities; never one with probability 0.
inline size_t choose(const double *bounds, size_t number, double chance)
{
    const double *end = bounds + number, whole = bounds[number - 1];
    const size_t last = std::lower_bound(bounds, end, whole) - bounds;
    return std::min((size_t)(std::upper_bound(bounds, end, chance * whole) - bounds), last);
}

// A uniform random number in (0, 1) from two words.
inline double uniform(uint32_t high, uint32_t low)
{
    return std::ldexp((double)((uint64_t)high << 20 | low >> 12) + 0.5, -52);
}

inline double first_uniform(const Words &block) { return uniform(block.w[0], block.w[1]); }
inline double second_uniform(const Words &block) { return uniform(block.w[2], block.w[3]); }

// Sites that are accepted with probabilities.
class Uneven {
    Evaluate evaluate;
    // Blocks of neighbouring sites that are not all rejected, and cumulative sums of their probabilities; made at the
    // first draw, where few proposals would be accepted.
    bool is_new = true, in_blocks = false;
    std::vector<int64_t> blocks;
    std::vector<double> bounds;

    // Places of the grid or of the list.
    static int64_t num_places(const Sites &sites)
    {
        return sites.num_listed ? (int64_t)sites.num_listed : sites.num_pre * sites.num_post;
    }

    static int64_t site_at(const Sites &sites, int64_t place)
    {
        return place >= num_places(sites) ? EMPTY : sites.num_listed ? sites.listed[place] : place;
    }

    // Find out whether proposals are often accepted; if not, sum up the probabilities of all sites.
    void examine(const Sites &sites)
    {
        is_new = false;
        if (num_places(sites) > MAX_ASKED)
            return;
        std::vector<int64_t> keys(SAMPLE);
        for (size_t n = 0; n < keys.size(); n++)
            keys[n] = sites.propose(philox((uint32_t)n, Address{0, 0, 0, 0}, 0));
        in_blocks = pairwise_sum(acceptance(sites, keys).data(), SAMPLE) < THIN * SAMPLE;
        if (!in_blocks)
            return;
        double sum = 0;
        for (int64_t place = 0; place < num_places(sites); place += PAIRS_AT_ONCE) {
            const std::vector<double> accepted = acceptance(sites, sites_from(sites, place, PAIRS_AT_ONCE));
            for (size_t n = 0; n < accepted.size(); n += SITES_PER_BLOCK) {
                const double whole = pairwise_sum(&accepted[n], SITES_PER_BLOCK);
                if (whole == 0)
                    continue;
                blocks.push_back((place + (int64_t)n) / (int64_t)SITES_PER_BLOCK);
                bounds.push_back(sum += whole);
            }
        }
    }

    // The sites at neighbouring places, EMPTY beyond the end.
    static std::vector<int64_t> sites_from(const Sites &sites, int64_t place, size_t number)
    {
        std::vector<int64_t> keys(number);
        for (size_t n = 0; n < number; n++)
            keys[n] = site_at(sites, place + (int64_t)n);
        return keys;
    }

    // State of one draw: the key of each slot, the slots that are pending, and the number of rounds of proposals.
    struct Draw {
        const Sites &sites;
        const std::vector<int32_t> &slots;
        const Address &at;
        Occupied &occupied;
        std::vector<int64_t> keys;
        std::vector<size_t> pending;
        uint32_t rounds;

        Words words(size_t n) const { return philox(slots[pending[n]], at, rounds); }

        // Occupy the vacant ones among the sites proposed to pending slots, in the order of the slots.
        void take(const std::vector<int64_t> &proposed)
        {
            size_t left = 0;
            for (size_t n = 0; n < proposed.size(); n++) {
                if (proposed[n] != EMPTY && (sites.multapses || occupied.insert(proposed[n])))
                    keys[pending[n]] = proposed[n];
                else
                    pending[left++] = pending[n];
            }
            pending.resize(left);
            rounds++;
        }

        bool is_free(int64_t key) const { return sites.multapses || !occupied.contains(key); }
    };

    // Propose a random site to each pending slot, which its probability may reject.
    std::vector<int64_t> propose(const Draw &draw) const
    {
        std::vector<int64_t> keys(draw.pending.size());
        std::vector<uint32_t> words(keys.size());
        for (size_t n = 0; n < keys.size(); n++) {
            const Words block = draw.words(n);
            keys[n] = draw.sites.propose(block);
            words[n] = block.w[2];
        }
        const std::vector<double> accepted = acceptance(draw.sites, keys);
        for (size_t n = 0; n < keys.size(); n++)
            if (!(words[n] < std::ldexp(accepted[n], 32)))
                keys[n] = EMPTY;
        return keys;
    }

    // Propose a site to each pending slot by the probabilities of blocks, and of the sites in each.
    std::vector<int64_t> propose_in_blocks(const Draw &draw) const
    {
        std::vector<int64_t> keys, proposed(draw.pending.size());
        for (size_t n = 0; n < proposed.size(); n++) {
            const size_t block = choose(bounds.data(), bounds.size(), first_uniform(draw.words(n)));
            for (size_t m = 0; m < SITES_PER_BLOCK; m++)
                keys.push_back(site_at(draw.sites, blocks[block] * (int64_t)SITES_PER_BLOCK + (int64_t)m));
        }
        std::vector<double> accepted = acceptance(draw.sites, keys);
        for (size_t n = 0; n < proposed.size(); n++) {
            double *row = &accepted[n * SITES_PER_BLOCK];
            std::partial_sum(row, row + SITES_PER_BLOCK, row);
            const size_t chosen = choose(row, SITES_PER_BLOCK, second_uniform(draw.words(n)));
            proposed[n] = row[SITES_PER_BLOCK - 1] > 0 ? keys[n * SITES_PER_BLOCK + chosen] : EMPTY;
        }
        return proposed;
    }

    // List all free sites, and draw from the list until all slots have a site or no site is free.
    void draw_from_list(Draw &draw) const
    {
        std::vector<int64_t> free;
        std::vector<double> weight;
        list_free(draw, free, weight);
        while (!draw.pending.empty() && !free.empty()) {
            std::vector<double> up_to(weight.size());
            std::partial_sum(weight.begin(), weight.end(), up_to.begin());
            std::vector<int64_t> proposed(draw.pending.size());
            for (size_t n = 0; n < proposed.size(); n++)
                proposed[n] = free[choose(up_to.data(), up_to.size(), first_uniform(draw.words(n)))];
            draw.take(proposed);
            size_t kept = 0;
            for (size_t n = 0; n < free.size(); n++)
                if (draw.is_free(free[n])) {
                    free[kept] = free[n];
                    weight[kept++] = weight[n];
                }
            free.resize(kept);
            weight.resize(kept);
        }
    }

    void list_free(const Draw &draw, std::vector<int64_t> &free, std::vector<double> &weight) const
    {
        for (int64_t place = 0; place < num_places(draw.sites); place += PAIRS_AT_ONCE) {
            std::vector<int64_t> keys;
            for (size_t n = 0; n < PAIRS_AT_ONCE; n++) {
                const int64_t key = site_at(draw.sites, place + (int64_t)n);
                if (key != EMPTY && draw.is_free(key))
                    keys.push_back(key);
            }
            const std::vector<double> accepted = acceptance(draw.sites, keys);
            for (size_t n = 0; n < keys.size(); n++)
                if (accepted[n] > 0) {
                    free.push_back(keys[n]);
                    weight.push_back(accepted[n]);
                }
        }
    }

public:
    explicit Uneven(Evaluate evaluate = nullptr) : evaluate(evaluate) {}

    // The acceptance probability of each key; 0 for EMPTY and for pairs that may not be connected.
    std::vector<double> acceptance(const Sites &sites, const std::vector<int64_t> &keys) const
    {
        std::vector<double> all(keys.size(), 0.0), accepted;
        std::vector<int64_t> allowed;
        std::vector<size_t> where;
        for (size_t n = 0; n < keys.size(); n++) {
            if (keys[n] != EMPTY && !sites.is_autapse(keys[n])) {
                allowed.push_back(keys[n]);
                where.push_back(n);
            }
            if (allowed.size() < PAIRS_AT_ONCE && n + 1 < keys.size())
                continue;
            accepted.assign(allowed.size(), 1.0);
            evaluate(allowed, accepted);
            for (size_t m = 0; m < where.size(); m++)
                all[where[m]] = accepted[m];
            allowed.clear();
            where.clear();
        }
        return all;
    }

    // Occupy a vacant site for each slot, in proportion to acceptance probabilities; EMPTY where no site is vacant.
    std::vector<int64_t> draw(const Sites &sites, const std::vector<int32_t> &slots, const Address &at,
                              Occupied &occupied)
    {
        if (is_new)
            examine(sites);
        Draw draw = {sites, slots, at, occupied, std::vector<int64_t>(slots.size(), EMPTY),
                     std::vector<size_t>(slots.size()), 0};
        std::iota(draw.pending.begin(), draw.pending.end(), 0);
        const int64_t in_all_blocks = (int64_t)(blocks.size() * SITES_PER_BLOCK), all = num_places(sites);
        const int64_t smallest = in_blocks ? std::min(all, in_all_blocks) : all;
        for (int64_t effort = 0; !draw.pending.empty() && effort < PATIENCE * smallest;) {
            effort += ROUND + (in_blocks ? (int64_t)SITES_PER_BLOCK : 1) * (int64_t)draw.pending.size();
            draw.take(in_blocks ? propose_in_blocks(draw) : propose(draw));
        }
        if (!draw.pending.empty())
            draw_from_list(draw);
        return draw.keys;
    }
};

// Let a probe, synapses in no network, lie between some pairs.
inline void point(const std::vector<int64_t> &keys, int64_t num_post, int32_t pre_offset, int32_t post_offset,
                  std::vector<int32_t> &pre, std::vector<int32_t> &post, std::vector<int32_t> &slots)
{
    pre.resize(keys.size());
    post.resize(keys.size());
    slots.resize(keys.size());
    std::iota(slots.begin(), slots.end(), 0);
    for (size_t n = 0; n < keys.size(); n++) {
        pre[n] = (int32_t)(keys[n] / num_post) + pre_offset;
        post[n] = (int32_t)(keys[n] % num_post) + post_offset;
    }
}

inline void check_probabilities(const std::vector<double> &values)
{
    for (size_t n = 0; n < values.size(); n++)
        if (!(values[n] >= 0 && values[n] <= 1))
            fail("probability must be between 0 and 1, got " + std::to_string(values[n]) + ".");
}

// The probabilities of the sites of a Rewiring, by its name; shared by all files of the program.
inline Uneven *uneven_of(const std::string &rewiring, Evaluate evaluate)
{
    static std::map<std::string, Uneven> all;
    return &all.insert(std::make_pair(rewiring, Uneven(evaluate))).first->second;
}

}  // namespace synaptic_sampling

#endif
