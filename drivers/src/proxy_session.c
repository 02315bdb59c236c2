/* One connection on each side, from the first to the last byte. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "proxy_private.h"

#define CONNECT_NS 10000000000 /* a device that takes longer is not there */

void proxy_forget(struct proxy_session *s)
{
    for (int way = 0; way < 2; way++) {
        struct proxy_stream *w = &s->stream[way];
        w->ended = w->told = w->muted = 0;
        w->passed = w->rx_n = w->skip = w->n_head = w->out_from = w->out_to = 0;
        w->n_held = w->n_in_order = 0;
        w->flood_left = 0;
        w->rx_due_ns = INT64_MAX;
        for (unsigned i = 0; i < HELD_MAX; i++)
            w->held[i].used = 0;
    }
    for (unsigned i = 0; i < REQUESTS; i++)
        s->requests[i].number = 0;
}

/* A free place; else one whose client has gone without that its device may learn of it. NULL: there is none. */
static struct proxy_session *find_place(struct hil_proxy *p)
{
    struct proxy_session *end = p->sessions + HIL_PROXY_SESSIONS;
    for (struct proxy_session *s = p->sessions; s < end; s++)
        if (!s->used)
            return s;
    for (struct proxy_session *s = p->sessions; s < end; s++)
        if (s->stream[0].ended && s->stream[0].muted) {
            proxy_close(p, s, 1);
            return s;
        }
    return NULL;
}

static struct proxy_session *begin(struct hil_proxy *p, int fd, int to_fd)
{
    struct proxy_session *s = find_place(p);
    if (!s)
        return NULL;
    proxy_forget(s);
    s->used = 1;
    s->connecting = s->lasting = s->left = 0;
    s->fd[0] = fd;
    s->fd[1] = to_fd;
    s->number = ++p->sessions_made;
    return s;
}

void proxy_adopt(struct hil_proxy *p, int fd, int to_fd)
{
    struct proxy_session *s = begin(p, fd, to_fd);
    s->lasting = 1;
    proxy_tell_session(p, s, HIL_PROXY_OPENED, 0);
}

/* With RST instead of FIN: what the other side still sends or waits for fails at once. */
static void close_side(int fd, int reset)
{
    struct linger none = {1, 0};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

void proxy_close(struct hil_proxy *p, struct proxy_session *s, int reset)
{
    if (!s->used)
        return;
    if (!s->lasting) {
        close_side(s->fd[0], reset);
        close_side(s->fd[1], reset);
    }
    if (proxy_is_line(p, s))
        proxy_leave_line(s);
    s->used = 0;
    proxy_tell_session(p, s, HIL_PROXY_CLOSED, reset);
}

static void send_at_once(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int connect_other_side(struct hil_proxy *p, int *connecting)
{
    int fd = socket(p->to_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    send_at_once(fd);
    *connecting = connect(fd, (struct sockaddr *)&p->to_address, p->to_address_size) < 0;
    if (!*connecting || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

void proxy_accept(struct hil_proxy *p)
{
    int connecting = 0;
    if (p->sessions[0].lasting) {
        proxy_take_line(p, &p->sessions[0]);
        return;
    }
    int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    send_at_once(fd);
    int to_fd = connect_other_side(p, &connecting);
    struct proxy_session *s = to_fd < 0 ? NULL : begin(p, fd, to_fd);
    if (!s) {
        proxy_add(p, HIL_PROXY_UNREACHABLE, 1);
        close_side(fd, 1);
        if (to_fd >= 0)
            close(to_fd);
        return;
    }
    s->connecting = connecting;
    s->connect_by_ns = p->now_ns + CONNECT_NS;
    proxy_add(p, HIL_PROXY_ACCEPTED, 1);
    proxy_tell_session(p, s, HIL_PROXY_OPENED, 0);
}

void proxy_connected(struct hil_proxy *p, struct proxy_session *s)
{
    int err = 0;
    socklen_t size = sizeof err;
    int in_time = p->now_ns < s->connect_by_ns;
    s->connecting = 0;
    if (in_time && getsockopt(s->fd[1], SOL_SOCKET, SO_ERROR, &err, &size) == 0 && err == 0)
        return;
    proxy_add(p, HIL_PROXY_UNREACHABLE, 1);
    proxy_close(p, s, 1);
}

static void end_of_stream(struct hil_proxy *p, struct proxy_session *s, int side, int broken)
{
    struct proxy_stream *w = &s->stream[side];
    if (side == 0 && proxy_is_line(p, s)) {
        s->left = 1;
        return;
    }
    if (broken || s->lasting) {
        proxy_close(p, s, broken);
        return;
    }
    if (w->rx_n)
        proxy_give_up(p, s, side);
    w->ended = 1;
}

void proxy_readable(struct hil_proxy *p, struct proxy_session *s, int side)
{
    struct proxy_stream *w = &s->stream[side];
    ssize_t n = read(s->fd[side], w->rx + w->rx_n, RX_MAX - w->rx_n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_of_stream(p, s, side, n < 0);
        return;
    }
    w->rx_n += (size_t)n;
    proxy_add(p, HIL_PROXY_BYTES_IN, (uint64_t)n);
    proxy_take(p, s, side);
    if (proxy_flush(p, s, side) < 0)
        proxy_close(p, s, 1);
}

void proxy_pass_end(struct hil_proxy *p, struct proxy_session *s)
{
    for (int way = 0; way < 2; way++) {
        struct proxy_stream *w = &s->stream[way];
        /* Who is half open does not say that it has gone. */
        int mute = w->muted && p->now_ns < w->mute_ns;
        if (!w->ended || w->told || mute || !proxy_is_empty(w))
            continue;
        shutdown(s->fd[!way], SHUT_WR);
        w->told = 1;
    }
    int both = s->stream[0].ended && s->stream[1].ended;
    if (both && proxy_is_empty(&s->stream[0]) && proxy_is_empty(&s->stream[1]))
        proxy_close(p, s, 0);
}
