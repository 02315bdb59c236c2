/* MEASURE: nanoseconds a step of short runs, each between two looks whether the core is its own (neighbour.h).
 *
 * Runs are made until in ALONE of them no neighbour had a part of the core; all count where it always had. Prints their
 * median and the smallest. */
#ifndef SHORT_RUNS_H
#define SHORT_RUNS_H

#include "neighbour.h"
#include "yardstick.h"

enum { MOST_RUNS = 3000, RUNS_A_STRETCH = 100, ALONE = 20 };

/* `alone`: runs on a core of their own; 0: n others. */
static inline void print_result(const char *name, double *ns, int n, int alone)
{
    sort_doubles(ns, n);
    printf("%s ns=%.1f min=%.1f alone=%d\n", name, ns[n / 2], ns[0], alone);
}

/* A macro, because a call through a pointer would cost as much as the smaller kernels. `i` is the number of the step in
 * its run. */
#define MEASURE(name, stretch, ...)                                                                                    \
    do {                                                                                                               \
        double all_[MOST_RUNS], alone_[ALONE];                                                                         \
        int runs_ = 0, counted_ = 0;                                                                                   \
        long steps_ = (stretch) / RUNS_A_STRETCH;                                                                      \
        bool before_ = alone_on_the_core();                                                                            \
        for (int looks_ = 0; looks_ < MOST_RUNS && counted_ < ALONE; looks_++) {                                       \
            if (!before_) {                                                                                            \
                next_core();                                                                                           \
                before_ = alone_on_the_core();                                                                         \
                if (!before_ && runs_ > 0)                                                                             \
                    continue;                                                                                          \
            }                                                                                                          \
            int64_t start_ = now_ns();                                                                                 \
            for (long i = 0; i < steps_; i++) {                                                                        \
                __VA_ARGS__;                                                                                           \
            }                                                                                                          \
            all_[runs_] = (double)(now_ns() - start_) / (double)steps_;                                                \
            bool after_ = alone_on_the_core();                                                                         \
            if (before_ && after_)                                                                                     \
                alone_[counted_++] = all_[runs_];                                                                      \
            runs_++;                                                                                                   \
            before_ = after_;                                                                                          \
        }                                                                                                              \
        print_result(name, counted_ ? alone_ : all_, counted_ ? counted_ : runs_, counted_);                           \
    } while (0)

#endif
