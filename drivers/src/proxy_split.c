#include <string.h>

#include "hil_drivers/link.h"
#include "hil_drivers/modbus.h"
#include "hil_drivers/rtu.h"
#include "proxy_private.h"

#define MBAP_LENGTH_MAX 254 /* unit and PDU */

size_t proxy_mbap_size(const uint8_t *head)
{
    int length = proxy_get16(head + 4);
    if (proxy_get16(head + 2) != 0 || length < 2 || length > MBAP_LENGTH_MAX)
        return SIZE_MAX;
    return (size_t)(MBAP_HEAD + length);
}

static size_t split_tcp(const uint8_t *data, size_t n)
{
    size_t size = n < MBAP_HEAD ? 0 : proxy_mbap_size(data);
    return size == SIZE_MAX || size <= n ? size : 0;
}

/* By the length that the first bytes tell, when the CRC agrees. Everything else ends with a silence. */
static size_t split_rtu(int way, const uint8_t *data, size_t n)
{
    size_t size = way == HIL_PROXY_REQUEST ? hil_rtu_request_size(data, n) : hil_rtu_answer_size(data, n);
    if (size && size <= n && hil_rtu_crc_is_right(data, size))
        return size;
    return n > HIL_RTU_ADU_MAX ? SIZE_MAX : 0;
}

static size_t split_link(const uint8_t *data, size_t n)
{
    const uint8_t *zero = memchr(data, 0, n);
    size_t size = zero ? (size_t)(zero - data) + 1 : 0;
    if (size > HIL_LINK_MAX_FRAME || (!size && n > HIL_LINK_MAX_FRAME))
        return SIZE_MAX;
    return size;
}

size_t proxy_split(int protocol, int way, const uint8_t *data, size_t n)
{
    if (protocol == HIL_PROXY_TCP)
        return split_tcp(data, n);
    return protocol == HIL_PROXY_RTU ? split_rtu(way, data, n) : split_link(data, n);
}
