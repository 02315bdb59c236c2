/* What the servers share whatever wire they serve: the map, its registers, the two boxes and when what is published. */
#ifndef HIL_DRIVERS_MB_SERVING_H
#define HIL_DRIVERS_MB_SERVING_H

#include "hil/port.h"
#include "hil_drivers/heartbeat.h"
#include "hil_drivers/mb_bank.h"
#include "hil_drivers/mb_counters.h"

struct hil_mb_serving {
    struct hil_bus_port port;
    struct hil_box in, out;
    struct hil_regmap map;
    struct hil_mb_bank bank;
    struct hil_beats beats;
    int64_t out_ns;   /* time of the newest values of the bench */
    int64_t image_ns; /* when the newest image was published */
    int lockstep;     /* images carry out_ns */
    _Atomic uint8_t exception;
    struct hil_mb_counters counters;
    void *memory;
};

/* Copies the map. HIL_E_ARG: it does not fit (hil_regmap_check says why); HIL_E_OS. `bus` goes into the port. */
int hil_mb_serving_init(struct hil_mb_serving *s, const struct hil_regmap *map, int lockstep, void *bus);
void hil_mb_serving_free(struct hil_mb_serving *s);
/* Before requests are served: the bench's newest values go into the registers. */
void hil_mb_serving_refresh(struct hil_mb_serving *s);
/* After registers were written: what they hold goes to the bench. */
void hil_mb_serving_publish(struct hil_mb_serving *s, int64_t now_ns);

#endif
