/* Measurements by the time of their source, for all estimators: the ring of the last samples and the run over it again. */
#include "timeline.h"

#include <string.h>

/* Before the places of the ring. */
enum { NEWEST, COUNT, LATE, DUPLICATE, TOO_OLD, FUTURE, RING_HEAD };
/* A place begins like an estimator's state, so that a step runs on it. Of the head a step reads EST_STARTED alone; the rest
 * is the place's own. */
enum { FAILED = EST_FAILED, TICK = EST_LEFT_OUT, NIS = EST_DETERMINANT, LIKELIHOOD = EST_LOG };
/* Behind it, for each measurement. `SEEN`: one has come for this sample. */
enum { SEEN, Y, SCALE, OFFSET_NS, PER_Y };

static uint32_t sizes_of_place(uint32_t n_u, uint32_t n_keep, uint32_t m)
{
    return EST_HEAD + n_u + n_keep + PER_Y * m;
}

const char *timeline_check(double max_delay_s, double dt_s)
{
    return max_delay_s >= 0.0 && max_delay_s <= (TIMELINE_LONGEST + SAME_SAMPLE) * dt_s
               ? NULL
               : "max_delay_s must be 0 or more, and at most 256 samples";
}

uint32_t timeline_size(double max_delay_s, double dt_s, uint32_t n_u, uint32_t n_keep, uint32_t m)
{
    uint32_t window = timeline_window(max_delay_s, dt_s);
    return window ? RING_HEAD + (window + 1) * sizes_of_place(n_u, n_keep, m) : 0;
}

/* The sample that is `back` samples before this one. */
static double *place(const struct timeline *line, uint32_t back)
{
    uint32_t newest = (uint32_t)line->ring[NEWEST], n = line->window + 1;
    return line->ring + RING_HEAD + (newest + n - back) % n * sizes_of_place(line->n_u, line->n_keep, line->m);
}

static double *measured(const struct timeline *line, double *at, uint32_t i)
{
    return at + EST_HEAD + line->n_u + line->n_keep + PER_Y * i;
}

static void begin_place(const struct timeline *line, const double *mem, double tick)
{
    double *ring = line->ring;
    uint32_t n = EST_HEAD + line->n_u + line->n_keep;
    ring[NEWEST] = (double)(((uint32_t)ring[NEWEST] + 1u) % (line->window + 1u));
    ring[COUNT] = ring[COUNT] <= line->window ? ring[COUNT] + 1.0 : ring[COUNT];
    double *now = place(line, 0);
    memcpy(now, mem, n * sizeof *now);
    memset(now + n, 0, PER_Y * line->m * sizeof *now);
    now[TICK] = tick;
    now[FAILED] = now[NIS] = now[LIKELIHOOD] = 0.0;
}

/* Finds the sample nearest to a source time that lies `age_ns` before this one. Ticks may have been left out since, so that
 * there are fewer samples than the age says: the walk goes on towards now. Returns window + 1: none. */
static uint32_t sample_at(const struct timeline *line, int64_t age_ns, int64_t dt_ns, int64_t period_ns,
                          int64_t *offset_ns)
{
    const uint32_t count = (uint32_t)line->ring[COUNT];
    const int64_t now = (int64_t)place(line, 0)[TICK];
    uint32_t back = age_ns > 0 ? (uint32_t)((age_ns + dt_ns / 2) / dt_ns) : 0;
    for (back = back < count ? back : count - 1u;; back--) {
        *offset_ns = (now - (int64_t)place(line, back)[TICK]) * period_ns - age_ns;
        if (back == 0 || *offset_ns <= dt_ns / 2)
            break;
    }
    return *offset_ns >= -dt_ns / 2 ? back : line->window + 1u;
}

/* One of the future counts as of now; the sample after it, which is nearer, must not take it again. */
static int was_taken_early(const struct timeline *line, uint32_t back, uint32_t i, int64_t offset_ns, int64_t period_ns)
{
    if (back + 1u >= (uint32_t)line->ring[COUNT])
        return 0;
    double *before = place(line, back + 1u), *y = measured(line, before, i);
    int64_t apart = ((int64_t)place(line, back)[TICK] - (int64_t)before[TICK]) * period_ns;
    return y[SEEN] != 0.0 && (int64_t)y[OFFSET_NS] == offset_ns + apart;
}

/* Puts a measurement where it belongs. Of two of one sample the nearer one counts, whichever comes first; of one source time
 * the newer value. Returns 0 when nothing is new. */
static int put(const struct timeline *line, const struct estimator_sample *at, uint32_t back, uint32_t i,
               int64_t offset_ns, int64_t period_ns)
{
    double *y = measured(line, place(line, back), i), offset = (double)offset_ns;
    if (was_taken_early(line, back, i, offset_ns, period_ns))
        return 0;
    if (y[SEEN] != 0.0) {
        double further = fabs(offset) - fabs(y[OFFSET_NS]);
        if (further > 0.0 || (further == 0.0 && offset < y[OFFSET_NS]))
            return 0;
        if (offset == y[OFFSET_NS] && at->y[i] == y[Y])
            return 0;
    }
    y[SEEN] = 1.0, y[Y] = at->y[i], y[SCALE] = at->scale[i], y[OFFSET_NS] = offset;
    return 1;
}

