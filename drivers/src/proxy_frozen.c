/* Answers with data of an older one. */
#include <string.h>

#include "proxy_private.h"

static int is_same(const struct proxy_frozen *z, const struct proxy_frame *f)
{
    return z->n && z->unit == f->unit && z->function == f->function && z->address == f->address &&
           z->quantity == f->quantity;
}

static struct proxy_frozen *find(struct proxy_act *a)
{
    struct proxy_frozen *all = a->p->states[a->k].frozen;
    for (unsigned i = 0; i < FROZEN_KEYS; i++)
        if (is_same(&all[i], a->f))
            return &all[i];
    return NULL;
}

void proxy_remember(struct proxy_act *a)
{
    struct proxy_frame *f = a->f;
    struct proxy_fault_state *state = &a->p->states[a->k];
    size_t n = proxy_pdu_size(f);
    struct proxy_frozen *z = find(a);
    if (n > PDU_MAX)
        return;
    if (!z)
        z = &state->frozen[state->next_frozen++ % FROZEN_KEYS];
    *z = (struct proxy_frozen){f->unit, f->function, f->address, f->quantity, (int)n, {0}};
    memcpy(z->data, proxy_pdu(f), n);
}

int proxy_thaw(struct proxy_act *a)
{
    struct proxy_frozen *z = find(a);
    if (!z || (size_t)z->n != proxy_pdu_size(a->f))
        return 0;
    memcpy(proxy_pdu(a->f), z->data, (size_t)z->n);
    proxy_seal(a->f);
    return 1;
}
