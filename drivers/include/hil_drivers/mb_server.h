/* Modbus TCP server: the bench is the remote I/O that PLCs poll. One thread, many clients.
 *
 * Registers come from the map: `out` values (the bench writes them) can be read by clients, `in` values can be written and
 * read back. All else answers exception 02. Values written over the wire are published before their request is answered, one
 * image for all requests that arrived together; a multi-register value written by halves in two requests is published as it
 * stands after each. Values not written yet are NaN. The image's time is when the request arrived or, with `in` tags flagged
 * heartbeat, when the slowest of these last changed.
 *
 * Unit: with `unit` -1 every unit is answered. Otherwise 0 and 255 are too (guide 3.1.3: the address of the device itself on
 * TCP), and any other answers exception 0B, as a gateway does for a device that is not there.
 *
 * No client disturbs another: each turn serves every ready client with one recv, of at most 4 KiB, and one send; a client that does
 * not take its answers is not read from; a stream that makes no sense is closed; when all places are taken, a connection that never
 * made a valid request is closed for a new one, oldest first, then the longest idle one. */
#ifndef HIL_DRIVERS_MB_SERVER_H
#define HIL_DRIVERS_MB_SERVER_H

#include "hil/port.h"
#include "hil_drivers/bus_thread.h"
#include "hil_drivers/mb_bank.h"
#include "hil_drivers/mb_counters.h"

struct hil_mb_server;

struct hil_mb_server_options {
    const char *host;     /* address to listen on */
    uint16_t port;        /* 0: any free one */
    int16_t unit;         /* -1, or 0 to 255 */
    uint16_t max_clients; /* 1 to 256 */
    uint8_t
        lockstep; /* 1: images carry the time of the newest `out` image (bench time) instead of the monotonic clock */
};

/* Copies the map and listens. HIL_E_ARG: an option or the map (hil_regmap_check says why); HIL_E_UNSUPPORTED: the host is
 * unknown; HIL_E_OS with errno, EADDRINUSE when the port is taken. Allocates; nothing after this does. */
int hil_mb_server_new(const struct hil_mb_server_options *options, const struct hil_regmap *map,
                      struct hil_mb_server **out);
void hil_mb_server_free(struct hil_mb_server *s);

/* Serves in an own thread. After a stop it listens on the same port again. */
int hil_mb_server_start(struct hil_mb_server *s, const struct hil_thread_options *thread);
/* Ends the thread, closes all connections and the port. */
void hil_mb_server_stop(struct hil_mb_server *s);

/* From now on valid requests are answered with this exception instead of being executed (04 failure, 06 busy); 0 ends it. */
void hil_mb_server_set_exception(struct hil_mb_server *s, uint8_t exception);

uint16_t hil_mb_server_port_number(const struct hil_mb_server *s);
struct hil_bus_port *hil_mb_server_port(struct hil_mb_server *s); /* exchange = NULL */
const struct hil_mb_counters *hil_mb_server_counters(const struct hil_mb_server *s);
unsigned hil_mb_server_clients(const struct hil_mb_server *s); /* connected now */
int hil_mb_server_realtime(const struct hil_mb_server *s);

#endif
