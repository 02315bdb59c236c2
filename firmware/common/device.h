/* A device: control task, supervisor, link and field face of one application on one board. All state is here; N of them can
 * live in one process.
 *
 *   for (;;) {
 *       int64_t next_ns = fw_device_poll(&device);   // everything that can be done now
 *       sleep until an interrupt, or until next_ns
 *   }
 *
 * device.c: start, the poll, images.  task.c: one control tick and its timing.  session.c: messages of the host.
 * faults.c: errors injected on purpose.  supervisor.c: the last stage before the pins. */
#ifndef FW_DEVICE_H
#define FW_DEVICE_H

#include "app.h"
#include "board.h"
#include "control.h"
#include "faults.h"
#include "hil_drivers/link_protocol.h"
#include "log.h"
#include "supervisor.h"

#define FW_MAX_VALUES      64         /* inputs, and outputs */
#define FW_LOCKSTEP_AGE    5000000000 /* in lock-step no clock runs; a host silent for so long (ns) has gone */
#define FW_OVERRUNS_IN_ROW 10         /* so many late ticks one after the other close the latch */
#define FW_MAX_ANSWERS     HIL_LINK_WINDOW

struct fw_answer { /* a message that waits for room in the link's window */
    uint8_t n, data[HIL_LINK_MAX_MESSAGE];
};

struct fw_statistics {
    uint64_t overruns;
    uint32_t steps, count_min, count_max, dropped;
};

struct fw_device {
    const struct fw_app *app;
    const struct fw_board *board;
    struct fw_control control;
    struct fw_supervisor supervisor;
    struct fw_faults faults;
    struct fw_statistics statistics;
    struct fw_log log;
    struct hil_link link;
    double in[FW_MAX_VALUES], out[FW_MAX_VALUES],
        driven[FW_MAX_VALUES]; /* from outside, of the controller, at the pins */
    uint8_t mode;              /* enum hil_link_mode */
    uint8_t fresh;             /* `in` has been refreshed since the last tick */
    uint8_t overrun;           /* since the last image */
    uint8_t late_in_row;
    uint8_t reset_cause, config_error, state_due;
    int64_t origin_ns, due_ns; /* free-running: time of tick 0, and of the next one */
    uint16_t echo_seq;         /* newest image of the host, and when it came */
    int64_t echo_ns;
    uint8_t image[HIL_LINK_MAX_IMAGE]; /* the newest one for the host */
    uint16_t image_n;
    uint8_t image_due; /* it waits for image_ns */
    int64_t image_ns;
    uint8_t tx[HIL_LINK_MAX_FRAME]; /* a frame that waits for room on the board */
    uint16_t tx_n;
    struct fw_answer answers[FW_MAX_ANSWERS];
    uint8_t n_answers;
    void *face; /* memory of the field face, behind the control task's in the arena */
};

/* Bytes of `arena` that this application needs (program, state, face), 0 when its tables make no program. */
size_t fw_device_size(const struct fw_app *app);
/* `arena` is aligned to 64 bytes. Wrong tables do not fail: the device comes up latched safe with HIL_CAUSE_CONFIG and
 * tells so at the next connect. */
void fw_device_init(struct fw_device *d, const struct fw_app *app, const struct fw_board *board, void *arena,
                    size_t size);
/* Does all that is due and returns when it wants to be called again without a byte having come in (fw_now's clock minus
 * the faults of the clock: the board's own). */
int64_t fw_device_poll(struct fw_device *d);

/* ---- between the parts ---- */

/* The device's clock: the board's, with injected drift and steps. */
static inline int64_t fw_now(const struct fw_device *d)
{
    return fw_faults_clock(&d->faults, d->board->now_ns(d->board->self));
}
static inline void fw_say(struct fw_device *d, const char *text) { fw_log_add(&d->log, fw_now(d), text); }
/* Ticks that the control task has run since its reset. */
uint64_t fw_ticks(const struct fw_device *d);

/* task.c */
void fw_task_start(struct fw_device *d, uint8_t mode, int reset);
void fw_task_stop(struct fw_device *d);
void fw_task_tick(struct fw_device *d);
void fw_task_poll(struct fw_device *d);                     /* free-running: runs the tick that is due */
void fw_task_follow(struct fw_device *d, int64_t image_ns); /* free-running: an image of the host came at this time */
/* Puts the outputs where the supervisor wants them. */
void fw_drive(struct fw_device *d);
/* The latch has closed: outputs go safe, and the host is told. */
void fw_tripped(struct fw_device *d);
/* Closes the latch, unless it is closed. */
void fw_trip(struct fw_device *d, uint8_t cause, uint16_t output);
/* Opens the latch; HIL_E_HASH while the controller's tables do not fit. */
int fw_clear(struct fw_device *d);

/* session.c */
void fw_session_message(struct fw_device *d, const uint8_t *data, size_t n);
void fw_session_poll(struct fw_device *d);

/* device.c: makes the image for the host and lets it go. */
void fw_send_image(struct fw_device *d);

#endif
