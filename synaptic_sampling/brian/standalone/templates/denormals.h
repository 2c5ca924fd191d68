// Numbers below 1e-308 become 0: arithmetic with them takes up to a hundred times as long, and traces decay to them.
#ifndef SYNAPTIC_SAMPLING_DENORMALS_H
#define SYNAPTIC_SAMPLING_DENORMALS_H

#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace synaptic_sampling {

inline void flush_denormals_of_thread()
{
#if defined(__SSE2__) || defined(_M_X64)
    _mm_setcsr(_mm_getcsr() | 0x8040u);  // Flush to zero, denormals are zero.
#elif defined(__aarch64__) && defined(__GNUC__)
    uint64_t control;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(control | UINT64_C(1) << 24));
#endif
}

// Every thread has its own setting.
inline void flush_denormals()
{
#ifdef _OPENMP
#pragma omp parallel
#endif
    flush_denormals_of_thread();
}

}  // namespace synaptic_sampling

#endif
