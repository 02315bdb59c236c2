#include "supervisor.h"

#include <string.h>

#include "hil_drivers/link_protocol.h"

void fw_supervisor_init(struct fw_supervisor *s) { memset(s, 0, sizeof *s); }

void fw_supervisor_refresh(struct fw_supervisor *s, int64_t now_ns)
{
    if (!s->cause)
        s->refreshed_ns = now_ns; /* after a trip it keeps what led to it, to be told */
}

void fw_supervisor_set_active(struct fw_supervisor *s, int active, int64_t now_ns)
{
    if (s->cause)
        return;
    s->active = active != 0;
    s->refreshed_ns = now_ns;
}

int fw_supervisor_trip(struct fw_supervisor *s, uint8_t cause, uint16_t output, int64_t now_ns)
{
    if (s->cause)
        return 0;
    s->cause = cause;
    s->output = output;
    s->tripped_ns = now_ns;
    s->active = 0;
    return 1;
}

/* The output that grows too old first; n_out when none ever does. */
static uint16_t most_urgent(const struct fw_app *app)
{
    uint16_t found = app->n_out;
    for (uint16_t i = 0; i < app->n_out; i++) {
        int64_t age = app->outputs[i].max_age_ns;
        if (age > 0 && (found == app->n_out || age < app->outputs[found].max_age_ns))
            found = i;
    }
    return found;
}

int64_t fw_supervisor_next_ns(const struct fw_supervisor *s, const struct fw_app *app)
{
    uint16_t i = most_urgent(app);
    return s->active && i < app->n_out ? s->refreshed_ns + app->outputs[i].max_age_ns : INT64_MAX;
}

int fw_supervisor_check(struct fw_supervisor *s, const struct fw_app *app, int64_t now_ns)
{
    if (now_ns < fw_supervisor_next_ns(s, app))
        return 0;
    return fw_supervisor_trip(s, HIL_CAUSE_HOST_LOST, most_urgent(app), now_ns);
}

void fw_supervisor_clear(struct fw_supervisor *s, int64_t now_ns)
{
    fw_supervisor_init(s);
    s->refreshed_ns = now_ns;
}

void fw_supervisor_apply(const struct fw_supervisor *s, const struct fw_app *app, const double *wanted, double *driven)
{
    for (unsigned i = 0; i < app->n_out; i++)
        driven[i] = s->active ? wanted[i] : app->outputs[i].safe;
}
