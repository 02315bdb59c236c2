/* 64-bit hashes: of state buffers (fast, four lanes) and of descriptions (incremental). Not cryptographic. */
#ifndef HIL_HASH_H
#define HIL_HASH_H

#include "hil/types.h"

/* Hash of n 64-bit little-endian words at `data` (8-byte aligned). A word with the bits of a NaN counts as one canonical NaN. */
uint64_t hil_hash_words(const void *data, size_t n, uint64_t seed);

/* Incremental, bytewise order-dependent; for building a program's hash. */
uint64_t hil_hash_u64(uint64_t h, uint64_t word);
uint64_t hil_hash_f64(uint64_t h, double value);
uint64_t hil_hash_text(uint64_t h, const char *text);

#endif
