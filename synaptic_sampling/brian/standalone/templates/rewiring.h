// A rewiring event, applied to the arrays and spike queues of a Brian2 program.
#ifndef SYNAPTIC_SAMPLING_REWIRING_H
#define SYNAPTIC_SAMPLING_REWIRING_H

#include "dynamics.h"
#include "fail.h"
#include "log.h"
#include "vacancy.h"

namespace synaptic_sampling {

// Connections in slots; Brian2 counts endpoints from the start of the whole groups.
struct Connections {
    std::vector<int32_t> &pre, &post, &num_outgoing, &num_incoming;
    int32_t pre_offset, post_offset;
    std::vector<int8_t> &polarity;
    std::vector<int64_t> &birth_step;
    int64_t &step;
    Sites sites;
    Signs signs;
    Occupied &occupied;
    uint32_t k0, k1;

    // Address of the random numbers of this step.
    Address at(Stream stream) const { return Address{(uint32_t)step, (uint32_t)stream, k0, k1}; }

    int64_t key(size_t slot) const
    {
        return (int64_t)(pre[slot] - pre_offset) * sites.num_post + post[slot] - post_offset;
    }

    std::string name(size_t slot) const
    {
        return "connection " + std::to_string(slot) + " (" + std::to_string(pre[slot] - pre_offset) + " -> " +
               std::to_string(post[slot] - post_offset) + ")";
    }

