/* register: what is left of a value after it has been through a device register. */
#include "describe.h"
#include "hil/codec.h"

static const struct hil_port input[] = {{"u", "value before", NAN}};
static const struct hil_port outputs[] = {{"y", "value as the other side reads it", 0.0}};
enum { KIND, SCALE, OFFSET, LO, HI };
static const struct hil_config config[] = {
    {"kind", "type of the register", "bool|u16|i16|u32|i32|u64|i64|f32|f64", 1, 1, NAN},
    {"scale", "value of one count", NULL, 1, 1, 1.0},
    {"offset", "value of the count 0", NULL, 1, 1, 0.0},
    {"lo", "smallest value that is encoded", NULL, 1, 1, -HUGE_VAL},
    {"hi", "largest value that is encoded", NULL, 1, 1, HUGE_VAL},
};

static const char *check(const struct hil_shape *shape)
{
    const struct hil_array *cfg = shape->cfg;
    if (!isfinite(cfg[SCALE].data[0]) || cfg[SCALE].data[0] == 0.0)
        return "scale must be finite and not zero";
    if (!isfinite(cfg[OFFSET].data[0]))
        return "offset must be finite";
    if (!(cfg[LO].data[0] <= cfg[HI].data[0]))
        return "lo must not be larger than hi";
    return NULL;
}

static void output(const struct hil_block *b, unsigned char *s)
{
    const struct hil_codec codec = {
        .scale = setting(b, SCALE),
        .offset = setting(b, OFFSET),
        .lo = setting(b, LO),
        .hi = setting(b, HI),
        .kind = (uint32_t)setting(b, KIND),
    };
    *hil_out(b, s, 0) = hil_through_register(&codec, hil_in(b, s, 0));
}

const struct hil_block_type hil_type_register = {
    .name = "register",
    .doc = "y = decode(encode(u)): rounded, clamped and saturated as the wire does it (hil/codec.h).",
    INPUTS(input),
    OUTPUTS(outputs),
    CONFIG(config),
    .feedthrough = 1,
    .passes_time = 1,
    .check = check,
    .output = output,
};
