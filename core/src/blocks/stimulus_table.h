/* Private to blocks/: the table that a stimulus is written in, docs/stimulus.md.
 *
 * A description is a tree of nodes, each in front of its children, in one array of doubles:
 *   kind, size (numbers in the node and all below it), duration in ns (2^62 and more: for ever), then what the kind needs.
 * Times are whole nanoseconds, so that no rounding moves an edge by a tick, however long a loop has run. */
#ifndef HIL_STIMULUS_TABLE_H
#define HIL_STIMULUS_TABLE_H

#include "describe.h"

enum stimulus_kind {
    ST_IDLE,        /* drives nothing */
    ST_CONSTANT,    /* value */
    ST_RAMP,        /* from, to: a straight line over the duration */
    ST_SLOPE,       /* from, change in a second */
    ST_SINE,        /* offset, amplitude, frequency in Hz, phase in rad */
    ST_PULSE,       /* low, high, period in ns, width in ns */
    ST_SAW,         /* low, high, period in ns, rise in ns */
    ST_EXPONENTIAL, /* from, to, time constant in s */
    ST_NOISE,       /* mean, deviation, seed, interval in ns */
    ST_DATA,        /* straight lines between (0, 1), n, n times in ns from 0 on, n values */
    ST_SEQUENCE,    /* n, n times (begin in ns, place behind this node's first number), the children */
    ST_LOOP,        /* the child, again and again */
    ST_ADD,         /* two children at once */
    ST_MULTIPLY,
    ST_KINDS
};
enum { ST_KIND, ST_SIZE, ST_DURATION, ST_HEAD };
enum { ST_DATA_LINEAR = ST_HEAD, ST_DATA_N, ST_DATA_TIMES };
enum { ST_SEQUENCE_N = ST_HEAD, ST_SEQUENCE_CHILDREN };

#define STIMULUS_NESTED 16 /* operations inside each other */

static inline int64_t stimulus_ns(double v) { return v < 0x1p62 ? (int64_t)v : INT64_MAX; }

/* NULL, or one constant sentence. Behind it `stimulus_value` stays inside the table and visits no node twice. */
const char *stimulus_check(const double *table, uint32_t n);
/* The value `ns` behind the beginning; 0 when nothing is driven then. May be called in a tick. */
int stimulus_value(const double *table, int64_t ns, double *value);
/* Value of a node without children, 0 <= ns < its duration. */
double stimulus_leaf(const double *node, int64_t ns);

#endif
