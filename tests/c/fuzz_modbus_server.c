/* libFuzzer: a client sends anything, cut anywhere. The server's frame cutter, decoder and registers must neither read nor write
 * where they should not, and every answer must be one that a client accepts for that request. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hil_drivers/mb_bank.h"
#include "hil_drivers/mbap.h"

static struct hil_reg_tag tag(unsigned table, unsigned address, unsigned kind)
{
    return (struct hil_reg_tag){.codec = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = kind},
                                .address = (uint16_t)address,
                                .table = (uint8_t)table,
                                .bit = HIL_WHOLE_WORD};
}

enum { N = 80 };

struct device {
    struct hil_reg_tag in[N], out[N];
    struct hil_regmap map;
    struct hil_mb_bank bank;
    double values[N];
    _Alignas(8) unsigned char mem[N * 128];
};

/* Dense from 0, sparse behind, the last register of all, both directions in every table they can be in. */
static void build(struct device *d)
{
    for (unsigned i = 0; i < N; i++) {
        d->in[i] = i % 2 ? tag(HIL_COIL, i < 60 ? i / 2 : 40 * i, HIL_BOOL) : tag(HIL_HOLDING_REGISTER, 2 * i, HIL_F32);
        d->out[i] = i % 2 ? tag(HIL_DISCRETE_INPUT, i / 2, HIL_BOOL) : tag(HIL_INPUT_REGISTER, 4 * i, HIL_I64);
    }
    d->in[0] = tag(HIL_HOLDING_REGISTER, 65534, HIL_U32);
    d->in[1] = tag(HIL_COIL, 65535, HIL_BOOL);
    d->out[0] = tag(HIL_HOLDING_REGISTER, 1000, HIL_U16);
    d->out[2].address = 65532;
    d->map = (struct hil_regmap){d->in, d->out, N, N};
    struct hil_regmap_error e;
    assert(hil_regmap_check(&d->map, HIL_REG_SERVER, &e) == HIL_OK);
    assert(hil_mb_bank_size(&d->map) <= sizeof d->mem);
    hil_mb_bank_init(&d->bank, d->mem, &d->map);
    hil_mb_bank_set(&d->bank, d->values, 1);
}

static void serve(struct device *d, const struct hil_mbap_frame *f)
{
    uint8_t sent[HIL_MB_PDU_MAX + 8] = {0}, answer[HIL_MB_PDU_MAX];
    struct hil_mb_answer a;
    int wrote = 0;
    memcpy(sent, f->pdu, f->n);
    size_t n = hil_mb_serve(&d->bank, f->pdu, f->n, answer, &wrote);
    assert(n >= 2 && n <= HIL_MB_PDU_MAX);
    if (sent[0] & 0x80) /* no request at all, and its refusal repeats the bit */
        assert(answer[0] == sent[0] && answer[1] == HIL_MB_ILLEGAL_FUNCTION && n == 2);
    else
        assert(hil_mb_answer_decode(sent, answer, n, &a) == HIL_OK);
    assert(!(wrote && answer[0] & 0x80));
    if (wrote)
        hil_mb_bank_get(&d->bank, d->values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct device d;
    static uint8_t room[2 * HIL_MB_ADU_MAX];
    struct hil_mbap_stream s = {.data = room, .size = sizeof room};
    struct hil_mbap_frame f;
    size_t step = size ? 1 + data[0] : 1;
    build(&d);
    for (size_t at = 0; at < size;) {
        size_t space, part = size - at < step ? size - at : step;
        uint8_t *to = hil_mbap_space(&s, &space);
        assert(space > 0);
        part = part < space ? part : space;
        memcpy(to, data + at, part);
        hil_mbap_received(&s, part);
        at += part;
        enum hil_mbap_result r;
        while ((r = hil_mbap_next(&s, &f)) == HIL_MBAP_FRAME || r == HIL_MBAP_OTHER)
            if (r == HIL_MBAP_FRAME)
                serve(&d, &f);
        if (r == HIL_MBAP_LOST)
            return 0;
    }
    return 0;
}
