/* Lock-step with a device that answers promptly: the bus writes a step and reads the answer, two calls of the system.
 *
 * Everywhere else poll waits and a non-blocking read follows. Here a terminal's own timer of 0.1 s (termios(3), VMIN 0 and VTIME 1)
 * bounds a blocking read. A line on which something has gone missing is left to poll for a while, with its adaptive timeout.
 * A write cannot block: the device has answered the step before, so it has read all that was written. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link_bus_private.h"

#define PROMPT_ROW 16 /* so many steps answered at the first try in a row */

static void set_blocking(struct hil_link_bus *b, int blocking)
{
    int flags = fcntl(b->fd, F_GETFL);
    if (flags >= 0 && fcntl(b->fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0)
        b->prompt = blocking;
}

/* A master's settings are those of its slave, so its reads cannot be bounded. */
static int has_timer(struct hil_link_bus *b)
{
    unsigned number;
    struct termios t;
    if (b->has_timer)
        return b->has_timer > 0;
    b->has_timer = -1;
    if (ioctl(b->fd, TIOCGPTN, &number) == 0 || tcgetattr(b->fd, &b->before) != 0)
        return 0;
    t = b->before;
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 1;
    if (tcsetattr(b->fd, TCSANOW, &t) == 0)
        b->has_timer = 1;
    return b->has_timer > 0;
}

void hil_link_bus_was_prompt(struct hil_link_bus *b, int prompt)
{
    b->prompt_row = prompt ? b->prompt_row + 1 : 0;
    if (!prompt)
        hil_link_bus_patient(b);
    else if (b->prompt_row == PROMPT_ROW && b->tx_at == b->tx_n && has_timer(b))
        set_blocking(b, 1);
}

void hil_link_bus_patient(struct hil_link_bus *b)
{
    b->prompt_row = 0;
    if (b->prompt && b->fd >= 0)
        set_blocking(b, 0);
}

void hil_link_bus_restore(struct hil_link_bus *b)
{
    hil_link_bus_patient(b);
    if (b->has_timer > 0 && b->fd >= 0)
        tcsetattr(b->fd, TCSANOW, &b->before);
    b->has_timer = 0;
}

void hil_link_bus_read_promptly(struct hil_link_bus *b)
{
    uint8_t bytes[HIL_LINK_MAX_FRAME];
    hil_link_bus_transmit(b);
    ssize_t n = b->fd < 0 ? 0 : read(b->fd, bytes, sizeof bytes);
    if (n <= 0) { /* the time is over, or the line is gone; poll will tell */
        hil_link_bus_patient(b);
        return;
    }
    b->received_ns = hil_now_ns();
    hil_link_receive(&b->link, bytes, (size_t)n, b->received_ns, &b->handler);
}
