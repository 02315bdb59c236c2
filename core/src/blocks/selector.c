/* selector: one of several inputs; with a boolean index and two inputs, a switch. */
#include "describe.h"

static const struct hil_port inputs[] = {
    {"index", "number of the input, from 0; a boolean selects the second one when true", NAN},
    {"u", "what can be selected", NAN},
};
static const struct hil_port outputs[] = {{"y", "the selected input", 0.0}};

static void output(const struct hil_block *b, unsigned char *s)
{
    double last = (double)b->n_in - 2.0, index = hil_in(b, s, 0) + 0.5;
    unsigned at = index >= 1.0 ? (unsigned)clamp(index, 0.0, last) : 0u; /* NaN gives 0 */
    *hil_out(b, s, 0) = hil_in(b, s, 1 + at);
}

const struct hil_block_type hil_type_selector = {
    .name = "selector",
    .doc = "y = u[index], the index rounded (halves up) and kept within the inputs; NaN selects u[0].",
    INPUTS(inputs),
    OUTPUTS(outputs),
    .variadic = 1,
    .feedthrough = 1,
    .output = output,
};
