/* The control task: when a tick runs, what it costs, and what becomes of its outputs. */
#include "device.h"
#include "hil/state.h"
#include "hil/tick.h"

#define STEER_PART 64 /* of a period: the most that a tick is shifted for one image */

uint64_t fw_ticks(const struct fw_device *d)
{
    return d->control.program ? ((const struct hil_state *)(const void *)d->control.state)->tick : 0;
}

void fw_drive(struct fw_device *d)
{
    fw_supervisor_apply(&d->supervisor, d->app, d->out, d->driven);
    d->board->drive(d->board->self, d->driven, d->app->n_out);
}

void fw_tripped(struct fw_device *d)
{
    d->state_due = 1;
    fw_say(d, "outputs latched safe");
    fw_drive(d);
}

void fw_trip(struct fw_device *d, uint8_t cause, uint16_t output)
{
    if (fw_supervisor_trip(&d->supervisor, cause, output, fw_now(d)))
        fw_tripped(d);
}

int fw_clear(struct fw_device *d)
{
    if (!d->control.program) /* the cause still holds */
        return HIL_E_HASH;
    fw_supervisor_clear(&d->supervisor, fw_now(d));
    fw_say(d, "latch opened by the host");
    d->late_in_row = 0;
    return HIL_OK;
}

void fw_task_start(struct fw_device *d, uint8_t mode, int reset)
{
    if (!d->control.program)
        return;
    if (reset) {
        fw_control_reset(&d->control);
        d->statistics = (struct fw_statistics){.count_min = UINT32_MAX};
        d->faults = (struct fw_faults){.drift = d->faults.drift,
                                       .drift_from_ns = d->faults.drift_from_ns,
                                       .clock_offset_ns = d->faults.clock_offset_ns};
    }
    d->mode = mode;
    d->fresh = d->overrun = d->late_in_row = d->image_due = 0;
    d->image_n = 0;
    d->due_ns = fw_now(d) + d->app->spec->period_ns;
    d->origin_ns = d->due_ns - (int64_t)fw_ticks(d) * d->app->spec->period_ns;
}

void fw_task_stop(struct fw_device *d)
{
    d->mode = HIL_LINK_IDLE;
    fw_supervisor_set_active(&d->supervisor, 0, fw_now(d));
    fw_drive(d);
}

static void measure(struct fw_statistics *s, uint32_t count)
{
    s->steps++;
    s->count_min = count < s->count_min ? count : s->count_min;
    s->count_max = count > s->count_max ? count : s->count_max;
}

/* The program ages what did not come: without a fresh image its own staleness makes gated outputs safe. */
static void step(struct fw_device *d)
{
    const struct fw_board *b = d->board;
    uint32_t before = b->counter(b->self);
    if (d->fresh)
        fw_control_step(d->control.program, d->control.state, d->in, d->out);
    else
        fw_control_tick(d->control.program, d->control.state, d->out);
    measure(&d->statistics, b->counter(b->self) - before);
}

static int all_numbers(const double *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!(v[i] == v[i]))
            return 0;
    return 1;
}

void fw_task_tick(struct fw_device *d)
{
    fw_faults_fire(d);
    if (d->fresh) {
        int64_t now = fw_now(d);
        if (!d->supervisor.active)
            fw_supervisor_set_active(&d->supervisor, 1, now);
        fw_supervisor_refresh(&d->supervisor, now);
    }
    step(d);
    d->fresh = 0;
    if (!all_numbers(d->out, d->app->n_out))
        fw_trip(d, HIL_CAUSE_BAD_VALUE, 0);
    fw_faults_act(d);
    fw_drive(d);
}

/* Ticks keep their phase: those that were missed are left out. */
static void judge(struct fw_device *d, int64_t now)
{
    int64_t period = d->app->spec->period_ns, late = now - d->due_ns;
    d->due_ns += period;
    if (late < period) {
        d->late_in_row = 0;
        return;
    }
    if (d->late_in_row == 0)
        fw_say(d, "the control task is late");
    d->statistics.overruns++;
    d->overrun = 1;
    int64_t missed = late / period;
    hil_skip(d->control.program, d->control.state, (uint64_t)missed);
    d->due_ns += missed * period;
    if (++d->late_in_row >= FW_OVERRUNS_IN_ROW)
        fw_trip(d, HIL_CAUSE_OVERRUN, 0);
}

/* The clocks of board and host drift apart: without this an image would now and then come just when a tick begins, and be
 * seen twice or not at all. So ticks settle half a period behind the images, slowly. */
void fw_task_follow(struct fw_device *d, int64_t image_ns)
{
    int64_t period = d->app->spec->period_ns, most = period / STEER_PART;
    int64_t ahead = (image_ns + period / 2 - d->due_ns) % period;
    ahead += ahead < -period / 2 ? period : ahead > period / 2 ? -period : 0;
    int64_t shift = ahead < -most ? -most : ahead > most ? most : ahead;
    d->due_ns += shift;
    d->origin_ns += shift;
}

void fw_task_poll(struct fw_device *d)
{
    if (d->mode != HIL_LINK_FREE || fw_now(d) < d->due_ns)
        return;
    fw_task_tick(d);
    fw_send_image(d);
    judge(d, fw_now(d));
}
