#include <math.h>

#include "hil_drivers/regmap.h"

static const char *tag_trouble(const struct hil_reg_tag *t, int written_by_the_wire)
{
    if (t->table >= HIL_REG_TABLES)
        return "there is no such table";
    if (t->codec.kind > HIL_F64)
        return "there is no such type";
    if (hil_reg_is_bit_table(t->table) && (t->codec.kind != HIL_BOOL || t->bit != HIL_WHOLE_WORD))
        return "a coil or discrete input holds a bool and has no bit number";
    if (t->bit != HIL_WHOLE_WORD && (t->bit > 15 || t->codec.kind != HIL_BOOL))
        return "a bit of a register is a bool with a bit number from 0 to 15";
    if (t->address + hil_reg_words(t) > 65536u)
        return "the value ends past address 65535";
    if (written_by_the_wire && (t->table == HIL_DISCRETE_INPUT || t->table == HIL_INPUT_REGISTER))
        return "discrete inputs and input registers cannot be written over Modbus";
    if (!(t->codec.scale != 0.0) || !isfinite(t->codec.scale) || !isfinite(t->codec.offset))
        return "the scale must be finite and not zero, the offset finite";
    if (!(t->codec.lo <= t->codec.hi))
        return "the lower limit lies above the upper one";
    return NULL;
}

static int share_address(const struct hil_reg_tag *a, const struct hil_reg_tag *b)
{
    return a->table == b->table && a->address < b->address + hil_reg_words(b) &&
           b->address < a->address + hil_reg_words(a);
}

static int share_bits(const struct hil_reg_tag *a, const struct hil_reg_tag *b)
{
    int two_bits = a->bit != HIL_WHOLE_WORD && b->bit != HIL_WHOLE_WORD;
    return share_address(a, b) && !(two_bits && hil_reg_bit_mask(a) != hil_reg_bit_mask(b));
}

static int refuse(struct hil_regmap_error *e, const char *why, unsigned tag, int out)
{
    *e = (struct hil_regmap_error){.why = why, .tag = (uint16_t)tag, .out = (uint8_t)out};
    return HIL_E_ARG;
}

static int refuse_pair(struct hil_regmap_error *e, const char *why, unsigned tag, unsigned other, int other_out)
{
    refuse(e, why, tag, 1);
    e->other = (uint16_t)other;
    e->other_out = (uint8_t)other_out;
    e->has_other = 1;
    return HIL_E_ARG;
}

static int check_overlaps(const struct hil_regmap *m, enum hil_reg_role role, struct hil_regmap_error *e)
{
    for (unsigned i = 0; i < m->n_out; i++) {
        for (unsigned k = i + 1; k < m->n_out; k++)
            if (share_bits(&m->out[i], &m->out[k]))
                return refuse_pair(e, "two written tags share a register", k, i, 1);
        for (unsigned k = 0; role == HIL_REG_SERVER && k < m->n_in; k++)
            if (share_address(&m->out[i], &m->in[k]))
                return refuse_pair(e, "a register cannot be written from both sides", i, k, 0);
    }
    return HIL_OK;
}

int hil_regmap_check(const struct hil_regmap *map, enum hil_reg_role role, struct hil_regmap_error *error)
{
    for (unsigned i = 0; i < map->n_in; i++) {
        const char *why = tag_trouble(&map->in[i], role == HIL_REG_SERVER);
        if (why)
            return refuse(error, why, i, 0);
    }
    for (unsigned i = 0; i < map->n_out; i++) {
        const char *why = tag_trouble(&map->out[i], role == HIL_REG_CLIENT);
        if (why)
            return refuse(error, why, i, 1);
    }
    return check_overlaps(map, role, error);
}
