/* libFuzzer: a master, or a disturbed line, says anything to a slave at any pace. Whatever it was, what is answered is a frame,
 * and after a silence the slave hears again. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hil_drivers/rtu_slave.h"

enum { N = 40, UNIT = 17 };
static const int64_t pauses_ns[4] = {0, 500000, 1000000, 5000000}; /* within a frame, allowed, a gap, a silence */

struct device {
    struct hil_reg_tag in[N], out[N];
    struct hil_regmap map;
    struct hil_mb_bank bank;
    struct hil_rtu_slave slave;
    double values[N];
    _Alignas(8) unsigned char mem[N * 128];
};

static struct hil_reg_tag tag(unsigned table, unsigned address, unsigned kind)
{
    return (struct hil_reg_tag){.codec = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = kind},
                                .address = (uint16_t)address,
                                .table = (uint8_t)table,
                                .bit = HIL_WHOLE_WORD};
}

static void build(struct device *d, int marked)
{
    struct hil_rtu_timing timing = hil_rtu_timing(0, 11, 0);
    for (unsigned i = 0; i < N; i++) {
        d->in[i] = i % 2 ? tag(HIL_COIL, i / 2, HIL_BOOL) : tag(HIL_HOLDING_REGISTER, 2 * i, HIL_F32);
        d->out[i] = i % 2 ? tag(HIL_DISCRETE_INPUT, i / 2, HIL_BOOL) : tag(HIL_INPUT_REGISTER, 4 * i, HIL_I64);
    }
    d->map = (struct hil_regmap){d->in, d->out, N, N};
    assert(hil_mb_bank_size(&d->map) <= sizeof d->mem);
    hil_mb_bank_init(&d->bank, d->mem, &d->map);
    hil_mb_bank_set(&d->bank, d->values, 1);
    hil_rtu_slave_init(&d->slave, &d->bank, UNIT, &timing, marked);
}

static void poll_slave(struct device *d, int64_t now_ns)
{
    size_t n;
    const uint8_t *answer = hil_rtu_slave_poll(&d->slave, now_ns, &n);
    if (d->slave.wrote)
        hil_mb_bank_get(&d->bank, d->values);
    d->slave.wrote = 0;
    if (!answer)
        return;
    assert(n >= 5 && n <= HIL_RTU_ADU_MAX && answer[0] == UNIT && hil_rtu_crc_is_right(answer, n));
    assert(answer[1] & 0x80 ? n == 5 : n == hil_rtu_answer_size(answer, n));
}

static void still_hears(struct device *d, int64_t now_ns)
{
    uint8_t adu[8] = {UNIT, HIL_MB_READ_COILS, 0, 0, 0, 8};
    size_t n;
    poll_slave(d, now_ns);
    poll_slave(d, now_ns);
    hil_rtu_slave_receive(&d->slave, adu, hil_rtu_finish(adu, 6), now_ns);
    const uint8_t *answer = hil_rtu_slave_poll(&d->slave, now_ns, &n);
    assert(answer && n == 6 && answer[1] == HIL_MB_READ_COILS);
}

/* Each piece: a byte that tells its length (1 to 64) and the pause before it, then that many bytes; with a right CRC behind
 * them when bit 1 of the first byte of all is set, which no fuzzer would find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct device d;
    int64_t now_ns = 1000000000;
    build(&d, size > 0 && data[0] & 1);
    for (size_t at = 1; at < size;) {
        size_t n = 1 + (data[at] & 63u);
        now_ns += pauses_ns[data[at] >> 6];
        at++;
        n = n < size - at ? n : size - at;
        uint8_t piece[64 + 2];
        memcpy(piece, data + at, n);
        at += n;
        hil_rtu_slave_receive(&d.slave, piece, data[0] & 2 ? hil_rtu_finish(piece, n) : n, now_ns);
        poll_slave(&d, now_ns);
        assert(hil_rtu_slave_next_ns(&d.slave) > now_ns);
    }
    still_hears(&d, now_ns + 5000000);
    return 0;
}
