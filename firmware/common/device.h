/* A device: control task, supervisor, link and field face of one application on one board. All state is here; N of them can
 * live in one process.
 *
 *   for (;;) {
 *       int64_t next_ns = fw_device_poll(&device);   // everything that can be done now
 *       sleep until an interrupt, or until next_ns
 *   }
 */
#ifndef FW_DEVICE_H
#define FW_DEVICE_H

#include "app.h"
#include "board.h"
#include "control.h"
#include "hil_drivers/link_protocol.h"
#include "supervisor.h"

#define FW_MAX_VALUES 64 /* inputs, and outputs */

struct fw_device {
    const struct fw_app *app;
    const struct fw_board *board;
    struct fw_control control;
    struct fw_supervisor supervisor;
    struct hil_link link;
    double in[FW_MAX_VALUES], out[FW_MAX_VALUES], driven[FW_MAX_VALUES];
    /* filled in by its author: session, schedule, faults, face */
    void *face; /* memory of the field face, behind the control task's in the arena */
};

/* Bytes of `arena` that this application needs (program, state, face), 0 when its tables make no program. */
size_t fw_device_size(const struct fw_app *app);
/* `arena` is aligned to 64 bytes. Wrong tables do not fail: the device comes up latched safe with HIL_CAUSE_CONFIG and
 * tells so at the next connect. */
void fw_device_init(struct fw_device *d, const struct fw_app *app, const struct fw_board *board, void *arena,
                    size_t size);
/* Does all that is due and returns when it wants to be called again without a byte having come in (board clock). */
int64_t fw_device_poll(struct fw_device *d);

#endif
