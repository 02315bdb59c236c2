/* Private to the estimators: measurements taken up at the time of their source, docs/adr/013-measurements-by-time.md.
 *
 * The last samples lie in a ring behind the estimator's own state. Each place holds what its step was called with: the
 * estimate before it, the inputs that acted, the measurements that fell on it. A late measurement goes to the sample that
 * is nearest to its source time, and the steps from there to now run again. A step that fails passes on what it was given,
 * in the re-run as in time. So the estimate is the one of a filter that had every measurement in time, bit for bit.
 *
 * Bounds: at most `window` + 1 steps in a sample; nothing allocated; no number gets into the ring that a step has not made
 * or `estimator_read` has not let through. The time of a measurement is rounded to a sample, so it is wrong by at most half
 * a sample. */
#ifndef HIL_TIMELINE_H
#define HIL_TIMELINE_H

#include "estimator.h"

#define TIMELINE_LONGEST 256 /* samples */
#define TIMELINE_CONFIG                                                                                                \
    {"max_delay_s",                                                                                                    \
     "oldest measurement that is taken up at the time of its source; 0: every one counts as of now, by "               \
     "whatever time",                                                                                                  \
     NULL,                                                                                                             \
     1,                                                                                                                \
     1,                                                                                                                \
     0.0}

/* What a step on measurements made of them. */
struct timeline_made {
    double innovation[ESTIMATOR_MAX_Y];
    double nis, determinant; /* sum of e^2 / s, product of s */
    double likelihood;       /* filled in by timeline_run */
    uint32_t n;              /* measurements taken up */
};

/* One step of an estimator: `from` is laid out like its state (head, u, x and P), `v` are the inputs at the end of the
 * step. Writes x and P behind each other to `to`, and `made`, and returns 1; or returns 0 and leaves `to` alone. */
typedef int (*timeline_step_fn)(const void *context, const double *from, const double *v,
                                const struct estimator_sample *at, double *to, struct timeline_made *made);

struct timeline {
    uint32_t n_u, n_keep, m; /* inputs, elements of x and P, measurements */
    uint32_t window;         /* samples that a measurement may be old */
    double *ring;
    timeline_step_fn step;
    const void *context;
};

/* Samples in max_delay_s: a part of one counts as a whole one. 0 only without a delay. */
static inline uint32_t timeline_window(double max_delay_s, double dt_s)
{
    double samples = -round_down(SAME_SAMPLE - max_delay_s / dt_s);
    return max_delay_s > 0.0 && samples < 1.0 ? 1u : (uint32_t)samples;
}

/* NULL, or what is wrong with max_delay_s. */
const char *timeline_check(double max_delay_s, double dt_s);
/* Doubles of the ring; 0 without a delay. */
uint32_t timeline_size(double max_delay_s, double dt_s, uint32_t n_u, uint32_t n_keep, uint32_t m);

/* One sample: sorts the measurements of `at` by their source times and runs what has to be run. x and P behind the head and
 * u of the estimator's state are then those of now. `at` keeps a scale where a measurement is new; `made` is of the new
 * ones: their innovations, and by how much they raised NIS and log-likelihood of all that was measured. Counts in the head
 * of the state. Returns 0 when this sample's own step or a step on a new measurement failed. */
int timeline_run(const struct timeline *line, const struct hil_block *b, unsigned char *s, const double *v,
                 struct estimator_sample *at, struct timeline_made *made);
/* Outputs behind the n elements of x and the n of P's diagonal. */
void timeline_give(const struct hil_block *b, unsigned char *s, uint32_t n, uint32_t m,
                   const struct timeline_made *made);

#endif
