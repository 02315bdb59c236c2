/* The client's end of a Modbus TCP connection: a batch of requests out in one send, their answers in, matched by
 * transaction number. Linux sockets. */
#ifndef HIL_DRIVERS_MB_WIRE_H
#define HIL_DRIVERS_MB_WIRE_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "hil_drivers/bus_thread.h"
#include "hil_drivers/mb_counters.h"
#include "hil_drivers/mbap.h"

#define HIL_MB_MAX_DEPTH 64
#define HIL_MB_ABANDONED 128 /* transactions remembered after their timeout, to tell a late answer from a wrong one */

struct hil_mb_wire {
    struct sockaddr_storage address;
    socklen_t address_size;
    atomic_int fd;           /* -1: not connected */
    pthread_mutex_t fd_lock; /* held around open, close and shutdown only, never while data moves */
    int64_t timeout_ns;
    struct hil_thread *thread; /* whose stop interrupts waiting */
    struct hil_mb_counters *counters;
    uint16_t transaction; /* of the next request */
    uint8_t unit;
    unsigned n_sent, n_answered, timeouts_in_row, was_connected;
    int64_t sent_ns, answered_ns;  /* of the last batch */
    uint32_t tx_bytes, expected;   /* of the batch: bytes to send; bytes of all its answers, exceptions aside */
    uint32_t low_water;            /* see mb_gather.h: the socket's low-water mark, */
    int prompt_row;                /* and how many batches in a row were answered promptly */
    int refused;                   /* an exception was among the batch's answers */
    uint16_t first;                /* transaction of the batch's first request */
    uint16_t at[HIL_MB_MAX_DEPTH]; /* where its PDUs start in tx */
    uint8_t done[HIL_MB_MAX_DEPTH];
    uint16_t abandoned[HIL_MB_ABANDONED];
    unsigned n_abandoned;
    struct hil_mbap_stream rx;
    uint8_t tx[HIL_MB_MAX_DEPTH * HIL_MB_ADU_MAX];
    uint8_t rx_data[2 * HIL_MB_MAX_DEPTH * HIL_MB_ADU_MAX];
};

/* Called for each answer of a batch: request number `k` within it, and what came. */
typedef void (*hil_mb_on_answer)(void *context, unsigned k, const struct hil_mb_answer *answer);

void hil_mb_wire_init(struct hil_mb_wire *w);
/* HIL_OK, HIL_E_TIMEOUT, or HIL_E_OS with errno. Waits at most `wait_ns`. */
int hil_mb_wire_connect(struct hil_mb_wire *w, int64_t wait_ns);
void hil_mb_wire_close(struct hil_mb_wire *w);
/* From another thread: wakes whoever waits for data. */
void hil_mb_wire_interrupt(struct hil_mb_wire *w);

/* A batch: begin; for each request write its PDU into the slot and add its length; run. */
static inline void hil_mb_wire_begin(struct hil_mb_wire *w)
{
    w->n_sent = 0;
    w->tx_bytes = 0;
    w->expected = 0;
    w->refused = 0;
    w->first = w->transaction;
}
static inline uint8_t *hil_mb_wire_slot(struct hil_mb_wire *w) { return w->tx + w->tx_bytes + HIL_MBAP_SIZE; }
void hil_mb_wire_add(struct hil_mb_wire *w, size_t n);
/* HIL_OK: all answered, exceptions included. HIL_E_TIMEOUT: some were not; the connection stays until this happened three
 * times in a row. HIL_E_OS: the connection broke (errno) and was closed. HIL_E_ARG: the other side talks nonsense, closed. */
int hil_mb_wire_run(struct hil_mb_wire *w, hil_mb_on_answer on_answer, void *context);

#endif
