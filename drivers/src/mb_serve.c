#include <string.h>

#include "mb_bank_private.h"

static int writable(const struct hil_mb_bank *b, const struct hil_mb_run *run, uint32_t address, uint32_t quantity)
{
    const uint8_t *flags = b->flags + run->flag + (address - run->first);
    for (uint32_t i = 0; i < quantity; i++)
        if (!(flags[i] & HIL_MB_WRITABLE))
            return 0;
    return 1;
}

static uint8_t *read_cells(struct hil_mb_bank *b, unsigned table, uint32_t address, uint32_t quantity)
{
    const struct hil_mb_run *run = hil_mb_bank_find(b, table, address, quantity);
    return run ? b->cells + run->cell + (address - run->first) * hil_mb_cell_bytes(table) : NULL;
}

/* The cells to write, or NULL. */
static uint8_t *write_cells(struct hil_mb_bank *b, unsigned table, uint32_t address, uint32_t quantity)
{
    const struct hil_mb_run *run = hil_mb_bank_find(b, table, address, quantity);
    if (!run || !writable(b, run, address, quantity))
        return NULL;
    return b->cells + run->cell + (address - run->first) * hil_mb_cell_bytes(table);
}

static void mark_written(struct hil_mb_bank *b, unsigned table, uint32_t address, uint32_t quantity)
{
    const struct hil_mb_run *run = hil_mb_bank_find(b, table, address, quantity);
    memset(b->flags + run->flag + (address - run->first), HIL_MB_WRITABLE | HIL_MB_WRITTEN, quantity);
}

static void pack_bits(const uint8_t *cells, unsigned n, uint8_t *data)
{
    memset(data, 0, hil_mb_bit_bytes(n));
    for (unsigned i = 0; i < n; i++)
        data[i / 8] |= (uint8_t)(cells[i] << i % 8);
}

static void unpack_bits(const uint8_t *data, unsigned n, uint8_t *cells)
{
    for (unsigned i = 0; i < n; i++)
        cells[i] = data[i / 8] >> i % 8 & 1u;
}

static unsigned table_of(uint8_t function)
{
    switch (function) {
    case HIL_MB_READ_COILS:
    case HIL_MB_WRITE_COIL:
    case HIL_MB_WRITE_COILS: return HIL_COIL;
    case HIL_MB_READ_DISCRETE_INPUTS: return HIL_DISCRETE_INPUT;
    case HIL_MB_READ_INPUT_REGISTERS: return HIL_INPUT_REGISTER;
    default: return HIL_HOLDING_REGISTER;
    }
}

static void store(const struct hil_mb_request *r, uint8_t *cells)
{
    if (r->function == HIL_MB_MASK_WRITE_REGISTER)
        hil_mb_put16(cells, (hil_mb_get16(cells) & r->and_mask) | (r->or_mask & ~(unsigned)r->and_mask));
    else if (r->function == HIL_MB_WRITE_COIL)
        *cells = r->data[0] != 0;
    else if (r->function == HIL_MB_WRITE_COILS)
        unpack_bits(r->data, r->quantity, cells);
    else
        memcpy(cells, r->data, r->n_data);
}

/* Section 6's order after the checks of the PDU itself: all addresses, then execution; code 23 writes before it reads. */
static int execute(struct hil_mb_bank *b, const struct hil_mb_request *r, uint8_t *answer, size_t *n, int *wrote)
{
    unsigned table = table_of(r->function);
    int both = r->function == HIL_MB_READ_WRITE_REGISTERS, writes = both || r->function >= HIL_MB_WRITE_COIL;
    uint32_t address = both ? r->write_address : r->address, quantity = both ? r->write_quantity : r->quantity;
    uint8_t *to = writes ? write_cells(b, table, address, quantity) : NULL;
    const uint8_t *from = both || !writes ? read_cells(b, table, r->address, r->quantity) : NULL;
    if ((writes && !to) || ((both || !writes) && !from))
        return HIL_MB_ILLEGAL_ADDRESS;
    if (b->exception)
        return b->exception;
    if (writes) {
        store(r, to);
        mark_written(b, table, address, quantity);
        *wrote = 1;
    }
    *n = hil_mb_answer_head(r, answer);
    if (from && hil_reg_is_bit_table(table))
        pack_bits(from, r->quantity, answer + 2);
    else if (from)
        memcpy(answer + 2, from, 2 * (size_t)r->quantity);
    return HIL_MB_OK;
}

size_t hil_mb_serve(struct hil_mb_bank *bank, const uint8_t *pdu, size_t n, uint8_t *answer, int *wrote)
{
    struct hil_mb_request r;
    size_t length = 0;
    int exception = hil_mb_request_decode(pdu, n, &r);
    if (exception == HIL_MB_OK)
        exception = execute(bank, &r, answer, &length, wrote);
    return exception ? hil_mb_exception_encode(r.function, exception, answer) : length;
}
