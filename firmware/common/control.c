#include "control.h"

#include "hil/tick.h"

#define BENCH 1 /* the role that stands for the other side */

static size_t aligned(size_t n) { return (n + 63) / 64 * 64; }

int fw_find_types(struct hil_block_spec *blocks, const char *const *types, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!(blocks[i].type = hil_block_type_find(types[i])))
            return HIL_E_ARG;
    return HIL_OK;
}

size_t fw_control_size(const struct fw_app *app)
{
    if (fw_find_types(app->blocks, app->types, app->spec->n_blocks))
        return 0;
    return aligned(hil_program_size(app->spec)) + app->state_size;
}

static int build(const struct fw_app *app, void *mem, size_t size, const struct hil_program **out)
{
    struct hil_build_error error;
    int err = hil_program_build(app->spec, mem, size, out, &error);
    if (err)
        return err;
    return hil_program_hash(*out) == app->program_hash ? HIL_OK : HIL_E_HASH;
}

int fw_control_init(struct fw_control *c, const struct fw_app *app, void *arena, size_t size)
{
    *c = (struct fw_control){0};
    int err = fw_find_types(app->blocks, app->types, app->spec->n_blocks);
    if (err)
        return err;
    size_t program = aligned(hil_program_size(app->spec));
    if (program > size)
        return HIL_E_SIZE;
    err = build(app, arena, program, &c->program);
    if (!err && program + hil_state_size(c->program) > size)
        err = HIL_E_SIZE;
    if (err) {
        c->program = NULL;
        return err;
    }
    c->state = (unsigned char *)arena + program;
    fw_control_reset(c);
    return HIL_OK;
}

void fw_control_reset(struct fw_control *c) { hil_state_init(c->program, c->state); }

void fw_control_step(const struct hil_program *program, unsigned char *state, const double *in, double *out)
{
    hil_step(program, state, in, out);
}

void fw_control_tick(const struct hil_program *program, unsigned char *state, double *out)
{
    hil_tick(program, state);
    hil_role_published(program, state, BENCH, out);
}
