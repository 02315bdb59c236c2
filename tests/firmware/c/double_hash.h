/* Arithmetic of doubles over pseudo-random bit patterns, as one number: equal where the arithmetic is equal. */
#ifndef DOUBLE_HASH_H
#define DOUBLE_HASH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static uint64_t next_bits(uint64_t *state) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Any pattern: infinities and subnormal numbers too. Half of them are of similar size, or sums would not round. */
static double next_double(uint64_t *state)
{
    uint64_t bits = next_bits(state);
    if (bits & 1)
        bits = (bits & ~(0x7ffull << 52)) | (1000 + (bits >> 4 & 63)) << 52;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t mix(uint64_t hash, double v)
{
    uint64_t bits = 0x7ff8000000000000u;
    if (v == v) /* which NaN is not laid down */
        memcpy(&bits, &v, sizeof bits);
    return (hash ^ bits) * 0x100000001b3u;
}

static uint64_t double_hash(uint32_t n)
{
    uint64_t state = 1, hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < n; i++) {
        double a = next_double(&state), b = next_double(&state);
        double results[] = {a + b,
                            a - b,
                            a * b,
                            a / b,
                            sqrt(fabs(a)),
                            (double)(float)a,
                            (double)(int32_t)next_bits(&state),
                            (double)(int64_t)next_bits(&state),
                            (double)next_bits(&state),
                            (double)(a < b) + 2 * (a <= b) + 4 * (a == b)};
        for (unsigned k = 0; k < sizeof results / sizeof results[0]; k++)
            hash = mix(hash, results[k]);
        if (fabs(a) < 9e18)
            hash = (hash ^ (uint64_t)(int64_t)a) * 0x100000001b3u;
    }
    return hash;
}

#endif
