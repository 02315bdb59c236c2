/* libFuzzer: a line says anything to a master that waits for the answers of a plan. What it accepts has the size that was asked
 * for, and after a silence it finds the next good answer. */
#include <string.h>

#include "fuzz_plan.h"
#include "hil_drivers/rtu_master.h"

enum { UNIT = 17 };
static const int64_t pauses_ns[4] = {0, 500000, 1000000, 5000000};

static void hear(struct hil_rtu_rx *rx, const uint8_t *bytes, size_t n, int64_t now_ns, const uint8_t *sent)
{
    if (hil_rtu_rx_is_over(rx, n, now_ns)) {
        hil_rtu_judge_answer(rx, UNIT, sent);
        assert(rx->n == 0 && !rx->spoiled);
    }
    hil_rtu_rx_start(rx, n, now_ns);
    for (size_t i = 0; i < n; i++)
        hil_rtu_rx_push(rx, bytes[i]);
}

static void still_hears(struct hil_rtu_rx *rx, int64_t now_ns)
{
    static const uint8_t sent[] = {HIL_MB_WRITE_REGISTER, 0, 1, 0x12, 0x34};
    uint8_t adu[8] = {UNIT, HIL_MB_WRITE_REGISTER, 0, 1, 0x12, 0x34};
    struct hil_mb_answer a;
    hear(rx, adu, hil_rtu_finish(adu, 6), now_ns, sent);
    assert(hil_rtu_find_answer(rx, UNIT, sent, &a) && !a.exception);
}

/* Pieces as in fuzz_rtu_slave.c, with a right CRC when the highest bit of the second byte is set. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_plan b;
    struct hil_rtu_timing timing = hil_rtu_timing(0, 11, 0);
    struct hil_rtu_rx rx;
    uint8_t sent[HIL_MB_PDU_MAX] = {0};
    int64_t now_ns = 1000000000;
    if (size < 2)
        return 0;
    fuzz_plan_build(&b, data[0]);
    hil_rtu_rx_init(&rx, &timing, data[0] >> 3 & 1);
    unsigned r = data[1] % b.plan.n;
    for (size_t at = 2; at < size;) {
        struct hil_mb_answer a;
        size_t n = 1 + (data[at] & 63u);
        now_ns += pauses_ns[data[at] >> 6];
        at++;
        n = n < size - at ? n : size - at;
        if (hil_regplan_encode(&b.plan, r, b.values, 1, sent) == 0)
            sent[0] = HIL_MB_READ_COILS;
        uint8_t piece[64 + 2];
        memcpy(piece, data + at, n);
        at += n;
        hear(&rx, piece, data[1] & 0x80 ? hil_rtu_finish(piece, n) : n, now_ns, sent);
        if (!hil_rtu_find_answer(&rx, UNIT, sent, &a))
            continue;
        assert(rx.n == 0 && (a.exception || !a.data || a.n_data + 2u == hil_mb_answer_size(sent)));
        hil_regplan_accept(&b.plan, r, &a, b.values);
        r = (r + 1) % b.plan.n;
    }
    still_hears(&rx, now_ns + 5000000);
    return 0;
}
