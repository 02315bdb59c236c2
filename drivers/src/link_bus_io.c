#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_bus_private.h"

#define LOOK_NS 20000000 /* who waits for the thread looks again so often whether it is still there */

/* Nobody can say what has become of the device. */
static void gone(struct hil_link_bus *b, int err)
{
    b->fd = -1;
    b->gone_errno = err;
    b->tx_n = b->tx_at = 0;
    hil_link_bus_add(b, HIL_LBC_ERRORS_OS, 1);
    hil_link_bus_lose(b, HIL_E_OS);
}

/* Several frames in one write. */
static void gather(struct hil_link_bus *b)
{
    int64_t now = hil_now_ns();
    b->tx_n = b->tx_at = 0;
    for (size_t n = 1; n && sizeof b->tx - b->tx_n >= HIL_LINK_MAX_FRAME; b->tx_n += n)
        n = hil_link_poll(&b->link, b->tx + b->tx_n, sizeof b->tx - b->tx_n, now, &b->handler);
}

void hil_link_bus_transmit(struct hil_link_bus *b)
{
    while (b->fd >= 0) {
        if (b->tx_at == b->tx_n)
            gather(b);
        if (b->tx_n == 0 || b->fd < 0)
            return;
        const uint8_t *at = b->tx + b->tx_at;
        size_t left = b->tx_n - b->tx_at;
        ssize_t n = b->is_socket ? send(b->fd, at, left, MSG_NOSIGNAL) : write(b->fd, at, left);
        if (n >= 0)
            b->tx_at += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (errno != EINTR)
            gone(b, errno);
    }
}

void hil_link_bus_take(struct hil_link_bus *b)
{
    uint8_t bytes[4096];
    for (ssize_t n = sizeof bytes; b->fd >= 0 && n == sizeof bytes;) {
        n = read(b->fd, bytes, sizeof bytes);
        b->received_ns = hil_now_ns();
        if (n > 0)
            hil_link_receive(&b->link, bytes, (size_t)n, b->received_ns, &b->handler);
        else if (n == 0) /* poll has said that there is something: the end */
            gone(b, b->is_socket ? ECONNRESET : EIO);
        else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            gone(b, errno);
    }
}

short hil_link_bus_events(const struct hil_link_bus *b) { return b->tx_at < b->tx_n ? POLLIN | POLLOUT : POLLIN; }

void hil_link_bus_pump(struct hil_link_bus *b, int64_t due_ns)
{
    hil_link_bus_transmit(b);
    int64_t next = hil_link_next_ns(&b->link), until = next < due_ns ? next : due_ns;
    if (hil_thread_poll(&b->thread, b->fd, hil_link_bus_events(b), until))
        hil_link_bus_take(b);
    hil_link_bus_transmit(b);
}

int hil_link_bus_wait(struct hil_link_bus *b, int64_t due_ns)
{
    int64_t now = hil_now_ns(), look = now + LOOK_NS < due_ns ? now + LOOK_NS : due_ns;
    if (now >= due_ns)
        return HIL_E_TIMEOUT;
    if (b->moving) {
        struct timespec until = {look / 1000000000, look % 1000000000};
        hil_link_bus_transmit(b);
        pthread_cond_timedwait(&b->changed, &b->lock, &until);
    } else {
        hil_link_bus_pump(b, due_ns);
    }
    return HIL_OK;
}
