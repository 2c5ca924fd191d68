// Slots of which the first ones hold connections: gaps are closed, and no spike passes through the slots behind.
#ifndef SYNAPTIC_SAMPLING_GAPS_H
#define SYNAPTIC_SAMPLING_GAPS_H

#include "rewiring.h"

namespace synaptic_sampling {

// Slots of the last connections, which are relocated into gaps.
inline std::vector<int32_t> movers(const Connections &c, const std::vector<int32_t> &gaps)
{
    std::vector<int32_t> old;
    for (size_t k = c.size() - gaps.size(); k < c.size(); k++)
        if (!std::binary_search(gaps.begin(), gaps.end(), (int32_t)k))
            old.push_back((int32_t)k);
    return old;
}

// Record that a connection has been relocated.
inline void record_move(const Connections &c, int32_t old_slot, int32_t new_slot, std::vector<Event> &events)
{
    events.push_back(c.event(new_slot, -MOVE));
    events.back().slot = old_slot;
    events.push_back(c.event(new_slot, MOVE));
}

// Redirect the spikes in flight from old slots to new ones, which are free.
template <class Pathway>
void redirect(Pathway &pathway, const std::vector<int32_t> &old_slots, const std::vector<int32_t> &new_slots)
{
    std::vector<int32_t> target(pathway.sources.size(), -1);
    for (size_t n = 0; n < old_slots.size(); n++)
        target[old_slots[n]] = new_slots[n];
    for (size_t t = 0; t < pathway.queue.size(); t++) {
        std::vector<std::vector<int32_t> > &rows = pathway.queue[t]->queue;
        for (size_t m = 0; m < rows.size(); m++)
            for (size_t k = 0; k < rows[m].size(); k++)
                if (target[rows[m][k]] >= 0)
                    rows[m][k] = target[rows[m][k]];
    }
}

// Let no spike pass through the slots behind those in use.
template <class Pathway> void park(Pathway &pathway, int32_t number)
{
    for (size_t t = 0; t < pathway.queue.size(); t++) {
        std::vector<std::vector<int> > &rows = pathway.queue[t]->synapses;
        for (size_t m = 0; m < rows.size(); m++)
            rows[m].erase(std::lower_bound(rows[m].begin(), rows[m].end(), number), rows[m].end());
    }
}

}  // namespace synaptic_sampling

#endif
