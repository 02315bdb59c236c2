/* A proxy between two programs or cables: it forwards frames of Modbus TCP, Modbus RTU or the microcontroller link, puts
 * communication faults into those that a condition names, and tells what passed and what it did. Linux.
 *
 * One thread serves all connections. Without a fault that acts, bytes and their order stay as they are; a frame is
 * forwarded when it is whole, what is none after a silence. The thread allocates nothing and waits for nobody: notes for
 * the reader go through a ring, and those that do not fit are counted.
 *
 * "Requests" come from the side that listens, "responses" from the other. The classes of faults are those of IEC 61784-3
 * (2021), 5.3: corruption, unintended repetition, incorrect sequence, loss, unacceptable delay, insertion, masquerade,
 * addressing. */
#ifndef HIL_DRIVERS_PROXY_H
#define HIL_DRIVERS_PROXY_H

#include "hil/ring.h"
#include "hil_drivers/bus_thread.h"

#define HIL_PROXY_FRAME_MAX  1056 /* bytes of the longest frame: the link's, with room for bytes that a fault adds */
#define HIL_PROXY_DATA_MAX   64   /* bytes that a fault can add */
#define HIL_PROXY_COPIES_MAX 8 /* of `duplicate`, which go out at once; `flood` goes out as the other side takes it */
#define HIL_PROXY_FAULTS_MAX 64
#define HIL_PROXY_SESSIONS   16
#define HIL_PROXY_UNSET      INT32_MIN

enum hil_proxy_protocol { HIL_PROXY_TCP, HIL_PROXY_RTU, HIL_PROXY_LINK };
enum hil_proxy_way { HIL_PROXY_REQUEST, HIL_PROXY_RESPONSE };
enum hil_proxy_kind {
    HIL_PROXY_CRC,
    HIL_PROXY_BIT_FLIP,
    HIL_PROXY_TRUNCATE,
    HIL_PROXY_EXTRA,
    HIL_PROXY_SPLIT,
    HIL_PROXY_GAP,
    HIL_PROXY_WRONG_UNIT,
    HIL_PROXY_WRONG_FUNCTION,
    HIL_PROXY_WRONG_TRANSACTION,
    HIL_PROXY_WRONG_LENGTH,
    HIL_PROXY_EXCEPTION,
    HIL_PROXY_FROZEN,
    HIL_PROXY_SWAPPED,
    HIL_PROXY_DELAY,
    HIL_PROXY_LATE,
    HIL_PROXY_LOSS,
    HIL_PROXY_DUPLICATE,
    HIL_PROXY_REORDER,
    HIL_PROXY_SILENT_ACCEPT,
    HIL_PROXY_HALF_OPEN,
    HIL_PROXY_RESET,
    HIL_PROXY_REFUSED,
    HIL_PROXY_FLOOD,
    HIL_PROXY_MASQUERADE,
    HIL_PROXY_KINDS
};

/* One fault of a plan. Conditions first: a frame has to meet all of them. `nth` and `every` count the frames that meet the
 * others, from 1. */
struct hil_proxy_fault {
    int kind;
    uint32_t ways;          /* bit 0: acts on requests, bit 1: on responses */
    int unit, function;     /* -1: any */
    int first, last;        /* registers or bits, one of which the transaction must touch; first -1: any */
    uint64_t nth, every;    /* 0: each */
    double probability;     /* 1: always */
    int64_t from_ns, to_ns; /* since the start; [from, to) */
    /* What it does; each kind reads what docs/proxy.md says. */
    int64_t time_ns;
    int at;      /* offset of a byte, for bit_flip of a bit; -1: the kind's default */
    int value;   /* HIL_PROXY_UNSET: the kind's default */
    int address; /* -1: none */
    int count;   /* bytes, copies, frames */
    int repair;  /* RTU: the CRC is made right again after a bit_flip, truncate or extra */
    uint32_t n_data;
    uint8_t data[HIL_PROXY_DATA_MAX];
};

