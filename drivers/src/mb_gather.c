#include "mb_gather.h"

#define PROMPT_NS   1000000 /* a batch answered within this counts towards beginning */
#define PROMPT_ROW  16
#define LONGEST_NS  5000000
#define NEVER_AGAIN (-1)

static void set_wait(struct hil_mb_wire *w, int64_t wait_ns, int bytes)
{
    struct timeval wait = {wait_ns / 1000000000, wait_ns % 1000000000 / 1000};
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(w->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    w->low_water = (uint32_t)bytes;
}

void hil_mb_gather_begin(struct hil_mb_wire *w)
{
    if (w->prompt_row < PROMPT_ROW || w->low_water == w->expected)
        return;
    set_wait(w, w->timeout_ns < LONGEST_NS ? w->timeout_ns : LONGEST_NS, (int)w->expected);
}

void hil_mb_gather_learn(struct hil_mb_wire *w)
{
    if (w->prompt_row == NEVER_AGAIN || w->prompt_row >= PROMPT_ROW || w->n_sent < 2)
        return;
    w->prompt_row = w->answered_ns - w->sent_ns < PROMPT_NS ? w->prompt_row + 1 : 0;
}

int hil_mb_gather_end(struct hil_mb_wire *w)
{
    if (w->low_water <= 1)
        return 0;
    set_wait(w, w->timeout_ns, 1);
    w->prompt_row = NEVER_AGAIN;
    return 1;
}
