// A rewiring event, applied to the arrays and spike queues of a Brian2 program.
#ifndef SYNAPTIC_SAMPLING_REWIRING_H
#define SYNAPTIC_SAMPLING_REWIRING_H

#include <limits>
#include <sstream>

#include "dynamics.h"
#include "fail.h"
#include "log.h"
#include "proposals.h"
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
    // Null where all sites are equally likely.
    Uneven *uneven;
    uint32_t k0, k1;
    // The number of slots in use, the first ones; null if all are.
    int64_t *in_use;

    size_t size() const { return in_use ? (size_t)*in_use : pre.size(); }

    // Address of the random numbers of this step.
    Address at(Stream stream) const { return Address{(uint32_t)step, (uint32_t)stream, k0, k1}; }

    // Of a pair of neurons, or of the connection in a slot.
    int64_t key(int32_t i, int32_t j) const { return (int64_t)(i - pre_offset) * sites.num_post + j - post_offset; }
    int64_t key(size_t slot) const { return key(pre[slot], post[slot]); }

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

// Occupy a random vacant site for each slot; as many slots have no connection.
inline std::vector<int64_t> draw(Connections &c, const std::vector<int32_t> &slots, size_t num_taken)
{
    if (!c.uneven)
        return c.sites.draw(slots, (int64_t)num_taken, c.at(Stream::BIRTH), c.occupied);
    const std::vector<int64_t> keys = c.uneven->draw(c.sites, slots, c.at(Stream::BIRTH), c.occupied);
    if (std::count(keys.begin(), keys.end(), EMPTY))
        fail("no vacant site is left for a new connection in step " + std::to_string(c.step) +
             "; candidates and p must have the same value in every step.");
    return keys;
}

// All vacant sites, ascending.
inline std::vector<int64_t> vacant(const Connections &c, const Occupied &occupied)
{
    const std::vector<int64_t> keys = c.sites.vacant(occupied);
    if (!c.uneven)
        return keys;
    const std::vector<double> accepted = c.uneven->acceptance(c.sites, keys);
    std::vector<int64_t> possible;
    for (size_t n = 0; n < keys.size(); n++)
        if (accepted[n] > 0)
            possible.push_back(keys[n]);
    return possible;
}

// Stop unless the pair of each connection has a probability above 0.
inline void check_acceptance(const Connections &c)
{
    std::vector<int64_t> keys(c.size());
    for (size_t k = 0; k < keys.size(); k++)
        keys[k] = c.key(k);
    const std::vector<double> accepted = c.uneven->acceptance(c.sites, keys);
    for (size_t k = 0; k < keys.size(); k++)
        if (accepted[k] == 0)
            fail(c.name(k) + " is not a candidate, or has probability 0; leave it out.");
}