struct hil_proxy_options {
    int protocol;
    const char *host, *to_host; /* where to listen and connect; unused on open descriptors */
    uint16_t port, to_port;     /* port 0: any free one */
    uint64_t seed;
    const struct hil_proxy_fault *faults; /* copied */
    uint32_t n_faults;
    int64_t silence_ns; /* so long a pause ends a frame that is not whole */
    int capture;        /* tell every frame */
    uint64_t ring_size; /* bytes; a power of two */
};

/* What the ring holds: this, `n_before` bytes and `n_after` bytes, filled up to 8. `head.tick` is CLOCK_MONOTONIC in ns,
 * `head.group` the session. */
enum hil_proxy_told {
    HIL_PROXY_OPENED = 1, /* a connection; n_before: nothing */
    HIL_PROXY_CLOSED = 2, /* number is 1 after a reset */
    HIL_PROXY_PASSED = 3, /* a frame at `side` */
    HIL_PROXY_ACTED = 4   /* fault number `fault` acted: the bytes before and after */
};
struct hil_proxy_note {
    struct hil_frame head;
    uint8_t way, side; /* side 0: the one that listens, 1: the other */
    uint16_t fault;    /* PASSED: 1 + the fault that touched it, 0: none */
    uint16_t n_before, n_after;
    uint64_t number; /* of the transaction, from 1; 0: none */
};

enum hil_proxy_count {
    HIL_PROXY_ACCEPTED,
    HIL_PROXY_UNREACHABLE, /* connections whose other side could not be reached */
    HIL_PROXY_REQUESTS,    /* frames that came, whole */
    HIL_PROXY_RESPONSES,
    HIL_PROXY_BYTES_IN,
    HIL_PROXY_BYTES_OUT,
    HIL_PROXY_NO_FRAME,   /* bytes forwarded that were no frame of the protocol */
    HIL_PROXY_BY_SILENCE, /* frames and remains of such that a silence ended */
    HIL_PROXY_OVERFLOWS,  /* frames lost because the other side does not take them */
    HIL_PROXY_NOT_HELD,   /* frames that went at once because too many waited */
    HIL_PROXY_LOST_NOTES, /* frames and activations that the ring could not take */
    HIL_PROXY_COUNTS
};
const char *hil_proxy_count_name(unsigned k);

struct hil_proxy;

/* With both descriptors -1: listens from now on, and connects for each who comes. Else forwards between `fd` and `to_fd`,
 * which are open, non-blocking and stay the caller's. With `fd` -1 alone who connects to host:port is at that end of the
 * line; while nobody is, what the other end sends is thrown away, and a second one is turned away.
 * HIL_E_OS with errno; HIL_E_UNSUPPORTED: a host's name is unknown. */
int hil_proxy_new(const struct hil_proxy_options *options, int fd, int to_fd, struct hil_proxy **made);
void hil_proxy_free(struct hil_proxy *p); /* stops it; NULL is allowed */
int hil_proxy_start(struct hil_proxy *p, const struct hil_thread_options *thread);
/* Ends the thread and all connections. */
void hil_proxy_stop(struct hil_proxy *p);
uint16_t hil_proxy_port(const struct hil_proxy *p);
/* CLOCK_MONOTONIC in ns, the zero of from_ns and to_ns. */
int64_t hil_proxy_start_ns(const struct hil_proxy *p);
/* Whole notes out of the ring, for one reader; 0: none. */
size_t hil_proxy_read(struct hil_proxy *p, void *out, size_t size);
uint64_t hil_proxy_count(const struct hil_proxy *p, unsigned k);
/* How often fault k has met its conditions but nth, every and probability, and how often it acted. */
void hil_proxy_fault_counts(const struct hil_proxy *p, uint32_t k, uint64_t *matched, uint64_t *acted);

#endif
