/* The table of block types, and what is checked alike for all of them. */
#include "block_types.h"

#include <math.h>
#include <string.h>

#include "hil/model.h"

#define ADDRESS(name) &hil_type_##name,
const struct hil_block_type *const hil_block_types[] = {HIL_BLOCK_TYPES(ADDRESS) NULL};
#undef ADDRESS

const struct hil_block_type *hil_block_type_find(const char *name)
{
    for (const struct hil_block_type *const *t = hil_block_types; *t; t++)
        if (strcmp((*t)->name, name) == 0)
            return *t;
    return NULL;
}

int hil_block_feedthrough(const struct hil_block_type *type, const struct hil_model *model)
{
    return type->feedthrough != 0 || (model && model->feedthrough != 0);
}

static uint32_t count_choices(const char *choices)
{
    uint32_t n = 1;
    for (; *choices; choices++)
        n += *choices == '|';
    return n;
}

static const char *check_config(const struct hil_config *c, const struct hil_array *a)
{
    if (a->n < c->min_n || a->n > c->max_n)
        return "a configuration field has too few or too many elements";
    if (!c->choices)
        return NULL;
    for (uint32_t i = 0; i < a->n; i++)
        if (!(a->data[i] >= 0.0 && a->data[i] < count_choices(c->choices) && a->data[i] == (int)a->data[i]))
            return "a configuration field names none of its choices";
    return NULL;
}

static const char *check_params(const struct hil_block_type *type, const double *params)
{
    for (uint32_t i = 0; i < type->n_params; i++)
        if (!(params[i] >= type->params[i].min && params[i] <= type->params[i].max))
            return "a parameter lies outside its range";
    return NULL;
}

const char *hil_block_check(const struct hil_block_type *type, const struct hil_shape *shape)
{
    const char *why = NULL;
    for (uint32_t i = 0; i < type->n_config && !why; i++)
        why = check_config(&type->config[i], &shape->cfg[i]);
    if (!why)
        why = check_params(type, shape->params);
    return why || !type->check ? why : type->check(shape);
}

uint32_t hil_block_state_count(const struct hil_block_type *type, const struct hil_shape *shape)
{
    return type->n_state ? type->n_state(shape) : type->n_states;
}
