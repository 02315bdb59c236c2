/* The two 16-bit CRCs of the drivers. Portable. In a tick: yes. */
#ifndef HIL_DRIVERS_CRC16_H
#define HIL_DRIVERS_CRC16_H

#include <stddef.h>
#include <stdint.h>

/* CRC-16/MODBUS (polynomial 0x8005 reflected, start 0xffff): Modbus over serial line specification 2.5.1.2. It goes
 * over the wire low byte first. */
uint16_t hil_crc16_modbus(const uint8_t *data, size_t n);
/* Both checks of a link's frame in one go, in start and result: in the low half CRC-16/IBM-3740 ("CCITT", polynomial 0x1021,
 * most significant bit first, start usually 0xffff), in the high half the one by polynomial 0x8005. */
uint32_t hil_crc16_both(uint32_t start, const uint8_t *data, size_t n);

#endif
