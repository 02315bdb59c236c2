/* The firmware's application `tclab` as a process: the field port is a pseudo-terminal (descriptor 0), the link is not
 * connected. Usage: tclab_board SPEED, where the board's clock runs SPEED times as fast as the host's. */
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

extern const struct fw_app fw_application;

static double speed = 1.0;
static unsigned char arena[1 << 20] __attribute__((aligned(64)));
static struct fw_device device;

static int64_t host_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now_ns(void *self)
{
    (void)self;
    static int64_t start;
    start = start ? start : host_ns();
    return (int64_t)((double)(host_ns() - start) * speed);
}

/* The other end is not open, or has been closed: no bytes, as on a cable that hangs loose. */
static size_t read_port(void *self, unsigned port, uint8_t *bytes, size_t size)
{
    (void)self;
    struct pollfd p = {.fd = 0, .events = POLLIN};
    if (port != FW_PORT_FIELD || poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
        return 0;
    ssize_t n = read(0, bytes, size);
    return n > 0 ? (size_t)n : 0;
}

static size_t write_port(void *self, unsigned port, const uint8_t *bytes, size_t n)
{
    (void)self;
    struct pollfd p = {.fd = 0, .events = POLLOUT};
    if (port != FW_PORT_FIELD || poll(&p, 1, 0) <= 0 || !(p.revents & POLLOUT))
        return 0;
    return write(0, bytes, n) == (ssize_t)n ? n : 0;
}

static void drive(void *self, const double *outputs, unsigned n) { (void)self, (void)outputs, (void)n; }
static uint32_t zero(void *self) { return (void)self, 0; }
static uint32_t lost(void *self, unsigned port) { return (void)self, (void)port, 0; }
static void kick(void *self) { (void)self; }
static void reset(void *self, uint32_t kind) { (void)self, (void)kind, exit(3); }

int main(int argc, char **argv)
{
    static uint64_t kept[FW_KEPT_SIZE / 8];
    static const struct fw_board board = {
        .now_ns = now_ns,
        .read = read_port,
        .write = write_port,
        .lost = lost,
        .drive = drive,
        .counter = zero,
        .counter_hz = 1,
        .kick_watchdog = kick,
        .reset_cause = zero,
        .reset = reset,
        .stack_used = zero,
        .kept = kept,
    };
    speed = argc > 1 ? atof(argv[1]) : 1.0;
    if (!(speed > 0.0) || fw_device_size(&fw_application) > sizeof arena)
        return 2;
    fw_device_init(&device, &fw_application, &board, arena, sizeof arena);
    if (!device.control.program)
        return 2;
    puts("ready");
    fflush(stdout);
    while (getppid() != 1) {
        double wait_ms = (double)(fw_device_poll(&device) - now_ns(NULL)) / speed * 1e-6;
        struct pollfd p = {.fd = 0, .events = POLLIN};
        int n = poll(&p, 1, wait_ms < 1.0 ? 1 : (int)wait_ms);
        if (n > 0 && !(p.revents & POLLIN))
            usleep(1000); /* nobody has the other end open */
    }
    return 0;
}
