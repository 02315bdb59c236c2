/* What the yardsticks share: the clock, and the line of percentiles that tests/bench/yardstick.py reads. */
#ifndef YARDSTICK_H
#define YARDSTICK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Sorts `ns` in place. */
static inline void sort_ns(int64_t *ns, long n) { qsort(ns, (size_t)n, sizeof *ns, compare_int64); }

static inline int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline void sort_doubles(double *values, long n) { qsort(values, (size_t)n, sizeof *values, compare_double); }

/* The value below which the fraction `q` of sorted values lies, in microseconds. */
static inline double quantile_us(const int64_t *sorted_ns, long n, double q)
{
    return (double)sorted_ns[(long)((double)n * q)] / 1e3;
}

/* One line on `n` transactions that took `elapsed_ns` together. Sorts `ns`. */
static inline void print_transactions(int64_t *ns, long n, int64_t elapsed_ns)
{
    sort_ns(ns, n);
    printf("p50=%.2f p99=%.2f mean=%.2f us/txn\n", quantile_us(ns, n, 0.5), quantile_us(ns, n, 0.99),
           (double)elapsed_ns / 1e3 / (double)n);
}

/* Ends the program if a system call failed. */
static inline int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

#endif
