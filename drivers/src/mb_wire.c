#include "hil_drivers/mb_wire.h"

#include <errno.h>
#include <unistd.h>

void hil_mb_wire_init(struct hil_mb_wire *w, const struct hil_mb_wire_kind *kind)
{
    w->kind = kind;
    w->fd = -1;
    pthread_mutex_init(&w->fd_lock, NULL);
}

void hil_mb_wire_free(struct hil_mb_wire *w)
{
    if (w->kind->free)
        w->kind->free(w);
    pthread_mutex_destroy(&w->fd_lock);
}

int hil_mb_wire_opened(struct hil_mb_wire *w, int fd)
{
    pthread_mutex_lock(&w->fd_lock);
    w->fd = fd;
    pthread_mutex_unlock(&w->fd_lock);
    if (hil_thread_stopping(w->thread)) { /* a stop asked for from here on finds the descriptor */
        hil_mb_wire_close(w);
        return HIL_E_TIMEOUT;
    }
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
    if (w->fd >= 0 && w->kind->interrupt)
        w->kind->interrupt(w);
    pthread_mutex_unlock(&w->fd_lock);
}
