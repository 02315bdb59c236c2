#include "hil_drivers/regplan.h"

/* What one pass over the tags of a direction needs. */
struct pass {
    const struct hil_reg_tag *tags;
    const uint16_t *order;
    unsigned n, writes;
    struct hil_reg_limits limits; /* no zeros */
};

size_t hil_regplan_size(const struct hil_regmap *map)
{
    size_t n = (size_t)map->n_in + map->n_out;
    return n * (sizeof(struct hil_reg_request) + sizeof(uint16_t));
}

static uint16_t limit(uint16_t wanted, uint16_t allowed) { return wanted && wanted < allowed ? wanted : allowed; }

static struct hil_reg_limits whole_limits(const struct hil_reg_limits *l)
{
    return (struct hil_reg_limits){
        .max_gap = l->max_gap,
        .read_bits = limit(l->read_bits, HIL_MB_MAX_READ_BITS),
        .read_registers = limit(l->read_registers, HIL_MB_MAX_READ_REGISTERS),
        .write_bits = limit(l->write_bits, HIL_MB_MAX_WRITE_BITS),
        .write_registers = limit(l->write_registers, HIL_MB_MAX_WRITE_REGISTERS),
        .flags = l->flags,
    };
}

static int is_mask_write(const struct pass *p, const struct hil_reg_tag *t)
{
    return p->writes && t->bit != HIL_WHOLE_WORD && !(p->limits.flags & HIL_REG_BITS_AS_WORD);
}

static uint8_t function_of(const struct pass *p, const struct hil_reg_tag *t)
{
    static const uint8_t reads[HIL_REG_TABLES] = {HIL_MB_READ_COILS, HIL_MB_READ_DISCRETE_INPUTS,
                                                  HIL_MB_READ_INPUT_REGISTERS, HIL_MB_READ_HOLDING_REGISTERS};
    if (!p->writes)
        return reads[t->table];
    if (is_mask_write(p, t))
        return HIL_MB_MASK_WRITE_REGISTER;
    return t->table == HIL_COIL ? HIL_MB_WRITE_COILS : HIL_MB_WRITE_REGISTERS;
}

static unsigned most(const struct pass *p, uint8_t function)
{
    switch (function) {
    case HIL_MB_READ_COILS:
    case HIL_MB_READ_DISCRETE_INPUTS: return p->limits.read_bits;
    case HIL_MB_WRITE_COILS: return p->limits.write_bits;
    case HIL_MB_WRITE_REGISTERS: return p->limits.write_registers;
    case HIL_MB_MASK_WRITE_REGISTER: return 1;
    default: return p->limits.read_registers;
    }
}

/* Whether the tag can join the request; `end` is the first address behind both. */
static int joins(const struct pass *p, const struct hil_reg_request *r, const struct hil_reg_tag *last,
                 const struct hil_reg_tag *t, unsigned *end)
{
    unsigned have = r->address + (unsigned)r->quantity, tag_end = t->address + hil_reg_words(t);
    *end = tag_end > have ? tag_end : have;
    return last->table == t->table && function_of(p, t) == r->function &&
           t->address <= have + (p->writes ? 0 : p->limits.max_gap) && *end - r->address <= most(p, r->function);
}

/* Appends the requests of one direction; returns how many, or -1 when a value alone is larger than a request may be. */
static int add_requests(const struct pass *p, struct hil_reg_request *out)
{
    int n = 0;
    for (unsigned i = 0; i < p->n; i++) {
        const struct hil_reg_tag *t = &p->tags[p->order[i]];
        struct hil_reg_request *r = n > 0 ? &out[n - 1] : NULL;
        unsigned end = 0;
        if (r && joins(p, r, &p->tags[p->order[i - 1]], t, &end)) {
            r->quantity = (uint16_t)(end - r->address);
            r->n++;
            continue;
        }
        uint8_t function = function_of(p, t);
        if (hil_reg_words(t) > most(p, function))
            return -1;
        out[n] = (struct hil_reg_request){.address = t->address,
                                          .quantity = (uint16_t)hil_reg_words(t),
                                          .first = (uint16_t)i,
                                          .n = 1,
                                          .function = function};
        n++;
    }
    return n;
}

static void use_single_writes(struct hil_regplan *plan)
{
    for (unsigned i = 0; i < plan->n_writes; i++) {
        struct hil_reg_request *r = &plan->requests[i];
        if (r->quantity == 1 && r->function == HIL_MB_WRITE_COILS)
            r->function = HIL_MB_WRITE_COIL;
        else if (r->quantity == 1 && r->function == HIL_MB_WRITE_REGISTERS)
            r->function = HIL_MB_WRITE_REGISTER;
    }
}

/* Gives every register write that fits into code 23 the next read of holding registers as its companion. */
static void combine(struct hil_regplan *plan)
{
    unsigned k = plan->n_writes;
    for (unsigned i = 0; i < plan->n_writes; i++) {
        struct hil_reg_request *w = &plan->requests[i];
        if (w->function != HIL_MB_WRITE_REGISTERS || w->quantity > HIL_MB_MAX_RW_REGISTERS)
            continue;
        while (k < plan->n && plan->requests[k].function != HIL_MB_READ_HOLDING_REGISTERS)
            k++;
        if (k == plan->n)
            return;
        w->function = HIL_MB_READ_WRITE_REGISTERS;
        w->read = (uint16_t)(k + 1);
        plan->requests[k++].done_by_other = 1;
    }
}

int hil_regplan_build(struct hil_regplan *plan, void *mem, const struct hil_regmap *map,
                      const struct hil_reg_limits *limits)
{
    struct hil_reg_request *requests = mem;
    uint16_t *order = (uint16_t *)(void *)(requests + map->n_in + map->n_out);
    *plan = (struct hil_regplan){.map = map, .requests = requests, .out_order = order, .in_order = order + map->n_out};
    hil_reg_sort(map->out, map->n_out, plan->out_order);
    hil_reg_sort(map->in, map->n_in, plan->in_order);
    struct pass writes = {map->out, plan->out_order, map->n_out, 1, whole_limits(limits)};
    struct pass reads = {map->in, plan->in_order, map->n_in, 0, whole_limits(limits)};
    int n_writes = add_requests(&writes, requests);
    if (n_writes < 0)
        return HIL_E_ARG;
    int n_reads = add_requests(&reads, requests + n_writes);
    if (n_reads < 0)
        return HIL_E_ARG;
    plan->n_writes = (uint16_t)n_writes;
    plan->n = (uint16_t)(n_writes + n_reads);
    if (limits->flags & HIL_REG_COMBINE)
        combine(plan);
    if (limits->flags & HIL_REG_SINGLE_WRITES)
        use_single_writes(plan);
    return HIL_OK;
}
