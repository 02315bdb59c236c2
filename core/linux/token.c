#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "hil/linux.h"

/* Tokens are 16 bytes on a Unix stream socket; the kernel never splits so little, but a short read is still an error here. */
static int receive(int fd, struct hil_token *token, int timeout_ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    int ready;
    do
        ready = poll(&p, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return HIL_E_TIMEOUT;
    if (ready < 0)
        return HIL_E_OS;
    return recv(fd, token, sizeof *token, MSG_WAITALL) == (ssize_t)sizeof *token ? HIL_OK : HIL_E_OS;
}

int hil_token_done(int fd, const struct hil_token *token)
{
    return send(fd, token, sizeof *token, MSG_NOSIGNAL) == (ssize_t)sizeof *token ? HIL_OK : HIL_E_OS;
}

int hil_token_wait(int fd, struct hil_token *token, int timeout_ms) { return receive(fd, token, timeout_ms); }

int hil_token_give(int fd, const struct hil_token *token, int timeout_ms)
{
    struct hil_token echo;
    int err = hil_token_done(fd, token);
    if (!err)
        err = receive(fd, &echo, timeout_ms);
    if (!err && echo.tick != token->tick)
        err = HIL_E_OS;
    return err;
}

/* ---- a bus with a token in the middle of its exchange ---- */

/* What the bench published goes out, the device computes its tick, what it put out comes in. */
static int exchange_around_token(void *self, int64_t time_ns)
{
    struct hil_token_port *t = self;
    const struct hil_token token = {t->count++, time_ns};
    int err = t->wire->exchange ? t->wire->exchange(t->wire->bus, time_ns) : HIL_OK;
    if (!err)
        err = hil_token_give(t->fd, &token, t->timeout_ms);
    if (!err && t->wire->exchange)
        err = t->wire->exchange(t->wire->bus, time_ns);
    return err;
}

void hil_token_port_init(struct hil_token_port *t, struct hil_bus_port *wire, int fd, int timeout_ms)
{
    *t = (struct hil_token_port){{wire->in, wire->out, exchange_around_token, t, NULL}, wire, 0, fd, timeout_ms};
}

uint64_t hil_serve_tokens(struct hil_loop *l, int fd, struct hil_bus_port *wire, int *err)
{
    struct hil_token token;
    uint64_t ticks = 0;
    for (*err = 0; !*err && !atomic_load_explicit(&l->stop, memory_order_relaxed);) {
        int got = hil_token_wait(fd, &token, 100); /* looks at `stop` ten times a second */
        if (got == HIL_E_TIMEOUT)
            continue;
        *err = got;
        if (!*err && wire && wire->exchange)
            *err = wire->exchange(wire->bus, token.time_ns);
        if (*err)
            break;
        hil_loop_cycle(l, 0);
        ticks++;
        if (wire && wire->exchange)
            *err = wire->exchange(wire->bus, token.time_ns);
        if (!*err)
            *err = hil_token_done(fd, &token);
    }
    return ticks;
}