/* Sorts measurement i; returns how many samples back it is new, or window + 1: not taken. */
static uint32_t sort(const struct timeline *line, const struct hil_block *b, unsigned char *s, uint32_t i,
                     const struct estimator_sample *at)
{
    const int64_t period_ns = ((const struct hil_state *)(const void *)s)->period_ns, now_ns = hil_now(s);
    const int64_t dt_ns = (int64_t)(b->dt_s * 1e9 + 0.5), time_ns = hil_in_time(b, s, line->n_u + i);
    uint32_t none = line->window + 1u, back = none;
    int64_t offset_ns = 0;
    if (time_ns > now_ns + dt_ns) {
        line->ring[FUTURE] += 1.0;
    } else {
        if (time_ns >= now_ns - (int64_t)line->window * dt_ns - dt_ns / 2)
            back = sample_at(line, now_ns - time_ns, dt_ns, period_ns, &offset_ns);
        line->ring[TOO_OLD] += from_flag(back == none);
    }
    if (back == none) {
        hil_mem(b, s)[EST_LEFT_OUT] += 1.0;
    } else if (!put(line, at, back, i, offset_ns, period_ns)) {
        line->ring[DUPLICATE] += 1.0;
        return none;
    } else {
        line->ring[LATE] += from_flag(back > 0);
    }
    return back;
}

/* Of variances next to nothing a sum of squares or a product gets past what a double holds. */
static double within_range(double v) { return v == v ? clamp(v, -LARGEST_INPUT, LARGEST_INPUT) : LARGEST_INPUT; }

/* Runs the step to the sample `back` samples ago. Returns 0 when it fails and did not before. */
static int run_step(const struct timeline *line, double *mem, uint32_t back, const double *v, const uint32_t *is_new,
                    struct timeline_made *made)
{
    double *it = place(line, back), *to = back ? place(line, back - 1u) : mem;
    const uint32_t x = EST_HEAD + line->n_u;
    struct estimator_sample at = {.status = 0};
    struct timeline_made one;
    for (uint32_t i = 0; i < line->m; i++) {
        at.y[i] = measured(line, it, i)[Y];
        at.scale[i] = measured(line, it, i)[SCALE];
    }
    int fine = line->step(line->context, it, back ? to + EST_HEAD : v, &at, to + x, &one);
    if (!fine) {
        one = (struct timeline_made){.determinant = 1.0};
        memcpy(to + x, it + x, line->n_keep * sizeof *to);
    }
    one.likelihood = fine ? within_range(estimator_log_likelihood(mem, one.n, one.determinant, one.nis)) : 0.0;
    one.nis = within_range(one.nis);
    made->nis += one.nis - it[NIS];
    made->likelihood += one.likelihood - it[LIKELIHOOD];
    for (uint32_t i = 0; i < line->m; i++)
        if (is_new[i] == back)
            made->innovation[i] = one.innovation[i];
    int failed_before = it[FAILED] != 0.0;
    mem[EST_FAILED] += from_flag(!fine) - it[FAILED];
    it[NIS] = one.nis, it[LIKELIHOOD] = one.likelihood, it[FAILED] = from_flag(!fine);
    to[EST_STARTED] = fine ? 1.0 : it[EST_STARTED];
    return fine || failed_before;
}

int timeline_run(const struct timeline *line, const struct hil_block *b, unsigned char *s, const double *v,
                 struct estimator_sample *at, struct timeline_made *made)
{
    double *mem = hil_mem(b, s);
    uint32_t is_new[ESTIMATOR_MAX_Y], first = 0;
    int fine = 1;
    begin_place(line, mem, (double)((const struct hil_state *)(const void *)s)->tick);
    for (uint32_t i = 0; i < line->m; i++) {
        is_new[i] = at->scale[i] > 0.0 ? sort(line, b, s, i, at) : line->window + 1u;
        if (is_new[i] > line->window) {
            at->y_status[i] |= at->scale[i] > 0.0 ? HIL_STALE : 0;
            at->any |= at->y_status[i];
            at->scale[i] = 0.0;
        } else if (is_new[i] > first) {
            first = is_new[i];
        }
    }
    *made = (struct timeline_made){.determinant = 1.0};
    for (uint32_t back = first + 1u; back-- > 0;)
        fine &= run_step(line, mem, back, v, is_new, made);
    return fine;
}

void timeline_give(const struct hil_block *b, unsigned char *s, uint32_t n, uint32_t m,
                   const struct timeline_made *made)
{
    double *values = hil_values(s);
    const uint16_t *out = b->out + 2u * n;
    for (uint32_t i = 0; i < m; i++)
        values[*out++] = made->innovation[i];
    values[out[0]] = made->nis;
    values[out[1]] = made->likelihood;
}
