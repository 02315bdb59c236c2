#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "hil/linux.h"

int64_t hil_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define SMALL_OBJECT                                                                                                   \
    (4u << 20) /* holds core, drivers, compiled models and the C library; not NumPy's, Arrow's and CasADi's */

static size_t loaded_size(const struct dl_phdr_info *o)
{
    size_t size = 0;
    for (int i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_LOAD)
            size += o->dlpi_phdr[i].p_memsz;
    return size;
}

/* Brings in what a tick may run, so that not even its rare branches wait for the disk. */
static int lock_small_object(struct dl_phdr_info *o, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (loaded_size(o) > SMALL_OBJECT)
        return 0;
    for (int i = 0; i < o->dlpi_phnum; i++)
        if (o->dlpi_phdr[i].p_type == PT_LOAD)
            mlock((const void *)(uintptr_t)(o->dlpi_addr + o->dlpi_phdr[i].p_vaddr), o->dlpi_phdr[i].p_memsz);
    return 0;
}

/* A page is locked when it is first used. Without MCL_ONFAULT every mapped library is read whole from the disk at once:
 * 2.8 s were measured with Arrow and CasADi in a cold cache, and each later import would do the same. */
int hil_lock_memory(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return errno;
    dl_iterate_phdr(lock_small_object, NULL);
    return 0;
}
