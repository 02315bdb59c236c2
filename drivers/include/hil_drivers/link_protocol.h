/* What host and device say to each other over the link (link.h): images and messages. All numbers are little-endian and packed.
 *
 * Image to the device:    tick u32, [host_ns i64,] values
 * Image to the host:      tick u32, flags u8, [sample_ns i64, echo u16, echo_ns i64,] values
 *   The parts in brackets are there in free-running mode only. Lock-step: the device runs step number `tick` (0 first) when
 *   it has the image of that number, and answers with the same number; an image of the step that it ran last is
 *   answered again without running it. Free-running: `tick` counts the sender's ticks; host_ns is when the host sent;
 *   sample_ns is when the device took its outputs; echo is the sequence number of the newest image that it has from the
 *   host and echo_ns when that came in (device clock both).
 *   A value is the raw value of its codec (core/include/hil/codec.h) in 1 (bool), 2, 4 or 8 bytes.
 *
 * Message to the device:  op u8, id u16, arguments         (enum hil_link_op)
 * Message to the host:    report u8, id u16, contents      (enum hil_link_report); id is that of the message answered, 0 when
 *                         the device speaks on its own account. Every message gets exactly one answer. */
#ifndef HIL_DRIVERS_LINK_PROTOCOL_H
#define HIL_DRIVERS_LINK_PROTOCOL_H

#include "hil/codec.h"
#include "hil_drivers/link.h"

enum hil_link_op {
    HIL_OP_DESCRIBE = 1, /* offset u16 -> DESCRIPTION */
    HIL_OP_START = 2,    /* mode u8, reset u8 -> DONE. reset: the control task starts from its initial state */
    HIL_OP_STOP = 3,     /* -> DONE. Outputs go safe, nothing is latched */
    HIL_OP_STATE = 4,    /* -> STATE. In lock-step a host that asks is one that is there, while it computes nothing */
    HIL_OP_CLEAR = 5,    /* -> DONE: the latch is open again; REFUSED while its cause still holds */
    HIL_OP_SET =
        6, /* due i64, parameter u16, value f64 -> DONE, when it is staged; REFUSED when it is late or unknown */
    HIL_OP_FAULT = 7,      /* due i64, fault u8, target u32, argument f64 -> DONE or REFUSED */
    HIL_OP_STATISTICS = 8, /* -> STATISTICS */
    HIL_OP_READ = 9        /* offset u32 -> MEMORY: a piece of the control task's state, as it is now */
};

enum hil_link_report {
    HIL_REPORT_DONE = 1,
    HIL_REPORT_REFUSED = 2,     /* why u8 (enum hil_err), due i64, now i64 */
    HIL_REPORT_DESCRIPTION = 3, /* total u16, offset u16, bytes */
    HIL_REPORT_STATE = 4,       /* struct hil_link_state; also sent on its own account when the latch closes */
    HIL_REPORT_STATISTICS = 5,  /* struct hil_link_statistics */
    HIL_REPORT_LOG = 6,         /* time_ns i64, text */
    HIL_REPORT_MEMORY = 7       /* ticks u64, total u32, offset u32, bytes */
};

enum hil_link_mode { HIL_LINK_IDLE = 0, HIL_LINK_FREE = 1, HIL_LINK_LOCKSTEP = 2 };

/* `due` of SET and FAULT: the device's tick in lock-step, the device's clock in ns in free-running mode. */
#define HIL_LINK_NOW INT64_MIN /* the next tick */

/* flags of an image to the host */
#define HIL_LINK_LATCHED 1u /* outputs hold their safe values until CLEAR */
#define HIL_LINK_SAFE    2u /* outputs hold their safe values now */
#define HIL_LINK_OVERRUN 4u /* the control task has overrun since the image before */

/* Why the outputs are latched safe. */
enum hil_link_cause {
    HIL_CAUSE_NONE = 0,
    HIL_CAUSE_HOST_LOST = 1, /* an output was not refreshed within its maximum age */
    HIL_CAUSE_OVERRUN = 2,   /* the control task did not end in its period, several times in a row */
    HIL_CAUSE_BROWN_OUT = 3, /* the supply fell below its limit; told after the reset */
    HIL_CAUSE_STACK = 4,     /* the stack's guard was overwritten */
    HIL_CAUSE_CONFIG = 5,    /* the controller's tables are not what this firmware was built for */
    HIL_CAUSE_WATCHDOG = 6,  /* the main loop hung; told after the reset */
    HIL_CAUSE_BAD_VALUE = 7  /* the controller gave no number */
};

enum hil_link_reset {
    HIL_RESET_POWER = 0,
    HIL_RESET_WARM = 1,
    HIL_RESET_COLD = 2,
    HIL_RESET_BROWN_OUT = 3,
    HIL_RESET_WATCHDOG = 4
};

/* Device-side faults, for tests. */
enum hil_link_fault {
    HIL_DEVICE_RESET = 1,       /* target: enum hil_link_reset (warm, cold, brown-out) */
    HIL_DEVICE_OVERRUN = 2,     /* argument: ticks that take one period and a half; target unused */
    HIL_DEVICE_FREEZE = 3,      /* target: output number; argument 1: it keeps its value, 0: ends */
    HIL_DEVICE_CLOCK_DRIFT = 4, /* argument: parts per million */
    HIL_DEVICE_CLOCK_STEP = 5,  /* argument: ns */
    HIL_DEVICE_BIT_FLIP = 6,    /* target: byte offset in the control state; argument: bit 0..7 */
    HIL_DEVICE_DROP = 7,        /* argument: so many exchanges are not answered */
    HIL_DEVICE_LATE = 8         /* target: exchanges; argument: answered so many ns late */
};

struct hil_link_state { /* as sent: packed in this order */
    uint8_t cause, reset, mode,
        safe; /* cause: why latched; reset: cause of the last reset; safe: outputs are safe now */
    int64_t now_ns, refreshed_ns,
        tripped_ns; /* device clock: now; last refresh before the latch closed; when it closed */
    uint64_t ticks;
    uint16_t output; /* number of the output whose age closed it */
};
#define HIL_LINK_STATE_SIZE 38

struct hil_link_statistics { /* as sent: packed in this order */
    uint64_t ticks, overruns, state_hash;
    uint32_t steps, count_min, count_max, counter_hz; /* control steps measured; the board's counter per step */
    uint32_t stack_used, stack_size;
    uint32_t crc_errors, lost_bytes,
        dropped; /* frames thrown away, bytes lost before the link, exchanges dropped by fault */
};

/* Packed numbers. */
static inline uint8_t *hil_put_bytes(uint8_t *at, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> 8 * i);
    return at + n;
}
static inline uint64_t hil_get_bytes(const uint8_t *at, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)at[i] << 8 * i;
    return v;
}

/* Values of an image. */
unsigned hil_link_value_bytes(uint32_t kind); /* enum hil_codec_kind: 1, 2, 4 or 8 */
size_t hil_link_values_size(const struct hil_codec *codecs, unsigned n);
/* Returns the bytes written or read. NaN comes out where a value is bad. */
size_t hil_link_pack(const struct hil_codec *codecs, unsigned n, const double *values, uint8_t *bytes);
size_t hil_link_unpack(const struct hil_codec *codecs, unsigned n, const uint8_t *bytes, double *values);

#endif
