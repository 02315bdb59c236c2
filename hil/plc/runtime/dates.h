/* Calendar, arithmetic of durations, and putting dates together and apart. Times are ns, dates ns since 1970-01-01, Gregorian calendar
 * in all years; int64_t holds 1678 .. 2261 whole. A date or time of day that does not exist stops the program. */
#ifndef ST_DATES_H
#define ST_DATES_H

#include "convert.h"
#include "scan.h"

#define ST_FIRST_YEAR 1678
#define ST_LAST_YEAR  2261

static inline uint8_t st_is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static inline int64_t st_days_in(int64_t year, int64_t month)
{
    if (month == 2)
        return st_is_leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static inline uint8_t st_date_exists(int64_t year, int64_t month, int64_t day)
{
    return year >= ST_FIRST_YEAR && year <= ST_LAST_YEAR && month >= 1 && month <= 12 && day >= 1 &&
           day <= st_days_in(year, month);
}

/* Days from 1970-01-01. Years begin in March here, so that the leap day is the last. */
static inline int64_t st_days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

struct st_date {
    int64_t year, month, day;
};

/* Whole days since 1970-01-01, below 0 before. */
static inline int64_t st_days(int64_t ns) { return ns / ST_DAY_NS - (ns % ST_DAY_NS < 0); }

/* 146097 days make 400 years. */
static inline struct st_date st_split(int64_t ns)
{
    int64_t days = st_days(ns) + 719468;
    int64_t era = days / 146097, in_era = days % 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;
    struct st_date date = {400 * era + y + (m >= 10), m < 10 ? m + 3 : m - 9, in_year - (153 * m + 2) / 5 + 1};
    return date;
}

static inline int64_t st_year(int64_t ns) { return st_split(ns).year; }
static inline int64_t st_month(int64_t ns) { return st_split(ns).month; }
static inline int64_t st_day(int64_t ns) { return st_split(ns).day; }

/* 0 is Sunday. 1970-01-01 was a Thursday. */
static inline int16_t st_day_of_week(int64_t ns) { return (int16_t)(((st_days(ns) + 4) % 7 + 7) % 7); }

/* ---- durations ---- */

static inline int64_t st_tod_add(int64_t tod, int64_t time)
{
    return st_tod_of_ns(st_add_i64(tod, st_tod_of_ns(time)));
}
static inline int64_t st_tod_sub(int64_t tod, int64_t time)
{
    return st_tod_of_ns(st_sub_i64(tod, st_tod_of_ns(time)));
}
static inline int64_t st_time_mul(int64_t time, double factor) { return st_i64_of_real((double)time * factor); }

static inline int64_t st_time_div(struct st_scan *scan, int64_t time, double divisor)
{
    if (divisor == 0)
        st_stop(scan, HIL_PLC_DIVISION);
    return divisor == 0 ? 0 : st_i64_trunc((double)time / divisor);
}

/* ---- putting together ---- */

static inline int64_t st_concat_date_tod(int64_t date, int64_t tod) { return st_add_i64(date, tod); }

static inline int64_t st_concat_date(struct st_scan *scan, int64_t year, int64_t month, int64_t day)
{
    if (st_date_exists(year, month, day))
        return st_days_of(year, month, day) * ST_DAY_NS;
    st_stop(scan, HIL_PLC_RANGE);
    return 0;
}

static inline uint8_t st_clock_exists(int64_t hour, int64_t minute, int64_t second, int64_t ns)
{
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 && ns >= 0 &&
           ns < 1000000000;
}

static inline int64_t st_ns_of_clock(int64_t hour, int64_t minute, int64_t second, int64_t ns)
{
    return ((hour * 60 + minute) * 60 + second) * 1000000000 + ns;
}

static inline int64_t st_concat_ltod(struct st_scan *scan, int64_t hour, int64_t minute, int64_t second,
                                     int64_t millisecond, int64_t microsecond, int64_t nanosecond)
{
    uint8_t parts = millisecond >= 0 && millisecond < 1000 && microsecond >= 0 && microsecond < 1000 &&
                    nanosecond >= 0 && nanosecond < 1000;
    int64_t ns = parts ? millisecond * 1000000 + microsecond * 1000 + nanosecond : -1;
    if (st_clock_exists(hour, minute, second, ns))
        return st_ns_of_clock(hour, minute, second, ns);
    st_stop(scan, HIL_PLC_RANGE);
    return 0;
}

static inline int64_t st_concat_tod(struct st_scan *scan, int64_t hour, int64_t minute, int64_t second,
                                    int64_t millisecond)
{
    return st_concat_ltod(scan, hour, minute, second, millisecond, 0, 0);
}

static inline int64_t st_concat_ldt(struct st_scan *scan, int64_t year, int64_t month, int64_t day, int64_t hour,
                                    int64_t minute, int64_t second, int64_t millisecond, int64_t microsecond,
                                    int64_t nanosecond)
{
    int64_t date = st_concat_date(scan, year, month, day);
    return date + st_concat_ltod(scan, hour, minute, second, millisecond, microsecond, nanosecond);
}

static inline int64_t st_concat_dt(struct st_scan *scan, int64_t year, int64_t month, int64_t day, int64_t hour,
                                   int64_t minute, int64_t second, int64_t millisecond)
{
    return st_concat_ldt(scan, year, month, day, hour, minute, second, millisecond, 0, 0);
}

#endif
