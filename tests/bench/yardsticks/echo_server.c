/* Answers 29 bytes to every 12 received: the sizes of a Modbus TCP read of 10 registers, with no protocol at all.
 *
 * usage: echo_server PORT [spin]      `spin` polls the socket instead of sleeping in it */
#include "tcp.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 4096 };

static void fill_answer(const unsigned char *request, unsigned char *answer)
{
    memset(answer, 0, ANSWER);
    memcpy(answer, request, 4); /* transaction and protocol */
    answer[5] = ANSWER - 6;     /* length of what follows */
    answer[6] = request[6];     /* unit */
    answer[7] = 3;              /* read holding registers */
    answer[8] = 2 * REGISTERS;
}

static void serve(int fd, bool spin)
{
    static unsigned char in[BUFFER], out[BUFFER / REQUEST * ANSWER];
    int have = 0;

    for (;;) {
        ssize_t n = recv(fd, in + have, (size_t)(BUFFER - have), spin ? MSG_DONTWAIT : 0);
        if (n < 0 && spin)
            continue;
        if (n <= 0)
            return;
        have += (int)n;

        int count = have / REQUEST;
        if (count == 0)
            continue;
        for (int i = 0; i < count; i++)
            fill_answer(in + REQUEST * i, out + ANSWER * i);
        if (send(fd, out, (size_t)(ANSWER * count), 0) < 0)
            return;
        have -= REQUEST * count;
        memmove(in, in + REQUEST * count, (size_t)have);
    }
}

int main(int argc, char **argv)
{
    int one = 1, listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

    if (argc < 2) {
        fprintf(stderr, "usage: echo_server PORT [spin]\n");
        return 2;
    }
    struct sockaddr_in address = loopback(argv[1]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(listener, 4), "listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        send_at_once(fd);
        serve(fd, argc > 2);
        close(fd);
    }
}
