#include "hil/watch.h"

#include <string.h>

#include "hil/math.h"

#define NEVER UINT64_MAX

static int operands(uint16_t code)
{
    if (code < HIL_WATCH_NUMBER || code > HIL_WATCH_OR)
        return -1;
    return code <= HIL_WATCH_STATUS ? 0 : code <= HIL_WATCH_CHANGED ? 1 : 2;
}

static int fits(const struct hil_watch_op *op, size_t state_size)
{
    switch (op->code) {
    case HIL_WATCH_VALUE: return op->arg % 8 == 0 && (uint64_t)op->arg + 8 <= state_size;
    case HIL_WATCH_STATUS: return op->arg < state_size;
    case HIL_WATCH_RISE:
    case HIL_WATCH_FALL:
    case HIL_WATCH_HELD:
    case HIL_WATCH_CHANGED: return op->aux < HIL_WATCH_MEMORY;
    default: return 1;
    }
}

int hil_watch_check(const struct hil_watch *w, size_t state_size)
{
    int depth = 0;
    if (w->n_ops == 0 || w->n_ops > HIL_WATCH_OPS)
        return HIL_E_ARG;
    for (uint32_t i = 0; i < w->n_ops; i++) {
        int taken = operands(w->op[i].code);
        if (taken < 0 || depth < taken || !fits(&w->op[i], state_size))
            return HIL_E_ARG;
        depth += 1 - taken;
        if (depth > HIL_WATCH_DEPTH)
            return HIL_E_FULL;
    }
    return depth == 1 ? HIL_OK : HIL_E_ARG;
}

void hil_watch_reset(struct hil_watch_memory *m)
{
    for (int i = 0; i < HIL_WATCH_MEMORY; i++) {
        m->since[i] = NEVER;
        m->last[i] = __builtin_nan("");
    }
}

static double leaf(const struct hil_watch_op *op, const unsigned char *state)
{
    double value = op->value;
    if (op->code == HIL_WATCH_VALUE)
        memcpy(&value, state + op->arg, sizeof value);
    else if (op->code == HIL_WATCH_STATUS)
        value = (state[op->arg] & op->aux) != 0;
    return value;
}

static double held(uint64_t *since, int now, uint64_t ticks, uint64_t tick)
{
    if (!now)
        *since = NEVER;
    else if (*since == NEVER)
        *since = tick;
    return now && tick - *since >= ticks;
}

/* The last value of an edge's operand; the new one takes its place. */
static double swap(double *last, double now)
{
    double before = *last;
    *last = now;
    return before;
}

static double of_one(const struct hil_watch_op *op, struct hil_watch_memory *m, double x, uint64_t tick)
{
    double before;
    switch (op->code) {
    case HIL_WATCH_NEGATE: return -x;
    case HIL_WATCH_ABS: return hil_fabs(x);
    case HIL_WATCH_NOT: return !(x >= 0.5);
    case HIL_WATCH_RISE: before = swap(&m->last[op->aux], x >= 0.5); return before < 0.5 && x >= 0.5;
    case HIL_WATCH_FALL: before = swap(&m->last[op->aux], x >= 0.5); return before >= 0.5 && !(x >= 0.5);
    case HIL_WATCH_HELD: return held(&m->since[op->aux], x >= 0.5, op->arg, tick);
    default: before = swap(&m->last[op->aux], x); return before < x || before > x;
    }
}

static double modulo(double a, double b)
{
    double rest = hil_fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static double of_two(uint16_t code, double a, double b)
{
    switch (code) {
    case HIL_WATCH_ADD: return a + b;
    case HIL_WATCH_SUB: return a - b;
    case HIL_WATCH_MUL: return a * b;
    case HIL_WATCH_DIV: return a / b;
    case HIL_WATCH_POW: return hil_pow(a, b);
    case HIL_WATCH_MOD: return modulo(a, b);
    case HIL_WATCH_MIN: return hil_fmin(a, b);
    case HIL_WATCH_MAX: return hil_fmax(a, b);
    case HIL_WATCH_LT: return a < b;
    case HIL_WATCH_LE: return a <= b;
    case HIL_WATCH_GT: return a > b;
    case HIL_WATCH_GE: return a >= b;
    case HIL_WATCH_EQ: return a == b;
    case HIL_WATCH_NE: return a != b;
    case HIL_WATCH_AND: return a >= 0.5 && b >= 0.5;
    default: return a >= 0.5 || b >= 0.5;
    }
}

int hil_watch_step(const struct hil_watch *w, struct hil_watch_memory *m, const unsigned char *state, uint64_t tick)
{
    double stack[HIL_WATCH_DEPTH]; /* the check has seen that nothing is read before it is written */
    stack[0] = 0.0;
    unsigned n = 0;
    for (const struct hil_watch_op *op = w->op, *end = op + w->n_ops; op < end; op++) {
        if (op->code <= HIL_WATCH_STATUS) {
            stack[n++] = leaf(op, state);
        } else if (op->code <= HIL_WATCH_CHANGED) {
            stack[n - 1] = of_one(op, m, stack[n - 1], tick);
        } else {
            n--;
            stack[n - 1] = of_two(op->code, stack[n - 1], stack[n]);
        }
    }
    return stack[0] >= 0.5;
}
