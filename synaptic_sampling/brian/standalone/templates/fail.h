// How a program stops with an error.
#ifndef SYNAPTIC_SAMPLING_FAIL_H
#define SYNAPTIC_SAMPLING_FAIL_H

#include <cstdlib>
#include <iostream>
#include <string>

namespace synaptic_sampling {

// End the program, which Brian2 reports as an error; logs are closed.
inline void fail(const std::string &message)
{
    std::cout << "Error: " << message << std::endl;
    std::exit(1);
}

}  // namespace synaptic_sampling

#endif
