/* The client's end of a Modbus TCP connection: a batch of requests out in one send, their answers in, matched by
 * transaction number. Linux sockets. */
#ifndef HIL_DRIVERS_MB_TCP_WIRE_H
#define HIL_DRIVERS_MB_TCP_WIRE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "hil_drivers/mb_wire.h"
#include "hil_drivers/mbap.h"

#define HIL_MB_ABANDONED 128 /* transactions remembered after their timeout, to tell a late answer from a wrong one */

struct hil_mb_tcp_wire {
    struct hil_mb_wire base;
    struct sockaddr_storage address;
    socklen_t address_size;
    uint16_t transaction; /* of the next request */
    unsigned n_answered, timeouts_in_row;
    uint32_t expected;             /* bytes of all answers to the batch, exceptions aside */
    uint32_t low_water;            /* see mb_gather.h: the socket's low-water mark, */
    int prompt_row;                /* and how many batches in a row were answered promptly */
    int refused;                   /* an exception was among the batch's answers */
    uint16_t first;                /* transaction of the batch's first request */
    uint16_t at[HIL_MB_MAX_DEPTH]; /* where its PDUs start in tx */
    uint8_t done[HIL_MB_MAX_DEPTH];
    uint16_t abandoned[HIL_MB_ABANDONED];
    unsigned n_abandoned;
    struct hil_mbap_stream rx;
    uint8_t tx[HIL_MB_MAX_DEPTH * HIL_MB_ADU_MAX];
    uint8_t rx_data[2 * HIL_MB_MAX_DEPTH * HIL_MB_ADU_MAX];
};

/* HIL_E_UNSUPPORTED: the host's name is unknown. Its connection is closed for good after three timeouts in a row, after an
 * answer of another unit and after nonsense. */
int hil_mb_tcp_wire_init(struct hil_mb_tcp_wire *w, const char *host, uint16_t port);

#endif
