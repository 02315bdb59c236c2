/* Inline parts of block.h that need the layout of the state header. */
#ifndef HIL_BLOCK_INLINE_H
#define HIL_BLOCK_INLINE_H

#include "hil/random.h"
#include "hil/state.h"

static inline uint64_t hil_sample(const struct hil_block *b, unsigned char *s)
{
    return ((const struct hil_state *)(const void *)s)->tasks[b->task].sample;
}

static inline int64_t hil_now(const unsigned char *s)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    return (int64_t)h->tick * h->period_ns;
}

static inline int64_t hil_in_time(const struct hil_block *b, const unsigned char *s, unsigned i)
{
    return hil_source_time(s, b->in[i]);
}

static inline void hil_set_status(const struct hil_block *b, unsigned char *s, unsigned i, uint8_t bits)
{
    s[b->status + b->out[i]] = bits;
    if (bits)
        ((struct hil_state *)(void *)s)->alert = 1; /* it falls back when every signal is good again */
}

static inline uint64_t hil_noise(const struct hil_block *b, unsigned char *s, uint32_t lane)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    int known = lane == 0 && b->key && b->seed == h->seed; /* a fork may have another seed */
    uint64_t key = known ? b->key : hil_random_key(h->seed, b->stream + lane);
    return hil_random_at(key, h->tasks[b->task].sample);
}

#endif
