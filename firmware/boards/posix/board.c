/* struct fw_board on two pseudo-terminals, and the loop around the device. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "posix.h"

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- what the device calls ---- */

static int64_t now_ns(void *self) { return clock_ns() - ((struct fw_posix *)self)->start_ns; }

static size_t read_port(void *self, unsigned port, uint8_t *bytes, size_t size)
{
    return fw_posix_port_read(&((struct fw_posix *)self)->port[port], bytes, size);
}

static size_t write_port(void *self, unsigned port, const uint8_t *bytes, size_t n)
{
    return fw_posix_port_write(&((struct fw_posix *)self)->port[port], bytes, n, now_ns(self));
}

static uint32_t lost(void *self, unsigned port) { return (void)self, (void)port, 0; }

static void drive(void *self, const double *outputs, unsigned n)
{
    struct fw_posix_pins *pins = ((struct fw_posix *)self)->pins;
    if (!pins)
        return;
    for (unsigned i = 0; i < n && i < sizeof pins->value / sizeof pins->value[0]; i++)
        pins->value[i] = outputs[i];
    pins->drives++;
}

static uint32_t counter(void *self) { return (uint32_t)now_ns(self); }

static void kick_watchdog(void *self) { ((struct fw_posix *)self)->memory->kicks++; }

static uint32_t reset_cause(void *self) { return ((struct fw_posix *)self)->cause; }

static uint32_t stack_used(void *self) { return (void)self, 0; }

static void reset(void *self, uint32_t kind)
{
    struct fw_posix *b = self;
    b->memory->cause = kind;
    longjmp(*(jmp_buf *)b->again, 1);
}

/* ---- start and end ---- */

static void *share(int fd, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

static int show_pins(struct fw_posix *b, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int err = ftruncate(fd, sizeof *b->pins) ? errno : 0;
    if (!err && !(b->pins = share(fd, sizeof *b->pins)))
        err = errno;
    close(fd);
    return err;
}

int fw_posix_open(struct fw_posix *b, const struct fw_posix_options *o)
{
    memset(b, 0, sizeof *b);
    int err = fw_posix_port_open(&b->port[FW_PORT_LINK], o->link);
    int err2 = fw_posix_port_open(&b->port[FW_PORT_FIELD], o->field);
    err = err ? err : err2;
    if (!err && !(b->memory = share(-1, sizeof *b->memory)))
        err = errno;
    if (!err && o->outputs)
        err = show_pins(b, o->outputs);
    if (err) {
        fw_posix_close(b);
        return err;
    }
    b->board = (struct fw_board){.self = b,
                                 .now_ns = now_ns,
                                 .read = read_port,
                                 .write = write_port,
                                 .lost = lost,
                                 .drive = drive,
                                 .counter = counter,
                                 .counter_hz = 1000000000,
                                 .kick_watchdog = kick_watchdog,
                                 .reset_cause = reset_cause,
                                 .reset = reset,
                                 .stack_used = stack_used,
                                 .kept = b->memory->kept};
    return 0;
}

void fw_posix_close(struct fw_posix *b)
{
    fw_posix_port_close(&b->port[FW_PORT_LINK]);
    fw_posix_port_close(&b->port[FW_PORT_FIELD]);
    if (b->memory)
        munmap(b->memory, sizeof *b->memory);
    if (b->pins)
        munmap(b->pins, sizeof *b->pins);
    b->memory = NULL;
    b->pins = NULL;
}

/* ---- the loop ---- */

/* Until a byte comes, a port that was full has room, or it is `next_ns`. */
static void wait_until(struct fw_posix *b, int64_t next_ns)
{
    struct pollfd fds[2];
    for (int i = 0; i < 2; i++)
        fds[i] = (struct pollfd){b->port[i].master, (short)(POLLIN | (b->port[i].n ? POLLOUT : 0)), 0};
    int64_t ns = next_ns - now_ns(b);
    ns = ns < 0 ? 0 : ns > 100000000 ? 100000000 : ns;
    struct timespec t = {0, (long)ns};
    ppoll(fds, 2, &t, NULL);
    for (int i = 0; i < 2; i++)
        fw_posix_port_flush(&b->port[i]);
}

struct room { /* what a start begins with */
    jmp_buf again;
    struct fw_device device;
    unsigned char *arena;
    size_t size;
};

static int make_room(struct room **out, const struct fw_app *app)
{
    struct room *r = calloc(1, sizeof *r);
    if (!r)
        return ENOMEM;
    r->size = (fw_device_size(app) + 63) / 64 * 64;
    r->arena = aligned_alloc(64, r->size + 64);
    *out = r;
    if (r->arena)
        return 0;
    free(r);
    return ENOMEM;
}

/* What a reset keeps and what it clears; the ports forget, and the clock begins anew. */
static void start(struct fw_posix *b, struct room *r, const struct fw_app *app)
{
    b->cause = b->memory->cause;
    b->memory->cause = HIL_RESET_WATCHDOG; /* if it does not come to say otherwise */
    if (b->cause != HIL_RESET_WARM)
        memset(b->memory->kept, 0, sizeof b->memory->kept);
    b->start_ns = clock_ns();
    memset(r->arena, 0, r->size);
    fw_device_init(&r->device, app, &b->board, r->arena, r->size);
}

static void go_safe(struct fw_posix *b, const struct fw_app *app)
{
    double safe[FW_MAX_VALUES] = {0};
    for (unsigned i = 0; i < app->n_out && i < FW_MAX_VALUES; i++)
        safe[i] = app->outputs[i].safe;
    drive(b, safe, app->n_out);
}

int fw_posix_run(struct fw_posix *b, const struct fw_app *app, volatile int *stop)
{
    struct room *room = NULL;
    int err = make_room(&room, app);
    if (err)
        return err;
    struct room *const r = room; /* unchanged behind setjmp */
    b->again = &r->again;
    if (setjmp(r->again))
        for (int i = 0; i < 2; i++)
            fw_posix_port_forget(&b->port[i]);
    start(b, r, app);
    while (!*stop)
        wait_until(b, fw_device_poll(&r->device));
    go_safe(b, app);
    b->memory->cause = HIL_RESET_POWER;
    free(r->arena);
    free(r);
    return 0;
}
