/* A program in the place of the firmware's main.c, to ask the board's own functions over port 0. A line is a letter and a number,
 * the answer a line of numbers. */
#include <stdlib.h>
#include <string.h>

#include "hil/program.h"
#include "stm32.h"

static const struct hil_codec range[] = {{1, 0, -10, 10, 0, 0}};
static const struct fw_output output[] = {{"u", 0.0, 0}};
static const struct fw_app app = {.name = "probe", .out = range, .outputs = output, .n_out = 1};
static const struct fw_board *board;

static void put(const char *text)
{
    while (*text && !board->write(board->self, FW_PORT_LINK, (const uint8_t *)text, strlen(text))) {
    }
}

static void put_number(uint64_t v)
{
    char text[22], *at = text + sizeof text;
    *--at = 0;
    *--at = ' ';
    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    put(at);
}

static uint64_t now(void) { return (uint64_t)board->now_ns(board->self); }

/* n readings of the clock: how many were less than the one before, and the time they took. */
static void tell_time(uint64_t n)
{
    uint64_t first = now(), last = first, back = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t t = now();
        back += t < last;
        last = t;
    }
    put_number(back);
    put_number(last - first);
    put_number(last);
}

/* A loop of 2 n instructions. */
static void tell_count(uint64_t n)
{
    uint32_t turns = (uint32_t)n, before = board->counter(board->self);
    __asm volatile("0: subs %0, #1\n bne 0b" : "+r"(turns)::"cc");
    put_number(board->counter(board->self) - before);
    put_number(board->counter_hz);
}

static void tell_sleep(uint64_t ns)
{
    uint64_t start = now(), end = start + ns, wakes = 0;
    for (; now() < end; wakes++)
        stm32_sleep((int64_t)end);
    put_number(now() - start);
    put_number(wakes);
}

__attribute__((noinline)) static uint32_t deeper(uint64_t n)
{
    volatile uint32_t room[64];
    room[0] = (uint32_t)n;
    return n ? deeper(n - 1) + room[0] : room[0];
}

static void tell_stack(uint64_t depth)
{
    deeper(depth);
    for (unsigned i = 0; i < 200; i++)
        board->stack_used(board->self); /* a slice at a time, as the main loop does */
    put_number(board->stack_used(board->self));
    put_number(board->stack_size);
}

static void tell_start(uint64_t keep)
{
    uint32_t *kept = board->kept;
    put_number(board->reset_cause(board->self));
    put_number(kept[0]);
    if (keep)
        kept[0] = (uint32_t)keep;
}

/* Sums, products, quotients and conversions of any bits, into one number that the host computes too. */
#include "double_hash.h"

static void obey(const char *line)
{
    uint64_t n = strtoull(line + 1, NULL, 10);
    switch (line[0]) {
    case 't': tell_time(n); break;
    case 'c': tell_count(n); break;
    case 'w': tell_sleep(n); break;
    case 's': tell_stack(n); break;
    case 'b': tell_start(n); break;
    case 'd': put_number(double_hash((uint32_t)n)); break;
    case 'r': board->reset(board->self, (uint32_t)n); break;
    case 'f': ((void (*)(void))(uintptr_t)n)(); break; /* no code there */
    case 'l': put_number(board->lost(board->self, (unsigned)n)); break;
    case 'e': put(line + 1); break;
    default: put("?"); break;
    }
    put("\n");
}

static void echo_field(void)
{
    uint8_t bytes[64];
    size_t n = board->read(board->self, FW_PORT_FIELD, bytes, sizeof bytes);
    while (n && !board->write(board->self, FW_PORT_FIELD, bytes, n)) {
    }
}

int main(void)
{
    static char line[1100];
    size_t n = 0;
    board = stm32_board_init(&app);
    put("ready\n");
    for (;;) {
        char c;
        echo_field();
        board->kick_watchdog(board->self);
        if (!board->read(board->self, FW_PORT_LINK, (uint8_t *)&c, 1)) {
            stm32_sleep(board->now_ns(board->self) + 100000000);
        } else if (c == '\n') {
            line[n] = 0;
            obey(line);
            n = 0;
        } else if (n < sizeof line - 1) {
            line[n++] = c;
        }
    }
}
