#include "hil_drivers/link_protocol.h"

unsigned hil_link_value_bytes(uint32_t kind) { return kind == HIL_BOOL ? 1 : 2 * hil_codec_words(kind); }

size_t hil_link_values_size(const struct hil_codec *codecs, unsigned n)
{
    size_t size = 0;
    for (unsigned i = 0; i < n; i++)
        size += hil_link_value_bytes(codecs[i].kind);
    return size;
}

size_t hil_link_pack(const struct hil_codec *codecs, unsigned n, const double *values, uint8_t *bytes)
{
    uint8_t *at = bytes;
    for (unsigned i = 0; i < n; i++)
        at = hil_put_bytes(at, hil_encode(&codecs[i], values[i]), hil_link_value_bytes(codecs[i].kind));
    return (size_t)(at - bytes);
}

size_t hil_link_unpack(const struct hil_codec *codecs, unsigned n, const uint8_t *bytes, double *values)
{
    const uint8_t *at = bytes;
    for (unsigned i = 0; i < n; i++) {
        unsigned size = hil_link_value_bytes(codecs[i].kind);
        values[i] = hil_decode(&codecs[i], hil_get_bytes(at, size));
        at += size;
    }
    return (size_t)(at - bytes);
}
