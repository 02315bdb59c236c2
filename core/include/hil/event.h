/* Events: everything that is scheduled for a tick. Staged in the state, fired together at the top of their tick, in the
 * order in which they were accepted. */
#ifndef HIL_EVENT_H
#define HIL_EVENT_H

#include "hil/types.h"

#define HIL_NEXT_TICK 0xffffffffffffffffu /* as `due`: the next tick that runs */
#define HIL_NO_END    0xffffffffffffffffu

enum hil_event_kind {
    HIL_EV_PARAM = 1,         /* target = byte offset of a parameter, v[0] = value */
    HIL_EV_FORCE = 2,         /* target = path, v[0] = value */
    HIL_EV_RELEASE = 3,       /* target = path */
    HIL_EV_FAULT = 4,         /* target = path, kind2 = enum hil_fault_kind, ticks = duration, v = fault parameters */
    HIL_EV_FAULT_CLEAR = 5,   /* clears the fault with id = v[0], or all on the path, or with target 0xffffffff all */
    HIL_EV_SAFE = 6,          /* v[0] = enum hil_safe_reason: all gates to their safe value; 0 ends it */
    HIL_EV_FAULTS_ENABLE = 7, /* v[0] = 0 or 1: master enable */
    HIL_EV_BIND = 8,          /* target = role, v[0] = enum hil_binding */
    HIL_EV_MARK = 9,          /* nothing happens; a note for the record (id) */
    HIL_EV_FAULT_MODE =
        10, /* target = path, kind2 = enum hil_fault_mode; waits for the fault with its id, which takes it */
    HIL_EV_UPSET =
        11, /* target = byte offset of a parameter, a block's state or a word of a library's context; bit v[0] of this
                       * word is inverted (single event upset). Without effect while the master enable is off */
    HIL_EV_AUTHORITY = 12 /* authority.h: kind2 = enum hil_authority_act */
};

/* 64 bytes, plain data; goes through the queue and into the recording as it is. */
struct hil_event {
    uint64_t due;
    uint32_t kind, target;
    uint32_t id; /* given by the sender; notes carry it */
    uint32_t kind2;
    uint64_t ticks;
    double v[4];
};
_Static_assert(sizeof(struct hil_event) == 64, "an event is 64 bytes");

#endif
