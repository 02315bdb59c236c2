/* A client's plan of requests for the fuzzers: every table and type, in both directions. */
#ifndef TEST_FUZZ_PLAN_H
#define TEST_FUZZ_PLAN_H

#undef NDEBUG
#include <assert.h>
#include <math.h>

#include "hil_drivers/regplan.h"

enum { N = 40 };

struct fuzz_plan {
    struct hil_reg_tag in[N], out[N];
    struct hil_regmap map;
    struct hil_regplan plan;
    double values[N];
    _Alignas(8) unsigned char mem[8192];
};

/* Bits 0 to 2 of `flags` are those of struct hil_reg_limits, bits 4 to 7 the largest gap. */
static inline void fuzz_plan_build(struct fuzz_plan *b, unsigned flags)
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

#endif
