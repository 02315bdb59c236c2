/* The bench's end of a microcontroller link: process images over a serial line, a pseudo-terminal or a socket, and messages
 * beside them. Images and messages: link_protocol.h.
 *
 * Two modes, chosen with hil_link_bus_begin:
 *   lock-step     one step of the device for each call of the port's `exchange`. The step's image is sent again when the answer
 *                 is overdue (adaptive, RFC 6298); the device runs no step twice. A device that was reset in between does not
 *                 answer: its state is lost, and the exchange fails.
 *   free-running  a thread of its own. In each period it sends the bench's image, if the bench has published one since: a
 *                 bench that hangs must not keep a device's outputs alive. What the device sends is published as it comes, with
 *                 the host's time of the device's sample. A device that has fallen silent is offered a new session until it
 *                 answers, and is then started again, from the state that it has; a latch stays closed.
 *
 * Nothing is sent before the bench has published its first image. When the line is gone (end of file, an error), nothing more is
 * tried: the data ages.
 *
 * hil_link_bus_ask, _describe, _begin, _report, _count and _clock may be called from any thread, also beside the thread and
 * beside `exchange`; who asks waits. The bus thread holds the lock between them for the length of one read or write. */
#ifndef HIL_DRIVERS_LINK_BUS_H
#define HIL_DRIVERS_LINK_BUS_H

#include "hil/histogram.h"
#include "hil/port.h"
#include "hil_drivers/bus_schedule.h"
#include "hil_drivers/bus_thread.h"
#include "hil_drivers/clock_sync.h"
#include "hil_drivers/link_protocol.h"

struct hil_link_bus;

struct hil_link_bus_options {
    int fd; /* non-blocking, raw; stays the caller's, who closes it after hil_link_bus_close */
    int64_t
        timeout_ns; /* lock-step: for one exchange with all its repetitions; free-running: silence of a lost device */
    int clock_tags; /* three more values in `in`: offset (s), drift (ppm) and bound (s) of the device's clock;
                           0 in lock-step, NaN before the first round trip */
};

struct hil_link_answer {
    uint8_t report; /* enum hil_link_report */
    uint16_t id, n;
    uint8_t data[HIL_LINK_MAX_MESSAGE];
};

enum hil_link_bus_count {
    HIL_LBC_CYCLES = 0,     /* exchanges, or periods in which an image was sent */
    HIL_LBC_FAILED_CYCLES,  /* exchanges without an answer, periods without a device */
    HIL_LBC_MISSED_CYCLES,  /* left out because the one before took too long */
    HIL_LBC_IDLE_CYCLES,    /* periods in which the bench had published nothing new */
    HIL_LBC_REPEATED_STEPS, /* lock-step: images sent again */
    HIL_LBC_IMAGES,         /* published to the bench */
    HIL_LBC_WRONG_SIZE,     /* whole images of the device that do not fit the map */
    HIL_LBC_WRONG_STEP,     /* answers to another step than the one under way, and images nobody waits for */
    HIL_LBC_SAFE_IMAGES,    /* images with the device's outputs at their safe values */
    HIL_LBC_OVERRUNS,       /* images since whose predecessor the device's task has overrun */
    HIL_LBC_ASKED,          /* messages for which somebody waits */
    HIL_LBC_ANSWERS,        /* their answers */
    HIL_LBC_REFUSALS,       /* REFUSED among them */
    HIL_LBC_LATE_ANSWERS,   /* to what was given up */
    HIL_LBC_REPORTS,        /* of the device on its own account */
    HIL_LBC_LOST_REPORTS,   /* nobody fetched them in time */
    HIL_LBC_CONNECTS,       /* sessions begun */
    HIL_LBC_RECONNECTS,     /* those after a lost one */
    HIL_LBC_LOST_SESSIONS,  /* the device fell silent, or said goodbye */
    HIL_LBC_CLOCK_RESTARTS, /* the device's clock has jumped */
    HIL_LBC_ERRORS_OS,      /* the line is gone */
    HIL_LBC_COUNT
};

