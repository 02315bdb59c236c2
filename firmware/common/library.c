#include "library.h"

#include "control.h"
#include "hil/hash.h"
#include "hil/tick.h"

static void reset(const void *self, void *context)
{
    hil_state_init(((const struct fw_library *)self)->program, context);
}

static void step(const void *self, void *context, const double *in, double *out)
{
    fw_control_step(((const struct fw_library *)self)->program, context, in, out);
}

size_t fw_library_size(const struct hil_spec *spec, struct hil_block_spec *blocks, const char *const *types)
{
    return fw_find_types(blocks, types, spec->n_blocks) ? 0 : hil_program_size(spec);
}

static uint32_t list_params(const struct hil_program *p, const struct hil_spec *spec, uint32_t *params)
{
    uint32_t n = 0;
    for (uint16_t b = 0; b < spec->n_blocks; b++)
        for (uint16_t k = 0; k < spec->blocks[b].n_params; k++)
            params[n++] = hil_offset_param(p, b, k);
    return n;
}

int fw_library_init(struct fw_library *l, const struct hil_spec *spec, struct hil_block_spec *blocks,
                    const char *const *types, uint32_t *params, void *mem, size_t size, struct hil_build_error *error)
{
    int err = fw_find_types(blocks, types, spec->n_blocks);
    if (!err)
        err = hil_program_build(spec, mem, size, &l->program, error);
    if (err)
        return err;
    l->table = (struct hil_library){.abi = HIL_LIBRARY_ABI,
                                    .n_in = spec->roles[1].n_out,
                                    .n_out = spec->roles[1].n_in,
                                    .size = (uint32_t)hil_state_size(l->program),
                                    .hash = hil_program_hash(l->program),
                                    .n_params = list_params(l->program, spec, params),
                                    .params = params,
                                    .self = l,
                                    .reset = reset,
                                    .step = step};
    return HIL_OK;
}
