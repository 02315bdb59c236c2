/* Modbus client over TCP or over a serial line (RTU): polls a device in phase with the bench's tick (own thread), or one
 * cycle at a time in the caller's thread (lock-step). One cycle writes all `out` values, then reads all `in` values and publishes them as one image.
 *
 * The image's time is when the last answer arrived (lock-step: the given time), or, when `in` tags are flagged heartbeat, when
 * the slowest of these last changed: a device that answers but no longer runs ages. Nothing is written before the bench
 * has published its first `out` image. A read that was answered with an exception gives NaN for its tags. After a timeout or
 * a broken connection nothing is published, so the data ages. */
#ifndef HIL_DRIVERS_MB_CLIENT_H
#define HIL_DRIVERS_MB_CLIENT_H

#include "hil/port.h"
#include "hil_drivers/bus_schedule.h"
#include "hil_drivers/bus_thread.h"
#include "hil_drivers/mb_counters.h"
#include "hil_drivers/regplan.h"
#include "hil_drivers/serial_port.h"

struct hil_mb_client;

struct hil_mb_client_options {
    const char *host; /* TCP: address or name, resolved once */
    uint16_t port;
    const struct hil_serial_line *line; /* RTU: connected from the start; NULL: TCP */
    uint8_t unit;                       /* RTU: 1 to 247, or 0: broadcast, with nothing to read */
    uint8_t depth;                      /* requests on their way at once, 1 to 64; RTU: always 1 */
    int64_t timeout_ns;                 /* RTU: without the time that the frames themselves take on the line */
    int64_t turnaround_ns;              /* RTU: wait after a broadcast */
    int64_t backoff_ns, backoff_max_ns; /* wait after a broken connection: doubled each time up to the maximum */
    struct hil_reg_limits limits;
};

/* Copies the map; takes line->fd over, also when it fails. HIL_E_ARG: an option is out of range or the map does not fit (hil_regmap_check says why); HIL_E_UNSUPPORTED:
 * the host's name is unknown; HIL_E_OS. Allocates; nothing after this does. */
int hil_mb_client_new(const struct hil_mb_client_options *options, const struct hil_regmap *map,
                      struct hil_mb_client **out);
/* Stops and frees everything. NULL is allowed. */
void hil_mb_client_free(struct hil_mb_client *c);

/* Connects now, waiting at most wait_ns: HIL_OK, HIL_E_TIMEOUT, or HIL_E_OS with errno. Not while the thread runs. */
int hil_mb_client_connect(struct hil_mb_client *c, int64_t wait_ns);
/* Runs cycles in an own thread, connecting and reconnecting by itself. */
int hil_mb_client_start(struct hil_mb_client *c, const struct hil_bus_schedule *schedule,
                        const struct hil_thread_options *thread);
/* Ends the thread and keeps the connection, for last requests of the caller's own; then stop. Not while another thread is in one
 * of the calls below. */
void hil_mb_client_rest(struct hil_mb_client *c);
/* Ends the thread and closes the connection; returns within about 20 ms. Not while another thread is in one of the calls
 * below. */
void hil_mb_client_stop(struct hil_mb_client *c);

/* Lock-step: one whole cycle in the caller's thread; connects first if needed. HIL_OK, HIL_E_TIMEOUT, HIL_E_OS (errno), or
 * HIL_E_ARG when the device's answers make no sense or the thread runs. */
int hil_mb_client_exchange(void *client, int64_t time_ns);
/* One raw request PDU of n bytes in the caller's thread; `answer` has HIL_MB_PDU_MAX bytes and *n_answer becomes its length. */
int hil_mb_client_transact(struct hil_mb_client *c, const uint8_t *pdu, size_t n, uint8_t *answer, size_t *n_answer);
/* For benchmarks: n times the read request (function, address, quantity), `depth` at a time, each time from before sending
 * to after decoding into round_ns[n]; *total_ns is the time for all. */
int hil_mb_client_bench(struct hil_mb_client *c, const struct hil_mb_request *read, unsigned n, unsigned depth,
                        int64_t *round_ns, int64_t *total_ns);

struct hil_bus_port *hil_mb_client_port(struct hil_mb_client *c);
const struct hil_mb_counters *hil_mb_client_counters(const struct hil_mb_client *c);
/* What the `in` tag flagged latch has told first since the start (HIL_LATCH_WORD); 0: no latch. From any thread. */
unsigned hil_mb_client_latch(const struct hil_mb_client *c);
int hil_mb_client_connected(const struct hil_mb_client *c);
int hil_mb_client_realtime(const struct hil_mb_client *c);

#endif
