/* The I/O map: registers and orders, the plan of requests, the server's registers. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil_drivers/mb_bank.h"
#include "hil_drivers/regplan.h"

static struct hil_reg_tag tag(unsigned table, unsigned address, unsigned kind)
{
    return (struct hil_reg_tag){.codec = {.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = kind},
                                .address = (uint16_t)address,
                                .table = (uint8_t)table,
                                .bit = HIL_WHOLE_WORD};
}

static struct hil_reg_tag bit_of(unsigned address, unsigned bit)
{
    struct hil_reg_tag t = tag(HIL_HOLDING_REGISTER, address, HIL_BOOL);
    t.bit = (uint8_t)bit;
    return t;
}

static void words_and_bytes_stand_in_their_order(void)
{
    static const char *const wire[2][2] = {{"\x01\x02\x03\x04", "\x02\x01\x04\x03"},
                                           {"\x03\x04\x01\x02", "\x04\x03\x02\x01"}};
    for (unsigned word = 0; word < 2; word++) {
        for (unsigned byte = 0; byte < 2; byte++) {
            uint8_t registers[4];
            struct hil_reg_tag t = tag(HIL_HOLDING_REGISTER, 0, HIL_U32);
            t.word_little = (uint8_t)word;
            t.byte_little = (uint8_t)byte;
            hil_reg_encode(&t, 0x01020304, registers);
            assert(!memcmp(registers, wire[word][byte], 4));
            assert(hil_reg_decode(&t, registers) == 0x01020304);
        }
    }
}

static void a_bit_leaves_its_neighbours_alone(void)
{
    uint8_t word[2] = {0xa5, 0x5a};
    struct hil_reg_tag t = bit_of(0, 8);
    assert(hil_reg_decode(&t, word) == 1);
    hil_reg_encode(&t, 0, word);
    assert(word[0] == 0xa4 && word[1] == 0x5a);
    t.byte_little = 1; /* bit 8 now lies in the second byte */
    hil_reg_encode(&t, 1, word);
    assert(word[0] == 0xa4 && word[1] == 0x5b);
}

static void integers_beyond_2_to_53_are_bad_never_rounded(void)
{
    uint8_t w[8];
    struct hil_reg_tag t = tag(HIL_HOLDING_REGISTER, 0, HIL_I64);
    hil_reg_encode(&t, -9007199254740992.0, w);
    assert(hil_reg_decode(&t, w) == -9007199254740992.0);
    memcpy(w, "\x00\x20\x00\x00\x00\x00\x00\x01", 8);
    assert(isnan(hil_reg_decode(&t, w)));
    t.codec.kind = HIL_U64;
    assert(isnan(hil_reg_decode(&t, w)));
    w[7] = 0;
    assert(hil_reg_decode(&t, w) == 9007199254740992.0);
}

static struct hil_regplan plan(const struct hil_regmap *map, const struct hil_reg_limits *limits, void *mem)
{
    struct hil_regplan p;
    assert(hil_regplan_build(&p, mem, map, limits) == HIL_OK);
    return p;
}

static void reads_bridge_gaps_and_writes_never_do(void)
{
    struct hil_reg_tag tags[] = {tag(3, 20, HIL_F32), tag(3, 10, HIL_U16), tag(3, 13, HIL_U64), tag(3, 11, HIL_U16)};
    struct hil_regmap map = {tags, tags, 4, 4};
    static _Alignas(8) unsigned char mem[1024];
    struct hil_regplan p = plan(&map, &(struct hil_reg_limits){.max_gap = 1}, mem);
    assert(p.n_writes == 3 && p.n == 5);
    assert(p.requests[0].address == 10 && p.requests[0].quantity == 2 && p.requests[0].function == 16);
    assert(p.requests[1].address == 13 && p.requests[1].quantity == 4);
    assert(p.requests[3].address == 10 && p.requests[3].quantity == 7 && p.requests[3].function == 3);
    assert(p.requests[4].address == 20 && p.requests[4].quantity == 2);
    p = plan(&map, &(struct hil_reg_limits){.max_gap = 3}, mem);
    assert(p.n - p.n_writes == 1 && p.requests[p.n_writes].quantity == 12);
}

