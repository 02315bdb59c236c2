/* Faults in what a Modbus frame says. */
#include <string.h>

#include "proxy_private.h"

#define EXCEPTION 0x80

static int is_set(int value) { return value != HIL_PROXY_UNSET; }

int proxy_wrong_unit(struct proxy_act *a)
{
    uint8_t *unit = &a->f->data[a->f->head - 1];
    *unit = (uint8_t)(is_set(a->t->value) ? a->t->value : *unit + 1);
    proxy_seal(a->f);
    return 1;
}

int proxy_wrong_function(struct proxy_act *a)
{
    uint8_t *function = proxy_pdu(a->f);
    int other = is_set(a->t->value) ? a->t->value : (*function & ~EXCEPTION) + 1;
    *function = (uint8_t)((*function & EXCEPTION) | other);
    proxy_seal(a->f);
    return 1;
}

int proxy_wrong_transaction(struct proxy_act *a)
{
    proxy_put16(a->f->data, a->f->id + a->t->value);
    return 1;
}

/* Over TCP the length field; in RTU, which has none, the count of bytes that follow. */
int proxy_wrong_length(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    if (!f->tail)
        proxy_put16(f->data + 4, proxy_get16(f->data + 4) + a->t->value);
    else if (proxy_is_read_answer(f))
        f->data[f->head + 1] = (uint8_t)(f->data[f->head + 1] + a->t->value);
    else
        return 0;
    proxy_seal(f);
    f->is_modbus = 0;
    return 1;
}

/* Puts a PDU into the answer that the proxy gives itself, in the frame of the request. */
static void answer_with(struct proxy_act *a, const uint8_t *pdu, size_t n)
{
    struct proxy_frame *answer = &a->p->answer;
    memcpy(answer->data, a->f->data, (size_t)a->f->head);
    answer->head = a->f->head;
    answer->tail = a->f->tail;
    memcpy(proxy_pdu(answer), pdu, n);
    proxy_resize_pdu(answer, n);
    memcpy(a->v->answer, answer->data, answer->n);
    a->v->n_answer = answer->n;
    a->v->drop = 1;
}

int proxy_exception(struct proxy_act *a)
{
    uint8_t pdu[2] = {(uint8_t)(a->f->function | EXCEPTION), (uint8_t)a->t->value};
    if (a->f->way == HIL_PROXY_REQUEST) {
        answer_with(a, pdu, sizeof pdu);
        return 1;
    }
    memcpy(proxy_pdu(a->f), pdu, sizeof pdu);
    proxy_resize_pdu(a->f, sizeof pdu);
    a->f->is_exception = 1;
    return 1;
}

int proxy_silent_accept(struct proxy_act *a)
{
    if (!proxy_is_write(a->f))
        return 0;
    size_t n = a->f->function == 22 ? 7 : 5; /* 6.5 to 6.16: echo of the request, without the values of many */
    if (proxy_pdu_size(a->f) < n)
        return 0;
    answer_with(a, proxy_pdu(a->f), n);
    return 1;
}

/* Where the registers of a frame stand, and how many; 0: it carries none. */
static size_t registers_of(struct proxy_frame *f, uint8_t **first)
{
    size_t n = proxy_pdu_size(f);
    int is_answer = proxy_is_read_answer(f) && f->function >= 3;
    int is_write = proxy_is_write(f) && f->function == 16 && n > 6;
    *first = proxy_pdu(f) + (is_answer ? 2 : 6);
    return is_answer ? (n - 2) / 2 : is_write ? (n - 6) / 2 : 0;
}

int proxy_swapped(struct proxy_act *a)
{
    uint8_t *word, kept[2];
    size_t n = registers_of(a->f, &word);
    for (size_t i = 0; i + 1 < n; i += 2, word += 4) {
        memcpy(kept, word, 2);
        memcpy(word, word + 2, 2);
        memcpy(word + 2, kept, 2);
    }
    proxy_seal(a->f);
    return n >= 2;
}

/* The request goes to another unit or asks for other registers; proxy_stream.c gives the answer the asked-for look. */
int proxy_masquerade(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    struct proxy_request *r = f->request;
    if (!r || (a->t->address >= 0 && f->address < 0))
        return 0;
    r->fault = (int)a->k + 1;
    if (is_set(a->t->value)) {
        r->real_unit = f->unit;
        f->data[f->head - 1] = (uint8_t)a->t->value;
    }
    if (a->t->address >= 0) {
        r->real_address = f->address;
        proxy_put16(proxy_pdu(f) + 1, a->t->address);
    }
    proxy_seal(f);
    return 1;
}
