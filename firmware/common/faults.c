#include "faults.h"

#include <math.h>

#include "device.h"

#define LARGEST_DRIFT 1e5 /* ppm; a tenth: far beyond any oscillator, and the clock still runs forward */
#define LARGEST_STEP  1e12

int64_t fw_faults_clock(const struct fw_faults *f, int64_t board_ns)
{
    if (f->drift == 0.0)
        return board_ns + f->clock_offset_ns;
    return board_ns + f->clock_offset_ns + (int64_t)((double)(board_ns - f->drift_from_ns) * f->drift);
}

int64_t fw_faults_board_time(const struct fw_faults *f, int64_t device_ns)
{
    if (device_ns == INT64_MAX)
        return device_ns;
    int64_t shifted = device_ns - f->clock_offset_ns;
    if (f->drift == 0.0)
        return shifted;
    return f->drift_from_ns + (int64_t)((double)(shifted - f->drift_from_ns) / (1.0 + f->drift));
}

static int check(const struct fw_device *d, const struct fw_staged_fault *f)
{
    double a = f->argument;
    switch (f->kind) {
    case HIL_DEVICE_RESET: return f->target >= HIL_RESET_WARM && f->target <= HIL_RESET_BROWN_OUT ? HIL_OK : HIL_E_ARG;
    case HIL_DEVICE_OVERRUN:
    case HIL_DEVICE_DROP: return a >= 0 && a <= 1e6 ? HIL_OK : HIL_E_ARG;
    case HIL_DEVICE_FREEZE: return f->target < d->app->n_out && (a == 0 || a == 1) ? HIL_OK : HIL_E_ARG;
    case HIL_DEVICE_CLOCK_DRIFT: return fabs(a) <= LARGEST_DRIFT ? HIL_OK : HIL_E_ARG;
    case HIL_DEVICE_CLOCK_STEP: return fabs(a) <= LARGEST_STEP ? HIL_OK : HIL_E_ARG;
    case HIL_DEVICE_BIT_FLIP:
        return d->control.program && f->target < hil_state_size(d->control.program) && a >= 0 && a <= 7 ? HIL_OK
                                                                                                        : HIL_E_ARG;
    case HIL_DEVICE_LATE: return a >= 0 && a <= LARGEST_STEP ? HIL_OK : HIL_E_ARG;
    default: return HIL_E_UNSUPPORTED;
    }
}

int fw_faults_stage(struct fw_device *d, const struct fw_staged_fault *fault)
{
    struct fw_faults *f = &d->faults;
    int err = check(d, fault);
    if (err)
        return err;
    if (fault->due < fw_ticks(d))
        return HIL_E_LATE;
    if (f->n_staged == FW_MAX_STAGED)
        return HIL_E_FULL;
    f->staged[f->n_staged++] = *fault;
    return HIL_OK;
}

/* From now on the clock runs with another drift, without a jump. */
static void set_drift(struct fw_faults *f, double ppm, int64_t board_ns)
{
    f->clock_offset_ns = fw_faults_clock(f, board_ns) - board_ns;
    f->drift_from_ns = board_ns;
    f->drift = ppm * 1e-6;
}

static void begin(struct fw_device *d, const struct fw_staged_fault *s)
{
    struct fw_faults *f = &d->faults;
    int64_t board_ns = d->board->now_ns(d->board->self);
    switch (s->kind) {
    case HIL_DEVICE_RESET: d->board->reset(d->board->self, s->target); break;
    case HIL_DEVICE_OVERRUN: f->overrun_ticks = (uint32_t)s->argument; break;
    case HIL_DEVICE_FREEZE:
        f->frozen = s->argument != 0 ? f->frozen | 1ull << s->target : f->frozen & ~(1ull << s->target);
        f->frozen_value[s->target] = d->out[s->target];
        break;
    case HIL_DEVICE_CLOCK_DRIFT: set_drift(f, s->argument, board_ns); break;
    case HIL_DEVICE_CLOCK_STEP: f->clock_offset_ns += (int64_t)s->argument; break;
    case HIL_DEVICE_BIT_FLIP: d->control.state[s->target] ^= (unsigned char)(1u << (unsigned)s->argument); break;
    case HIL_DEVICE_DROP: f->drop = (uint32_t)s->argument; break;
    default: f->late = s->target, f->late_ns = (int64_t)s->argument; break;
    }
}

void fw_faults_fire(struct fw_device *d)
{
    struct fw_faults *f = &d->faults;
    uint64_t tick = fw_ticks(d);
    uint8_t kept = 0;
    for (uint8_t i = 0; i < f->n_staged; i++) {
        struct fw_staged_fault s = f->staged[i];
        if (s.due <= tick)
            begin(d, &s);
        else
            f->staged[kept++] = s;
    }
    f->n_staged = kept;
}

/* A tick that takes one period and a half, on the board's own clock. */
static void burn_time(struct fw_device *d)
{
    int64_t end = d->board->now_ns(d->board->self) + d->app->spec->period_ns * 3 / 2;
    while (d->board->now_ns(d->board->self) < end) {
    }
}

void fw_faults_act(struct fw_device *d)
{
    struct fw_faults *f = &d->faults;
    for (unsigned i = 0; f->frozen && i < d->app->n_out; i++)
        if (f->frozen >> i & 1)
            d->out[i] = f->frozen_value[i];
    if (f->overrun_ticks) {
        f->overrun_ticks--;
        burn_time(d);
    }
}
