/* Faults in the bytes of a frame, whatever they mean. */
#include <string.h>

#include "hil_drivers/link.h"
#include "proxy_private.h"

/* Nothing that needs a whole PDU is done with this frame any more. */
static int spoilt(struct proxy_frame *f)
{
    f->is_modbus = 0;
    return 1;
}

/* Inside of COBS, or the receiver would find fault with the stuffing instead of the check. */
static int spoil_link_check(struct proxy_frame *f)
{
    uint8_t plain[HIL_PROXY_FRAME_MAX];
    if (f->n < 2 || f->n > HIL_LINK_MAX_FRAME)
        return 0;
    size_t n = hil_cobs_decode(f->data, f->n - 1, plain);
    if (n == SIZE_MAX || n < 4)
        return 0;
    plain[n - 1] ^= 0xff;
    n = hil_cobs_encode(plain, n, f->data);
    f->data[n] = 0;
    f->n = n + 1;
    return 1;
}

int proxy_crc(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    if (a->p->options.protocol == HIL_PROXY_LINK)
        return spoil_link_check(f);
    if (!f->is_modbus || !f->tail)
        return 0;
    f->data[f->n - 2] ^= 0xff;
    return spoilt(f);
}

/* The header of Modbus TCP has faults of its own; a serial line disturbs any byte. */
int proxy_bit_flip(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    size_t from = f->is_modbus && !f->tail ? (size_t)f->head : 0;
    size_t bits = 8 * (f->n - from);
    size_t bit = a->t->at >= 0 ? (size_t)a->t->at : 8 * from + proxy_draw(a->p, a->k) % bits;
    if (bit >= 8 * f->n)
        return 0;
    f->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    if (a->t->repair && f->is_modbus)
        proxy_seal(f);
    return 1;
}

int proxy_truncate(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    size_t n = (size_t)a->t->count;
    if (a->t->repair && f->is_modbus && proxy_pdu_size(f) > n) {
        proxy_resize_pdu(f, proxy_pdu_size(f) - n);
        return 1;
    }
    if (a->t->repair || f->n <= n)
        return 0;
    f->n -= n;
    return spoilt(f);
}

int proxy_extra(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    size_t n = a->t->n_data;
    int inside = a->t->repair && f->is_modbus;
    /* In front of what ends a frame: the CRC where it is made right again, the zero byte of the link. */
    size_t tail = inside ? (size_t)f->tail : a->p->options.protocol == HIL_PROXY_LINK ? 1 : 0;
    if (f->n + n > sizeof f->data || f->n < tail)
        return 0;
    memmove(f->data + f->n - tail + n, f->data + f->n - tail, tail);
    memcpy(f->data + f->n - tail, a->t->data, n);
    f->n += n;
    if (!inside)
        return spoilt(f);
    proxy_resize_pdu(f, proxy_pdu_size(f));
    return 1;
}
