/* Private to the estimators: what they share around their filters. Inputs are u, then y; outputs are the estimate, the
 * diagonal of its covariance, the innovation, and where there is one NIS and the log-likelihood.
 *
 * u is read in `update`, so it is the input that acts from this sample to the next one. A measurement that is not a usable
 * number, or stale or bad by its status, is left out; its innovation is then 0 with that status. */
#ifndef HIL_ESTIMATOR_H
#define HIL_ESTIMATOR_H

#include "describe.h"

#define ESTIMATOR_MAX_Y 8
#define ESTIMATOR_MAX_U 16

/* Counters and what is kept of the last sample, at the start of every estimator's state. */
enum { EST_STARTED, EST_FAILED, EST_LEFT_OUT, EST_U_STATUS, EST_STATUS, EST_DETERMINANT, EST_LOG, EST_HEAD };
#define ESTIMATOR_STATES "started", "failed", "left_out", "u_status", "status", "determinant", "log_determinant"

struct estimator_sample {
    double y[ESTIMATOR_MAX_Y], scale[ESTIMATOR_MAX_Y]; /* factor of the variance; 0: left out */
    uint8_t y_status[ESTIMATOR_MAX_Y], status;
};

static inline int estimator_all_good(const unsigned char *s)
{
    return ((const struct hil_state *)(const void *)s)->alert == 0;
}

/* Reads m measurements behind n_u inputs. `inflation`: factor for a stale one; 0 leaves it out. */
static inline void estimator_read(const struct hil_block *b, unsigned char *s, uint32_t n_u, uint32_t m,
                                  double inflation, struct estimator_sample *at)
{
    double *mem = hil_mem(b, s);
    int good = estimator_all_good(s);
    at->status = (uint8_t)mem[EST_U_STATUS];
    for (uint32_t i = 0; i < m; i++) {
        uint8_t bits = good ? 0 : hil_in_status(b, s, n_u + i);
        double y = hil_in(b, s, n_u + i);
        int usable = is_usable(y) && !(bits & HIL_BAD);
        at->scale[i] = !usable ? 0.0 : (bits & HIL_STALE) ? inflation : 1.0;
        at->y[i] = usable ? y : 0.0;
        at->y_status[i] = usable ? bits : (uint8_t)(bits | HIL_BAD);
        if (at->scale[i] > 0.0)
            at->status |= (uint8_t)(bits & ~HIL_STALE);
        else
            mem[EST_LEFT_OUT] += 1.0;
    }
}

/* Keeps the inputs that act from now on. One that is not usable keeps its last value and makes the estimates bad. */
static inline void estimator_hold_inputs(const struct hil_block *b, unsigned char *s, uint32_t n_u, double *u)
{
    double *mem = hil_mem(b, s);
    int good = estimator_all_good(s);
    uint8_t bits = 0;
    for (uint32_t i = 0; i < n_u; i++) {
        double v = hil_in(b, s, i);
        bits |= good ? 0 : hil_in_status(b, s, i);
        if (is_usable(v))
            u[i] = v;
        else
            bits |= HIL_BAD;
    }
    mem[EST_U_STATUS] = bits;
}

/* Statuses of all outputs: `n` of the estimate, then m innovations, then the rest. */
static inline void estimator_give_status(const struct hil_block *b, unsigned char *s, uint32_t n, uint32_t m,
                                         const struct estimator_sample *at)
{
    double *mem = hil_mem(b, s);
    int any = at->status != 0;
    for (uint32_t i = 0; i < m; i++)
        any |= at->y_status[i];
    if (!any && mem[EST_STATUS] == 0.0)
        return; /* they are good and were */
    mem[EST_STATUS] = any != 0;
    for (uint32_t i = 0; i < b->n_out; i++)
        hil_set_status(b, s, i, (uint8_t)(at->status | (i >= n && i < n + m ? at->y_status[i - n] : 0)));
}

#endif
