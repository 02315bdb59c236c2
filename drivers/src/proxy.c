/* The proxy's life, and the turn of its thread. */
#include "hil_drivers/proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "mb_resolve.h"
#include "proxy_private.h"

#define POLLED (2 + 2 * HIL_PROXY_SESSIONS)

/* ---- one turn ---- */

static int wants_more(const struct proxy_session *s, int side)
{
    const struct proxy_stream *w = &s->stream[side];
    return !s->connecting && !w->ended && !w->flood_left && OUT_MAX - (w->out_to - w->out_from) >= OUT_FREE;
}

static struct pollfd poll_side(const struct proxy_session *s, int side)
{
    struct pollfd poll = {s->fd[side], 0, 0};
    const struct proxy_stream *to = &s->stream[!side]; /* what is written to this side */
    if (wants_more(s, side))
        poll.events |= POLLIN;
    if (s->connecting)
        poll.events = side ? POLLOUT : 0;
    else if (to->out_from < to->out_to || to->flood_left)
        poll.events |= POLLOUT;
    if (!poll.events)
        poll.fd = -1; /* or a side that has hung up would wake us without end */
    return poll;
}

static void look_at_side(struct hil_proxy *p, struct proxy_session *s, int side, short events)
{
    if (!s->used || !events)
        return;
    if (s->connecting)
        proxy_connected(p, s);
    else if ((events & POLLOUT) && proxy_flush(p, s, !side) < 0)
        proxy_close(p, s, 1);
    else if ((events & ~POLLOUT) && !s->stream[side].ended)
        proxy_readable(p, s, side);
    else if ((events & (POLLERR | POLLNVAL)) && side == 0 && proxy_is_line(p, s))
        s->left = 1;
    else if (events & (POLLERR | POLLNVAL))
        proxy_close(p, s, 1);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* What is due by now; when something is next. */
static int64_t do_due(struct hil_proxy *p, struct proxy_session *s)
{
    int64_t due_ns = INT64_MAX;
    if (s->left)
        proxy_leave_line(s);
    if (s->connecting && p->now_ns < s->connect_by_ns)
        return s->connect_by_ns;
    if (s->connecting)
        proxy_connected(p, s);
    for (int way = 0; way < 2 && s->used; way++) {
        struct proxy_stream *w = &s->stream[way];
        if (w->rx_n && w->rx_due_ns <= p->now_ns)
            proxy_give_up(p, s, way);
        if (s->used && w->n_held)
            proxy_release(p, s, way);
        if (s->used && w->out_from < w->out_to && proxy_flush(p, s, way) < 0)
            proxy_close(p, s, 1);
        due_ns = earlier(due_ns, earlier(w->rx_n ? w->rx_due_ns : INT64_MAX, proxy_next_due(w)));
        if (w->ended && w->muted)
            due_ns = earlier(due_ns, w->mute_ns);
    }
    if (s->used)
        proxy_pass_end(p, s);
    return s->used ? due_ns : INT64_MAX;
}

static void wait_for(struct pollfd *polled, unsigned n, int64_t due_ns)
{
    int64_t left = due_ns - hil_now_ns();
    left = left > 0 ? left : 0;
    struct timespec wait = {left / 1000000000, left % 1000000000};
    if (ppoll(polled, n, due_ns == INT64_MAX ? NULL : &wait, NULL) < 0)
        for (unsigned i = 0; i < n; i++)
            polled[i].revents = 0;
}

static int64_t turn(struct hil_proxy *p, int64_t due_ns)
{
    struct pollfd polled[POLLED] = {{p->thread.wake_fd, POLLIN, 0}, {p->listen_fd, POLLIN, 0}};
    struct proxy_session *open[HIL_PROXY_SESSIONS];
    unsigned n = 0;
    for (struct proxy_session *s = p->sessions; s < p->sessions + HIL_PROXY_SESSIONS; s++) {
        if (!s->used)
            continue;
        polled[2 + 2 * n] = poll_side(s, 0);
        polled[3 + 2 * n] = poll_side(s, 1);
        open[n++] = s;
    }
    wait_for(polled, 2 + 2 * n, due_ns);
    p->now_ns = hil_now_ns();
    for (unsigned i = 0; i < n; i++) {
        look_at_side(p, open[i], 0, polled[2 + 2 * i].revents);
        look_at_side(p, open[i], 1, polled[3 + 2 * i].revents);
    }
    if (polled[1].revents)
        proxy_accept(p);
    due_ns = proxy_refuse(p);
    for (struct proxy_session *s = p->sessions; s < p->sessions + HIL_PROXY_SESSIONS; s++)
        due_ns = s->used ? earlier(due_ns, do_due(p, s)) : due_ns;
    return due_ns;
}

static void *run(void *self)
{
    struct hil_proxy *p = self;
    int64_t due_ns = p->now_ns = hil_now_ns();
    while (!hil_thread_stopping(&p->thread))
        due_ns = turn(p, due_ns);
    return NULL;
}

/* ---- its life ---- */

static int allocate(struct hil_proxy *p)
{
    p->sessions = calloc(HIL_PROXY_SESSIONS, sizeof *p->sessions);
    p->ring_memory = aligned_alloc(64, p->options.ring_size);
    if (!p->sessions || !p->ring_memory)
        return HIL_E_OS;
    for (unsigned k = 0; k < p->options.n_faults; k++) {
        if (p->faults[k].kind != HIL_PROXY_FROZEN)
            continue;
        p->states[k].frozen = calloc(FROZEN_KEYS, sizeof *p->states[k].frozen);
        if (!p->states[k].frozen)
            return HIL_E_OS;
    }
    return hil_ring_init(&p->ring, p->ring_memory, p->options.ring_size);
}

static int open_ends(struct hil_proxy *p, int fd, int to_fd)
{
    const struct hil_proxy_options *o = &p->options;
    if (to_fd >= 0) {
        p->now_ns = hil_now_ns();
        proxy_adopt(p, fd, to_fd);
    }
    if (fd >= 0)
        return HIL_OK;
    int rc = hil_mb_resolve(o->host, o->port, &p->address, &p->address_size);
    if (!rc && to_fd < 0)
        rc = hil_mb_resolve(o->to_host, o->to_port, &p->to_address, &p->to_address_size);
    return rc ? rc : proxy_listen(p);
}

static int is_possible(const struct hil_proxy_options *o)
{
    for (unsigned k = 0; k < o->n_faults && o->n_faults <= HIL_PROXY_FAULTS_MAX; k++) {
        const struct hil_proxy_fault *t = &o->faults[k];
        if (t->kind < 0 || t->kind >= HIL_PROXY_KINDS || t->count < 0 || t->n_data > HIL_PROXY_DATA_MAX)
            return 0;
        if (t->kind == HIL_PROXY_DUPLICATE && t->count > HIL_PROXY_COPIES_MAX)
            return 0;
        if (t->kind == HIL_PROXY_SPLIT && t->count == 0)
            return 0;
    }
    return o->n_faults <= HIL_PROXY_FAULTS_MAX;
}

int hil_proxy_new(const struct hil_proxy_options *options, int fd, int to_fd, struct hil_proxy **made)
{
    if (!is_possible(options))
        return HIL_E_ARG;
    struct hil_proxy *p = calloc(1, sizeof *p);
    if (!p)
        return HIL_E_OS;
    p->options = *options;
    p->listen_fd = p->refusing = -1;
    hil_thread_init(&p->thread);
    if (options->n_faults)
        memcpy(p->faults, options->faults, options->n_faults * sizeof *p->faults);
    int rc = allocate(p);
    rc = rc ? rc : open_ends(p, fd, to_fd);
    if (rc) {
        int saved = errno;
        hil_proxy_free(p);
        errno = saved;
        return rc;
    }
    *made = p;
    return HIL_OK;
}

int hil_proxy_start(struct hil_proxy *p, const struct hil_thread_options *thread)
{
    p->start_ns = hil_now_ns();
    return hil_thread_start(&p->thread, thread, run, p);
}

void hil_proxy_stop(struct hil_proxy *p)
{
    hil_thread_ask_stop(&p->thread);
    hil_thread_join(&p->thread);
    p->now_ns = hil_now_ns();
    for (unsigned i = 0; i < HIL_PROXY_SESSIONS; i++)
        proxy_close(p, &p->sessions[i], 0);
    proxy_unlisten(p);
}

void hil_proxy_free(struct hil_proxy *p)
{
    if (!p)
        return;
    if (p->sessions)
        hil_proxy_stop(p);
    for (unsigned k = 0; k < HIL_PROXY_FAULTS_MAX; k++)
        free(p->states[k].frozen);
    free(p->ring_memory);
    free(p->sessions);
    free(p);
}

uint16_t hil_proxy_port(const struct hil_proxy *p)
{
    /* The port lies at the same place in both kinds of address. */
    return ntohs(((const struct sockaddr_in *)&p->address)->sin_port);
}

int64_t hil_proxy_start_ns(const struct hil_proxy *p) { return p->start_ns; }

size_t hil_proxy_read(struct hil_proxy *p, void *out, size_t size) { return hil_ring_read(&p->ring, out, size); }

uint64_t hil_proxy_count(const struct hil_proxy *p, unsigned k) { return k < HIL_PROXY_COUNTS ? p->counts[k] : 0; }

void hil_proxy_fault_counts(const struct hil_proxy *p, uint32_t k, uint64_t *matched, uint64_t *acted)
{
    *matched = p->states[k].matched;
    *acted = p->states[k].acted;
}
