/* Durations and dates to text and back: T#1d2h3m4s5ms6us7ns without its zeros, D#2024-02-29, TOD#12:34:56.789, DT#2024-02-29-12:34:56;
 * LTIME# LDATE# LTOD# LDT#. Text that is none of them, or whose date does not exist, reads as 0. */
#ifndef ST_TIME_TEXT_H
#define ST_TIME_TEXT_H

#include "dates.h"
#include "text.h"

struct st_unit {
    char name[4];
    int64_t ns;
};

#define ST_UNITS 7

/* "m" after "ms", which begins with it. */
static const struct st_unit st_units[ST_UNITS] = {
    {"D", 86400000000000}, {"H", 3600000000000}, {"MS", 1000000}, {"M", 60000000000},
    {"S", 1000000000},     {"US", 1000},         {"NS", 1},
};

/* ---- durations ---- */

static inline void st_put_unit(struct st_out *out, uint64_t *rest, uint64_t ns, st_text name)
{
    if (*rest >= ns) {
        st_put_number(out, *rest / ns, 10, 1);
        st_put_text(out, name);
    }
    *rest %= ns;
}

static inline void st_put_duration(char *to, uint32_t capacity, int64_t ns, st_text prefix)
{
    struct st_out out = st_write(to, capacity);
    uint64_t rest = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    st_put_text(&out, prefix);
    if (ns < 0)
        st_put(&out, '-');
    if (ns == 0)
        st_put_text(&out, "0s");
    st_put_unit(&out, &rest, 86400000000000, "d");
    st_put_unit(&out, &rest, 3600000000000, "h");
    st_put_unit(&out, &rest, 60000000000, "m");
    st_put_unit(&out, &rest, 1000000000, "s");
    st_put_unit(&out, &rest, 1000000, "ms");
    st_put_unit(&out, &rest, 1000, "us");
    st_put_unit(&out, &rest, 1, "ns");
}

static inline void st_string_of_time(char *to, uint32_t capacity, int64_t ns)
{
    st_put_duration(to, capacity, ns, "T#");
}

static inline void st_string_of_ltime(char *to, uint32_t capacity, int64_t ns)
{
    st_put_duration(to, capacity, ns, "LTIME#");
}

/* Moves past a unit that is shorter than `below`; gives its ns, or 0. */
static inline int64_t st_accept_unit(st_text *at, int64_t below)
{
    for (uint32_t i = 0; i < ST_UNITS; i++)
        if (st_units[i].ns < below && st_accept(at, st_units[i].name))
            return st_units[i].ns;
    return 0;
}

/* Digits behind a point, in ns of a unit that is known only after them: at most 15 count. */
static inline uint32_t st_accept_fraction(st_text *at, uint8_t *digits)
{
    uint32_t n = 0, digit;
    if (!st_accept(at, "."))
        return 0;
    for (; st_accept_digit(at, 10, &digit); n++)
        if (n < 15)
            digits[n] = (uint8_t)digit;
    return n < 15 ? n : 15;
}

/* Moves past one part, as 1.5h; 0 if there is none. */
static inline int64_t st_accept_part(st_text *at, int64_t below, int64_t *ns)
{
    uint64_t whole;
    uint8_t digits[15];
    if (!st_accept_number(at, 10, &whole))
        return 0;
    uint32_t n = st_accept_fraction(at, digits);
    int64_t unit = st_accept_unit(at, below), tenth = unit;
    if (unit && whole > (uint64_t)(INT64_MAX / unit))
        return 0;
    *ns = (int64_t)whole * unit;
    for (uint32_t i = 0; i < n; i++) {
        tenth /= 10;
        *ns = st_add_i64(*ns, digits[i] * tenth);
    }
    st_accept(at, "_");
    return unit;
}

static inline int64_t st_time_of_string(st_text text)
{
    st_text at = st_skip_blanks(text);
    int64_t sum = 0, ns, unit = INT64_MAX;
    if (!st_accept(&at, "LTIME#") && !st_accept(&at, "TIME#") && !st_accept(&at, "LT#"))
        st_accept(&at, "T#");
    int sign = st_accept_sign(&at);
    while (!st_at_end(at)) {
        unit = st_accept_part(&at, unit, &ns);
        if (unit == 0)
            return 0;
        sum = st_add_i64(sum, ns);
    }
    return st_mul_i64(sign, sum);
}

/* ---- dates ---- */

