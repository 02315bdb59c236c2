/* Process image exchange between one writer thread and one reader thread, lock-free (triple buffer).
 * The reader sees only the newest complete image. Portable C11 atomics; no OS. */
#ifndef HIL_IMAGE_H
#define HIL_IMAGE_H

#include "hil/types.h"
#include <stdatomic.h>

struct hil_image {
    uint64_t seq;    /* counts images from 1 */
    int64_t time_ns; /* source time: monotonic clock in real time, bench time in lock-step */
    uint32_t n, reserved;
    double *v; /* n values in SI units; NaN = bad */
};

struct hil_box {
    struct hil_image slot[3];
    _Atomic uint32_t middle; /* index of the free slot, bit 2 set when it holds a new image */
    uint32_t writing, reading;
    uint64_t seq;
};

/* Bytes of memory that `hil_box_init` needs for n values. */
size_t hil_box_size(uint32_t n);
/* `mem` stays the caller's and must outlive the box. Values start as zero, seq 0. */
void hil_box_init(struct hil_box *box, void *mem, uint32_t n);
/* Writer: the slot to fill; then publish it (sets seq). In a tick: yes. */
struct hil_image *hil_box_begin(struct hil_box *box);
void hil_box_publish(struct hil_box *box);
/* Reader: the newest image not seen yet, or NULL. It stays valid until the next call. In a tick: yes. */
const struct hil_image *hil_box_take(struct hil_box *box);
/* The same, and the reader has still to take it. Only while no writer runs. */
const struct hil_image *hil_box_peek(const struct hil_box *box);

#endif
