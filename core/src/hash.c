#include "hil/hash.h"

#include <string.h>

#include "hil/random.h"

#define LANES 4
static const uint64_t PRIME = 0x9fb21c651e98df25u; /* rrmxmx's multiplier (P. Evensen): odd, well mixed */

static uint64_t canonical(uint64_t word)
{
    return (word & 0x7fffffffffffffffu) > 0x7ff0000000000000u ? 0x7ff8000000000000u : word;
}

static uint64_t step(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * PRIME;
    return lane ^ (lane >> 32);
}

uint64_t hil_hash_words(const void *data, size_t n, uint64_t seed)
{
    const unsigned char *at = data;
    uint64_t lane[LANES] = {seed, seed + 1, seed + 2, seed + 3};
    uint64_t word[LANES];
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        memcpy(word, at + 8 * i, sizeof word);
        for (int k = 0; k < LANES; k++)
            lane[k] = step(lane[k], canonical(word[k]));
    }
    for (; i < n; i++) {
        memcpy(word, at + 8 * i, 8);
        lane[0] = step(lane[0], canonical(word[0]));
    }
    uint64_t h = n;
    for (int k = 0; k < LANES; k++)
        h = hil_mix64(h ^ lane[k]) * PRIME;
    return hil_mix64(h);
}

uint64_t hil_hash_u64(uint64_t h, uint64_t word) { return hil_mix64(step(h + 0x9e3779b97f4a7c15u, word)); }

uint64_t hil_hash_f64(uint64_t h, double value)
{
    uint64_t word;
    memcpy(&word, &value, 8);
    return hil_hash_u64(h, canonical(word));
}

uint64_t hil_hash_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = hil_hash_u64(h, (unsigned char)*text);
    return hil_hash_u64(h, 0x100);
}
