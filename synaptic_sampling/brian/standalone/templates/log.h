// The log of formations and eliminations, in the format of log/file.py, which RewiringLog reads.
#ifndef SYNAPTIC_SAMPLING_LOG_H
#define SYNAPTIC_SAMPLING_LOG_H

#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "fail.h"

namespace synaptic_sampling {

class Log {
    std::ofstream file;
    std::vector<Event> events;
    std::vector<Time> times;
    std::chrono::steady_clock::time_point due;
    int64_t last_step = 0;
    double last_seconds = 0;

    static uint32_t check_sum(const std::string &bytes)
    {
        uint32_t sum = 0xFFFFFFFFu;
        for (size_t n = 0; n < bytes.size(); n++) {
            sum ^= (uint8_t)bytes[n];
            for (int bit = 0; bit < 8; bit++)
                sum = sum >> 1 ^ (sum & 1u ? 0xEDB88320u : 0u);
        }
        return ~sum;
    }

    template <class X> static std::string bytes_of(const X &value)
    {
        return std::string(reinterpret_cast<const char *>(&value), sizeof value);
    }

    template <class X> static std::string bytes_of(const std::vector<X> &values)
    {
        return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(X));
    }

    void write(const std::string &kind, const std::string &payload)
    {
        const std::string head = kind + bytes_of((uint64_t)payload.size()) + bytes_of(check_sum(payload));
        file << head << bytes_of(check_sum(head)) << payload << std::flush;
    }

    // Times last: a step counts once its time has been written.
    void spool()
    {
        if (!events.empty())
            write("EVNT", bytes_of(events));
        if (!times.empty())
            write("TIME", bytes_of(times));
        events.clear();
        times.clear();
        due = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    }

public:
    ~Log()
    {
        if (!file.is_open())
            return;
        spool();
        write("END ", "");
    }

    bool is_open() const { return file.is_open(); }

    void open(const std::string &path)
    {
        file.open(path.c_str(), std::ios::binary | std::ios::trunc);
        file << std::string(MAGIC, sizeof MAGIC - 1);
    }

    // Append the events of one set in a step of a Rewiring.
    void record(const std::string &rewiring, int64_t step, double seconds, double samples, int set,
                const std::vector<Event> &happened)
    {
        if (!is_open())  // The monitor is not part of the run.
            return;
        // Clocks of different time steps agree but for rounding errors.
        if (step < last_step || (step == last_step && seconds > last_seconds * (1 + 1e-12)))
            fail("'" + rewiring + "' and another Rewiring of its monitor have not had their events at the same times, "
                 "as one of them was switched off; give each a monitor of its own.");
        last_step = step;
        last_seconds = seconds;
        if (times.empty() || times.back().step < step) {
            // Earlier steps are complete. Also written by time: a program that is killed loses half a second.
            if (events.size() >= BLOCK || times.size() >= BLOCK || std::chrono::steady_clock::now() >= due)
                spool();
            times.push_back(Time{step, seconds, samples});
        }
        for (size_t n = 0; n < happened.size(); n++) {
            events.push_back(happened[n]);
            events.back().set += set;
        }
    }

    // Write all connections and their theta, with its NumPy dtype.
    template <class T>
    void snapshot(int64_t step, int set, const std::vector<int32_t> &pre, const std::vector<int32_t> &post,
                  const std::vector<T> &theta, const std::string &dtype, const std::vector<int8_t> &polarity)
    {
        spool();  // The steps before it come first.
        const std::string about = "[" + std::to_string(step) + ", " + std::to_string(set) + ", " +
                                  std::to_string(pre.size()) + ", \"" + dtype + "\"]";
        write("SNAP", bytes_of((uint32_t)about.size()) + about + bytes_of(pre) + bytes_of(post) + bytes_of(theta) +
                          bytes_of(polarity));
    }
};

// Add the numbers of formations and of eliminations.
inline void count(const std::vector<Event> &events, int64_t *numbers)
{
    for (size_t n = 0; n < events.size(); n++) {
        numbers[0] += events[n].kind == BIRTH;
        numbers[1] += events[n].kind == DEATH;
    }
}

// The values of the slots in use, the first ones.
template <class T> std::vector<T> first(const std::vector<T> &values, int64_t number)
{
    return std::vector<T>(values.begin(), values.begin() + number);
}

// Signs, 0 where theta is negative: these connections are retracted.
template <class T>
std::vector<int8_t> signs_of_active(const std::vector<int8_t> &polarity, const std::vector<T> &theta)
{
    std::vector<int8_t> signs(polarity);
    for (size_t k = 0; k < signs.size(); k++)
        if (theta[k] < 0)
            signs[k] = 0;
    return signs;
}

// Neurons counted within their group, which may be a subgroup.
inline std::vector<int32_t> shifted(const std::vector<int32_t> &neurons, int32_t offset)
{
    std::vector<int32_t> own(neurons);
    for (size_t n = 0; n < own.size(); n++)
        own[n] -= offset;
    return own;
}

// The log of a monitor, by its name; shared by all files of the program.
inline Log &log_of(const std::string &monitor)
{
    static std::map<std::string, Log> logs;
    return logs[monitor];
}

}  // namespace synaptic_sampling

#endif
