#include "hil/codec.h"

#include <string.h>

static const double TWO53 = 9007199254740992.0;

/* Nearest integer, ties to even: beside 2^52 a double has no room for a fraction. From there on every double is whole. */
static double nearest(double v)
{
    const double whole = v < 0 ? -4503599627370496.0 : 4503599627370496.0;
    if (!(v < 4503599627370496.0 && v > -4503599627370496.0))
        return v;
    volatile double shifted = v + whole; /* volatile: no compiler may fold the pair away */
    return shifted - whole;
}

static double clamp(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }

static uint64_t encode_signed(double v, unsigned bits)
{
    double top = (double)((uint64_t)1 << (bits - 1));
    if (v >= top)
        return ((uint64_t)1 << (bits - 1)) - 1;
    if (v < -top)
        v = -top;
    uint64_t raw = (uint64_t)(int64_t)v;
    return bits == 64 ? raw : raw & (((uint64_t)1 << bits) - 1);
}

static uint64_t encode_unsigned(double v, unsigned bits)
{
    if (v <= 0)
        return 0;
    double top = bits == 64 ? 18446744073709551616.0 : (double)((uint64_t)1 << bits);
    if (v >= top)
        return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    return (uint64_t)v;
}

static double size_of(double v) { return v < 0 ? -v : v; }

/* Rounding may carry a value past its limit by less than a step; then the step before it is taken. The slack is for limits
 * that are meant to be a whole number of steps and are not quite, as doubles. */
static int beyond(const struct hil_codec *c, double raw)
{
    double reading = raw * c->scale + c->offset, slack = 1e-6 * size_of(c->scale);
    int side = reading > c->hi + slack ? 1 : reading < c->lo - slack ? -1 : 0;
    return c->scale < 0 ? -side : side;
}

static double whole_inside(const struct hil_codec *c, double v)
{
    double raw = nearest(v);
    return raw - beyond(c, raw);
}

static uint64_t encode_float(const struct hil_codec *c, double v)
{
    float f = (float)v;
    uint32_t raw;
    memcpy(&raw, &f, 4);
    double part = (double)f * c->scale, reading = part + c->offset;
    double slack =
        1e-9 * (size_of(part) + size_of(c->offset)); /* of the sum's own rounding; a float's step is 60 times that */
    int past = reading > c->hi + slack || reading < c->lo - slack;
    if (past && f != 0)
        raw += (f > 0) == ((double)f > v) ? (uint32_t)-1 : 1u; /* back by a step: bits count with the size */
    return raw;
}

static uint64_t bits_of(double v)
{
    uint64_t raw;
    memcpy(&raw, &v, 8);
    return raw;
}

unsigned hil_codec_words(uint32_t kind)
{
    static const unsigned char words[] = {1, 1, 1, 2, 2, 4, 4, 2, 4};
    return kind < sizeof words ? words[kind] : 1;
}

uint64_t hil_encode(const struct hil_codec *c, double value)
{
    double v = clamp(value, c->lo, c->hi);
    if (c->kind == HIL_BOOL)
        return v >= 0.5;
    v = (v - c->offset) / c->scale;
    if (c->kind == HIL_F32)
        return encode_float(c, v);
    if (c->kind == HIL_F64)
        return bits_of(v);
    if (!(v == v))
        return 0;
    unsigned bits = 16 * hil_codec_words(c->kind);
    int is_signed = c->kind == HIL_I16 || c->kind == HIL_I32 || c->kind == HIL_I64;
    return is_signed ? encode_signed(whole_inside(c, v), bits) : encode_unsigned(whole_inside(c, v), bits);
}

static double decode_signed(uint64_t raw, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);
    int64_t n = (int64_t)((raw ^ sign) - sign); /* sign extension without a shift of a negative number */
    return n > (int64_t)TWO53 || n < -(int64_t)TWO53 ? __builtin_nan("") : (double)n;
}

static double decode_float(uint64_t raw)
{
    uint32_t low = (uint32_t)raw;
    float f;
    memcpy(&f, &low, 4);
    return f;
}

static double decode_raw(uint32_t kind, uint64_t raw)
{
    double v;
    switch (kind) {
    case HIL_BOOL: return raw != 0;
    case HIL_I16: return decode_signed(raw & 0xffff, 16);
    case HIL_I32: return decode_signed(raw & 0xffffffff, 32);
    case HIL_I64: return decode_signed(raw, 64);
    case HIL_U64: return raw > (uint64_t)TWO53 ? __builtin_nan("") : (double)raw;
    case HIL_F32: return decode_float(raw);
    case HIL_F64: memcpy(&v, &raw, 8); return v;
    default: return (double)raw;
    }
}

double hil_decode(const struct hil_codec *c, uint64_t raw)
{
    double v = decode_raw(c->kind, raw);
    return c->kind == HIL_BOOL ? v : v * c->scale + c->offset;
}

double hil_through_register(const struct hil_codec *c, double value) { return hil_decode(c, hil_encode(c, value)); }
