/* A device on libmodbus: libmodbus_server PORT. 2000 of everything, several clients, until killed. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

static int serve(modbus_t *ctx, int fd, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(ctx, fd);
    int n = modbus_receive(ctx, query);
    if (n < 0)
        return -1;
    return n > 0 && modbus_reply(ctx, query, n, map) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(2000, 2000, 2000, 2000);
    int listener = modbus_tcp_listen(ctx, 8), top = listener;
    fd_set all;
    if (listener < 0 || !map) {
        fprintf(stderr, "libmodbus_server: %s\n", modbus_strerror(errno));
        return 1;
    }
    for (int i = 0; i < 2000; i++) { /* what clients can only read */
        map->tab_input_registers[i] = (uint16_t)(i * 7 + 1);
        map->tab_input_bits[i] = i % 3 == 0;
    }
    FD_ZERO(&all);
    FD_SET(listener, &all);
    for (;;) {
        fd_set ready = all;
        if (select(top + 1, &ready, NULL, NULL, NULL) < 0)
            return 1;
        for (int fd = 0; fd <= top; fd++) {
            if (!FD_ISSET(fd, &ready))
                continue;
            if (fd == listener) {
                int client = modbus_tcp_accept(ctx, &listener);
                if (client >= 0) {
                    FD_SET(client, &all);
                    top = client > top ? client : top;
                }
            } else if (serve(ctx, fd, map) < 0) {
                close(fd);
                FD_CLR(fd, &all);
            }
        }
    }
}
