/* Register values: how an SI value becomes the raw integer or float word that a device's register holds, and back.
 * Word and byte order are the driver's affair; here a raw value is 64 bits, right-aligned.
 * Used by the drivers and by simulated roles alike, so that MIL sees exactly what a wire would carry. */
#ifndef HIL_CODEC_H
#define HIL_CODEC_H

#include "hil/types.h"

enum hil_codec_kind {
    HIL_BOOL = 0,
    HIL_U16 = 1,
    HIL_I16 = 2,
    HIL_U32 = 3,
    HIL_I32 = 4,
    HIL_U64 = 5,
    HIL_I64 = 6,
    HIL_F32 = 7,
    HIL_F64 = 8
};

/* value = raw * scale + offset. Before encoding the value is clamped to [lo, hi] (use -HUGE_VAL, HUGE_VAL for none). */
struct hil_codec {
    double scale, offset, lo, hi;
    uint32_t kind, reserved;
};

/* Rounds to nearest even and saturates to the type's range. NaN gives raw 0 (a float register carries NaN). BOOL: 1 when value >= 0.5. In a tick: yes. */
uint64_t hil_encode(const struct hil_codec *c, double value);
/* 64-bit integers beyond +-2^53 give NaN: bad, never rounded. In a tick: yes. */
double hil_decode(const struct hil_codec *c, uint64_t raw);
/* decode(encode(value)) */
double hil_through_register(const struct hil_codec *c, double value);
/* Number of 16-bit registers: 1, 2 or 4 (BOOL: 1). */
unsigned hil_codec_words(uint32_t kind);

#endif
