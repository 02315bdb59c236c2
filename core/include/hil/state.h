/* The state of a bench: one contiguous, relocatable buffer of plain data.
 *
 *   header | values | source times | parameters | block states | paths | roles | faults | fault memory | events | notes | status
 *
 * Where a section starts is kept by the program (program.h). No pointers, no enums, padding zero. The buffer can
 * be copied with memcpy at any tick boundary: that is a snapshot, and the copy of a copy is a fork. Aligned to 64 bytes.
 *
 * What lies beside the state, because no hash would ever repeat with it: execution times, lateness, ring fill levels. */
#ifndef HIL_STATE_H
#define HIL_STATE_H

#include "hil/types.h"

#define HIL_STATE_MAGIC 0x31455441534c4948u /* "HILSATE1", little endian */
#define HIL_ABI         2
/* Source times of signals that nobody latches; hil_source_time resolves them. + n: computed in the last run of task n. */
#define HIL_THIS_TICK INT64_MIN
#define HIL_TIME_OF   (INT64_MIN + 0x10000) /* + n: as signal n, which it passes on within the tick */
#define HIL_TIME_ENDS (INT64_MIN + 0x20000) /* from here on they are times */
#define HIL_NEVER     HIL_TIME_ENDS         /* no image has come yet: a start value is no measurement */
#ifndef HIL_MAX_TASKS
#define HIL_MAX_TASKS 16
#endif

struct hil_task_state {
    uint64_t next;   /* tick at which the task runs next */
    uint64_t sample; /* number of the running (during a step) or next sample */
};

struct hil_state {
    uint64_t magic;
    uint32_t abi, size; /* size of the whole buffer in bytes */
    uint64_t program;   /* hash of the program it belongs to */
    uint64_t seed;
    uint64_t tick;     /* the tick to run next; all ticks below have run */
    uint64_t due;      /* tick of the earliest staged event, UINT64_MAX when none */
    uint64_t due_mask; /* tasks that run in this tick (scratch, zero between ticks) */
    uint32_t alert;    /* non-zero while any signal may be other than good: turns status propagation on */
    uint32_t safe;     /* non-zero: every gate holds its safe value; the number tells why (enum hil_safe_reason) */
    uint32_t n_events, n_faults;
    uint32_t n_notes, notes_lost;
    uint64_t clips;      /* ticks x gates at which a gate changed a value, since the start */
    uint64_t faults_off; /* non-zero: the master enable is off, no fault acts */
    struct hil_task_state tasks[HIL_MAX_TASKS];
    int64_t period_ns;             /* tick k is due at k period_ns of bench time */
    uint32_t times;                /* byte offset of the source times */
    uint32_t every[HIL_MAX_TASKS]; /* ticks from one run of a task to the next; 0: no such task */
    uint32_t reserved_word;
    uint64_t reserved[10];
};
_Static_assert(sizeof(struct hil_state) == 512, "values start right behind the header (HIL_STATE_HEADER)");

/* Bench time in ns at which what a signal carries was true: of a device's value the time of its image, HIL_NEVER before the
 * first one; of a computed one that of the run that computed it, negative before the first one. In a tick: yes. It is part
 * of the state, so a replay gives it again. */
int64_t hil_source_time(const unsigned char *state, uint16_t signal);

enum hil_safe_reason { HIL_SAFE_NONE = 0, HIL_SAFE_COMMAND = 1, HIL_SAFE_OVERRUN = 2, HIL_SAFE_TEARDOWN = 3 };

/* What happened during a tick; kept in the state until the next tick so that a replay tells the same story. */
struct hil_note {
    uint64_t tick;
    uint16_t kind;   /* enum hil_note_kind */
    uint16_t target; /* signal, role or event kind */
    uint32_t id;     /* of the event or fault that caused it, 0 when none */
    double a, b;     /* before and after, where that makes sense */
};

enum hil_note_kind {
    HIL_NOTE_EVENT = 1,     /* an event fired; target = event kind */
    HIL_NOTE_FAULT_ON = 2,  /* target = signal; a before, b after the fault */
    HIL_NOTE_FAULT_OFF = 3, /* target = signal; a = the value that it gave last */
    HIL_NOTE_FORCED = 4,    /* target = signal; a before, b forced value */
    HIL_NOTE_RELEASED = 5,  /* target = signal */
    HIL_NOTE_CLIP_ON = 6,   /* target = signal; a wanted, b given; first tick of an episode */
    HIL_NOTE_CLIP_OFF = 7,
    HIL_NOTE_SAFE_ON = 8, /* target = signal; a wanted, b safe value */
    HIL_NOTE_SAFE_OFF = 9,
    HIL_NOTE_STALE_ON = 10, /* target = role; a = age in s */
    HIL_NOTE_STALE_OFF = 11,
    HIL_NOTE_RANGE_ON = 12, /* target = signal; a = value outside its range */
    HIL_NOTE_RANGE_OFF = 13,
    HIL_NOTE_BAD_ON = 14, /* target = signal; a device delivered no usable value */
    HIL_NOTE_BAD_OFF = 15,
    HIL_NOTE_REFUSED = 16, /* an event was refused at its tick; target = event kind, a = enum hil_err */
    HIL_NOTE_PLC_STOP =
        17, /* a PLC program stopped by itself; target = block, a = enum hil_plc_stop, b = file * 2^24 + line */
    HIL_NOTE_AUTHORITY =
        18 /* what an authority says; target = block, a, b = enum hil_authority_reason before and now */
};

#endif
