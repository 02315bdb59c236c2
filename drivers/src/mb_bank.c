#include <string.h>

#include "mb_bank_private.h"

/* Where the next pieces of a bank come from while it is laid out. */
struct layout {
    uint32_t cells, flags;
    struct hil_mb_run *runs;
};

static size_t round8(size_t n) { return (n + 7) / 8 * 8; }

size_t hil_mb_bank_size(const struct hil_regmap *map)
{
    size_t n = (size_t)map->n_in + map->n_out;
    /* a tag has at most 4 registers and one run of its own; two sort orders stay behind the rest */
    return round8(n * sizeof(struct hil_mb_run)) + round8(2 * n * sizeof(uint32_t)) + round8(8 * n) + round8(4 * n) +
           round8(n * sizeof(uint16_t));
}

/* Extends the table's last run by the tag, or opens a new one. Tags come sorted by address. */
static void lay_tag(struct hil_mb_bank *b, struct layout *l, const struct hil_reg_tag *t)
{
    struct hil_mb_run *runs = b->runs[t->table];
    struct hil_mb_run *last = b->n_runs[t->table] ? &runs[b->n_runs[t->table] - 1] : NULL;
    uint32_t end = t->address + hil_reg_words(t);
    if (!last || t->address > last->end) {
        last = &runs[b->n_runs[t->table]++];
        *last = (struct hil_mb_run){t->address, t->address, l->cells, l->flags};
    }
    if (end > last->end) {
        l->cells += (end - last->end) * hil_mb_cell_bytes(t->table);
        l->flags += end - last->end;
        last->end = end;
    }
}

static uint16_t next_address(const struct hil_reg_tag *tags, const uint16_t *order, unsigned i)
{
    return tags[order[i]].address;
}

/* Lays out one table: merges the sorted tags of both directions. */
static void lay_table(struct hil_mb_bank *b, struct layout *l, unsigned table, const uint16_t *in, const uint16_t *out)
{
    const struct hil_regmap *m = b->map;
    unsigned i = 0, k = 0;
    b->runs[table] = l->runs;
    while (i < m->n_in && m->in[in[i]].table < table)
        i++;
    while (k < m->n_out && m->out[out[k]].table < table)
        k++;
    for (;;) {
        int has_in = i < m->n_in && m->in[in[i]].table == table;
        int has_out = k < m->n_out && m->out[out[k]].table == table;
        if (!has_in && !has_out)
            break;
        if (has_in && (!has_out || next_address(m->in, in, i) <= next_address(m->out, out, k)))
            lay_tag(b, l, &m->in[in[i++]]);
        else
            lay_tag(b, l, &m->out[out[k++]]);
    }
    l->runs += b->n_runs[table];
}

const struct hil_mb_run *hil_mb_bank_find(const struct hil_mb_bank *b, unsigned table, uint32_t address,
                                          uint32_t quantity)
{
    const struct hil_mb_run *runs = b->runs[table];
    uint32_t low = 0, high = b->n_runs[table];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (runs[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == b->n_runs[table] || runs[low].first > address || address + quantity > runs[low].end)
        return NULL;
    return &runs[low];
}

static uint32_t place_tag(const struct hil_mb_bank *b, const struct hil_reg_tag *t, uint32_t *flag)
{
    const struct hil_mb_run *run = hil_mb_bank_find(b, t->table, t->address, hil_reg_words(t));
    *flag = run->flag + (t->address - run->first);
    return run->cell + (t->address - run->first) * hil_mb_cell_bytes(t->table);
}

void hil_mb_bank_init(struct hil_mb_bank *bank, void *mem, const struct hil_regmap *map)
{
    size_t n = (size_t)map->n_in + map->n_out;
    unsigned char *p = mem;
    memset(mem, 0, hil_mb_bank_size(map));
    *bank = (struct hil_mb_bank){.map = map};
    struct layout l = {0, 0, (struct hil_mb_run *)(void *)p};
    p += round8(n * sizeof(struct hil_mb_run));
    bank->in_cell = (uint32_t *)(void *)p;
    bank->in_flag = bank->in_cell + map->n_in;
    bank->out_cell = bank->in_flag + map->n_in; /* 2 * n_in + n_out <= 2 * n */
    p += round8(2 * n * sizeof(uint32_t));
    bank->cells = p;
    bank->flags = bank->cells + round8(8 * n);
    uint16_t *order = (uint16_t *)(void *)(bank->flags + round8(4 * n));
    hil_reg_sort(map->in, map->n_in, order);
    hil_reg_sort(map->out, map->n_out, order + map->n_in);
    for (unsigned table = 0; table < HIL_REG_TABLES; table++)
        lay_table(bank, &l, table, order, order + map->n_in);
    uint32_t flag;
    for (unsigned i = 0; i < map->n_out; i++)
        bank->out_cell[i] = place_tag(bank, &map->out[i], &flag);
    for (unsigned i = 0; i < map->n_in; i++) {
        bank->in_cell[i] = place_tag(bank, &map->in[i], &bank->in_flag[i]);
    }
    hil_mb_bank_forget(bank);
}

void hil_mb_bank_forget(struct hil_mb_bank *bank)
{
    for (unsigned i = 0; i < bank->map->n_in; i++)
        memset(bank->flags + bank->in_flag[i], HIL_MB_WRITABLE, hil_reg_words(&bank->map->in[i]));
}

void hil_mb_bank_set(struct hil_mb_bank *bank, const double *out, uint64_t seq)
{
    for (unsigned i = 0; i < bank->map->n_out; i++) {
        const struct hil_reg_tag *t = &bank->map->out[i];
        double value = t->heartbeat ? hil_reg_beat(t, seq) : out[i];
        uint8_t *cell = bank->cells + bank->out_cell[i];
        if (hil_reg_is_bit_table(t->table))
            *cell = (uint8_t)hil_reg_encode_bit(t, value);
        else
            hil_reg_encode(t, value, cell);
    }
}

static int all_written(const struct hil_mb_bank *b, unsigned i)
{
    unsigned words = hil_reg_words(&b->map->in[i]);
    const uint8_t *flags = b->flags + b->in_flag[i];
    for (unsigned k = 0; k < words; k++)
        if (!(flags[k] & HIL_MB_WRITTEN))
            return 0;
    return 1;
}

void hil_mb_bank_get(const struct hil_mb_bank *bank, double *in)
{
    for (unsigned i = 0; i < bank->map->n_in; i++) {
        const struct hil_reg_tag *t = &bank->map->in[i];
        const uint8_t *cell = bank->cells + bank->in_cell[i];
        if (!all_written(bank, i))
            in[i] = __builtin_nan("");
        else
            in[i] = hil_reg_is_bit_table(t->table) ? hil_reg_decode_bit(t, *cell) : hil_reg_decode(t, cell);
    }
}
