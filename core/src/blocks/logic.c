/* logic: boolean functions of any number of inputs. */
#include "describe.h"

static const struct hil_port input[] = {{"u", "boolean: true when >= 0.5", NAN}};
static const struct hil_port outputs[] = {{"y", "0 or 1", 0.0}};
enum { AND, OR, NAND, NOR, XOR, NOT };
static const struct hil_config config[] = {{"op", "function", "and|or|nand|nor|xor|not", 1, 1, NAN}};

static const char *check(const struct hil_shape *shape)
{
    return shape->cfg[0].data[0] != NOT || shape->n_in == 1 ? NULL : "not takes one input";
}

static int decide(int op, unsigned n_true, unsigned n)
{
    switch (op) {
    case AND: return n_true == n;
    case OR: return n_true != 0;
    case NAND: return n_true != n;
    case XOR: return n_true & 1;
    default: return n_true == 0; /* nor, not */
    }
}

static void output(const struct hil_block *b, unsigned char *s)
{
    unsigned n_true = 0;
    for (unsigned i = 0; i < b->n_in; i++)
        n_true += is_true(hil_in(b, s, i));
    *hil_out(b, s, 0) = from_flag(decide(choice(b, 0), n_true, b->n_in));
}

const struct hil_block_type hil_type_logic = {
    .name = "logic",
    .doc = "y = op of all u[i]; xor is true for an odd number of true inputs. NaN counts as false.",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(config),
    .variadic = 1,
    .feedthrough = 1,
    .check = check,
    .output = output,
};
