/* libFuzzer: a device answers anything to the requests of a plan. What is accepted has the size that was asked for. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hil_drivers/mbap.h"
#include "hil_drivers/regplan.h"

enum { N = 40 };

struct bench {
    struct hil_reg_tag in[N], out[N];
    struct hil_regmap map;
    struct hil_regplan plan;
    double values[N];
    _Alignas(8) unsigned char mem[8192];
};

static void build(struct bench *b, unsigned flags)
{
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench b;
    static uint8_t room[4096];
    if (size < 2 || size > sizeof room)
        return 0;
    build(&b, data[0]);
    memcpy(room, data + 2, size - 2);
    struct hil_mbap_stream s = {.data = room, .size = sizeof room, .tail = (uint32_t)size - 2};
    struct hil_mbap_frame f;
    for (unsigned r = data[1] % b.plan.n; hil_mbap_next(&s, &f) == HIL_MBAP_FRAME; r = (r + 1) % b.plan.n) {
        uint8_t sent[HIL_MB_PDU_MAX] = {0};
        struct hil_mb_answer a;
        if (!hil_regplan_encode(&b.plan, r, b.values, 1, sent) || hil_mb_answer_decode(sent, f.pdu, f.n, &a) != HIL_OK)
            continue;
        assert(a.exception || f.n == hil_mb_answer_size(sent));
        hil_regplan_accept(&b.plan, r, &a, b.values);
    }
    return 0;
}
