/* Whether somebody else computes on this core: a processor of a virtual machine may share it with another machine's
 * (simultaneous multithreading), which no counter of the guest tells.
 *
 * A core looks so many instructions ahead as its reorder buffer holds. While both of its threads are awake, whatever the
 * other one does, each has half of it (Intel 64 and IA-32 Architectures Optimization Reference Manual, "Processor
 * Resources and Hyper-Threading"; AMD's Zen parts its retire queue alike). Rounds of one short chain of multiplications,
 * each of which waits for the one before, and of instructions that wait for nothing overlap as many times as the buffer
 * holds rounds: alone they take half as long (Wong, "Measuring Reorder Buffer Capacity", 2013). One long chain takes as
 * long as ever. Their ratio does not depend on the core's clock. */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "yardstick.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 120, CHAIN = 30, ROUNDS_OF_CHAIN = 50, FIRST_LOOKS = 2000 }; /* a look takes some us */
enum { IN_A_ROW = 5 };                                                       /* looks whose median is a core's ratio */
#define WAITING_FOR_NOTHING ".rept 100\nnop\n.endr"
#define BESIDE_NOBODY       1.25   /* times the smallest ratio of a core so far */
#define UNINTERRUPTED       1.1    /* times the shortest chain of late, which the clock of the core changes, too */
#define FORGETTING          1.0001 /* of that, a look */
#define KNOWN_RATIO         "HIL_CORE_RATIO" /* in the environment: the smallest of an earlier process on such a CPU */

struct look {
    double ratio; /* a round that overlaps others / its chain alone */
    bool sound;   /* no interrupt came amid the long chain */
};

#if defined(__x86_64__)
#define IN_REGISTER(x) __asm__ volatile("" : "+x"(x))
#else
#define IN_REGISTER(x) __asm__ volatile("" : "+w"(x))
#endif

/* The compiler may neither drop a multiplication nor see that it is one by 1. */
static inline double multiplied(double x, double one)
{
#pragma GCC unroll 30
    for (int i = 0; i < CHAIN; i++) {
        x *= one;
        IN_REGISTER(x);
    }
    return x;
}

static inline struct look look_at_the_core(void)
{
    static double shortest = 1e18;
    double one = 1, x = 1;

    IN_REGISTER(one);
    int64_t start = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        multiplied(one, one);
        __asm__ volatile(WAITING_FOR_NOTHING);
    }
    int64_t middle = now_ns();
    for (int i = 0; i < ROUNDS_OF_CHAIN; i++)
        x = multiplied(x, one);
    double chain = (double)(now_ns() - middle);
    shortest = chain < FORGETTING * shortest ? chain : FORGETTING * shortest;
    double ratio = (double)(middle - start) / ROUNDS / (chain / ROUNDS_OF_CHAIN);
    return (struct look){ratio, chain < UNINTERRUPTED * shortest};
}

/* The smallest median of IN_A_ROW sound looks so far; 0 before there was one, here or in the process that told it. */
static double core_ratio;

static inline void learn(struct look it)
{
    static double row[IN_A_ROW];
    static int n;
    double sorted[IN_A_ROW];

    if (!it.sound) {
        n = 0;
        return;
    }
    row[n++ % IN_A_ROW] = it.ratio;
    if (n < IN_A_ROW)
        return;
    memcpy(sorted, row, sizeof row);
    sort_doubles(sorted, IN_A_ROW);
    if (core_ratio <= 0 || sorted[IN_A_ROW / 2] < core_ratio)
        core_ratio = sorted[IN_A_ROW / 2];
}

/* The first call looks FIRST_LOOKS times, to know the ratio beside nobody; a tenth of that where it is known. */
static inline bool alone_on_the_core(void)
{
    static bool began;
    struct look it;

    if (!began) {
        const char *known = getenv(KNOWN_RATIO);
        core_ratio = known ? strtod(known, NULL) : 0;
        int looks = core_ratio > 0 ? FIRST_LOOKS / 10 : FIRST_LOOKS;
        for (int i = 0; i < looks; i++) {
            it = look_at_the_core();
            if (i >= looks / 2) /* by then it knows the shortest chain */
                learn(it);
        }
        began = true;
    }
    it = look_at_the_core();
    learn(it);
    return it.sound && it.ratio < BESIDE_NOBODY * core_ratio;
}

/* To the next of the processors that this thread could use when it first asked. */
static inline void next_core(void)
{
    static cpu_set_t usable;
    static int at;
    cpu_set_t one;

    if (CPU_COUNT(&usable) == 0)
        sched_getaffinity(0, sizeof usable, &usable);
    do
        at = (at + 1) % CPU_SETSIZE;
    while (!CPU_ISSET(at, &usable));
    CPU_ZERO(&one);
    CPU_SET(at, &one);
    sched_setaffinity(0, sizeof one, &one);
    look_at_the_core(); /* the first one on a core is slow */
}

#endif