static void no_request_is_too_large_and_no_value_is_split(void)
{
    enum { N = 100 };
    struct hil_reg_tag tags[N];
    for (unsigned i = 0; i < N; i++)
        tags[i] = tag(3, 4 * i, HIL_F64);
    struct hil_regmap map = {tags, tags, N, N};
    static _Alignas(8) unsigned char mem[8192];
    assert(hil_regplan_size(&map) <= sizeof mem);
    for (uint16_t most = 4; most < 130; most++) {
        struct hil_regplan p =
            plan(&map, &(struct hil_reg_limits){.read_registers = most, .write_registers = most}, mem);
        unsigned covered = 0;
        for (unsigned i = 0; i < p.n; i++) {
            assert(p.requests[i].quantity <= most && p.requests[i].quantity % 4 == 0);
            assert(p.requests[i].quantity <= (i < p.n_writes ? 123 : 125));
            covered += p.requests[i].quantity;
        }
        assert(covered == 2 * 4 * N);
    }
    struct hil_regplan p;
    assert(hil_regplan_build(&p, mem, &map, &(struct hil_reg_limits){.read_registers = 3}) == HIL_E_ARG);
}

static void bits_of_a_register_are_one_mask_write(void)
{
    struct hil_reg_tag tags[] = {bit_of(5, 0), bit_of(5, 15), bit_of(6, 3), tag(3, 7, HIL_U16)};
    struct hil_regmap map = {NULL, tags, 0, 4};
    static _Alignas(8) unsigned char mem[1024];
    const double out[] = {1, 0, 1, 77};
    uint8_t pdu[HIL_MB_PDU_MAX];
    struct hil_regplan p = plan(&map, &(struct hil_reg_limits){0}, mem);
    assert(p.n == 3);
    assert(hil_regplan_encode(&p, 0, out, 1, pdu) == 7 && !memcmp(pdu, "\x16\x00\x05\x7f\xfe\x00\x01", 7));
    assert(hil_regplan_encode(&p, 1, out, 1, pdu) == 7 && !memcmp(pdu, "\x16\x00\x06\xff\xf7\x00\x08", 7));
    p = plan(&map, &(struct hil_reg_limits){.flags = HIL_REG_BITS_AS_WORD}, mem);
    assert(p.n == 1 && hil_regplan_encode(&p, 0, out, 1, pdu) == 12);
    assert(!memcmp(pdu, "\x10\x00\x05\x00\x03\x06\x00\x01\x00\x08\x00\x4d", 12));
}

static void single_and_combined_requests_use_their_codes(void)
{
    struct hil_reg_tag out_tags[] = {tag(0, 9, HIL_BOOL), tag(3, 7, HIL_U16)}, in_tags[] = {tag(3, 30, HIL_U16)};
    struct hil_regmap map = {in_tags, out_tags, 1, 2};
    static _Alignas(8) unsigned char mem[1024];
    const double out[] = {1, 77};
    double in[1] = {0};
    uint8_t pdu[HIL_MB_PDU_MAX];
    struct hil_regplan p = plan(&map, &(struct hil_reg_limits){.flags = HIL_REG_SINGLE_WRITES}, mem);
    assert(hil_regplan_encode(&p, 0, out, 1, pdu) == 5 && !memcmp(pdu, "\x05\x00\x09\xff\x00", 5));
    assert(hil_regplan_encode(&p, 1, out, 1, pdu) == 5 && !memcmp(pdu, "\x06\x00\x07\x00\x4d", 5));
    assert(hil_regplan_encode(&p, 1, NULL, 0, pdu) == 0);
    p = plan(&map, &(struct hil_reg_limits){.flags = HIL_REG_COMBINE}, mem);
    assert(p.requests[1].function == 23 && p.requests[2].done_by_other);
    assert(hil_regplan_encode(&p, 1, out, 1, pdu) == 12);
    assert(!memcmp(pdu, "\x17\x00\x1e\x00\x01\x00\x07\x00\x01\x02\x00\x4d", 12));
    hil_regplan_accept(&p, 1, &(struct hil_mb_answer){.data = (const uint8_t *)"\x12\x34", .n_data = 2}, in);
    assert(in[0] == 0x1234);
    hil_regplan_accept(&p, 1, &(struct hil_mb_answer){.exception = 4}, in);
    assert(isnan(in[0]));
    assert(hil_regplan_encode(&p, 1, NULL, 0, pdu) == 5 && pdu[0] == 3); /* nothing to write yet: only the read */
}

