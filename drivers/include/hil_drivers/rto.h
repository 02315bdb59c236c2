/* How long to wait for an answer before asking again: RFC 6298. Portable. */
#ifndef HIL_DRIVERS_RTO_H
#define HIL_DRIVERS_RTO_H

#include "hil/types.h"

struct hil_rto {
    int64_t srtt_ns, rttvar_ns; /* smoothed round trip, 0: none measured yet; its mean deviation */
    int64_t ns;                 /* the timeout */
    int64_t min_ns, max_ns;
};

static inline void hil_rto_init(struct hil_rto *r, int64_t first_ns, int64_t min_ns, int64_t max_ns)
{
    *r = (struct hil_rto){.ns = first_ns, .min_ns = min_ns, .max_ns = max_ns};
}

/* A round trip (2.2, 2.3). Not of what was sent more than once: nobody knows which was answered (Karn's rule). */
static inline void hil_rto_measure(struct hil_rto *r, int64_t rtt_ns)
{
    if (r->srtt_ns == 0) {
        r->srtt_ns = rtt_ns > 0 ? rtt_ns : 1;
        r->rttvar_ns = rtt_ns / 2;
    } else {
        int64_t error = rtt_ns - r->srtt_ns;
        r->rttvar_ns += ((error < 0 ? -error : error) - r->rttvar_ns) / 4;
        r->srtt_ns += error / 8;
    }
    r->ns = r->srtt_ns + 4 * r->rttvar_ns;
    r->ns = r->ns < r->min_ns ? r->min_ns : r->ns > r->max_ns ? r->max_ns : r->ns;
}

/* It was too short (5.5). */
static inline void hil_rto_expired(struct hil_rto *r) { r->ns = 2 * r->ns < r->max_ns ? 2 * r->ns : r->max_ns; }

#endif
