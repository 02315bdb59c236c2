#include <string.h>

#include "hil_drivers/regplan.h"

static double value_of(const struct hil_reg_tag *t, const double *out, unsigned tag, uint64_t seq)
{
    return t->heartbeat ? hil_reg_beat(t, seq) : out[tag];
}

static void fill_registers(const struct hil_regplan *p, const struct hil_reg_request *r, const double *out,
                           uint64_t seq, uint8_t *data)
{
    for (unsigned i = r->first; i < r->first + (unsigned)r->n; i++) {
        unsigned tag = p->out_order[i];
        const struct hil_reg_tag *t = &p->map->out[tag];
        hil_reg_encode(t, value_of(t, out, tag, seq), data + 2 * (t->address - r->address));
    }
}

static void fill_bits(const struct hil_regplan *p, const struct hil_reg_request *r, const double *out, uint64_t seq,
                      uint8_t *data)
{
    for (unsigned i = r->first; i < r->first + (unsigned)r->n; i++) {
        unsigned tag = p->out_order[i];
        const struct hil_reg_tag *t = &p->map->out[tag];
        unsigned bit = (unsigned)(t->address - r->address);
        data[bit / 8] |= (uint8_t)(hil_reg_encode_bit(t, value_of(t, out, tag, seq)) << bit % 8);
    }
}

static void fill_mask(const struct hil_regplan *p, const struct hil_reg_request *r, const double *out, uint64_t seq,
                      struct hil_mb_request *q)
{
    q->and_mask = 0xffff;
    for (unsigned i = r->first; i < r->first + (unsigned)r->n; i++) {
        unsigned tag = p->out_order[i];
        const struct hil_reg_tag *t = &p->map->out[tag];
        uint16_t mask = hil_reg_bit_mask(t);
        q->and_mask &= (uint16_t)~mask;
        if (hil_encode(&t->codec, value_of(t, out, tag, seq)))
            q->or_mask |= mask;
    }
}

/* Coils of code 5 are a word, 0xFF00 for on. */
static void fill_data(const struct hil_regplan *p, const struct hil_reg_request *r, const double *out, uint64_t seq,
                      uint8_t *data)
{
    if (r->function == HIL_MB_WRITE_COIL || r->function == HIL_MB_WRITE_COILS)
        fill_bits(p, r, out, seq, data);
    else
        fill_registers(p, r, out, seq, data);
    if (r->function == HIL_MB_WRITE_COIL)
        data[0] = data[0] ? 0xff : 0x00;
}

size_t hil_regplan_encode(const struct hil_regplan *plan, unsigned k, const double *out, uint64_t seq, uint8_t *pdu)
{
    const struct hil_reg_request *r = &plan->requests[k];
    struct hil_mb_request q = {.function = r->function, .address = r->address, .quantity = r->quantity};
    if (r->read) {
        const struct hil_reg_request *read = &plan->requests[r->read - 1];
        q.address = read->address;
        q.quantity = read->quantity;
        q.write_address = r->address;
        q.write_quantity = r->quantity;
    }
    if (k < plan->n_writes && !out) {
        if (!r->read)
            return 0;
        q.function = HIL_MB_READ_HOLDING_REGISTERS; /* nothing to write yet, but the read is due */
    }
    if (q.function == HIL_MB_MASK_WRITE_REGISTER)
        fill_mask(plan, r, out, seq, &q);
    size_t n = hil_mb_request_encode(&q, pdu), offset = hil_mb_data_offset(q.function);
    if (offset) {
        memset(pdu + offset, 0, n - offset);
        fill_data(plan, r, out, seq, pdu + offset);
    }
    return n;
}

void hil_regplan_accept(const struct hil_regplan *plan, unsigned k, const struct hil_mb_answer *answer, double *in)
{
    const struct hil_reg_request *r = &plan->requests[k];
    if (r->read)
        r = &plan->requests[r->read - 1];
    else if (k < plan->n_writes)
        return;
    for (unsigned i = r->first; i < r->first + (unsigned)r->n; i++) {
        unsigned tag = plan->in_order[i];
        const struct hil_reg_tag *t = &plan->map->in[tag];
        unsigned at = (unsigned)(t->address - r->address);
        if (answer->exception || !answer->data)
            in[tag] = __builtin_nan("");
        else if (hil_reg_is_bit_table(t->table))
            in[tag] = hil_reg_decode_bit(t, answer->data[at / 8] >> at % 8 & 1u);
        else
            in[tag] = hil_reg_decode(t, answer->data + 2 * at);
    }
}
