/* What the files of the client share. */
#ifndef HIL_DRIVERS_MB_CLIENT_PRIVATE_H
#define HIL_DRIVERS_MB_CLIENT_PRIVATE_H

#include "hil_drivers/heartbeat.h"
#include "hil_drivers/mb_client.h"
#include "hil_drivers/mb_rtu_wire.h"
#include "hil_drivers/mb_tcp_wire.h"

struct hil_mb_client {
    struct hil_bus_port port;
    struct hil_box in, out;
    struct hil_regmap map;
    struct hil_regplan plan;
    struct hil_beats beats;
    const struct hil_image *newest;   /* the bench's newest values, NULL until there are any */
    double *values;                   /* where the running cycle puts what it reads */
    unsigned batch[HIL_MB_MAX_DEPTH]; /* request numbers of the running batch */
    unsigned depth;
    int64_t backoff_ns, backoff_max_ns, backoff_now_ns, retry_ns;
    int64_t image_ns;       /* time of the newest published image, 0: none yet */
    uint16_t latch_tag;     /* number of the `in` tag that tells of a latch; map.n_in: none does */
    _Atomic uint16_t latch; /* the first one told since the start */
    struct hil_bus_schedule schedule;
    struct hil_thread thread;
    struct hil_mb_wire *wire; /* one of these */
    union {
        struct hil_mb_tcp_wire tcp;
        struct hil_mb_rtu_wire rtu;
    } wires;
    struct hil_mb_counters counters;
    void *memory; /* map, plan, boxes, heartbeats: one block */
};

/* One cycle on an open connection; lockstep_ns >= 0 is the image's time. */
int hil_mb_cycle(struct hil_mb_client *c, int64_t lockstep_ns);

#endif