// Read the connections that Brian2 has made: check them, and draw their signs. With multapses, a pair may occur often.
inline void adopt(Connections &c)
{
    const size_t capacity = c.pre.size();
    c.polarity.resize(capacity);
    c.birth_step.assign(capacity, 0);
    c.occupied = Occupied(c.sites.multapses ? 0 : capacity);
    for (size_t k = 0; k < c.size(); k++) {
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
    if (c.uneven)
        check_acceptance(c);
}

// Keep the signs that the user has set for the first connections, unless all are 0. Where connections that are not stored
// return with the sign of their site, so must these.
template <class T>
void keep_signs(Connections &c, const std::vector<T> &given, size_t number, bool of_sites, const std::string &name)
{
    if (std::all_of(given.begin(), given.begin() + number, [](T sign) { return sign == 0; }))
        return;
    for (size_t k = 0; k < number; k++) {
        std::ostringstream sign;
        sign << given[k];
        if (given[k] != 1 && given[k] != -1)
            fail(name + " must be +1 or -1 for each synapse, or 0 for all of them to have signs drawn; got " +
                 sign.str() + ".");
        if (of_sites && given[k] != c.polarity[k])
            fail(name + " is " + sign.str() + " for synapse " + std::to_string(k) + ", where the sign of the site is " +
                 std::to_string(c.polarity[k]) + "; leave it 0 to have signs drawn, or pass signs=... of all sites.");
        c.polarity[k] = (int8_t)given[k];
    }
}

// A number that is not finite.
inline std::string text_of(double value)
{
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits << 12 ? "nan" : bits >> 63 ? "-inf" : "inf";
}

template <class T>
void check_finite(const Connections &c, const std::vector<T> &values, const char *name, size_t start = 0)
{
    const int64_t k = first_not_finite(values, c.size(), start);
    if (k >= 0)
        fail(std::string(name) + " of " + c.name(k) + " is " + text_of(values[k]) + " in step " +
             std::to_string(c.step) + "; lower the learning rate, or find out where it diverges.");
}

inline std::string name_of_site(int64_t key, int64_t num_post)
{
    return std::to_string(key / num_post) + ", " + std::to_string(key % num_post);
}

// Stop unless a companion has each pair that may be connected once.
inline void check_companion(const Connections &c, const std::vector<int32_t> &pre, const std::vector<int32_t> &post,
                            const std::string &name)
{
    std::vector<int> times(c.sites.num_pre * c.sites.num_post, 0);
    for (size_t n = 0; n < pre.size(); n++)
        times[c.key(pre[n], post[n])]++;
    const std::vector<int64_t> all = vacant(c, Occupied());
    for (size_t n = 0; n < all.size(); n++)
        if (times[all[n]] != 1)
            fail("'" + name + "', the companion, must have each pair that may be connected once, got site " +
                 name_of_site(all[n], c.sites.num_post) + " " + std::to_string(times[all[n]]) +
                 " times; connect it by connect() without arguments.");
}

// The values of a companion by key, 0 for pairs without one.
template <class T>
std::vector<double> values_of_pairs(const Connections &c, const std::vector<int32_t> &pre,
                                    const std::vector<int32_t> &post, const std::vector<T> &values, const char *name)
{
    std::vector<double> of_pairs(c.sites.num_pre * c.sites.num_post, 0.0);
    for (size_t n = 0; n < values.size(); n++)
        of_pairs[c.key(pre[n], post[n])] = values[n];
    const int64_t key = first_not_finite(of_pairs, of_pairs.size());
    if (key >= 0)
        fail(std::string(name) + " of site " + name_of_site(key, c.sites.num_post) + " is " + text_of(of_pairs[key]) +
             "; find out where it diverges.");
    return of_pairs;
}

// Vacate the sites of the connections in these slots.
inline void vacate(Connections &c, const std::vector<int32_t> &slots)
{
    for (size_t n = 0; n < slots.size(); n++) {
        const int32_t k = slots[n];
        if (n + AHEAD < slots.size() && !c.sites.multapses)
            c.occupied.fetch(c.key(slots[n + AHEAD]));
        if (n + 2 * AHEAD < slots.size()) {
            SYNAPTIC_SAMPLING_FETCH(&c.pre[slots[n + 2 * AHEAD]]);
            SYNAPTIC_SAMPLING_FETCH(&c.post[slots[n + 2 * AHEAD]]);
        }
        if (!c.sites.multapses)
            c.occupied.remove(c.key(k));
        c.num_outgoing[c.pre[k]]--;
        c.num_incoming[c.post[k]]--;
    }
}

// Form connections in these slots at sites that are marked as occupied.
inline void form(Connections &c, const std::vector<int32_t> &slots, const std::vector<int64_t> &keys)
{
    for (size_t n = 0; n < slots.size(); n++) {
        if (n + AHEAD < slots.size()) {
            const int32_t k = slots[n + AHEAD];
            SYNAPTIC_SAMPLING_FETCH(&c.pre[k]);
            SYNAPTIC_SAMPLING_FETCH(&c.post[k]);
            SYNAPTIC_SAMPLING_FETCH(&c.polarity[k]);
            SYNAPTIC_SAMPLING_FETCH(&c.birth_step[k]);
        }
        const int32_t k = slots[n];
        const int32_t pre = (int32_t)(keys[n] / c.sites.num_post), post = (int32_t)(keys[n] % c.sites.num_post);
        c.pre[k] = pre + c.pre_offset;
        c.post[k] = post + c.post_offset;
        c.num_outgoing[c.pre[k]]++;
        c.num_incoming[c.post[k]]++;
        c.polarity[k] = polarity_of(c.signs, pre, post, c.sites.num_post, k, c.at(Stream::SIGN));
        c.birth_step[k] = c.step;
    }
}

// Record what happens to the connections in these slots.
inline void record(const Connections &c, const std::vector<int32_t> &slots, int8_t kind, std::vector<Event> &events)
{
    for (size_t n = 0; n < slots.size(); n++) {
        if (n + AHEAD < slots.size()) {
            SYNAPTIC_SAMPLING_FETCH(&c.pre[slots[n + AHEAD]]);
            SYNAPTIC_SAMPLING_FETCH(&c.post[slots[n + AHEAD]]);
            SYNAPTIC_SAMPLING_FETCH(&c.polarity[slots[n + AHEAD]]);
        }
        events.push_back(c.event(slots[n], kind));
    }
}

// Move the connections in these slots to random sites; returns the eliminations, then the formations.
inline std::vector<Event> replace(Connections &c, const std::vector<int32_t> &slots)
{
    std::vector<Event> events;
    events.reserve(2 * slots.size());
    record(c, slots, DEATH, events);
    vacate(c, slots);
    form(c, slots, draw(c, slots, c.pre.size() - slots.size()));
    record(c, slots, BIRTH, events);
    return events;
}

// Move the connections in these slots to the sites with the largest absolute values.
inline std::vector<Event> replace_at_largest(Connections &c, const std::vector<int32_t> &slots,
                                             const std::vector<double> &of_pairs)
{
    std::vector<Event> events;
    record(c, slots, DEATH, events);
    vacate(c, slots);
    form(c, slots, largest(vacant(c, c.occupied), slots.size(), of_pairs, c.occupied));
    record(c, slots, BIRTH, events);
    return events;
}

// Record the connections whose theta fell below 0; start a new life in the slots where it rose above 0, and return them.
template <class T>
std::vector<int32_t> cross(Connections &c, const std::vector<int32_t> &crossed, const std::vector<T> &theta,
                           std::vector<Event> &events)
{
    std::vector<int32_t> born;
    for (size_t n = 0; n < crossed.size(); n++) {
        if (theta[crossed[n]] < 0) {
            events.push_back(c.event(crossed[n], DEATH));
            continue;
        }
        c.birth_step[crossed[n]] = c.step;
        born.push_back(crossed[n]);
    }
    return born;
}

// Count the connections of each pair anew, in the order of slots; -1 in slots without a connection.
template <class T> void count_multapses(const Connections &c, std::vector<T> &counts)
{
    std::map<int64_t, T> seen;
    for (size_t k = 0; k < counts.size(); k++)
        counts[k] = k >= c.size() ? -1 : c.sites.multapses ? seen[c.key(k)]++ : 0;
}

// The source neurons of some slots of a pathway.
template <class Pathway>
std::vector<int32_t> owners(const Pathway &pathway, const std::vector<int32_t> &slots)
{
    std::vector<int32_t> neurons(slots.size());
    for (size_t n = 0; n < slots.size(); n++) {
        if (n + AHEAD < slots.size())
            SYNAPTIC_SAMPLING_FETCH(&pathway.sources[slots[n + AHEAD]]);
        neurons[n] = pathway.sources[slots[n]];
    }
    return neurons;
}

// Drop the spikes in flight through slots.
template <class Pathway> void drop_spikes(Pathway &pathway, const std::vector<int32_t> &slots)
{
    size_t in_flight = 0;
    for (size_t t = 0; t < pathway.queue.size(); t++)
        for (size_t m = 0; m < pathway.queue[t]->queue.size(); m++)
            in_flight += pathway.queue[t]->queue[m].size();
    if (!in_flight)
        return;
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

// The queue of a slot: each thread has its own, for the slots from its padding on.
template <class Pathway> auto queue_of(Pathway &pathway, int32_t slot) -> decltype(*pathway.queue[0])
{
    size_t t = pathway.queue.size() - 1;
    while (slot < pathway.queue[t]->openmp_padding)
        t--;
    return *pathway.queue[t];
}

// Let slots pass the spikes of other source neurons; -1 where a slot has, or had, none. Each thread has its own rows.
template <class Pathway>
void move_slots(Pathway &pathway, const std::vector<int32_t> &slots, const std::vector<int32_t> &before,
                const std::vector<int32_t> &now)
{
    for (size_t t = 0; t < pathway.queue.size(); t++) {
        auto &queue = *pathway.queue[t];
        std::vector<int32_t> left(slots.size(), -1), joined(slots.size(), -1);
        for (size_t n = 0; n < slots.size(); n++) {
            if (&queue_of(pathway, slots[n]) != &queue)
                continue;
            left[n] = before[n];
            joined[n] = now[n];
        }
        if (!move_slots(queue.synapses, queue.source_start, slots.data(), left.data(), joined.data(), slots.size()))
            fail("a slot is missing in the spike queue of its neuron; please report this error.");
    }
}

// Let no spikes of these source neurons pass through slots any more.
template <class Pathway>
void leave(Pathway &pathway, const std::vector<int32_t> &slots, const std::vector<int32_t> &sources)
{
    move_slots(pathway, slots, sources, std::vector<int32_t>(slots.size(), -1));
}

// Stop unless a spike queue can use the delays of new connections: it would access memory that is not its own.
template <class T>
void check_delays(const std::vector<T> &delays, const std::vector<int32_t> &slots, const std::string &name,
                  const std::string &synapses)
{
    for (size_t n = 0; n < slots.size(); n++) {
        const double delay = (double)delays[slots[n]];
        if (delay >= 0 && delay <= std::numeric_limits<double>::max())
            continue;
        std::ostringstream seconds;
        seconds << delay;
        fail("birth sets " + name + " of synapse " + std::to_string(slots[n]) + " of '" + synapses + "' to " +
             seconds.str() + " s, but a delay must be >= 0; change the string, for example by clip(..., 0*ms, 5*ms).");
    }
}

// Let spikes of the present source neurons pass through slots, and not of those before, with the present delays.
template <class Pathway, class T>
void follow(Pathway &pathway, const std::vector<int32_t> &slots, const std::vector<int32_t> &before,
            const std::vector<T> &delays, bool scalar_delay, double dt)
{
    move_slots(pathway, slots, before, owners(pathway, slots));
    for (size_t n = 0; n < slots.size() && !scalar_delay; n++) {
        const int32_t k = slots[n];
        auto &queue = queue_of(pathway, k);
        if (n + AHEAD < slots.size()) {
            SYNAPTIC_SAMPLING_FETCH(&delays[slots[n + AHEAD]]);
            SYNAPTIC_SAMPLING_FETCH(&queue.delays[slots[n + AHEAD] - queue.openmp_padding]);
        }
        const int steps = (int)((double)delays[k] / dt + 0.5);
        queue.delays[k - queue.openmp_padding] = steps;
        queue.ensure_delay(steps);
        if (steps != queue.delays[0])
            queue.scalar_delay = false;
    }
}

// Let spikes of the present source neurons pass through slots, with the present delays.
template <class Pathway, class T>
void join(Pathway &pathway, const std::vector<int32_t> &slots, const std::vector<T> &delays, bool scalar_delay,
          double dt)
{
    follow(pathway, slots, std::vector<int32_t>(slots.size(), -1), delays, scalar_delay, dt);
}

// The occupied sites of a Rewiring, by its name; shared by all files of the program.
inline Occupied &occupied_of(const std::string &rewiring)
{
    static std::map<std::string, Occupied> all;
    return all[rewiring];
}

}  // namespace synaptic_sampling

#endif
