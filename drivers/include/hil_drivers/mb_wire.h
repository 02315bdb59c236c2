/* Between the client's protocol and its wire: a batch of request PDUs goes out, their answers come in. Linux.
 *
 * A wire is a struct that starts with struct hil_mb_wire and fills in `kind`: mb_tcp_wire.h, mb_rtu_wire.h. */
#ifndef HIL_DRIVERS_MB_WIRE_H
#define HIL_DRIVERS_MB_WIRE_H

#include <pthread.h>

#include "hil_drivers/bus_thread.h"
#include "hil_drivers/mb_counters.h"
#include "hil_drivers/modbus.h"

#define HIL_MB_MAX_DEPTH 64

struct hil_mb_wire;

/* Called for each answer of a batch: request number `k` within it, and what came. */
typedef void (*hil_mb_on_answer)(void *context, unsigned k, const struct hil_mb_answer *answer);

struct hil_mb_wire_kind {
    /* HIL_OK, HIL_E_TIMEOUT, or HIL_E_OS with errno. Waits at most `wait_ns`. */
    int (*connect)(struct hil_mb_wire *w, int64_t wait_ns);
    /* From another thread: wakes whoever waits for data. NULL: the stop of the thread is enough. */
    void (*interrupt)(struct hil_mb_wire *w);
    /* Puts what belongs around the PDU of n bytes in the slot. */
    void (*add)(struct hil_mb_wire *w, size_t n);
    /* HIL_OK: all answered, exceptions included, or sent where nobody answers (broadcast). HIL_E_TIMEOUT: some were not. HIL_E_OS: the wire broke (errno) and was closed.
     * HIL_E_ARG: the other side talks nonsense. */
    int (*run)(struct hil_mb_wire *w, hil_mb_on_answer on_answer, void *context);
    /* Frees what it has allocated. NULL: nothing. */
    void (*free)(struct hil_mb_wire *w);
};

struct hil_mb_wire {
    const struct hil_mb_wire_kind *kind;
    atomic_int fd;           /* -1: not connected */
    pthread_mutex_t fd_lock; /* held around open, close and shutdown only, never while data moves */
    int64_t timeout_ns;
    struct hil_thread *thread; /* whose stop interrupts waiting */
    struct hil_mb_counters *counters;
    uint8_t *tx;        /* the batch */
    uint32_t tx_bytes;  /* its length so far */
    unsigned n_sent;    /* its requests so far */
    unsigned max_depth; /* at most so many */
    uint8_t head;       /* bytes in front of each PDU */
    uint8_t unit;
    unsigned was_connected;
    int64_t sent_ns, answered_ns; /* of the last batch */
};

void hil_mb_wire_init(struct hil_mb_wire *w, const struct hil_mb_wire_kind *kind);
/* Frees what belongs to it, not the struct itself. */
void hil_mb_wire_free(struct hil_mb_wire *w);
/* The wire is open from now on, unless a stop was asked for: then it is closed again and HIL_E_TIMEOUT returned. */
int hil_mb_wire_opened(struct hil_mb_wire *w, int fd);
void hil_mb_wire_close(struct hil_mb_wire *w);
void hil_mb_wire_interrupt(struct hil_mb_wire *w);

/* A batch: begin; for each request write its PDU into the slot and add its length; run. */
static inline void hil_mb_wire_begin(struct hil_mb_wire *w)
{
    w->n_sent = 0;
    w->tx_bytes = 0;
}
static inline uint8_t *hil_mb_wire_slot(struct hil_mb_wire *w) { return w->tx + w->tx_bytes + w->head; }
static inline void hil_mb_wire_add(struct hil_mb_wire *w, size_t n) { w->kind->add(w, n); }
static inline int hil_mb_wire_connect(struct hil_mb_wire *w, int64_t wait_ns) { return w->kind->connect(w, wait_ns); }
static inline int hil_mb_wire_run(struct hil_mb_wire *w, hil_mb_on_answer on_answer, void *context)
{
    return w->kind->run(w, on_answer, context);
}

#endif
