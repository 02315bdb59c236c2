/* Single-producer single-consumer ring of variable-length frames. A push never blocks: a full ring is a counted loss. */
#ifndef HIL_RING_H
#define HIL_RING_H

#include "hil/types.h"
#include <stdatomic.h>

/* Begins every frame in the ring; frames are multiples of 8 bytes. */
struct hil_frame {
    uint32_t bytes; /* whole frame */
    uint16_t kind;  /* enum hil_frame_kind */
    uint16_t group;
    uint64_t tick;
};

struct hil_ring {
    unsigned char *data;
    uint64_t size;                      /* a power of two */
    _Alignas(64) _Atomic uint64_t head; /* producer */
    uint64_t tail_seen;
    uint64_t lost, lost_since;          /* frames not stored; tick of the first one */
    _Alignas(64) _Atomic uint64_t tail; /* consumer */
};

/* `mem` of `size` bytes (a power of two >= 4096, 64-byte aligned) stays the caller's. */
int hil_ring_init(struct hil_ring *r, void *mem, uint64_t size);
/* Reserves `bytes` contiguous bytes (multiple of 8) and returns where to write them, or NULL: full (counted). */
void *hil_ring_reserve(struct hil_ring *r, uint32_t bytes, uint64_t tick);
/* Makes the reserved frame visible. */
void hil_ring_commit(struct hil_ring *r, uint32_t bytes);
/* Consumer: copies whole frames into `out`, returns the bytes copied (0: none; padding frames are left out). */
size_t hil_ring_read(struct hil_ring *r, void *out, size_t size);

/* Consumer's view of many sample frames, see loop.h: rows of one group out of `data` into arrays (tick, late_ns, exec_ns [rows],
 * values [rows x n_values], status [rows x n_status], 0 where a frame has none). NULL arrays are left out. Returns the rows. */
size_t hil_samples_unpack(const void *data, size_t size, uint16_t group, uint32_t n_values, uint32_t n_status,
                          int64_t *tick, int64_t *late_ns, int64_t *exec_ns, double *values, uint8_t *status);

#endif
