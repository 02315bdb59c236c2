/* Private to the estimators: what they share around their filters. Inputs are u, then y; outputs are the estimate, the
 * diagonal of its covariance, the innovation, and where there is one NIS and the log-likelihood.
 *
 * u is read in `update`, so it is the input that acts from this sample to the next one. A measurement that is not a usable
 * number, or stale or bad by its status, is left out; its innovation is then 0 with that status. */
#ifndef HIL_ESTIMATOR_H
#define HIL_ESTIMATOR_H

#include <string.h>

#include "describe.h"
#include "hil/math.h"

#define ESTIMATOR_MAX_X 16 /* of a model */
#define ESTIMATOR_MAX_Y 8
#define ESTIMATOR_MAX_U 16
#define PACKED(n)       ((n) * ((n) + 1u) / 2u) /* elements of a lower triangle; also where its row n starts */

/* Counters and what is kept of the last sample, at the start of every estimator's state. */
enum { EST_STARTED, EST_FAILED, EST_LEFT_OUT, EST_U_STATUS, EST_STATUS, EST_DETERMINANT, EST_LOG, EST_HEAD };
#define ESTIMATOR_STATES "started", "failed", "left_out", "u_status", "status", "determinant", "log_determinant"

struct estimator_sample {
    double y[ESTIMATOR_MAX_Y], scale[ESTIMATOR_MAX_Y]; /* factor of the variance; 0: left out */
    uint8_t y_status[ESTIMATOR_MAX_Y], status, any;    /* any: all of y_status */
};

static inline int estimator_all_good(const unsigned char *s)
{
    return ((const struct hil_state *)(const void *)s)->alert == 0;
}

/* True in the plain case: all signals are good, all measurements usable. One sum tells: it is NaN or too large if one is. */
static inline int estimator_read_plain(const struct hil_block *b, unsigned char *s, uint32_t n_u, uint32_t m,
                                       struct estimator_sample *at)
{
    double size = 0.0;
    memset(at->y_status, 0, sizeof at->y_status);
    at->status = (uint8_t)hil_mem(b, s)[EST_U_STATUS];
    at->any = 0;
    for (uint32_t i = 0; i < m; i++) {
        at->y[i] = hil_in(b, s, n_u + i);
        at->scale[i] = 1.0;
        size += fabs(at->y[i]);
    }
    return estimator_all_good(s) && size <= LARGEST_INPUT;
}

static __attribute__((noinline, unused)) void estimator_read_each(const struct hil_block *b, unsigned char *s,
                                                                  uint32_t n_u, uint32_t m, double inflation,
                                                                  struct estimator_sample *at)
{
    for (uint32_t i = 0; i < m; i++) {
        uint8_t bits = estimator_all_good(s) ? 0 : hil_in_status(b, s, n_u + i);
        double y = hil_in(b, s, n_u + i);
        int usable = is_usable(y) && !(bits & HIL_BAD);
        at->scale[i] = !usable ? 0.0 : (bits & HIL_STALE) ? inflation : 1.0;
        at->y[i] = usable ? y : 0.0;
        at->y_status[i] = usable ? bits : (uint8_t)(bits | HIL_BAD);
        at->any |= at->y_status[i];
        if (at->scale[i] > 0.0)
            at->status |= (uint8_t)(bits & ~HIL_STALE);
        else
            hil_mem(b, s)[EST_LEFT_OUT] += 1.0;
    }
}

/* Reads m measurements behind n_u inputs. `inflation`: factor for a stale one; 0 leaves it out. */
static inline void estimator_read(const struct hil_block *b, unsigned char *s, uint32_t n_u, uint32_t m,
                                  double inflation, struct estimator_sample *at)
{
    if (__builtin_expect(!estimator_read_plain(b, s, n_u, m, at), 0))
        estimator_read_each(b, s, n_u, m, inflation, at);
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

/* Of a product of variances; in a filter that has settled it is the same in every sample. */
static inline double estimator_log_of(double *mem, double determinant)
{
    if (determinant != mem[EST_DETERMINANT]) {
        mem[EST_DETERMINANT] = determinant;
        mem[EST_LOG] = hil_log(determinant);
    }
    return mem[EST_LOG];
}

/* Of a normal distribution: n values, product of their variances, sum of squares over variances. */
static inline double estimator_log_likelihood(double *mem, uint32_t n, double determinant, double nis)
{
    static const double LOG_2PI = 1.8378770664093453;
    return -0.5 * (n * LOG_2PI + estimator_log_of(mem, determinant) + nis);
}

/* Element by element: a memcpy would load several at a time and wait until the stores that made them have reached the
 * cache. */
static inline void estimator_copy(double *to, const double *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        to[i] = from[i];
        __asm__ volatile("" : "+m"(to[i])); /* or gcc makes a memcpy of it */
    }
}

/* Outputs from what hil_model.ekf makes. */
static inline void estimator_give(const struct hil_block *b, unsigned char *s, uint32_t n, uint32_t m,
                                  const struct estimator_sample *at, const double *to)
{
    double nis = 0.0, determinant = 1.0, *values = hil_values(s);
    const double *P = to + n, *e = P + n * (n + 1) / 2, *variance = e + m;
    const uint16_t *out = b->out;
    uint32_t used = 0;
    for (uint32_t i = 0, d = 0; i < n; i++, d += i + 1) {
        values[out[i]] = to[i];
        values[out[n + i]] = P[d];
    }
    out += 2 * n;
    for (uint32_t i = 0; i < m; i++) {
        int taken = at->scale[i] > 0.0;
        values[*out++] = taken ? e[i] : 0.0;
        nis += variance[m + i];
        determinant *= taken ? variance[i] : 1.0;
        used += (uint32_t)taken;
    }
    values[out[0]] = nis;
    values[out[1]] = estimator_log_likelihood(hil_mem(b, s), used, determinant, nis);
}

/* Statuses of all outputs: `n` of the estimate, then m innovations, then the rest. */
static inline void estimator_give_status(const struct hil_block *b, unsigned char *s, uint32_t n, uint32_t m,
                                         const struct estimator_sample *at)
{
    double *mem = hil_mem(b, s);
    int any = (at->status | at->any) != 0;
    if (!any && mem[EST_STATUS] == 0.0)
        return; /* they are good and were */
    mem[EST_STATUS] = any;
    for (uint32_t i = 0; i < b->n_out; i++)
        hil_set_status(b, s, i, (uint8_t)(at->status | (i >= n && i < n + m ? at->y_status[i - n] : 0)));
}

#endif
