#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "hil/linux.h"

int64_t hil_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int hil_lock_memory(void) { return mlockall(MCL_CURRENT | MCL_FUTURE) ? errno : 0; }
