#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mb_server_private.h"

#define ACCEPTS_PER_TURN 8
#define IN_USE_NS        1000000000 /* a client that was active this recently is never closed for a new one */

static int open_listener(struct hil_mb_server *s)
{
    int one = 1;
    s->listen_fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listen_fd < 0 || setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(s->listen_fd, (struct sockaddr *)&s->address, s->address_size) < 0 || listen(s->listen_fd, 64) < 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&s->address, &s->address_size) < 0)
        return HIL_E_OS;
    return HIL_OK;
}

int hil_mb_listen(struct hil_mb_server *s)
{
    struct epoll_event listener = {.events = EPOLLIN, .data.ptr = s};
    if (s->listen_fd >= 0)
        return HIL_OK;
    int rc = open_listener(s);
    s->epoll_fd = rc ? -1 : epoll_create1(EPOLL_CLOEXEC);
    if (rc || s->epoll_fd < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &listener) < 0) {
        hil_mb_unlisten(s);
        return HIL_E_OS;
    }
    s->accept_again_ns = 0;
    return HIL_OK;
}

void hil_mb_unlisten(struct hil_mb_server *s)
{
    int saved = errno;
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    s->listen_fd = s->epoll_fd = -1;
    errno = saved;
}

void hil_mb_pause_accept(struct hil_mb_server *s, int64_t until_ns)
{
    struct epoll_event listener = {.events = until_ns ? 0 : EPOLLIN, .data.ptr = s};
    s->accept_again_ns = until_ns;
    epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &listener);
}

/* Whether `a` should go before `b` when a place is needed. */
static int goes_first(const struct hil_mb_session *a, const struct hil_mb_session *b)
{
    return a->proven != b->proven ? !a->proven : a->active_ns < b->active_ns;
}

/* A free place, made free if need be; NULL: every client is in use. */
static struct hil_mb_session *find_place(struct hil_mb_server *s)
{
    struct hil_mb_session *least = &s->sessions[0];
    for (unsigned i = 0; i < s->max_clients; i++) {
        if (s->sessions[i].fd < 0)
            return &s->sessions[i];
        if (goes_first(&s->sessions[i], least))
            least = &s->sessions[i];
    }
    if (least->proven && s->now_ns - least->active_ns < IN_USE_NS)
        return NULL;
    hil_mb_count(&s->serving.counters, HIL_MBC_EVICTED, 1);
    hil_mb_session_close(s, least);
    return least;
}

/* Finds connections whose other end is gone: probes after 10 s of silence, or data that nobody acknowledges. */
static void set_options(int fd)
{
    int one = 1, idle_s = 10, interval_s = 5, probes = 3, unacknowledged_ms = 25000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

void hil_mb_accept(struct hil_mb_server *s)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                hil_mb_count(&s->serving.counters, HIL_MBC_ERRORS_OS, 1);
                hil_mb_pause_accept(s, s->now_ns + 100000000); /* else the listener would wake us without end */
            }
            return;
        }
        struct hil_mb_session *place = find_place(s);
        if (!place) {
            hil_mb_count(&s->serving.counters, HIL_MBC_REFUSED, 1);
            close(fd);
            continue;
        }
        set_options(fd);
        hil_mb_count(&s->serving.counters, HIL_MBC_ACCEPTED, 1);
        hil_mb_session_open(s, place, fd);
    }
}