struct hil_link_bus_counters {
    uint64_t count[HIL_LBC_COUNT];
    struct hil_link_counters link;
    struct hil_histogram
        round_trip;           /* lock-step: exchange; free-running: host - device - host without the time between */
    struct hil_histogram age; /* of the newest image when the bench latches it (free-running) */
};

/* Name of a counter as in the manifest; NULL outside the enumeration. */
const char *hil_link_bus_count_name(unsigned count);

/* `in`: what the device sends, in its order; `out`: what it is sent. Both are copied. HIL_E_ARG: an option is out of range;
 * HIL_E_SIZE: the values do not fit an image; HIL_E_OS. Allocates; nothing after this does. */
int hil_link_bus_new(const struct hil_link_bus_options *options, const struct hil_codec *in, unsigned n_in,
                     const struct hil_codec *out, unsigned n_out, struct hil_link_bus **bus);
/* Closes and frees everything. NULL is allowed. */
void hil_link_bus_free(struct hil_link_bus *b);

/* Begins a session, waiting at most wait_ns: HIL_OK (also when there is one), HIL_E_TIMEOUT, HIL_E_ABI (the device speaks another
 * version of the link), HIL_E_OS with errno. */
int hil_link_bus_connect(struct hil_link_bus *b, int64_t wait_ns);
/* Says goodbye to the device, whose outputs go safe; the line is not used again. */
void hil_link_bus_close(struct hil_link_bus *b);

/* One message and its answer. HIL_OK, HIL_E_TIMEOUT, HIL_E_SIZE, HIL_E_OS: errno, ECONNRESET when the session was lost or there
 * is none. */
int hil_link_bus_ask(struct hil_link_bus *b, uint8_t op, const uint8_t *payload, size_t n, int64_t timeout_ns,
                     struct hil_link_answer *answer);
/* The device's whole description, without a zero at the end. HIL_E_SIZE: it is longer than `size`; HIL_E_ARG: its pieces do
 * not fit together. */
int hil_link_bus_describe(struct hil_link_bus *b, char *text, size_t size, size_t *n, int64_t timeout_ns);
/* Starts the device's control task; `reset`: from its initial state. As hil_link_bus_ask; HIL_E_UNSUPPORTED: it refuses, and
 * *answer says why. */
int hil_link_bus_begin(struct hil_link_bus *b, enum hil_link_mode mode, int reset, int64_t timeout_ns,
                       struct hil_link_answer *answer);
/* The oldest report of the device that nobody has fetched; 0: there is none. */
int hil_link_bus_report(struct hil_link_bus *b, struct hil_link_answer *report);

/* Lock-step: one step of the device in the caller's thread; the image's time is time_ns. HIL_OK, HIL_E_TIMEOUT, HIL_E_OS
 * (errno; ECONNRESET: the session is lost), HIL_E_ARG: not in lock-step. */
int hil_link_bus_exchange(void *bus, int64_t time_ns);
/* Free-running: the thread. HIL_E_ARG: in another mode, or it runs; HIL_E_OS. */
int hil_link_bus_start(struct hil_link_bus *b, const struct hil_bus_schedule *schedule,
                       const struct hil_thread_options *thread);
/* Ends the thread and stops the device's task: its outputs go safe and nothing latches. Not while another thread is in
 * this call or in the two before. */
void hil_link_bus_stop(struct hil_link_bus *b);

struct hil_bus_port *hil_link_bus_port(struct hil_link_bus *b);
void hil_link_bus_count(struct hil_link_bus *b, struct hil_link_bus_counters *counters);
/* The device's clock now; 0: not known. */
int hil_link_bus_clock(struct hil_link_bus *b, struct hil_clock_estimate *e);
/* A session holds, and the line is there. */
int hil_link_bus_is_connected(struct hil_link_bus *b);
int hil_link_bus_realtime(const struct hil_link_bus *b);

#endif
