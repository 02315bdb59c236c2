/* A libmodbus TCP server with 100 registers, one client at a time, for ever.
 *
 * usage: mb_server PORT */
#include "tcp.h"

#include <modbus.h>

enum { SIZE = 100 };

static void serve(modbus_t *modbus, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];

    for (;;) {
        int n = modbus_receive(modbus, query);
        if (n < 0)
            return;
        if (n > 0 && modbus_reply(modbus, query, n, map) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: mb_server PORT\n");
        return 2;
    }
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
    for (int i = 0; i < SIZE; i++)
        map->tab_registers[i] = (uint16_t)i;

    int listener = must(modbus_tcp_listen(modbus, 4), "listen");
    for (;;) {
        int fd = modbus_tcp_accept(modbus, &listener);
        if (fd < 0)
            continue;
        send_at_once(fd);
        serve(modbus, map);
        modbus_close(modbus);
    }
}
