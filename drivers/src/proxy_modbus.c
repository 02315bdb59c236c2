#include "hil_drivers/rtu.h"
#include "proxy_private.h"

#define EXCEPTION 0x80

/* Address and number of registers or bits that a request names: MODBUS Application Protocol V1.1b3, section 6. */
static void look_at_request(struct proxy_frame *f)
{
    const uint8_t *pdu = proxy_pdu(f);
    size_t n = proxy_pdu_size(f);
    int function = f->function;
    int is_one = function == 5 || function == 6 || function == 22;
    int is_many = (function >= 1 && function <= 4) || function == 15 || function == 16 || function == 23;
    if (n < 5 || !(is_one || is_many))
        return;
    f->address = proxy_get16(pdu + 1);
    f->quantity = is_one ? 1 : proxy_get16(pdu + 3);
}

void proxy_look(int protocol, struct proxy_frame *f, const struct proxy_request *r)
{
    f->head = protocol == HIL_PROXY_TCP ? 7 : 1;
    f->tail = protocol == HIL_PROXY_TCP ? 0 : 2;
    f->unit = f->function = f->address = f->quantity = -1;
    f->is_modbus = protocol != HIL_PROXY_LINK && f->n > (size_t)(f->head + f->tail);
    f->is_exception = 0;
    if (!f->is_modbus)
        return;
    f->id = protocol == HIL_PROXY_TCP ? (uint16_t)proxy_get16(f->data) : 0;
    f->unit = f->data[f->head - 1];
    f->function = f->data[f->head] & ~EXCEPTION;
    f->is_exception = f->data[f->head] >= EXCEPTION;
    if (f->way == HIL_PROXY_REQUEST)
        look_at_request(f);
    else if (r) {
        f->address = r->address;
        f->quantity = r->quantity;
    }
}

void proxy_seal(struct proxy_frame *f)
{
    if (f->tail && f->n >= (size_t)f->tail)
        f->n = hil_rtu_finish(f->data, f->n - (size_t)f->tail);
}

void proxy_resize_pdu(struct proxy_frame *f, size_t n)
{
    f->n = n + (size_t)(f->head + f->tail);
    if (!f->tail)
        proxy_put16(f->data + 4, (int)n + 1);
    proxy_seal(f);
}

int proxy_is_read_answer(const struct proxy_frame *f)
{
    int reads = (f->function >= 1 && f->function <= 4) || f->function == 23;
    if (!f->is_modbus || f->way != HIL_PROXY_RESPONSE || f->is_exception || !reads)
        return 0;
    size_t n = proxy_pdu_size(f);
    return n >= 3 && (size_t)f->data[f->head + 1] + 2 == n;
}

int proxy_is_write(const struct proxy_frame *f)
{
    int writes = f->function == 5 || f->function == 6 || f->function == 15 || f->function == 16 || f->function == 22;
    return f->is_modbus && f->way == HIL_PROXY_REQUEST && writes && f->address >= 0;
}
