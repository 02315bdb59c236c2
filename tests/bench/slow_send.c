/* Preloaded into a Python process: each send of it takes SLOW_SEND_NS longer. Other programs that inherit it are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t wanted_ns(void)
{
    const char *text = getenv("SLOW_SEND_NS");

    return text && strncmp(program_invocation_short_name, "python", 6) == 0 ? atoll(text) : 0;
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    static int64_t wait_ns = -1;

    if (!real) {
        real = dlsym(RTLD_NEXT, "send");
        wait_ns = wanted_ns();
    }
    for (int64_t end = now_ns() + wait_ns; wait_ns > 0 && now_ns() < end;)
        ;
    return real(fd, data, n, flags);
}
