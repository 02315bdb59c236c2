/* Commands into a running loop: one producer, one consumer, lock-free. Several senders are serialised before it. */
#ifndef HIL_QUEUE_H
#define HIL_QUEUE_H

#include "hil/event.h"
#include <stdatomic.h>

#define HIL_QUEUE_SIZE 256 /* a power of two */

struct hil_queue {
    struct hil_event event[HIL_QUEUE_SIZE];
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
};

/* HIL_OK or HIL_E_FULL. */
static inline int hil_queue_push(struct hil_queue *q, const struct hil_event *e)
{
    uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&q->tail, memory_order_acquire) == HIL_QUEUE_SIZE)
        return HIL_E_FULL;
    q->event[head % HIL_QUEUE_SIZE] = *e;
    atomic_store_explicit(&q->head, head + 1, memory_order_release);
    return HIL_OK;
}

/* 1 when an event was taken. In a tick: yes. */
static inline int hil_queue_take(struct hil_queue *q, struct hil_event *e)
{
    uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&q->head, memory_order_acquire))
        return 0;
    *e = q->event[tail % HIL_QUEUE_SIZE];
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return 1;
}

#endif
