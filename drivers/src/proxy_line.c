/* A serial line whose listening side is a TCP port: who connects is at its end, one at a time. */
#include <netinet/tcp.h>
#include <unistd.h>

#include "proxy_private.h"

#define IDLE_S  10 /* a client that has gone without a word leaves the line to others after about 25 s */
#define PROBE_S 5
#define PROBES  3

static void set(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

void proxy_take_line(struct hil_proxy *p, struct proxy_session *s)
{
    int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (s->used && s->left) /* seen in this turn: the next one may have waited for it */
        proxy_leave_line(s);
    if (!s->used || s->fd[0] >= 0) {
        struct linger none = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        close(fd);
        return;
    }
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
    s->fd[0] = fd;
    proxy_add(p, HIL_PROXY_ACCEPTED, 1);
}

void proxy_leave_line(struct proxy_session *s)
{
    if (s->fd[0] >= 0)
        close(s->fd[0]);
    s->fd[0] = -1;
    s->left = 0;
    proxy_forget(s);
}
