#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "mb_resolve.h"
#include "mb_server_private.h"

#define EVENTS_PER_TURN 32

static int set_up(struct hil_mb_server *s, const struct hil_mb_server_options *o, const struct hil_regmap *map)
{
    s->listen_fd = s->epoll_fd = -1;
    s->unit = o->unit;
    hil_thread_init(&s->thread);
    int rc = hil_mb_serving_init(&s->serving, map, o->lockstep, s);
    if (rc)
        return rc;
    s->sessions = calloc(o->max_clients, sizeof *s->sessions);
    if (!s->sessions)
        return HIL_E_OS;
    s->max_clients = o->max_clients;
    for (unsigned i = 0; i < s->max_clients; i++)
        s->sessions[i].fd = -1;
    rc = hil_mb_resolve(o->host, o->port, &s->address, &s->address_size);
    return rc ? rc : hil_mb_listen(s);
}

int hil_mb_server_new(const struct hil_mb_server_options *options, const struct hil_regmap *map,
                      struct hil_mb_server **out)
{
    *out = NULL;
    if (options->max_clients < 1 || options->max_clients > 256 || options->unit < -1 || options->unit > 255)
        return HIL_E_ARG;
    struct hil_mb_server *s = calloc(1, sizeof *s);
    if (!s)
        return HIL_E_OS;
    int rc = set_up(s, options, map);
    if (rc != HIL_OK) {
        hil_mb_server_free(s);
        return rc;
    }
    *out = s;
    return HIL_OK;
}

void hil_mb_server_free(struct hil_mb_server *s)
{
    if (!s)
        return;
    int saved = errno;
    hil_mb_server_stop(s);
    free(s->sessions);
    hil_mb_serving_free(&s->serving);
    free(s);
    errno = saved;
}

/* Milliseconds that epoll may wait. */
static int patience(const struct hil_mb_server *s) { return s->accept_again_ns ? 100 : -1; }

static void *run(void *arg)
{
    struct hil_mb_server *s = arg;
    struct epoll_event events[EVENTS_PER_TURN], wake = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->thread.wake_fd, &wake) < 0) {
        hil_mb_count(&s->serving.counters, HIL_MBC_ERRORS_OS, 1);
        return NULL;
    }
    while (!hil_thread_stopping(&s->thread)) {
        int n = epoll_wait(s->epoll_fd, events, EVENTS_PER_TURN, patience(s));
        s->now_ns = hil_now_ns();
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == s)
                hil_mb_accept(s);
            else if (events[i].data.ptr)
                hil_mb_session_ready(s, events[i].data.ptr);
        }
        if (s->accept_again_ns && s->now_ns >= s->accept_again_ns)
            hil_mb_pause_accept(s, 0);
    }
    return NULL;
}

int hil_mb_server_start(struct hil_mb_server *s, const struct hil_thread_options *thread)
{
    if (s->thread.running)
        return HIL_E_ARG;
    int rc = hil_mb_listen(s);
    return rc ? rc : hil_thread_start(&s->thread, thread, run, s);
}

void hil_mb_server_stop(struct hil_mb_server *s)
{
    hil_thread_ask_stop(&s->thread);
    hil_thread_join(&s->thread);
    for (unsigned i = 0; s->sessions && i < s->max_clients; i++)
        hil_mb_session_close(s, &s->sessions[i]);
    hil_mb_unlisten(s);
}

void hil_mb_server_set_exception(struct hil_mb_server *s, uint8_t exception)
{
    atomic_store(&s->serving.exception, exception);
}

uint16_t hil_mb_server_port_number(const struct hil_mb_server *s)
{
    if (s->address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&s->address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)&s->address)->sin_port);
}

struct hil_bus_port *hil_mb_server_port(struct hil_mb_server *s) { return &s->serving.port; }
const struct hil_mb_counters *hil_mb_server_counters(const struct hil_mb_server *s) { return &s->serving.counters; }
unsigned hil_mb_server_clients(const struct hil_mb_server *s) { return atomic_load(&s->n_clients); }
int hil_mb_server_realtime(const struct hil_mb_server *s) { return s->thread.realtime; }
