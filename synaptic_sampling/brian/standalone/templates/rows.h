// The rows of a spike queue: for each source neuron its slots, ascending. Also part of internals/_queue_edit.pyx.
#ifndef SYNAPTIC_SAMPLING_ROWS_H
#define SYNAPTIC_SAMPLING_ROWS_H

#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__GNUC__)
#define SYNAPTIC_SAMPLING_FETCH(place) __builtin_prefetch(place, 1)
#else
#define SYNAPTIC_SAMPLING_FETCH(place)
#endif

namespace synaptic_sampling {

typedef std::vector<std::vector<int> > Rows;

// The edits of a row are between the end of the row before it and its own: a slot that joins, or ~slot for one that
// leaves. Neurons below 0 have no row.
struct Edits {
    std::vector<int32_t> ends, slots, rows;

    Edits(const int32_t *slots_of_all, const int32_t *before, const int32_t *now, size_t number, int32_t start,
          size_t num_rows)
        : ends(num_rows + 1, 0), slots(2 * number), rows(num_rows)
    {
        for (size_t k = 0; k < number; k++) {
            if (before[k] >= 0)
                ends[before[k] - start + 1]++;
            if (now[k] >= 0)
                ends[now[k] - start + 1]++;
        }
        size_t edited = 0;
        for (size_t n = 0; n < num_rows; n++) {
            rows[edited] = (int32_t)n;
            edited += ends[n + 1] > 0;
            ends[n + 1] += ends[n];
        }
        rows.resize(edited);
        // Each end advances from the start of its row.
        for (size_t k = 0; k < number; k++) {
            if (before[k] >= 0)
                slots[ends[before[k] - start]++] = ~slots_of_all[k];
            if (now[k] >= 0)
                slots[ends[now[k] - start]++] = slots_of_all[k];
        }
    }
};

// Let a slot join a row, or leave it for ~slot; false if it is not there.
inline bool edit_row(std::vector<int> &row, int32_t edit)
{
    const int32_t slot = edit < 0 ? ~edit : edit;
    const int *slots = row.data();
    const size_t size = row.size();
    // Counted, which vector units do faster than they search.
    int below = 0;
    for (size_t k = 0; k < size; k++)
        below += slots[k] < slot;
    if (edit >= 0)
        row.insert(row.begin() + below, slot);
    else if (below == (int)size || slots[below] != slot)
        return false;
    else
        row.erase(row.begin() + below);
    return true;
}

inline void fetch_row(const std::vector<int> &row)
{
    const size_t line = 64 / sizeof(int), most = 8 * line;
    for (size_t k = 0; k < row.size() && k < most; k += line)
        SYNAPTIC_SAMPLING_FETCH(&row[k]);
}

// Assign slots, each of which appears once, to other neurons; false if one was not in the row of the neuron before.
inline bool move_slots(Rows &rows, int32_t start, const int32_t *slots, const int32_t *before, const int32_t *now,
                       size_t number)
{
    const int32_t end = start + (int32_t)rows.size();
    for (size_t k = 0; k < number; k++)
        if (before[k] >= end || now[k] >= end)
            return false;
    // Row by row, so that each is fetched once: they are in no cache. First ask for where a row is, then for the row.
    const Edits edits(slots, before, now, number, start, rows.size());
    const size_t row_ahead = 4, place_ahead = 8;
    int32_t edit = 0;
    for (size_t n = 0; n < edits.rows.size(); n++) {
        if (n + place_ahead < edits.rows.size())
            SYNAPTIC_SAMPLING_FETCH(&rows[edits.rows[n + place_ahead]]);
        if (n + row_ahead < edits.rows.size())
            fetch_row(rows[edits.rows[n + row_ahead]]);
        for (; edit < edits.ends[edits.rows[n]]; edit++)
            if (!edit_row(rows[edits.rows[n]], edits.slots[edit]))
                return false;
    }
    return true;
}

}  // namespace synaptic_sampling

#endif
