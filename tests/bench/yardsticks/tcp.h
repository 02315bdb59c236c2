/* The sizes of a Modbus TCP read of 10 holding registers, and a socket on the loopback. */
#ifndef YARDSTICK_TCP_H
#define YARDSTICK_TCP_H

#include "yardstick.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { REQUEST = 12, ANSWER = 29, REGISTERS = 10 };

static inline struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Small packets leave at once instead of waiting for an acknowledgement (Nagle). */
static inline void send_at_once(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

#endif
