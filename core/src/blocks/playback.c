/* playback: a recorded series as a source. */
#include "describe.h"

static const struct hil_port outputs[] = {{"y", "the series at this time", 0.0}};
static const struct hil_param params[] = {
    {"start_s", "time at which t = 0 of the series is played in s", 0.0, -HUGE_VAL, HUGE_VAL}};
enum { T, U, BETWEEN, REPEAT };
static const struct hil_config config[] = {
    {"t", "times in s, strictly increasing", NULL, 1, ANY_COUNT, NAN},
    {"u", "values, one a time", NULL, 1, ANY_COUNT, NAN},
    {"between", "between two times: the earlier value, or a straight line", "hold|linear", 1, 1, 0.0},
    {"repeat", "after the last time: its value stays, or the series starts again at its first time", "no|yes", 1, 1,
     0.0},
};
static const char *const states[] = {"index"};

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    if (cfg[T].n != cfg[U].n)
        return "t and u need the same number of elements";
    if (!strictly_increasing(&cfg[T]))
        return "t must be finite and strictly increasing";
    if (cfg[REPEAT].data[0] != 0.0 && cfg[T].n < 2)
        return "repeat needs at least two elements";
    return NULL;
}

/* Brings a time behind the last one back into the series. */
static double wrap(const double *t, uint32_t n, double now)
{
    double span = t[n - 1] - t[0];
    return now - span * round_down((now - t[0]) / span);
}

static double between(const double *t, const double *u, uint32_t i, double now)
{
    return u[i] + (u[i + 1] - u[i]) * ((now - t[i]) / (t[i + 1] - t[i]));
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const double *t = b->cfg[T].data, *u = b->cfg[U].data;
    uint32_t n = b->cfg[T].n;
    double *index = hil_mem(b, s), *y = hil_out(b, s, 0);
    double edge = SAME_SAMPLE * b->dt_s, now = since_s(b, s, hil_params(b, s)[0]);
    if (choice(b, REPEAT) && now + edge >= t[n - 1])
        now = wrap(t, n, now + edge) - edge;
    if (now + edge >= t[n - 1] || n == 1) {
        *y = u[now + edge >= t[n - 1] ? n - 1 : 0];
        return;
    }
    if (now <= t[0]) {
        *y = u[0];
        return;
    }
    uint32_t i = interval(t, n, now + edge, (uint32_t)*index);
    *index = i;
    *y = choice(b, BETWEEN) && now > t[i] ? between(t, u, i, now) : u[i];
}

const struct hil_block_type hil_type_playback = {
    .name = "playback",
    .doc =
        "y = u at t - start_s, held or interpolated between the times of the series; its first value before, its last "
        "one "
        "(or a repetition) after. A time that lies less than a thousandth of a sample behind a sample belongs to it.",
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .check = check,
    .output = output,
};
