#include "hil_drivers/rtu_slave.h"

#include <string.h>

void hil_rtu_slave_init(struct hil_rtu_slave *s, struct hil_mb_bank *bank, uint8_t unit,
                        const struct hil_rtu_timing *timing, int marked)
{
    memset(s, 0, sizeof *s);
    s->bank = bank;
    s->unit = unit;
    hil_rtu_rx_init(&s->rx, timing, marked);
}

static int is_for_us(const struct hil_rtu_slave *s, uint8_t unit)
{
    return unit == s->unit || unit == HIL_RTU_BROADCAST;
}

/* A whole frame with the right CRC. */
static void serve(struct hil_rtu_slave *s, const uint8_t *adu, size_t n)
{
    int wrote = 0;
    if (!is_for_us(s, adu[0])) {
        s->wrong_unit++;
        return;
    }
    s->requests++;
    size_t pdu = hil_mb_serve(s->bank, adu + 1, n - 3, s->answer + 1, &wrote);
    s->wrote |= (uint8_t)wrote;
    if (adu[0] == HIL_RTU_BROADCAST) {
        s->rx.count[HIL_RTU_BROADCASTS]++;
        return;
    }
    s->answer[0] = s->unit;
    s->n_answer = (uint16_t)hil_rtu_finish(s->answer, 1 + pdu);
    s->answer_ns = s->rx.last_ns + s->rx.timing.turn_ns;
}

/* Ends the running frame when it has its length. What others answer looks like a request with a wrong CRC, so frames of
 * theirs may also have the length of an answer. */
static void look(struct hil_rtu_slave *s)
{
    const uint8_t *adu = s->rx.data;
    size_t n = s->rx.n;
    int whole = n == hil_rtu_request_size(adu, n) || (!is_for_us(s, adu[0]) && n == hil_rtu_answer_size(adu, n));
    if (!whole || !hil_rtu_crc_is_right(adu, n))
        return;
    serve(s, adu, n);
    hil_rtu_rx_clear(&s->rx);
}

/* A request for us behind noise: the last bytes before the silence are one. Returns where it starts, or n. */
static size_t behind_noise(const struct hil_rtu_slave *s)
{
    const uint8_t *adu = s->rx.data;
    size_t n = s->rx.n, at = 1;
    while (at < n && !(is_for_us(s, adu[at]) && hil_rtu_request_size(adu + at, n - at) == n - at &&
                       hil_rtu_crc_is_right(adu + at, n - at)))
        at++;
    return at;
}

/* The running frame has ended by silence. */
static void judge(struct hil_rtu_slave *s)
{
    const uint8_t *adu = s->rx.data;
    size_t n = s->rx.spoiled ? 0 : s->rx.n, at = 0;
    if (n && !hil_rtu_crc_is_right(adu, n)) {
        at = behind_noise(s);
        if (at == n && n >= HIL_RTU_ADU_MIN)
            s->rx.count[HIL_RTU_WRONG_CRC]++;
        else
            s->rx.count[HIL_RTU_NOISE_BYTES] += at;
    }
    if (at < n)
        serve(s, adu + at, n - at);
    hil_rtu_rx_clear(&s->rx);
}

void hil_rtu_slave_receive(struct hil_rtu_slave *s, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    if (hil_rtu_rx_is_over(&s->rx, n, now_ns))
        judge(s);
    hil_rtu_rx_start(&s->rx, n, now_ns);
    for (size_t i = 0; i < n; i++) {
        if (s->n_answer)
            s->rx.count[HIL_RTU_NOISE_BYTES]++;
        else if (hil_rtu_rx_push(&s->rx, bytes[i]))
            look(s);
    }
}

const uint8_t *hil_rtu_slave_poll(struct hil_rtu_slave *s, int64_t now_ns, size_t *n)
{
    if (hil_rtu_rx_is_over(&s->rx, 0, now_ns))
        judge(s);
    if (!s->n_answer || now_ns < s->answer_ns)
        return NULL;
    *n = s->n_answer;
    s->n_answer = 0;
    return s->answer;
}

int64_t hil_rtu_slave_next_ns(const struct hil_rtu_slave *s)
{
    return s->n_answer ? s->answer_ns : hil_rtu_rx_over_ns(&s->rx);
}
