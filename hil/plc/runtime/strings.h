/* LEN LEFT RIGHT MID CONCAT INSERT DELETE REPLACE FIND. Positions count from 1. A negative length, or a position below 1 (INSERT: below
 * 0), stops the program; what lies behind the end of a text is empty. */
#ifndef ST_STRINGS_H
#define ST_STRINGS_H

#include "scan.h"
#include "text.h"

/* `value`, at most `most`; stops below `least`, and then gives `least`. */
static inline uint32_t st_bounded(struct st_scan *scan, int64_t value, int64_t least, uint32_t most)
{
    if (value < least) {
        st_stop(scan, HIL_PLC_RANGE);
        return (uint32_t)least;
    }
    return value > (int64_t)most ? most : (uint32_t)value;
}

static inline int16_t st_len(st_text in)
{
    uint32_t n = st_length(in);
    return n > INT16_MAX ? INT16_MAX : (int16_t)n;
}

static inline void st_left(struct st_scan *scan, char *to, uint32_t capacity, st_text in, int64_t l)
{
    struct st_out out = st_write(to, capacity);
    st_put_part(&out, in, st_bounded(scan, l, 0, UINT32_MAX));
}

static inline void st_right(struct st_scan *scan, char *to, uint32_t capacity, st_text in, int64_t l)
{
    struct st_out out = st_write(to, capacity);
    uint32_t n = st_length(in);
    st_put_text(&out, in + (n - st_bounded(scan, l, 0, n)));
}

/* Characters before position p, from 1 on; at most all. */
static inline uint32_t st_before(struct st_scan *scan, int64_t p, uint32_t length)
{
    return st_bounded(scan, p, 1, length + 1) - 1;
}

static inline void st_mid(struct st_scan *scan, char *to, uint32_t capacity, st_text in, int64_t l, int64_t p)
{
    struct st_out out = st_write(to, capacity);
    uint32_t before = st_before(scan, p, st_length(in)), count = st_bounded(scan, l, 0, UINT32_MAX);
    if (scan->fault.reason == HIL_PLC_RUNS)
        st_put_part(&out, in + before, count);
}

static inline void st_concat(char *to, uint32_t capacity, st_text in1, st_text in2)
{
    struct st_out out = st_write(to, capacity);
    st_put_text(&out, in1);
    st_put_text(&out, in2);
}

static inline void st_insert(struct st_scan *scan, char *to, uint32_t capacity, st_text in1, st_text in2, int64_t p)
{
    struct st_out out = st_write(to, capacity);
    uint32_t before = st_bounded(scan, p, 0, st_length(in1));
    if (scan->fault.reason != HIL_PLC_RUNS)
        return;
    st_put_part(&out, in1, before);
    st_put_text(&out, in2);
    st_put_text(&out, in1 + before);
}

static inline void st_replace(struct st_scan *scan, char *to, uint32_t capacity, st_text in1, st_text in2, int64_t l,
                              int64_t p)
{
    struct st_out out = st_write(to, capacity);
    uint32_t n = st_length(in1), before = st_before(scan, p, n), count = st_bounded(scan, l, 0, n - before);
    if (scan->fault.reason != HIL_PLC_RUNS)
        return;
    st_put_part(&out, in1, before);
    st_put_text(&out, in2);
    st_put_text(&out, in1 + before + count);
}

static inline void st_delete(struct st_scan *scan, char *to, uint32_t capacity, st_text in, int64_t l, int64_t p)
{
    st_replace(scan, to, capacity, in, "", l, p);
}

/* Position of the first in2 in in1, 0 if there is none; '' stands nowhere. */
static inline int16_t st_find(st_text in1, st_text in2)
{
    for (uint32_t at = 0; in2[0] && in1[at] && at < INT16_MAX; at++) {
        uint32_t n = 0;
        while (in2[n] && in1[at + n] == in2[n])
            n++;
        if (!in2[n])
            return (int16_t)(at + 1);
    }
    return 0;
}

#endif
