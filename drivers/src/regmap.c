#include "hil_drivers/regmap.h"

#include "hil_drivers/modbus.h"

unsigned hil_reg_words(const struct hil_reg_tag *tag)
{
    if (hil_reg_is_bit_table(tag->table) || tag->bit != HIL_WHOLE_WORD)
        return 1;
    return hil_codec_words(tag->codec.kind);
}

static uint16_t swapped(uint16_t word) { return (uint16_t)(word << 8 | word >> 8); }

/* Register i of the tag counted from the most significant one. */
static unsigned word_place(const struct hil_reg_tag *tag, unsigned i, unsigned words)
{
    return tag->word_little ? words - 1 - i : i;
}

uint16_t hil_reg_bit_mask(const struct hil_reg_tag *tag)
{
    uint16_t mask = (uint16_t)(1u << (tag->bit & 15u));
    return tag->byte_little ? swapped(mask) : mask;
}

double hil_reg_decode(const struct hil_reg_tag *tag, const uint8_t *wire)
{
    if (tag->bit != HIL_WHOLE_WORD)
        return hil_decode(&tag->codec, (hil_mb_get16(wire) & hil_reg_bit_mask(tag)) != 0);
    unsigned words = hil_codec_words(tag->codec.kind);
    uint64_t raw = 0;
    for (unsigned i = 0; i < words; i++) {
        uint16_t word = hil_mb_get16(wire + 2 * word_place(tag, i, words));
        raw = raw << 16 | (tag->byte_little ? swapped(word) : word);
    }
    if (tag->codec.kind == HIL_BOOL)
        raw = raw != 0;
    return hil_decode(&tag->codec, raw);
}

void hil_reg_encode(const struct hil_reg_tag *tag, double value, uint8_t *wire)
{
    uint64_t raw = hil_encode(&tag->codec, value);
    if (tag->bit != HIL_WHOLE_WORD) {
        uint16_t mask = hil_reg_bit_mask(tag), word = hil_mb_get16(wire);
        hil_mb_put16(wire, raw ? word | mask : word & ~(unsigned)mask);
        return;
    }
    unsigned words = hil_codec_words(tag->codec.kind);
    for (unsigned i = words; i-- > 0; raw >>= 16) {
        uint16_t word = (uint16_t)raw;
        hil_mb_put16(wire + 2 * word_place(tag, i, words), tag->byte_little ? swapped(word) : word);
    }
}

double hil_reg_beat(const struct hil_reg_tag *tag, uint64_t seq)
{
    return tag->codec.kind == HIL_BOOL ? (double)(seq & 1u) : (double)(seq % 32768u);
}

static uint32_t sort_key(const struct hil_reg_tag *tag) { return (uint32_t)tag->table << 16 | tag->address; }

/* Insertion sort: stable, no memory, and maps mostly come in order. Done once, before anything runs. */
void hil_reg_sort(const struct hil_reg_tag *tags, unsigned n, uint16_t *order)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned k = i;
        for (; k > 0 && sort_key(&tags[order[k - 1]]) > sort_key(&tags[i]); k--)
            order[k] = order[k - 1];
        order[k] = (uint16_t)i;
    }
}
