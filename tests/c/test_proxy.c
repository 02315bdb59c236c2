/* The proxy under every kind of fault and any bytes: it survives, keeps its bounds, and without faults changes nothing. */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hil/random.h"
#include "hil_drivers/crc16.h"
#include "hil_drivers/proxy.h"
#include "hil_drivers/rtu.h"

enum { PLANS = 120, FRAMES = 150, MOST = 300 };

static uint64_t seed, draws;

static unsigned below(unsigned n) { return (unsigned)(hil_random(seed, 0, draws++) % n); }

static struct hil_proxy_fault random_fault(int protocol)
{
    int kind = (int)below(HIL_PROXY_KINDS);
    struct hil_proxy_fault t = {
        .kind = kind,
        .ways = 1 + below(3),
        .unit = below(4) ? -1 : 1,
        .function = -1,
        .first = below(4) ? -1 : 0,
        .last = 9,
        .every = below(3) ? 1 + below(5) : 0,
        .probability = 1,
        .to_ns = INT64_MAX,
        .time_ns = below(3) ? 0 : below(2000000),
        .at = below(2) ? -1 : (int)below(400),
        .value = below(2) ? HIL_PROXY_UNSET : (int)below(256),
        .address = below(2) ? -1 : (int)below(100),
        .count = 1 + (int)below(HIL_PROXY_COPIES_MAX),
        .repair = (int)below(2),
        .n_data = below(HIL_PROXY_DATA_MAX),
    };
    /* What would only end the connection or belongs to TCP is not what is tried here. */
    int ends = kind == HIL_PROXY_RESET || kind == HIL_PROXY_REFUSED || kind == HIL_PROXY_HALF_OPEN;
    int of_modbus = kind == HIL_PROXY_WRONG_TRANSACTION && protocol != HIL_PROXY_TCP;
    if (ends || of_modbus)
        t.kind = HIL_PROXY_EXTRA;
    return t;
}

/* A frame that is one most of the time. */
static size_t random_frame(int protocol, uint8_t *f)
{
    size_t head = protocol == HIL_PROXY_TCP ? 7 : 1, pdu = 1 + below(40);
    for (size_t i = 0; i < head + pdu + 2; i++)
        f[i] = (uint8_t)below(256);
    if (below(10) == 0)
        return head + pdu;
    f[head - 1] = 1;
    f[head] = (uint8_t)(1 + below(24));
    f[head + 1] = f[head + 3] = 0;
    if (protocol == HIL_PROXY_TCP) {
        memcpy(f, (const uint8_t[6]){0, (uint8_t)below(4), 0, 0, 0, (uint8_t)(pdu + 1)}, 6);
        return head + pdu;
    }
    if (protocol == HIL_PROXY_RTU)
        return hil_rtu_finish(f, head + pdu);
    for (size_t i = 0; i < head + pdu; i++)
        f[i] = f[i] ? f[i] : 1;
    f[head + pdu] = 0;
    return head + pdu + 1;
}

static size_t drain(int fd, uint8_t *kept, size_t n, size_t size)
{
    uint8_t data[65536];
    ssize_t got;
    while ((got = read(fd, data, sizeof data)) > 0) {
        if (kept && n + (size_t)got <= size)
            memcpy(kept + n, data, (size_t)got);
        n += (size_t)got;
    }
    return n;
}

static int has_come(int fd, int ms) { return poll(&(struct pollfd){fd, POLLIN, 0}, 1, ms) > 0; }

static uint64_t read_notes(struct hil_proxy *p)
{
    static _Alignas(8) uint8_t notes[1 << 16];
    uint64_t acted = 0;
    size_t n, at;
    while ((n = hil_proxy_read(p, notes, sizeof notes)) > 0)
        for (at = 0; at < n; at += ((struct hil_frame *)(notes + at))->bytes) {
            const struct hil_proxy_note *note = (void *)(notes + at);
            assert(sizeof *note + note->n_before + note->n_after <= note->head.bytes);
            acted += note->head.kind == HIL_PROXY_ACTED;
        }
    return acted;
}

/* Sends random frames both ways; returns what came out, and in `same` whether it is what went in. */
static uint64_t run_plan(int protocol, const struct hil_proxy_fault *faults, uint32_t n_faults, int *same)
{
    static uint8_t sent[2][FRAMES * MOST], came[2][FRAMES * MOST];
    size_t n_sent[2] = {0, 0}, n_came[2] = {0, 0};
    int ends[2][2];
    struct hil_proxy_options o = {.protocol = protocol, .seed = seed, .faults = faults, .n_faults = n_faults};
    struct hil_proxy *p = NULL;
    o.silence_ns = 1000000;
    o.capture = 1;
    o.ring_size = 1 << 22;
    for (int i = 0; i < 2; i++)
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends[i]) == 0);
    assert(hil_proxy_new(&o, ends[0][1], ends[1][1], &p) == HIL_OK);
    assert(hil_proxy_start(p, &(struct hil_thread_options){0, 0, -1}) == HIL_OK);
    for (int k = 0; k < FRAMES; k++) {
        int way = (int)below(2);
        size_t n = random_frame(protocol, sent[way] + n_sent[way]);
        assert(write(ends[way][0], sent[way] + n_sent[way], n) == (ssize_t)n);
        n_sent[way] += n;
        for (int i = 0; i < 2; i++)
            n_came[!i] = drain(ends[i][0], came[!i], n_came[!i], sizeof came[0]);
    }
    while (has_come(ends[0][0], 20) || has_come(ends[1][0], 20))
        for (int i = 0; i < 2; i++)
            n_came[!i] = drain(ends[i][0], came[!i], n_came[!i], sizeof came[0]);
    hil_proxy_stop(p);
    *same = 1;
    for (int way = 0; way < 2; way++)
        *same &= n_sent[way] == n_came[way] && memcmp(sent[way], came[way], n_sent[way]) == 0;
    uint64_t acted = read_notes(p), told = 0, matched, counted;
    for (uint32_t k = 0; k < n_faults; k++, told += counted)
        hil_proxy_fault_counts(p, k, &matched, &counted);
    assert(acted == told || hil_proxy_count(p, HIL_PROXY_LOST_NOTES) > 0);
    hil_proxy_free(p);
    for (int i = 0; i < 4; i++)
        close(ends[i / 2][i % 2]);
    return acted;
}

int main(void)
{
    struct hil_proxy_fault faults[8];
    uint64_t acted = 0;
    int same, changed = 0;
    for (seed = 0; seed < PLANS; seed++) {
        int protocol = (int)(seed % 3);
        uint32_t n = seed % 10 < 3 ? 0 : 1 + below(8);
        for (uint32_t k = 0; k < n; k++)
            faults[k] = random_fault(protocol);
        acted += run_plan(protocol, faults, n, &same);
        assert(same || n);
        changed += !same;
    }
    assert(acted > PLANS && changed > PLANS / 4);
    return 0;
}
