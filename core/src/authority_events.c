/* Authority events: found by the state of their block, so that nothing else can be meant. */
#include "authority_private.h"

extern const struct hil_block_type hil_type_authority;

static int is_authority(const struct hil_program *p, uint32_t i) { return p->types[i] == &hil_type_authority; }

static const struct hil_block *find(const struct hil_program *p, uint32_t offset)
{
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (is_authority(p, i) && p->blocks[i].state == offset)
            return &p->blocks[i];
    return NULL;
}

int hil_authority_owns(const struct hil_program *p, uint32_t offset)
{
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (is_authority(p, i) && offset - p->blocks[i].state < hil_authority_block_size())
            return 1;
    return 0;
}

int hil_authority_check(const struct hil_program *p, const struct hil_event *e)
{
    if (e->target == HIL_ALL_AUTHORITIES)
        return e->kind2 == HIL_AUTHORITY_REVOKE ? HIL_OK : HIL_E_ARG;
    const struct hil_block *b = find(p, e->target);
    return b ? hil_authority_block_check(b, e) : HIL_E_ARG;
}

int hil_authority_fire(const struct hil_program *p, unsigned char *s, const struct hil_event *e)
{
    int err = HIL_OK;
    for (uint32_t i = 0; i < p->n_blocks; i++)
        if (is_authority(p, i) && (e->target == HIL_ALL_AUTHORITIES || e->target == p->blocks[i].state))
            err = hil_authority_block_act(&p->blocks[i], s, e);
    return err;
}
