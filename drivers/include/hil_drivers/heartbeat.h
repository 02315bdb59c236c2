/* Watches the heartbeat tags among the values that come from a device: since when has the slowest not changed? */
#ifndef HIL_DRIVERS_HEARTBEAT_H
#define HIL_DRIVERS_HEARTBEAT_H

#include "hil_drivers/regmap.h"

/* Long ago, and its age can still be computed without overflow. */
#define HIL_NEVER_NS (INT64_MIN / 2)

struct hil_beat {
    double last;
    int64_t changed_ns;
    uint16_t tag;
};

struct hil_beats {
    struct hil_beat *beat;
    unsigned n;
};

/* `mem` has one entry for each `in` tag of the map that is flagged. */
static inline unsigned hil_beats_count(const struct hil_regmap *map)
{
    unsigned n = 0;
    for (unsigned i = 0; i < map->n_in; i++)
        n += map->in[i].heartbeat != 0;
    return n;
}

static inline void hil_beats_init(struct hil_beats *b, struct hil_beat *mem, const struct hil_regmap *map)
{
    *b = (struct hil_beats){mem, 0};
    for (unsigned i = 0; i < map->n_in; i++)
        if (map->in[i].heartbeat)
            b->beat[b->n++] = (struct hil_beat){__builtin_nan(""), HIL_NEVER_NS, (uint16_t)i};
}

/* Time of an image whose values arrived at time_ns: that, or an earlier one while a heartbeat stands still. NaN is no beat.
 * HIL_NEVER_NS: a heartbeat was never seen. */
static inline int64_t hil_beats_time(struct hil_beats *b, const double *in, int64_t time_ns)
{
    int64_t oldest = time_ns;
    for (unsigned i = 0; i < b->n; i++) {
        struct hil_beat *beat = &b->beat[i];
        double value = in[beat->tag];
        if (value == value && value != beat->last) {
            beat->last = value;
            beat->changed_ns = time_ns;
        }
        if (beat->changed_ns < oldest)
            oldest = beat->changed_ns;
    }
    return oldest;
}

#endif
