/* Shared constants of the core: error codes and signal status. */
#ifndef HIL_TYPES_H
#define HIL_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* Every fallible function returns one of these as int; 0 is success. */
enum hil_err {
    HIL_OK = 0,
    HIL_E_ARG = 1,    /* an argument or configuration value is not allowed */
    HIL_E_FULL = 2,   /* a fixed capacity is used up */
    HIL_E_SIZE = 3,   /* a buffer is too small */
    HIL_E_HASH = 4,   /* a state buffer belongs to another program */
    HIL_E_ABI = 5,    /* made by another version of the core */
    HIL_E_LATE = 6,   /* an event's tick has passed */
    HIL_E_OPAQUE = 7, /* a block's state lies outside the buffer */
    HIL_E_ORDER = 8,  /* a block reads what is written later in the same tick */
    HIL_E_OS = 9,     /* the operating system refused; errno tells why */
    HIL_E_TIMEOUT = 10,
    HIL_E_UNSUPPORTED = 11,
    HIL_E_RANGE = 12 /* the safety gate would clip it */
};

const char *hil_err_text(int err);

/* Status of a signal: a set of bits, 0 is good. Direct feed-through blocks pass on the union of their inputs' bits, but for
 * types that judge a signal and set the status themselves. */
enum hil_status {
    HIL_GOOD = 0,
    HIL_STALE = 1,   /* older than its maximum age */
    HIL_FORCED = 2,  /* a person holds the value */
    HIL_FAULTED = 4, /* an injected fault acts on the value */
    HIL_BAD =
        8, /* no usable value: NaN, out of the exact range of its type, the device or a data_quality block says so */
    HIL_SAFE = 16 /* the safety gate holds the safe value */
};

#endif
