#include "hil_drivers/crc16.h"

/* Four bits at a time: tables of 16 entries, because a microcontroller has little room and the bytes of a frame are few.
 * Entry k is the remainder of k shifted up to the top (or, reflected, the bottom) of the register. */
static const uint16_t by_0x1021[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                       0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
static const uint16_t by_0x8005[16] = {0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
                                       0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400};

uint16_t hil_crc16_modbus(const uint8_t *data, size_t n)
{
    unsigned crc = 0xffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ by_0x8005[crc & 15];
        crc = crc >> 4 ^ by_0x8005[crc & 15];
    }
    return (uint16_t)crc;
}

uint32_t hil_crc16_both(uint32_t start, const uint8_t *data, size_t n)
{
    unsigned high = start & 0xffff, low = start >> 16; /* two chains that do not wait for each other */
    for (size_t i = 0; i < n; i++) {
        unsigned byte = data[i];
        high = (high << 4 & 0xffff) ^ by_0x1021[high >> 12 ^ byte >> 4];
        low ^= byte;
        high = (high << 4 & 0xffff) ^ by_0x1021[high >> 12 ^ (byte & 15)];
        low = low >> 4 ^ by_0x8005[low & 15];
        low = low >> 4 ^ by_0x8005[low & 15];
    }
    return high | low << 16;
}
