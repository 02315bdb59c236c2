/* Host names, for both roles. */
#ifndef HIL_DRIVERS_MB_RESOLVE_H
#define HIL_DRIVERS_MB_RESOLVE_H

#include <sys/socket.h>

#include "hil/types.h"

/* The first IPv4 address of a host, else its first: field devices speak IPv4, and "localhost" is often ::1 first.
 * HIL_E_UNSUPPORTED: the name is unknown. */
int hil_mb_resolve(const char *host, uint16_t port, struct sockaddr_storage *address, socklen_t *size);

#endif
