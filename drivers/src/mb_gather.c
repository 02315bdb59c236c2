#include "mb_gather.h"

#define PROMPT_NS   1000000 /* a batch answered within this counts towards beginning */
#define PROMPT_ROW  16
#define LONGEST_NS  5000000
#define NEVER_AGAIN (-1)

static void set_wait(struct hil_mb_tcp_wire *w, int64_t wait_ns, int bytes)
{
    struct timeval wait = {wait_ns / 1000000000, wait_ns % 1000000000 / 1000};
    setsockopt(w->base.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(w->base.fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    w->low_water = (uint32_t)bytes;
}

void hil_mb_gather_begin(struct hil_mb_tcp_wire *w)
{
    if (w->prompt_row < PROMPT_ROW || w->low_water == w->expected)
        return;
    set_wait(w, w->base.timeout_ns < LONGEST_NS ? w->base.timeout_ns : LONGEST_NS, (int)w->expected);
}

/* Back to a socket that wakes us for every byte. */
static void wake_for_all(struct hil_mb_tcp_wire *w) { set_wait(w, w->base.timeout_ns, 1); }

void hil_mb_gather_learn(struct hil_mb_tcp_wire *w)
{
    int prompt = w->base.answered_ns - w->base.sent_ns < PROMPT_NS;
    if (w->low_water > 1 && (!prompt || w->refused)) {
        wake_for_all(w);
        w->prompt_row = w->refused ? NEVER_AGAIN : 0; /* lateness alone may be a hiccup of this machine */
    }
    if (w->prompt_row != NEVER_AGAIN && w->prompt_row < PROMPT_ROW && w->base.n_sent > 1)
        w->prompt_row = prompt && !w->refused ? w->prompt_row + 1 : 0;
}

int hil_mb_gather_end(struct hil_mb_tcp_wire *w)
{
    if (w->low_water <= 1)
        return 0;
    wake_for_all(w);
    w->prompt_row = NEVER_AGAIN;
    return 1;
}