static int refused(struct hil_reg_tag *in, unsigned n_in, struct hil_reg_tag *out, unsigned n_out,
                   enum hil_reg_role role)
{
    struct hil_regmap map = {in, out, (uint16_t)n_in, (uint16_t)n_out};
    struct hil_regmap_error e = {0};
    int rc = hil_regmap_check(&map, role, &e);
    assert((rc == HIL_OK) == (e.why == NULL));
    return rc == HIL_E_ARG;
}

static void maps_that_cannot_work_are_refused(void)
{
    struct hil_reg_tag wide = tag(3, 65533, HIL_U64), input = tag(2, 0, HIL_U16), word = tag(0, 0, HIL_U16);
    struct hil_reg_tag a = tag(3, 10, HIL_F32), b = tag(3, 11, HIL_U16), bit = bit_of(11, 3), other = bit_of(11, 4);
    assert(refused(&wide, 1, NULL, 0, HIL_REG_CLIENT) && refused(&word, 1, NULL, 0, HIL_REG_CLIENT));
    assert(refused(NULL, 0, &input, 1, HIL_REG_CLIENT) && !refused(NULL, 0, &input, 1, HIL_REG_SERVER));
    assert(refused(&input, 1, NULL, 0, HIL_REG_SERVER) && !refused(&input, 1, NULL, 0, HIL_REG_CLIENT));
    assert(refused(&b, 1, &a, 1, HIL_REG_SERVER) && !refused(&b, 1, &a, 1, HIL_REG_CLIENT));
    struct hil_reg_tag overlap[] = {a, b}, bits[] = {bit, other}, same[] = {bit, bit};
    assert(refused(NULL, 0, overlap, 2, HIL_REG_CLIENT) && !refused(overlap, 2, NULL, 0, HIL_REG_CLIENT));
    assert(!refused(NULL, 0, bits, 2, HIL_REG_CLIENT) && refused(NULL, 0, same, 2, HIL_REG_CLIENT));
    assert(refused(&bit, 1, &other, 1, HIL_REG_SERVER));
}

/* ---- the server's registers ---- */

struct device {
    struct hil_reg_tag in[4], out[4];
    struct hil_regmap map;
    struct hil_mb_bank bank;
    uint8_t answer[HIL_MB_PDU_MAX];
    size_t n;
    int wrote;
};

static void start(struct device *d, void *mem)
{
    *d = (struct device){.in = {tag(3, 10, HIL_F32), tag(0, 5, HIL_BOOL), tag(3, 12, HIL_U16), tag(0, 6, HIL_BOOL)},
                         .out = {tag(2, 0, HIL_U16), tag(1, 3, HIL_BOOL), tag(3, 13, HIL_I16), tag(2, 1, HIL_U32)}};
    d->map = (struct hil_regmap){d->in, d->out, 4, 4};
    hil_mb_bank_init(&d->bank, mem, &d->map);
}

static int ask(struct device *d, const char *pdu, size_t n)
{
    d->wrote = 0;
    d->n = hil_mb_serve(&d->bank, (const uint8_t *)pdu, n, d->answer, &d->wrote);
    return d->answer[0] & 0x80 ? d->answer[1] : 0;
}
#define ASK(d, pdu) ask(d, pdu, sizeof(pdu) - 1)

