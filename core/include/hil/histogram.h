/* Log-linear histogram of non-negative nanoseconds in fixed memory: 16 steps per octave, so a bucket is at most 6.25 % wide. */
#ifndef HIL_HISTOGRAM_H
#define HIL_HISTOGRAM_H

#include "hil/types.h"

#define HIL_HISTOGRAM_BUCKETS 592 /* values below 2^40 ns; larger ones count in the last */

struct hil_histogram {
    uint64_t n, max_ns;
    uint64_t count[HIL_HISTOGRAM_BUCKETS];
};

/* Bucket of a value; values below 16 have one each. */
static inline unsigned hil_histogram_bucket(uint64_t ns)
{
    if (ns < 16)
        return (unsigned)ns;
    unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
    unsigned bucket = (octave - 3u) * 16u + (unsigned)(ns >> (octave - 4u) & 15u);
    return bucket < HIL_HISTOGRAM_BUCKETS ? bucket : HIL_HISTOGRAM_BUCKETS - 1u;
}

/* Smallest value of a bucket. */
static inline uint64_t hil_histogram_edge(unsigned bucket)
{
    return bucket < 16 ? bucket : (uint64_t)(16u + bucket % 16u) << (bucket / 16u - 1u);
}

static inline void hil_histogram_add(struct hil_histogram *h, int64_t ns)
{
    uint64_t v = ns < 0 ? 0 : (uint64_t)ns;
    h->n++;
    if (v > h->max_ns)
        h->max_ns = v;
    h->count[hil_histogram_bucket(v)]++;
}

#endif
