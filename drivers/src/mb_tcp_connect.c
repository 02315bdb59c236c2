#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "mb_tcp_private.h"

/* Waits for a connection under way. */
static int finish_connect(struct hil_mb_tcp_wire *w, int fd, int64_t wait_ns)
{
    int err = 0;
    socklen_t size = sizeof err;
    if (!hil_thread_poll(w->base.thread, fd, POLLOUT, hil_now_ns() + wait_ns)) {
        errno = ETIMEDOUT;
        return HIL_E_TIMEOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
        return HIL_E_OS;
    errno = err;
    return err ? HIL_E_OS : HIL_OK;
}

static void set_options(const struct hil_mb_tcp_wire *w, int fd)
{
    int one = 1;
    struct timeval wait = {w->base.timeout_ns / 1000000000, w->base.timeout_ns % 1000000000 / 1000};
    if (wait.tv_sec == 0 && wait.tv_usec == 0)
        wait.tv_usec = 1; /* zero would mean for ever */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

static int open_socket(struct hil_mb_tcp_wire *w, int fd, int64_t wait_ns)
{
    int rc = HIL_OK;
    if (connect(fd, (struct sockaddr *)&w->address, w->address_size) < 0)
        rc = errno == EINPROGRESS ? finish_connect(w, fd, wait_ns) : HIL_E_OS;
    if (rc == HIL_OK && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
        rc = HIL_E_OS;
    return rc;
}

int hil_mb_tcp_connect(struct hil_mb_wire *base, int64_t wait_ns)
{
    struct hil_mb_tcp_wire *w = hil_mb_tcp(base);
    hil_mb_wire_close(base);
    int fd = socket(w->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? HIL_E_OS : open_socket(w, fd, wait_ns);
    if (rc != HIL_OK) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        hil_mb_count(base->counters, HIL_MBC_FAILED_CONNECTS, 1);
        errno = saved;
        return rc;
    }
    set_options(w, fd);
    hil_mbap_clear(&w->rx);
    w->n_abandoned = 0;
    w->timeouts_in_row = 0;
    w->low_water = 1;
    w->prompt_row = 0;
    return hil_mb_wire_opened(base, fd);
}

void hil_mb_tcp_interrupt(struct hil_mb_wire *base) { shutdown(base->fd, SHUT_RDWR); }