    Event event(int32_t slot, int8_t kind) const
    {
        return Event{step, pre[slot] - pre_offset, post[slot] - post_offset, slot, 0, kind, polarity[slot]};
    }
};

// Read the connections that Brian2 has made: check them, and draw their signs. With multapses, a pair may occur often.
inline void adopt(Connections &c)
{
    const size_t number = c.pre.size();
    c.polarity.resize(number);
    c.birth_step.assign(number, 0);
    c.occupied = Occupied(c.sites.multapses ? 0 : number);
    for (size_t k = 0; k < number; k++) {
        const int64_t key = c.key(k);
        if (c.sites.is_autapse(key))
            fail(c.name(k) + " is an autapse; leave it out or set autapses=True.");
        if (c.sites.num_listed && !std::binary_search(c.sites.listed, c.sites.listed + c.sites.num_listed, key))
            fail(c.name(k) + " is not a candidate; leave it out or include it in candidates.");
        if (!c.sites.multapses && !c.occupied.insert(key))
            fail(c.name(k) + " exists twice; give each pair at most once, or allow them by multapses=True.");
        c.polarity[k] = polarity_of(c.signs, c.pre[k] - c.pre_offset, c.post[k] - c.post_offset, c.sites.num_post,
                                    (int32_t)k, c.at(Stream::SIGN));
    }
}

template <class T> void check_finite(const Connections &c, const std::vector<T> &values, const char *name)
{
    const int64_t k = first_not_finite(values);
    if (k < 0)
        return;
    uint64_t bits;
    const double value = values[k];
    std::memcpy(&bits, &value, sizeof bits);
    const std::string text = bits << 12 ? "nan" : bits >> 63 ? "-inf" : "inf";
    fail(std::string(name) + " of " + c.name(k) + " is " + text + " in step " + std::to_string(c.step + 1) +
         "; lower the learning rate, or find out where it diverges.");
}

// Eliminate the connections in these slots and form as many there; returns the eliminations, then the formations.
inline std::vector<Event> replace(Connections &c, const std::vector<int32_t> &slots)
{
    std::vector<Event> events;
    for (size_t n = 0; n < slots.size(); n++) {
        const int32_t k = slots[n];
        events.push_back(c.event(k, DEATH));
        if (!c.sites.multapses)
            c.occupied.remove(c.key(k));
        c.num_outgoing[c.pre[k]]--;
        c.num_incoming[c.post[k]]--;
    }
    const std::vector<int64_t> keys =
        c.sites.draw(slots, (int64_t)(c.pre.size() - slots.size()), c.at(Stream::BIRTH), c.occupied);
    for (size_t n = 0; n < slots.size(); n++) {
        const int32_t k = slots[n];
        const int32_t pre = (int32_t)(keys[n] / c.sites.num_post), post = (int32_t)(keys[n] % c.sites.num_post);
        c.pre[k] = pre + c.pre_offset;
        c.post[k] = post + c.post_offset;
        c.num_outgoing[c.pre[k]]++;
        c.num_incoming[c.post[k]]++;
        c.polarity[k] = polarity_of(c.signs, pre, post, c.sites.num_post, k, c.at(Stream::SIGN));
        c.birth_step[k] = c.step;
        events.push_back(c.event(k, BIRTH));
    }
    return events;
}

// Start a new life in the slots where theta rose above 0, and return them; the eliminations come first in the events.
template <class T>
std::vector<int32_t> cross(Connections &c, const std::vector<int32_t> &crossed, const std::vector<T> &theta,
                           std::vector<Event> &events)
{
    std::vector<int32_t> born;
    for (size_t n = 0; n < crossed.size(); n++) {
        if (theta[crossed[n]] >= 0)
            born.push_back(crossed[n]);
        else
            events.push_back(c.event(crossed[n], DEATH));
    }
    for (size_t n = 0; n < born.size(); n++) {
        c.birth_step[born[n]] = c.step;
        events.push_back(c.event(born[n], BIRTH));
    }
    return born;
}

// Count the connections of each pair anew, in the order of slots.
template <class T> void count_multapses(const Connections &c, std::vector<T> &counts)
{
    std::map<int64_t, T> seen;
    for (size_t k = 0; k < counts.size(); k++)
        counts[k] = seen[c.key(k)]++;
}

// The source neurons of some slots of a pathway.
template <class Pathway>
std::vector<int32_t> owners(const Pathway &pathway, const std::vector<int32_t> &slots)
{
    std::vector<int32_t> neurons(slots.size());
    for (size_t n = 0; n < slots.size(); n++)
        neurons[n] = pathway.sources[slots[n]];
    return neurons;
}

// Drop the spikes in flight through slots.
template <class Pathway> void drop_spikes(Pathway &pathway, const std::vector<int32_t> &slots)
{
    std::vector<char> listed(pathway.sources.size(), 0);
    for (size_t n = 0; n < slots.size(); n++)
        listed[slots[n]] = 1;
    for (size_t t = 0; t < pathway.queue.size(); t++) {
        std::vector<std::vector<int32_t> > &rows = pathway.queue[t]->queue;
        for (size_t m = 0; m < rows.size(); m++) {
            size_t kept = 0;
            for (size_t k = 0; k < rows[m].size(); k++)
                if (!listed[rows[m][k]])
                    rows[m][kept++] = rows[m][k];
            rows[m].resize(kept);
        }
    }
}

// Move slots from their former source neurons to the present ones, with the present delays.
template <class Pathway, class T>
void follow(Pathway &pathway, const std::vector<int32_t> &slots, const std::vector<int32_t> &before,
            const std::vector<T> &delays, bool scalar_delay, double dt)
{
    for (size_t n = 0; n < slots.size(); n++) {
        const int32_t k = slots[n];
        // Each thread has its own queue, for the slots from its padding on.
        size_t t = pathway.queue.size() - 1;
        while (k < pathway.queue[t]->openmp_padding)
            t--;
        auto &queue = *pathway.queue[t];
        std::vector<int> &old_row = queue.synapses[before[n] - queue.source_start];
        old_row.erase(std::lower_bound(old_row.begin(), old_row.end(), k));
        std::vector<int> &new_row = queue.synapses[pathway.sources[k] - queue.source_start];
        new_row.insert(std::lower_bound(new_row.begin(), new_row.end(), k), k);
        if (scalar_delay)
            continue;
        const int steps = (int)((double)delays[k] / dt + 0.5);
        queue.delays[k - queue.openmp_padding] = steps;
        queue.ensure_delay(steps);
        if (steps != queue.delays[0])
            queue.scalar_delay = false;
    }
}

// The occupied sites of a Rewiring, by its name; shared by all files of the program.
inline Occupied &occupied_of(const std::string &rewiring)
{
    static std::map<std::string, Occupied> all;
    return all[rewiring];
}

}  // namespace synaptic_sampling

#endif
