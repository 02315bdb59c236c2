#include <errno.h>
#include <unistd.h>

#include "proxy_private.h"

#define AGAIN_NS 100000000

int proxy_listen(struct hil_proxy *p)
{
    int one = 1;
    if (p->listen_fd >= 0)
        return HIL_OK;
    p->listen_fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->listen_fd < 0 || setsockopt(p->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(p->listen_fd, (struct sockaddr *)&p->address, p->address_size) < 0 || listen(p->listen_fd, 64) < 0 ||
        getsockname(p->listen_fd, (struct sockaddr *)&p->address, &p->address_size) < 0) {
        proxy_unlisten(p);
        return HIL_E_OS;
    }
    return HIL_OK;
}

void proxy_unlisten(struct hil_proxy *p)
{
    int saved = errno;
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    p->listen_fd = -1;
    errno = saved;
}

/* The fault that refuses connections now, or -1; when that can change. */
static int refusing(const struct hil_proxy *p, int64_t *change_ns)
{
    int found = -1;
    int64_t since = p->now_ns - p->start_ns;
    for (unsigned k = 0; k < p->options.n_faults; k++) {
        const struct hil_proxy_fault *t = &p->faults[k];
        if (t->kind != HIL_PROXY_REFUSED)
            continue;
        if (since >= t->from_ns && since < t->to_ns)
            found = (int)k;
        int64_t next = since < t->from_ns ? t->from_ns : since < t->to_ns ? t->to_ns : INT64_MAX;
        if (next < INT64_MAX && p->start_ns + next < *change_ns)
            *change_ns = p->start_ns + next;
    }
    return found;
}

int64_t proxy_refuse(struct hil_proxy *p)
{
    int64_t change_ns = INT64_MAX;
    if (!p->address_size) /* on descriptors that were given */
        return change_ns;
    int k = refusing(p, &change_ns);
    if (k >= 0 && k != p->refusing) {
        proxy_unlisten(p);
        atomic_fetch_add(&p->states[k].matched, 1);
        atomic_fetch_add(&p->states[k].acted, 1);
        proxy_tell_act(p, NULL, (unsigned)k, NULL, NULL, 0);
    }
    p->refusing = k;
    if (k >= 0 || p->listen_fd >= 0)
        return change_ns;
    if (p->now_ns >= p->listen_again_ns && proxy_listen(p) == HIL_OK)
        return change_ns;
    p->listen_again_ns = p->now_ns + AGAIN_NS;
    return p->listen_again_ns < change_ns ? p->listen_again_ns : change_ns;
}
