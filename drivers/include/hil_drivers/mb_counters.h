/* What a Modbus bus counts. One thread writes, any thread reads. */
#ifndef HIL_DRIVERS_MB_COUNTERS_H
#define HIL_DRIVERS_MB_COUNTERS_H

#include <stdatomic.h>

#include "hil/histogram.h"

enum hil_mb_count {
    /* both roles */
    HIL_MBC_REQUESTS = 0, /* sent, or received */
    HIL_MBC_ANSWERS,      /* received, or sent: exceptions included */
    HIL_MBC_EXCEPTIONS,   /* exception answers among them */
    HIL_MBC_WRONG_UNIT,   /* frames for or from another unit */
    HIL_MBC_MALFORMED,    /* frames that cannot be what they should be */
    HIL_MBC_BYTES_SENT,
    HIL_MBC_BYTES_RECEIVED,
    HIL_MBC_IMAGES,    /* published to the bench */
    HIL_MBC_ERRORS_OS, /* calls that the operating system refused */
    HIL_MBC_BOTH,
    /* client */
    HIL_MBC_CYCLES = HIL_MBC_BOTH, /* completed */
    HIL_MBC_FAILED_CYCLES,         /* given up after an error, or not begun without a connection */
    HIL_MBC_MISSED_CYCLES,         /* left out because the one before took too long */
    HIL_MBC_TIMEOUTS,              /* requests not answered in time */
    HIL_MBC_WRONG_TRANSACTION,     /* answers to nothing that was asked */
    HIL_MBC_LATE_ANSWERS,          /* answers that came after their timeout, discarded */
    HIL_MBC_CONNECTS,
    HIL_MBC_FAILED_CONNECTS,
    HIL_MBC_DISCONNECTS,
    HIL_MBC_RECONNECTS,     /* connects after a disconnect */
    HIL_MBC_REFUSED_WRITES, /* writes that the device answered with an exception */
    HIL_MBC_CLIENT,
    /* server */
    HIL_MBC_ACCEPTED = HIL_MBC_CLIENT,
    HIL_MBC_CLOSED_BY_PEER,
    HIL_MBC_CLOSED_JUNK,   /* connections closed because their stream made no sense */
    HIL_MBC_EVICTED,       /* idle connections closed for a new one */
    HIL_MBC_REFUSED,       /* connections refused: all others are in use */
    HIL_MBC_BACK_PRESSURE, /* times a client did not take its answers */
    HIL_MBC_SERVER,
    /* serial lines, both roles; what they mean stands at enum hil_rtu_count, in the same order */
    HIL_MBC_WRONG_CRC = HIL_MBC_SERVER,
    HIL_MBC_NOISE_BYTES,
    HIL_MBC_GAPS,
    HIL_MBC_LINE_ERRORS,
    HIL_MBC_TOO_LONG,
    HIL_MBC_BROADCASTS,
    HIL_MBC_SERIAL
};

struct hil_mb_counters {
    _Atomic uint64_t count[HIL_MBC_SERIAL];
    _Atomic uint64_t exceptions[256]; /* by code */
    struct hil_histogram round_trip;  /* client: request sent to answer received; server: received to answered */
    struct hil_histogram age; /* client: of the newest image when the bench latches; server: time between images */
};

/* Only for numbers with one writer: an increment without a locked instruction. */
static inline void hil_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Name of a counter as in the manifest; NULL outside the enumeration. */
const char *hil_mb_count_name(unsigned count);

static inline void hil_mb_count(struct hil_mb_counters *c, enum hil_mb_count which, uint64_t n)
{
    hil_count(&c->count[which], n);
}

static inline void hil_mb_count_exception(struct hil_mb_counters *c, uint8_t code)
{
    hil_mb_count(c, HIL_MBC_EXCEPTIONS, 1);
    hil_count(&c->exceptions[code], 1);
}

#endif
