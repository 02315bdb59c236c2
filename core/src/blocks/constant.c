/* constant: a value that events can change. */
#include "describe.h"

static const struct hil_port outputs[] = {{"y", "the value", 0.0}};
static const struct hil_param params[] = {{"value", "what is put out", 0.0, -HUGE_VAL, HUGE_VAL}};

static void output(const struct hil_block *b, unsigned char *s) { *hil_out(b, s, 0) = hil_params(b, s)[0]; }

const struct hil_block_type hil_type_constant = {
    .name = "constant",
    .doc = "y = value.",
    OUTPUTS(outputs),
    PARAMS(params),
    .output = output,
};
