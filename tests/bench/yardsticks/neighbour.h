/* Whether somebody else computes on this core: a processor of a virtual machine may share it with another machine's
 * (simultaneous multithreading), which no counter of the guest tells.
 *
 * Independent additions fill a core and take up to twice as long beside a neighbour; a chain of multiplications, each of
 * which waits for the one before, takes as long as ever. Their ratio does not depend on the core's clock. */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "yardstick.h"

#include <sched.h>
#include <stdbool.h>

enum { ADDITIONS = 8000, MULTIPLICATIONS = 4000, FIRST_LOOKS = 2000 }; /* some us each */
#define BESIDE_NOBODY 1.25                                             /* times the smallest ratio so far */
#define UNINTERRUPTED 1.1    /* times the shortest chain of late, which the clock of the core changes, too */
#define FORGETTING    1.0001 /* of that, a look */

struct look {
    double ratio; /* additions / multiplications */
    bool sound;   /* no interrupt came amid the multiplications */
};

static inline struct look look_at_the_core(void)
{
    static double shortest = 1e18;
    uint64_t a = 1, b = 2, c = 3, d = 4, three = 3;
    int64_t start = now_ns();

    for (int i = 0; i < ADDITIONS; i++) {
        a += 1, b += 1, c += 1, d += 1;
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    }
    int64_t middle = now_ns();
    __asm__ volatile("" : "+r"(three));
    for (int i = 0; i < MULTIPLICATIONS; i++) {
        a *= three;
        __asm__ volatile("" : "+r"(a));
    }
    double chain = (double)(now_ns() - middle);
    shortest = chain < FORGETTING * shortest ? chain : FORGETTING * shortest;
    return (struct look){(double)(middle - start) / chain, chain < UNINTERRUPTED * shortest};
}

/* The first call looks FIRST_LOOKS times, to know the ratio beside nobody. */
static inline bool alone_on_the_core(void)
{
    static double smallest = 1e18;
    struct look it;

    for (int i = smallest < 1e18 ? 1 : -FIRST_LOOKS; i <= 1; i++) {
        it = look_at_the_core();
        if (it.sound && i > -FIRST_LOOKS / 2 && it.ratio < smallest)
            smallest = it.ratio;
    }
    return it.sound && it.ratio < BESIDE_NOBODY * smallest;
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
}

#endif