static inline void st_put_date(struct st_out *out, int64_t ns)
{
    struct st_date date = st_split(ns);
    st_put_number(out, (uint64_t)date.year, 10, 4);
    st_put(out, '-');
    st_put_number(out, (uint64_t)date.month, 10, 2);
    st_put(out, '-');
    st_put_number(out, (uint64_t)date.day, 10, 2);
}

/* Behind the seconds 3, 6 or 9 digits, or none. */
static inline void st_put_clock(struct st_out *out, int64_t ns)
{
    uint64_t rest = (uint64_t)st_tod_of_ns(ns), fraction = rest % 1000000000, s = rest / 1000000000;
    uint32_t width = 9;
    st_put_number(out, s / 3600, 10, 2);
    st_put(out, ':');
    st_put_number(out, s / 60 % 60, 10, 2);
    st_put(out, ':');
    st_put_number(out, s % 60, 10, 2);
    if (fraction == 0)
        return;
    for (; fraction % 1000 == 0; fraction /= 1000)
        width -= 3;
    st_put(out, '.');
    st_put_number(out, fraction, 10, width);
}

static inline void st_put_when(char *to, uint32_t capacity, int64_t ns, st_text prefix, uint8_t date, uint8_t clock)
{
    struct st_out out = st_write(to, capacity);
    st_put_text(&out, prefix);
    if (date)
        st_put_date(&out, ns);
    if (date && clock)
        st_put(&out, '-');
    if (clock)
        st_put_clock(&out, ns);
}

#define ST_STRING_OF_WHEN(name, prefix, date, clock)                                                                   \
    static inline void st_string_of_##name(char *to, uint32_t capacity, int64_t ns)                                    \
    {                                                                                                                  \
        st_put_when(to, capacity, ns, prefix, date, clock);                                                            \
    }
ST_STRING_OF_WHEN(date, "D#", 1, 0)
ST_STRING_OF_WHEN(ldate, "LDATE#", 1, 0)
ST_STRING_OF_WHEN(tod, "TOD#", 0, 1)
ST_STRING_OF_WHEN(ltod, "LTOD#", 0, 1)
ST_STRING_OF_WHEN(dt, "DT#", 1, 1)
ST_STRING_OF_WHEN(ldt, "LDT#", 1, 1)

/* Moves past what stands before `#`, and it. */
static inline st_text st_skip_prefix(st_text text)
{
    for (st_text at = text; *at; at++)
        if (*at == '#')
            return at + 1;
    return st_skip_blanks(text);
}

static inline uint8_t st_accept_date(st_text *at, int64_t *ns)
{
    uint64_t year, month, day;
    if (!st_accept_number(at, 10, &year) || !st_accept(at, "-") || !st_accept_number(at, 10, &month) ||
        !st_accept(at, "-") || !st_accept_number(at, 10, &day))
        return 0;
    if (year > ST_LAST_YEAR || month > 12 || day > 31 || !st_date_exists((int64_t)year, (int64_t)month, (int64_t)day))
        return 0;
    *ns = st_days_of((int64_t)year, (int64_t)month, (int64_t)day) * ST_DAY_NS;
    return 1;
}

static inline uint8_t st_accept_clock(st_text *at, int64_t *ns)
{
    uint64_t hour, minute, second;
    uint8_t digits[15];
    int64_t unit = 1000000000, fraction = 0;
    if (!st_accept_number(at, 10, &hour) || !st_accept(at, ":") || !st_accept_number(at, 10, &minute) ||
        !st_accept(at, ":") || !st_accept_number(at, 10, &second))
        return 0;
    if (hour > 23 || minute > 59 || second > 59)
        return 0;
    uint32_t n = st_accept_fraction(at, digits);
    for (uint32_t i = 0; i < n; i++) {
        unit /= 10;
        fraction += digits[i] * unit;
    }
    *ns = st_ns_of_clock((int64_t)hour, (int64_t)minute, (int64_t)second, fraction);
    return 1;
}

static inline int64_t st_date_of_string(st_text text)
{
    int64_t ns;
    st_text at = st_skip_prefix(text);
    return st_accept_date(&at, &ns) && st_at_end(at) ? ns : 0;
}

static inline int64_t st_tod_of_string(st_text text)
{
    int64_t ns;
    st_text at = st_skip_prefix(text);
    return st_accept_clock(&at, &ns) && st_at_end(at) ? ns : 0;
}

static inline int64_t st_dt_of_string(st_text text)
{
    int64_t date, clock;
    st_text at = st_skip_prefix(text);
    if (!st_accept_date(&at, &date) || !st_accept(&at, "-") || !st_accept_clock(&at, &clock) || !st_at_end(at))
        return 0;
    return date + clock;
}

#endif