static void a_server_serves_the_bench_and_takes_what_is_written(void)
{
    static _Alignas(8) unsigned char mem[4096];
    static struct device d;
    double in[4];
    start(&d, mem);
    hil_mb_bank_set(&d.bank, (const double[]){513, 1, -2, 65536}, 1);
    assert(ASK(&d, "\x04\x00\x00\x00\x03") == 0 && !memcmp(d.answer, "\x04\x06\x02\x01\x00\x01\x00\x00", 8) &&
           !d.wrote);
    assert(ASK(&d, "\x02\x00\x03\x00\x01") == 0 && d.n == 3 && d.answer[2] == 1);
    assert(ASK(&d, "\x0f\x00\x05\x00\x02\x01\x02") == 0 && d.wrote);
    hil_mb_bank_get(&d.bank, in);
    assert(isnan(in[0]) && in[1] == 0 && isnan(in[2]) && in[3] == 1);
    assert(ASK(&d, "\x06\x00\x0b\x00\x00") == 0); /* half a float: still not written wholly */
    hil_mb_bank_get(&d.bank, in);
    assert(isnan(in[0]));
    assert(ASK(&d, "\x06\x00\x0a\x3f\x80") == 0);
    hil_mb_bank_get(&d.bank, in);
    assert(in[0] == 1.0);
    assert(ASK(&d, "\x16\x00\x0c\x00\xf2\x00\x25") == 0);
    assert(ASK(&d, "\x17\x00\x0d\x00\x01\x00\x0c\x00\x01\x02\x12\x34") == 0 &&
           !memcmp(d.answer, "\x17\x02\xff\xfe", 4));
    hil_mb_bank_get(&d.bank, in);
    assert(in[2] == 0x1234);
    hil_mb_bank_forget(&d.bank);
    hil_mb_bank_get(&d.bank, in);
    assert(isnan(in[0]) && isnan(in[1]) && isnan(in[2]) && isnan(in[3]));
    assert(ASK(&d, "\x03\x00\x0c\x00\x01") == 0 && !memcmp(d.answer, "\x03\x02\x12\x34", 4));
    assert(ASK(&d, "\x06\x00\x0c\x00\x05") == 0);
    hil_mb_bank_get(&d.bank, in);
    assert(isnan(in[0]) && in[2] == 5);
}

/* Section 6's state diagrams: function, then quantity, then address, then the device. */
static void exceptions_come_in_the_order_of_the_specification(void)
{
    static _Alignas(8) unsigned char mem[4096];
    static struct device d;
    start(&d, mem);
    d.bank.exception = HIL_MB_DEVICE_BUSY;
    assert(ASK(&d, "\x2b\x00\x00\x00\x00") == HIL_MB_ILLEGAL_FUNCTION && d.answer[0] == 0xab);
    assert(ASK(&d, "\x03\x99\x99\x00\x7e") == HIL_MB_ILLEGAL_VALUE);
    assert(ASK(&d, "\x03\x99\x99\x00\x7d") == HIL_MB_ILLEGAL_ADDRESS);
    assert(ASK(&d, "\x05\x99\x99\x01\x00") == HIL_MB_ILLEGAL_VALUE);
    assert(ASK(&d, "\x05\x99\x99\xff\x00") == HIL_MB_ILLEGAL_ADDRESS);
    assert(ASK(&d, "\x10\xff\xff\x00\x02\x04\x00\x00\x00\x00") == HIL_MB_ILLEGAL_ADDRESS);
    assert(ASK(&d, "\x06\x00\x0d\x00\x01") == HIL_MB_ILLEGAL_ADDRESS); /* the bench writes this one */
    assert(ASK(&d, "\x10\x00\x0c\x00\x02\x04\x00\x00\x00\x00") == HIL_MB_ILLEGAL_ADDRESS && !d.wrote);
    assert(ASK(&d, "\x17\x00\x63\x00\x01\x00\x0c\x00\x01\x02\x12\x34") == HIL_MB_ILLEGAL_ADDRESS && !d.wrote);
    assert(ASK(&d, "\x06\x00\x0c\x00\x01") == HIL_MB_DEVICE_BUSY && !d.wrote);
    d.bank.exception = 0;
    assert(ASK(&d, "\x06\x00\x0c\x00\x01") == 0 && d.wrote);
}

int main(void)
{
    words_and_bytes_stand_in_their_order();
    a_bit_leaves_its_neighbours_alone();
    integers_beyond_2_to_53_are_bad_never_rounded();
    reads_bridge_gaps_and_writes_never_do();
    no_request_is_too_large_and_no_value_is_split();
    bits_of_a_register_are_one_mask_write();
    single_and_combined_requests_use_their_codes();
    maps_that_cannot_work_are_refused();
    a_server_serves_the_bench_and_takes_what_is_written();
    exceptions_come_in_the_order_of_the_specification();
    puts("test_modbus_map: ok");
    return 0;
}
