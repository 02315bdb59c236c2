/* Binary coded decimal: a decimal digit in each 4 bits. A digit above 9, or a number with more digits than there is room for, stops
 * the program; IS_VALID_BCD tells beforehand. */
#ifndef ST_BCD_H
#define ST_BCD_H

#include "convert.h"
#include "scan.h"

static inline uint8_t st_is_valid_bcd(uint64_t bcd)
{
    for (; bcd; bcd >>= 4)
        if ((bcd & 15) > 9)
            return 0;
    return 1;
}

static inline uint64_t st_of_bcd(struct st_scan *scan, uint64_t bcd)
{
    uint64_t number = 0;
    if (!st_is_valid_bcd(bcd)) {
        st_stop(scan, HIL_PLC_RANGE);
        return 0;
    }
    for (int shift = 60; shift >= 0; shift -= 4)
        number = 10 * number + (bcd >> shift & 15);
    return number;
}

static inline uint64_t st_to_bcd(struct st_scan *scan, uint64_t number, int bits)
{
    uint64_t bcd = 0;
    for (int shift = 0; shift < bits; shift += 4, number /= 10)
        bcd |= number % 10 << shift;
    if (number == 0)
        return bcd;
    st_stop(scan, HIL_PLC_RANGE);
    return 0;
}

/* A narrower number than the digits give stops as well. */
#define ST_BCD(tag, type, bits)                                                                                        \
    static inline type st_##tag##_of_bcd(struct st_scan *scan, uint64_t bcd)                                           \
    {                                                                                                                  \
        uint64_t number = st_of_bcd(scan, bcd);                                                                        \
        if (number == st_##tag##_within(number))                                                                       \
            return (type)number;                                                                                       \
        st_stop(scan, HIL_PLC_RANGE);                                                                                  \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static inline type st_##tag##_to_bcd(struct st_scan *scan, uint64_t number)                                        \
    {                                                                                                                  \
        return (type)st_to_bcd(scan, number, (int)sizeof(type) * 8);                                                   \
    }
ST_UNSIGNED(ST_BCD)

#endif
