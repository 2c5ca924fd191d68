// Samples in a file, shown in any order: what an ArrayStream is in Python. All that can change is read at the start.
#ifndef SYNAPTIC_SAMPLING_ARRAY_STREAM_H
#define SYNAPTIC_SAMPLING_ARRAY_STREAM_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "fail.h"

namespace synaptic_sampling {

class ArrayStream {
    const int64_t *order;
    const char *values;
    int64_t num_frames, num_channels;
    double last_frame;

    // Part of a file, mapped into memory where the system can, so that only what is shown is read.
    static const char *content(const std::string &path, int64_t offset, int64_t size)
    {
        std::ifstream file(path.c_str(), std::ios::binary | std::ios::ate);
        if (!file || (int64_t)file.tellg() < offset + size)
            fail("'" + path + "', the data of an ArrayStream, is missing or too short; build the program again.");
#ifndef _WIN32
        const int descriptor = open(path.c_str(), O_RDONLY);
        void *start = mmap(NULL, (size_t)(offset + size), PROT_READ, MAP_SHARED, descriptor, 0);
        close(descriptor);
        if (start == MAP_FAILED)
            fail("'" + path + "', the data of an ArrayStream, cannot be mapped into memory.");
        return (const char *)start + offset;
#else
        char *bytes = new char[(size_t)size];
        file.seekg(offset);
        file.read(bytes, size);
        return bytes;
#endif
    }

public:
    // Reads the files that Python has written for the stream of this name.
    ArrayStream(const std::string &name, size_t size_of_value)
    {
        const std::string base = "static_arrays/" + name;
        std::ifstream about((base + ".stream").c_str());
        std::string path;
        int64_t offset = 0, num_samples = 0, length = 0;
        std::getline(about, path);
        about >> offset >> num_samples >> num_frames >> num_channels >> length;
        if (!about)
            fail("'" + base + ".stream' is missing or damaged; build the program again.");
        order = (const int64_t *)content(base + ".order", 0, length * (int64_t)sizeof(int64_t));
        for (int64_t k = 0; k < length; k++)
            if (order[k] < 0 || order[k] >= num_samples)
                fail("'" + base + ".order' has a sample that does not exist; build the program again.");
        values = content(path, offset, num_samples * num_frames * num_channels * (int64_t)size_of_value);
        last_frame = (double)(length * num_frames - 1);
    }

    // The value of a channel in a frame, of which the first and the last are held.
    template <class T> double at(double number, int64_t channel) const
    {
        if (channel < 0 || channel >= num_channels)
            return std::numeric_limits<double>::quiet_NaN();
        const int64_t frame = (int64_t)std::min(std::max(std::floor(number), 0.0), last_frame);
        const int64_t place = order[frame / num_frames] * num_frames + frame % num_frames;
        return (double)((const T *)values)[place * num_channels + channel];
    }
};

}  // namespace synaptic_sampling

#endif
