/* Counter-based random numbers: a pure function of (seed, stream, counter); no generator state, no libm.
 * splitmix64's finaliser (Steele, Lea, Flood 2014; constants by Stafford) over a Weyl sequence. */
#ifndef HIL_RANDOM_H
#define HIL_RANDOM_H

#include <stdint.h>

static inline uint64_t hil_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In two parts, as the first is the same for all counters. */
static inline uint64_t hil_random_key(uint64_t seed, uint64_t stream)
{
    return hil_mix64(seed ^ hil_mix64(stream + 0x9e3779b97f4a7c15u));
}
static inline uint64_t hil_random_at(uint64_t key, uint64_t counter)
{
    return hil_mix64(key + (counter + 1) * 0x9e3779b97f4a7c15u);
}

static inline uint64_t hil_random(uint64_t seed, uint64_t stream, uint64_t counter)
{
    return hil_random_at(hil_random_key(seed, stream), counter);
}

/* Uniform in [0, 1), 53 bits. */
static inline double hil_uniform(uint64_t word) { return (double)(word >> 11) * 0x1p-53; }

/* Approximately normal, zero mean, unit variance, |value| < 3.47: sum of four 16-bit uniforms (Irwin-Hall), exact in every
 * rounding. Made for sensor noise; not for tail statistics. */
static inline double hil_normal(uint64_t word)
{
    uint32_t sum = (uint32_t)(word & 0xffff) + (uint32_t)((word >> 16) & 0xffff) + (uint32_t)((word >> 32) & 0xffff) +
                   (uint32_t)(word >> 48);
    return ((double)sum - 131070.0) * (1.7320508075688772 / 65536.0);
}

#endif
