// Which sites are occupied, and the draw of vacant ones; same results as _kernels/vacancy.py and sites.py.
//
// A site is the key pre * num_post + post. Occupied keys are stored in an open-addressing hash set with linear probing.
#ifndef SYNAPTIC_SAMPLING_VACANCY_H
#define SYNAPTIC_SAMPLING_VACANCY_H

#include <algorithm>
#include <vector>

#include "philox.h"
#include "rows.h"

namespace synaptic_sampling {

// Memory is prefetched this many places ahead, because large arrays are in no cache.
const size_t AHEAD = 16;

// A hash set of keys with a fixed maximum number.
class Occupied {
    std::vector<int64_t> table;

    size_t home(int64_t key) const
    {
        const uint64_t word = (uint64_t)key;
        uint32_t h = (uint32_t)word * 0x9E3779B1u ^ (uint32_t)(word >> 32) * 0x85EBCA77u;
        h = (h ^ h >> 16) * 0x7FEB352Du;
        h = (h ^ h >> 15) * 0x846CA68Bu;
        return (size_t)((uint64_t)(h ^ h >> 16) * table.size() >> 32);
    }

    size_t next(size_t place) const { return place + 1 < table.size() ? place + 1 : 0; }

    // Where the key is, or the empty place where its search ends.
    size_t find(int64_t key) const
    {
        size_t place = home(key);
        while (table[place] != EMPTY && table[place] != key)
            place = next(place);
        return place;
    }

public:
    explicit Occupied(size_t number = 0) : table(2 * number + 1, EMPTY) {}

    void fetch(int64_t key) const { SYNAPTIC_SAMPLING_FETCH(&table[home(key)]); }

    bool contains(int64_t key) const { return table[find(key)] == key; }

    // Returns false, and changes nothing, if the key was occupied already.
    bool insert(int64_t key)
    {
        const size_t place = find(key);
        if (table[place] == key)
            return false;
        table[place] = key;
        return true;
    }

    // Later entries move back, so that the table never fills with tombstones.
    void remove(int64_t key)
    {
        size_t hole = find(key);
        for (size_t place = next(hole); table[place] != EMPTY; place = next(place)) {
            // An entry may move back into the hole only if its search passes there; a division would take longest.
            const size_t home_of = home(table[place]), size = table.size();
            const size_t from_home = place - home_of + (place < home_of ? size : 0);
            if (from_home >= place - hole + (place < hole ? size : 0)) {
                table[hole] = table[place];
                hole = place;
            }
        }
        table[hole] = EMPTY;
    }
};

// The pairs that may be connected: those listed, or all if none are listed, without a diagonal.
struct Sites {
    int64_t num_pre, num_post, forbidden;
    const int64_t *listed;
    size_t num_listed;
    int64_t number;
    bool multapses;

    bool is_autapse(int64_t key) const { return key % num_post - key / num_post == forbidden; }

    // A uniformly random site, or EMPTY if these words must be rejected.
    int64_t propose(const Words &block) const
    {
        if (num_listed) {
            const int64_t place = bounded(block.w[0], num_listed);
            return place >= 0 ? listed[place] : EMPTY;
        }
        const int64_t pre = bounded(block.w[0], (uint64_t)num_pre), post = bounded(block.w[1], (uint64_t)num_post);
        return pre < 0 || post < 0 || post - pre == forbidden ? EMPTY : pre * num_post + post;
    }

    std::vector<int64_t> vacant(const Occupied &occupied) const
    {
        std::vector<int64_t> keys;
        for (int64_t place = 0; place < (num_listed ? (int64_t)num_listed : num_pre * num_post); place++) {
            const int64_t key = num_listed ? listed[place] : place;
            if ((num_listed || !is_autapse(key)) && !occupied.contains(key))
                keys.push_back(key);
        }
        return keys;
    }

    // Occupy a uniformly random vacant site for each slot; there are at least as many vacant sites as slots.
    std::vector<int64_t> draw(const std::vector<int32_t> &slots, int64_t num_taken, const Address &at,
                              Occupied &occupied) const
    {
        std::vector<int64_t> keys(slots.size());
        const int64_t left = number - num_taken - (int64_t)slots.size();
        // Without slots, all sites of a crowded grid would be listed for nothing.
        if (slots.empty() || multapses || left >= CROWDED * number)
            by_rejection(slots, at, occupied, keys);
        else
            by_enumeration(slots, at, occupied, keys);
        return keys;
    }

private:
    void by_rejection(const std::vector<int32_t> &slots, const Address &at, Occupied &occupied,
                      std::vector<int64_t> &keys) const
    {
        // Slot by slot: the order of attempts does not matter, that of slots does.
        for (size_t n = 0; n < slots.size(); n++)
            keys[n] = propose(philox(slots[n], at, 0));
        for (size_t n = 0; n < slots.size(); n++) {
            if (!multapses && n + AHEAD < slots.size())
                occupied.fetch(keys[n + AHEAD]);
            for (uint32_t attempt = 1; keys[n] == EMPTY || !(multapses || occupied.insert(keys[n])); attempt++)
                keys[n] = propose(philox(slots[n], at, attempt));
        }
    }

    void by_enumeration(const std::vector<int32_t> &slots, const Address &at, Occupied &occupied,
                        std::vector<int64_t> &keys) const
    {
        std::vector<int64_t> free = vacant(occupied);
        for (size_t n = 0; n < slots.size(); n++) {
            int64_t place = -1;
            for (uint32_t attempt = 0; place < 0; attempt++)
                place = bounded(philox(slots[n], at, attempt).w[0], free.size());
            keys[n] = free[place];
            free[place] = free.back();
            free.pop_back();
            occupied.insert(keys[n]);
        }
    }
};

// Occupy those of some vacant sites that have the largest absolute values; of equal ones, those with the smallest keys.
// Ascending.
inline std::vector<int64_t> largest(std::vector<int64_t> keys, size_t number, const std::vector<double> &values,
                                    Occupied &occupied)
{
    std::nth_element(keys.begin(), keys.begin() + number, keys.end(), [&values](int64_t a, int64_t b) {
        const double first = std::fabs(values[a]), second = std::fabs(values[b]);
        return first > second || (first == second && a < b);
    });
    keys.resize(number);
    std::sort(keys.begin(), keys.end());
    for (size_t n = 0; n < number; n++)
        occupied.insert(keys[n]);
    return keys;
}

}  // namespace synaptic_sampling

#endif
