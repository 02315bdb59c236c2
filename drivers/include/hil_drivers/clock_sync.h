/* How far a device's clock is ahead of the host's, and how fast it runs away, from the time stamps of round trips. Portable.
 *
 * A round trip has four times, as in RFC 5905: t1 the host sent, t2 the device received, t3 the device sent, t4 the host
 * received; t1 and t4 by the host's clock, t2 and t3 by the device's. With o(t) = device's clock - host's at host time t, and
 * since nothing arrives before it is sent,
 *
 *     o(t1) <= t2 - t1      and      o(t4) >= t3 - t4
 *
 * The middle of both is RFC 5905's offset, their distance the round trip's delay. Delays are one-sided, so the tightest of many
 * limits is close to the truth: of each eighth of a second the tightest upper and the tightest lower limit are kept (they
 * seldom come from the same round trip), for 8 seconds. From these follow
 *
 *     drift    by regression over the middles, weighted by 1 / distance^2, within what the limits allow: each lower limit
 *              against each earlier upper one, and the other way round
 *     offset   that regression's line, within all limits carried forward to now
 *     bound    the largest distance from the offset to where the truth can be: the limits carried forward with the whole
 *              range of possible drifts
 *
 * So the bound is no estimate: it holds if the clocks differ by less than HIL_CLOCK_MAX_DRIFT, and if the drift changes by
 * less than HIL_CLOCK_WANDER in a second. It cannot become smaller than half the shortest round trip, as nobody can tell
 * which of the two ways takes how much of it. A clock that is set, or a drift that jumps, contradicts the limits; then all
 * before is forgotten and `restarts` counts. */
#ifndef HIL_DRIVERS_CLOCK_SYNC_H
#define HIL_DRIVERS_CLOCK_SYNC_H

#include "hil/types.h"

#define HIL_CLOCK_SLOTS     64
#define HIL_CLOCK_SLOT_NS   125000000
#define HIL_CLOCK_MAX_DRIFT 1e-2 /* an RC oscillator's; a crystal's is a hundredth of that */
#define HIL_CLOCK_WANDER    1e-7 /* change of the drift in a second: a crystal that warms up */

struct
    hil_clock_slot { /* offset <= upper at host time upper_at, >= lower at lower_at; all in ns from the first round trip */
    double upper_at, upper, lower_at, lower;
};

struct hil_clock_sync {
    int64_t base_ns, base_offset_ns;             /* the first round trip: host time, and t2 - t1 */
    struct hil_clock_slot slot[HIL_CLOCK_SLOTS]; /* a ring; the one at `open` takes round trips */
    uint32_t open, n, restarts;
    uint8_t any, reserved[3];
    double open_until;
    /* the last regression */
    double at, offset, upper, lower, drift, drift_range;
};

struct hil_clock_estimate {
    int64_t at_ns;    /* host's clock */
    double offset_ns; /* device's clock - host's, then */
    double drift;     /* of it, in a second per second */
    double bound_ns;  /* |error of offset_ns| is not larger */
};

void hil_clock_init(struct hil_clock_sync *c);
/* One round trip. */
void hil_clock_add(struct hil_clock_sync *c, int64_t t1, int64_t t2, int64_t t3, int64_t t4);
/* For a host time that is not before the newest round trip; 0: there has been none. */
int hil_clock_read(const struct hil_clock_sync *c, int64_t host_ns, struct hil_clock_estimate *e);

/* The host's time at a device's time, and the other way round; as exact as the estimate, near its time. */
static inline int64_t hil_clock_to_host(const struct hil_clock_estimate *e, int64_t device_ns)
{
    return e->at_ns + (int64_t)(((double)(device_ns - e->at_ns) - e->offset_ns) / (1 + e->drift));
}
static inline int64_t hil_clock_to_device(const struct hil_clock_estimate *e, int64_t host_ns)
{
    return host_ns + (int64_t)(e->offset_ns + e->drift * (double)(host_ns - e->at_ns));
}

#endif
