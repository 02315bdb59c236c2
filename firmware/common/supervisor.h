/* The output supervisor: the last stage before the pins. An output that is not refreshed within its maximum age takes its safe
 * value, all others with it, and the latch closes with a cause; it opens again by an explicit clear only. */
#ifndef FW_SUPERVISOR_H
#define FW_SUPERVISOR_H

#include "app.h"

struct fw_supervisor {
    uint8_t cause;   /* enum hil_link_cause; not 0: latched */
    uint8_t active;  /* the controller drives the outputs; else they are safe without being latched */
    uint16_t output; /* whose age closed the latch */
    int64_t refreshed_ns, tripped_ns;
};

void fw_supervisor_init(struct fw_supervisor *s);
/* The outputs are refreshed from outside now: a fresh image of the host has been computed on. */
void fw_supervisor_refresh(struct fw_supervisor *s, int64_t now_ns);
/* Begins or ends driving; not while latched. */
void fw_supervisor_set_active(struct fw_supervisor *s, int active, int64_t now_ns);
/* Closes the latch; the first cause stays. Returns 1 when it closed now. */
int fw_supervisor_trip(struct fw_supervisor *s, uint8_t cause, uint16_t output, int64_t now_ns);
/* Looks at the ages; returns 1 when the latch closed now. */
int fw_supervisor_check(struct fw_supervisor *s, const struct fw_app *app, int64_t now_ns);
/* When the next output grows too old; INT64_MAX: never. */
int64_t fw_supervisor_next_ns(const struct fw_supervisor *s, const struct fw_app *app);
void fw_supervisor_clear(struct fw_supervisor *s, int64_t now_ns);
/* What the pins get: `wanted`, or the safe values. */
void fw_supervisor_apply(const struct fw_supervisor *s, const struct fw_app *app, const double *wanted, double *driven);

#endif
