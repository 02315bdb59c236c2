/* Raw requests and benchmarks, beside the cycle. */
#include <string.h>

#include "mb_client_private.h"

struct raw {
    uint8_t *answer;
    size_t n;
    uint8_t function;
};

static void keep_answer(void *context, unsigned k, const struct hil_mb_answer *a)
{
    struct raw *r = context;
    (void)k;
    r->answer[0] = a->exception ? r->function | 0x80 : r->function;
    r->answer[1] = a->exception ? a->exception : (uint8_t)a->n_data;
    r->n = 2;
    if (!a->exception && a->data) {
        memcpy(r->answer + 2, a->data, a->n_data);
        r->n += a->n_data;
    }
}

/* Codes that only write echo their request, which the wire has checked. */
static void echo_request(struct raw *r, const uint8_t *pdu, size_t n)
{
    if (r->answer[0] & 0x80 || hil_mb_data_offset(r->function) == 10)
        return;
    if (r->function == HIL_MB_MASK_WRITE_REGISTER || hil_mb_data_offset(r->function)) {
        r->n = r->function == HIL_MB_MASK_WRITE_REGISTER ? 7 : 5;
        memcpy(r->answer, pdu, r->n < n ? r->n : n);
    }
}

int hil_mb_client_transact(struct hil_mb_client *c, const uint8_t *pdu, size_t n, uint8_t *answer, size_t *n_answer)
{
    struct raw raw = {answer, 0, pdu[0]};
    if (n < 1 || n > HIL_MB_PDU_MAX)
        return HIL_E_ARG;
    int rc = hil_mb_client_connect(c, c->wire->timeout_ns);
    if (rc != HIL_OK)
        return rc;
    hil_mb_wire_begin(c->wire);
    memset(hil_mb_wire_slot(c->wire), 0, 10); /* a request may be shorter than its function wants */
    memcpy(hil_mb_wire_slot(c->wire), pdu, n);
    hil_mb_wire_add(c->wire, n);
    rc = hil_mb_wire_run(c->wire, keep_answer, &raw);
    if (rc == HIL_OK && raw.n) /* nobody answers a broadcast */
        echo_request(&raw, pdu, n);
    *n_answer = raw.n;
    return rc;
}

struct bench {
    uint16_t registers[HIL_MB_MAX_READ_REGISTERS];
};

static void decode_registers(void *context, unsigned k, const struct hil_mb_answer *a)
{
    struct bench *b = context;
    (void)k;
    for (unsigned i = 0; i + 1 < a->n_data; i += 2)
        b->registers[i / 2] = hil_mb_get16(a->data + i);
}

int hil_mb_client_bench(struct hil_mb_client *c, const struct hil_mb_request *read, unsigned n, unsigned depth,
                        int64_t *round_ns, int64_t *total_ns)
{
    struct bench bench = {{0}};
    if (depth < 1 || depth > c->wire->max_depth)
        return HIL_E_ARG;
    int rc = hil_mb_client_connect(c, c->wire->timeout_ns);
    int64_t start = hil_now_ns();
    for (unsigned i = 0; rc == HIL_OK && i < n;) {
        int64_t before = hil_now_ns();
        hil_mb_wire_begin(c->wire);
        while (c->wire->n_sent < depth && i + c->wire->n_sent < n)
            hil_mb_wire_add(c->wire, hil_mb_request_encode(read, hil_mb_wire_slot(c->wire)));
        rc = hil_mb_wire_run(c->wire, decode_registers, &bench);
        int64_t took = hil_now_ns() - before;
        for (unsigned k = 0; k < c->wire->n_sent; k++)
            round_ns[i++] = took;
    }
    *total_ns = hil_now_ns() - start;
    return rc;
}
