#include "hil_drivers/rtu_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "hil_drivers/rtu_slave.h"
#include "mb_serving.h"

#define CHUNK      512
#define REOPEN_NS  200000000 /* between attempts to open a line that broke */
#define IDLE_NS    1000000000
#define LONGEST_NS 1000000000 /* a line that does not take an answer for so long has lost it */

struct hil_rtu_server {
    struct hil_mb_serving serving;
    struct hil_rtu_slave slave;
    struct hil_serial_port port;
    atomic_int fd; /* -1: closed */
    struct hil_thread thread;
};

static void count(struct hil_rtu_server *s, enum hil_mb_count which, uint64_t n)
{
    hil_mb_count(&s->serving.counters, which, n);
}

static void tell_counts(struct hil_rtu_server *s)
{
    _Atomic uint64_t *to = s->serving.counters.count;
    atomic_store_explicit(&to[HIL_MBC_REQUESTS], s->slave.requests, memory_order_relaxed);
    atomic_store_explicit(&to[HIL_MBC_WRONG_UNIT], s->slave.wrong_unit, memory_order_relaxed);
    for (unsigned i = 0; i < HIL_RTU_COUNTS; i++)
        atomic_store_explicit(&to[HIL_MBC_WRONG_CRC + i], s->slave.rx.count[i], memory_order_relaxed);
}

static void close_line(struct hil_rtu_server *s)
{
    int saved = errno, fd = s->fd;
    s->fd = -1;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

static void broken(struct hil_rtu_server *s)
{
    count(s, HIL_MBC_CLOSED_BY_PEER, 1);
    close_line(s);
}

static int reopen(struct hil_rtu_server *s)
{
    if (s->fd >= 0)
        return HIL_OK;
    int fd = hil_serial_port_open(&s->port);
    if (fd < 0)
        return HIL_E_OS;
    count(s, HIL_MBC_ACCEPTED, 1);
    hil_rtu_rx_clear(&s->slave.rx);
    s->fd = fd;
    return HIL_OK;
}

/* Takes what has come; the requests among it are executed. */
static void receive(struct hil_rtu_server *s)
{
    uint8_t bytes[CHUNK];
    ssize_t n = read(s->fd, bytes, sizeof bytes);
    int64_t now = hil_now_ns();
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        broken(s);
        return;
    }
    count(s, HIL_MBC_BYTES_RECEIVED, (uint64_t)n);
    hil_mb_serving_refresh(&s->serving);
    hil_rtu_slave_receive(&s->slave, bytes, (size_t)n, now);
}

/* What the peer is about to learn is counted before it hears of it. */
static void send_answer(struct hil_rtu_server *s, const uint8_t *answer, size_t n)
{
    count(s, HIL_MBC_ANSWERS, 1);
    if (answer[1] & 0x80)
        hil_mb_count_exception(&s->serving.counters, answer[2]);
    int64_t due = hil_now_ns() + LONGEST_NS;
    for (size_t sent = 0; sent < n;) { /* once, unless the port's buffer is full */
        ssize_t k = write(s->fd, answer + sent, n - sent);
        if (k < 0 && errno != EAGAIN && errno != EINTR) {
            broken(s);
            return;
        }
        if (k > 0)
            sent += (size_t)k;
        else if (!hil_thread_poll(&s->thread, s->fd, POLLOUT, due)) {
            count(s, HIL_MBC_BACK_PRESSURE, 1);
            return;
        }
    }
    count(s, HIL_MBC_BYTES_SENT, n);
    hil_histogram_add(&s->serving.counters.round_trip, hil_now_ns() - s->slave.rx.last_ns);
}

/* What is written is published before it is answered. */
static void serve(struct hil_rtu_server *s)
{
    size_t n;
    hil_mb_serving_refresh(&s->serving);
    const uint8_t *answer = hil_rtu_slave_poll(&s->slave, hil_now_ns(), &n);
    if (s->slave.wrote) {
        s->slave.wrote = 0;
        hil_mb_serving_publish(&s->serving, s->slave.rx.last_ns);
    }
    tell_counts(s);
    if (answer)
        send_answer(s, answer, n);
}

static void *run(void *arg)
{
    struct hil_rtu_server *s = arg;
    while (!hil_thread_stopping(&s->thread)) {
        if (reopen(s) != HIL_OK) {
            hil_thread_poll(&s->thread, -1, 0, hil_now_ns() + REOPEN_NS);
            continue;
        }
        int64_t next = hil_rtu_slave_next_ns(&s->slave);
        if (hil_thread_poll(&s->thread, s->fd, POLLIN, next < INT64_MAX ? next : hil_now_ns() + IDLE_NS))
            receive(s);
        if (s->fd >= 0)
            serve(s);
    }
    return NULL;
}

static int set_up(struct hil_rtu_server *s, const struct hil_rtu_server_options *o, const struct hil_regmap *map)
{
    struct hil_rtu_timing timing = hil_serial_timing(&o->line);
    hil_thread_init(&s->thread);
    s->fd = o->line.fd;
    int rc = hil_serial_port_init(&s->port, o->line.fd, o->line.path);
    rc = rc ? rc : hil_mb_serving_init(&s->serving, map, o->lockstep, s);
    hil_rtu_slave_init(&s->slave, &s->serving.bank, o->unit, &timing, s->port.marked);
    count(s, HIL_MBC_ACCEPTED, 1);
    return rc;
}

int hil_rtu_server_new(const struct hil_rtu_server_options *options, const struct hil_regmap *map,
                       struct hil_rtu_server **out)
{
    int fits = options->unit >= 1 && options->unit <= HIL_RTU_UNIT_MAX;
    struct hil_rtu_server *s = fits ? calloc(1, sizeof *s) : NULL;
    *out = NULL;
    if (!s) {
        close(options->line.fd);
        return fits ? HIL_E_OS : HIL_E_ARG;
    }
    int rc = set_up(s, options, map);
    if (rc != HIL_OK)
        hil_rtu_server_free(s);
    else
        *out = s;
    return rc;
}

void hil_rtu_server_free(struct hil_rtu_server *s)
{
    if (!s)
        return;
    int saved = errno;
    hil_rtu_server_stop(s);
    hil_serial_port_free(&s->port);
    hil_mb_serving_free(&s->serving);
    free(s);
    errno = saved;
}

int hil_rtu_server_start(struct hil_rtu_server *s, const struct hil_thread_options *thread)
{
    if (s->thread.running)
        return HIL_E_ARG;
    int rc = reopen(s);
    return rc ? rc : hil_thread_start(&s->thread, thread, run, s);
}

void hil_rtu_server_stop(struct hil_rtu_server *s)
{
    hil_thread_ask_stop(&s->thread);
    hil_thread_join(&s->thread);
    close_line(s);
}

void hil_rtu_server_set_exception(struct hil_rtu_server *s, uint8_t exception)
{
    atomic_store(&s->serving.exception, exception);
}

struct hil_bus_port *hil_rtu_server_port(struct hil_rtu_server *s) { return &s->serving.port; }
const struct hil_mb_counters *hil_rtu_server_counters(const struct hil_rtu_server *s) { return &s->serving.counters; }
int hil_rtu_server_connected(const struct hil_rtu_server *s) { return s->fd >= 0; }
int hil_rtu_server_realtime(const struct hil_rtu_server *s) { return s->thread.realtime; }
