/* libFuzzer: a line says anything to a master that waits for the answers of a plan. What it accepts has the size that was asked
 * for, and after a silence it finds the next good answer. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hil_drivers/regplan.h"
#include "hil_drivers/rtu_master.h"

enum { N = 40, UNIT = 17 };
static const int64_t pauses_ns[4] = {0, 500000, 1000000, 5000000};

struct bench {
    struct hil_reg_tag in[N], out[N];
    struct hil_regmap map;
    struct hil_regplan plan;
    struct hil_rtu_rx rx;
    double values[N];
    _Alignas(8) unsigned char mem[8192];
};

static void build(struct bench *b, unsigned flags)
{
    struct hil_rtu_timing timing = hil_rtu_timing(0, 11, 0);
    for (unsigned i = 0; i < N; i++) {
        struct hil_reg_tag t = {.codec = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL}, .bit = HIL_WHOLE_WORD};
        t.table = i % 4;
        t.codec.kind = hil_reg_is_bit_table(t.table) ? HIL_BOOL : i % (HIL_F64 + 1);
        t.address = (uint16_t)(8 * i);
        b->in[i] = t;
        t.table = i % 3 ? HIL_HOLDING_REGISTER : HIL_COIL;
        t.codec.kind = t.table == HIL_COIL ? HIL_BOOL : t.codec.kind;
        b->out[i] = t;
    }
    b->map = (struct hil_regmap){b->in, b->out, N, N};
    assert(hil_regplan_size(&b->map) <= sizeof b->mem);
    struct hil_reg_limits limits = {.max_gap = (uint16_t)(flags >> 4), .flags = flags & 7};
    assert(hil_regplan_build(&b->plan, b->mem, &b->map, &limits) == HIL_OK);
    hil_rtu_rx_init(&b->rx, &timing, flags >> 3 & 1);
}

static void hear(struct bench *b, const uint8_t *bytes, size_t n, int64_t now_ns, const uint8_t *sent)
{
    if (hil_rtu_rx_is_over(&b->rx, n, now_ns)) {
        hil_rtu_judge_answer(&b->rx, UNIT, sent);
        assert(b->rx.n == 0 && !b->rx.spoiled);
    }
    hil_rtu_rx_start(&b->rx, n, now_ns);
    for (size_t i = 0; i < n; i++)
        hil_rtu_rx_push(&b->rx, bytes[i]);
}

static void still_hears(struct bench *b, int64_t now_ns)
{
    static const uint8_t sent[] = {HIL_MB_WRITE_REGISTER, 0, 1, 0x12, 0x34};
    uint8_t adu[8] = {UNIT, HIL_MB_WRITE_REGISTER, 0, 1, 0x12, 0x34};
    struct hil_mb_answer a;
    hear(b, adu, hil_rtu_finish(adu, 6), now_ns, sent);
    assert(hil_rtu_find_answer(&b->rx, UNIT, sent, &a) && !a.exception);
}

/* Pieces as in fuzz_rtu_slave.c, with a right CRC when the highest bit of the second byte is set. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench b;
    uint8_t sent[HIL_MB_PDU_MAX] = {0};
    int64_t now_ns = 1000000000;
    if (size < 2)
        return 0;
    build(&b, data[0]);
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
        hear(&b, piece, data[1] & 0x80 ? hil_rtu_finish(piece, n) : n, now_ns, sent);
        if (!hil_rtu_find_answer(&b.rx, UNIT, sent, &a))
            continue;
        assert(b.rx.n == 0 && (a.exception || !a.data || a.n_data + 2u == hil_mb_answer_size(sent)));
        hil_regplan_accept(&b.plan, r, &a, b.values);
        r = (r + 1) % b.plan.n;
    }
    still_hears(&b, now_ns + 5000000);
    return 0;
}
