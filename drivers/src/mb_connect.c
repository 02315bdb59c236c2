#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "hil_drivers/mb_wire.h"

void hil_mb_wire_init(struct hil_mb_wire *w)
{
    w->fd = -1;
    w->rx = (struct hil_mbap_stream){.data = w->rx_data, .size = sizeof w->rx_data};
    pthread_mutex_init(&w->fd_lock, NULL);
}

/* Waits for a connection under way. */
static int finish_connect(struct hil_mb_wire *w, int fd, int64_t wait_ns)
{
    int err = 0;
    socklen_t size = sizeof err;
    if (!hil_thread_poll(w->thread, fd, POLLOUT, hil_now_ns() + wait_ns)) {
        errno = ETIMEDOUT;
        return HIL_E_TIMEOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
        return HIL_E_OS;
    errno = err;
    return err ? HIL_E_OS : HIL_OK;
}

static void set_options(const struct hil_mb_wire *w, int fd)
{
    int one = 1;
    struct timeval wait = {w->timeout_ns / 1000000000, w->timeout_ns % 1000000000 / 1000};
    if (wait.tv_sec == 0 && wait.tv_usec == 0)
        wait.tv_usec = 1; /* zero would mean for ever */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

static int open_socket(struct hil_mb_wire *w, int fd, int64_t wait_ns)
{
    int rc = HIL_OK;
    if (connect(fd, (struct sockaddr *)&w->address, w->address_size) < 0)
        rc = errno == EINPROGRESS ? finish_connect(w, fd, wait_ns) : HIL_E_OS;
    if (rc == HIL_OK && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
        rc = HIL_E_OS;
    return rc;
}

int hil_mb_wire_connect(struct hil_mb_wire *w, int64_t wait_ns)
{
    hil_mb_wire_close(w);
    int fd = socket(w->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? HIL_E_OS : open_socket(w, fd, wait_ns);
    if (rc != HIL_OK) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        hil_mb_count(w->counters, HIL_MBC_FAILED_CONNECTS, 1);
        errno = saved;
        return rc;
    }
    set_options(w, fd);
    pthread_mutex_lock(&w->fd_lock);
    w->fd = fd;
    pthread_mutex_unlock(&w->fd_lock);
    if (hil_thread_stopping(w->thread)) { /* a stop asked for from here on finds the descriptor and shuts it down */
        hil_mb_wire_close(w);
        return HIL_E_TIMEOUT;
    }
    hil_mbap_clear(&w->rx);
    w->n_abandoned = 0;
    w->timeouts_in_row = 0;
    w->low_water = 1;
    w->prompt_row = 0;
    hil_mb_count(w->counters, HIL_MBC_CONNECTS, 1);
    hil_mb_count(w->counters, HIL_MBC_RECONNECTS, w->was_connected);
    w->was_connected = 1;
    return HIL_OK;
}

void hil_mb_wire_close(struct hil_mb_wire *w)
{
    int saved = errno;
    pthread_mutex_lock(&w->fd_lock);
    int fd = w->fd;
    w->fd = -1;
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&w->fd_lock);
    hil_mb_count(w->counters, HIL_MBC_DISCONNECTS, fd >= 0);
    errno = saved;
}

void hil_mb_wire_interrupt(struct hil_mb_wire *w)
{
    pthread_mutex_lock(&w->fd_lock);
    if (w->fd >= 0)
        shutdown(w->fd, SHUT_RDWR);
    pthread_mutex_unlock(&w->fd_lock);
}
