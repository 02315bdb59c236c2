/* The I/O map: which value lives in which Modbus register or coil, and how. Portable, no OS. */
#ifndef HIL_DRIVERS_REGMAP_H
#define HIL_DRIVERS_REGMAP_H

#include "hil/codec.h"

enum hil_reg_table { HIL_COIL = 0, HIL_DISCRETE_INPUT = 1, HIL_INPUT_REGISTER = 2, HIL_HOLDING_REGISTER = 3 };
#define HIL_REG_TABLES 4
#define HIL_WHOLE_WORD 255

/* One tag. A multi-register value takes words 1, 2 or 4 from `address` on. Byte order acts within each register (also when
 * the tag is a bit of it), word order among them. */
struct hil_reg_tag {
    struct hil_codec codec;
    uint16_t address;    /* zero-based, as on the wire */
    uint8_t table;       /* enum hil_reg_table */
    uint8_t bit;         /* 0 (lowest) to 15: one bit of a register; else HIL_WHOLE_WORD */
    uint8_t word_little; /* lowest word first */
    uint8_t byte_little; /* lowest byte first */
    uint8_t heartbeat;
    uint8_t latch; /* from the device: why it is latched safe (HIL_LATCH_WORD); to it: an enum hil_latch_command */
};

/* How a device behind registers tells that its outputs are latched safe, and is told what to do about it: its enum
 * hil_link_cause and, in the high byte, the number of the output. 0: no latch. */
#define HIL_LATCH_WORD(cause, output) ((uint16_t)((cause) | (output) << 8))
enum hil_latch_command {
    HIL_LATCH_CLEAR = 1, /* opens the latch */
    HIL_LATCH_RELEASE    /* the master goes: outputs safe, not latched */
};

/* Values of an image in their order: `in` comes from the device to the bench, `out` goes to the device. */
struct hil_regmap {
    const struct hil_reg_tag *in, *out;
    uint16_t n_in, n_out;
};

enum hil_reg_role { HIL_REG_CLIENT = 0, HIL_REG_SERVER = 1 };

/* Why a map cannot be used: tag number `tag` of `out` (else of `in`), in conflict with number `other` of `other_out` when
 * has_other is set. */
struct hil_regmap_error {
    const char *why;
    uint16_t tag, other;
    uint8_t out, other_out, has_other;
};

/* HIL_OK or HIL_E_ARG with `error` filled. Refuses: a table that the other side cannot write, a type that does not fit its
 * table, an address range past 65535, two `out` tags that share bits, and in a server an `in` and an `out` tag that share a
 * register (the whole register belongs to one side). */
int hil_regmap_check(const struct hil_regmap *map, enum hil_reg_role role, struct hil_regmap_error *error);

static inline int hil_reg_is_bit_table(unsigned table) { return table <= HIL_DISCRETE_INPUT; }
/* Addresses that the tag takes: 1, 2 or 4. */
unsigned hil_reg_words(const struct hil_reg_tag *tag);

/* Value from the tag's registers as they stand on the wire (2 bytes each, big-endian). NaN: bad. In a tick: yes. */
double hil_reg_decode(const struct hil_reg_tag *tag, const uint8_t *wire);
/* Value into registers; a bit leaves its neighbours as they are. In a tick: yes. */
void hil_reg_encode(const struct hil_reg_tag *tag, double value, uint8_t *wire);
/* The same for a coil or discrete input: 0 or 1. */
static inline double hil_reg_decode_bit(const struct hil_reg_tag *tag, unsigned bit)
{
    return hil_decode(&tag->codec, bit);
}
static inline unsigned hil_reg_encode_bit(const struct hil_reg_tag *tag, double value)
{
    return (unsigned)hil_encode(&tag->codec, value);
}
/* Mask of a bit tag in its register as it stands on the wire, after byte order: 1 << 0..15. */
uint16_t hil_reg_bit_mask(const struct hil_reg_tag *tag);

/* What a tag flagged heartbeat carries for an image: its sequence number modulo 32768 (of a BOOL: its lowest bit). */
double hil_reg_beat(const struct hil_reg_tag *tag, uint64_t seq);

/* The first tag that is flagged latch; n when none is. */
static inline uint16_t hil_reg_find_latch(const struct hil_reg_tag *tags, uint16_t n)
{
    uint16_t i = 0;
    while (i < n && !tags[i].latch)
        i++;
    return i;
}

/* Numbers of the tags sorted by table, then address; equal ones keep their order. `order` has n entries. */
void hil_reg_sort(const struct hil_reg_tag *tags, unsigned n, uint16_t *order);

#endif
