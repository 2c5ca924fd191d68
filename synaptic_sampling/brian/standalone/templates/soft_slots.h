// Slots of soft DEEP R, which hold active and tracked connections, the first ones; same results as connections/soft.py.
#ifndef SYNAPTIC_SAMPLING_SOFT_SLOTS_H
#define SYNAPTIC_SAMPLING_SOFT_SLOTS_H

#include "gaps.h"
#include "soft.h"

namespace synaptic_sampling {

// Give the slots from `first` on to other connections; `number` slots are in use then.
inline void place(const Connections &c, const int32_t *pre, const int32_t *post, size_t first, int64_t number)
{
    for (size_t k = first; k < c.size(); k++) {
        c.num_outgoing[c.pre[k]]--;
        c.num_incoming[c.post[k]]--;
    }
    *c.in_use = number;
    for (size_t k = first; k < c.size(); k++) {
        c.pre[k] = pre[k] + c.pre_offset;
        c.post[k] = post[k] + c.post_offset;
        c.num_outgoing[c.pre[k]]++;
        c.num_incoming[c.post[k]]++;
    }
}

// Slots that connections leave because they are not tracked any more, and those where others return.
struct Exchange {
    std::vector<int32_t> lost, returned;
    int64_t unplaced;
};

// Which slots are vacated and filled, if so many connections return; those for which there is no slot return later.
template <class T>
Exchange exchange(const Connections &c, const std::vector<T> &theta, double threshold, int64_t returning)
{
    Exchange found;
    for (size_t k = 0; k < c.size(); k++)
        if (theta[k] < (T)threshold)
            found.lost.push_back((int32_t)k);
    const int64_t free = (int64_t)(c.pre.size() - c.size() + found.lost.size()), due = std::min(returning, free);
    for (size_t n = 0; n < (size_t)due; n++)
        found.returned.push_back(n < found.lost.size() ? found.lost[n] : (int32_t)(c.size() + n - found.lost.size()));
    found.unplaced = returning - due;
    return found;
}

// Vacate the sites of lost connections, and form connections at random sites that are in no slot.
inline void carry_out(Connections &c, const Exchange &found)
{
    vacate(c, found.lost);
    const size_t kept = c.size() - found.lost.size();
    const std::vector<int64_t> keys = draw(c, found.returned, kept);
    *c.in_use = (int64_t)std::max(c.size(), kept + found.returned.size());
    form(c, found.returned, keys);
}

// Whether the first synapses have the same delay.
template <class T> bool same_delay(const std::vector<T> &delays, size_t number)
{
    return std::count(delays.begin(), delays.begin() + number, delays[0]) == (std::ptrdiff_t)number;
}

}  // namespace synaptic_sampling

#endif
