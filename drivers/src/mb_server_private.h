/* What the files of the server share. */
#ifndef HIL_DRIVERS_MB_SERVER_PRIVATE_H
#define HIL_DRIVERS_MB_SERVER_PRIVATE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "hil_drivers/mb_server.h"
#include "hil_drivers/mbap.h"
#include "mb_serving.h"

#define SESSION_RX 4096
/* The smallest request that is answered with more than itself has 12 bytes, the largest answer HIL_MB_ADU_MAX: whatever fits
 * into the receive buffer, its answers fit in here. So whole frames never wait. */
#define SESSION_TX ((SESSION_RX / 12 + 1) * HIL_MB_ADU_MAX)

/* One client. */
struct hil_mb_session {
    int fd;      /* -1: free */
    int proven;  /* made a valid request */
    int sending; /* answers wait for the client to take them; nothing is read meanwhile */
    int64_t active_ns;
    struct hil_mbap_stream rx;
    uint32_t tx_head, tx_tail;
    uint8_t rx_data[SESSION_RX];
    uint8_t tx[SESSION_TX];
};

struct hil_mb_server {
    struct hil_mb_serving serving;
    struct sockaddr_storage address; /* with the port number really used */
    socklen_t address_size;
    int listen_fd, epoll_fd;
    int64_t accept_again_ns; /* 0: accepting; else not before this time */
    int64_t now_ns;
    int16_t unit;
    unsigned max_clients;
    atomic_uint n_clients;
    struct hil_mb_session *sessions;
    struct hil_thread thread;
};

/* mb_listen.c */
int hil_mb_listen(struct hil_mb_server *s);
void hil_mb_unlisten(struct hil_mb_server *s);
void hil_mb_accept(struct hil_mb_server *s);
void hil_mb_pause_accept(struct hil_mb_server *s, int64_t until_ns); /* 0: accept again */

/* mb_session.c */
void hil_mb_session_open(struct hil_mb_server *s, struct hil_mb_session *c, int fd);
void hil_mb_session_close(struct hil_mb_server *s, struct hil_mb_session *c);
void hil_mb_session_ready(struct hil_mb_server *s, struct hil_mb_session *c);

#endif
