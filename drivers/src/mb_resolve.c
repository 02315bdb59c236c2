#include "mb_resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

int hil_mb_resolve(const char *host, uint16_t port, struct sockaddr_storage *address, socklen_t *size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return HIL_E_UNSUPPORTED;
    const struct addrinfo *chosen = found;
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            chosen = a;
            break;
        }
    }
    memcpy(address, chosen->ai_addr, chosen->ai_addrlen);
    *size = chosen->ai_addrlen;
    freeaddrinfo(found);
    return HIL_OK;
}
