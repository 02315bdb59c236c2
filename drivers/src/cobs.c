#include "hil_drivers/link.h"

size_t hil_cobs_encode(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t code = 0, at = 1; /* where the running block's length goes, and its next byte */
    for (size_t i = 0; i < n; i++) {
        if (in[i])
            out[at++] = in[i];
        if (in[i] == 0 || (at - code == 255 && i + 1 < n)) {
            out[code] = (uint8_t)(at - code);
            code = at++;
        }
    }
    out[code] = (uint8_t)(at - code);
    return at;
}

size_t hil_cobs_decode(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t at = 0;
    for (size_t i = 0; i < n;) {
        size_t code = in[i++];
        if (code == 0 || i + code - 1 > n)
            return SIZE_MAX;
        for (size_t k = 1; k < code; k++) {
            if (in[i] == 0)
                return SIZE_MAX;
            out[at++] = in[i++];
        }
        if (code < 255 && i < n)
            out[at++] = 0;
    }
    return at;
}
