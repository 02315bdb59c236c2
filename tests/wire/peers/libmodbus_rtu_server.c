/* A slave on libmodbus: libmodbus_rtu_server DEVICE. Unit 1, 2000 of everything, until its line goes away. Prints "ready". */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>

static int is_passing(int error) { return error == ETIMEDOUT || error == EMBBADCRC || error == EMBBADDATA; }

int main(int argc, char **argv)
{
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_t *ctx = argc == 2 ? modbus_new_rtu(argv[1], 115200, 'N', 8, 1) : NULL;
    modbus_mapping_t *map = modbus_mapping_new(2000, 2000, 2000, 2000);
    if (!ctx || !map || modbus_set_slave(ctx, 1) < 0 || modbus_connect(ctx) < 0) {
        fprintf(stderr, "libmodbus_rtu_server: %s\n", modbus_strerror(errno));
        return 1;
    }
    for (int i = 0; i < 2000; i++) { /* what masters can only read */
        map->tab_input_registers[i] = (uint16_t)(i * 7 + 1);
        map->tab_input_bits[i] = i % 3 == 0;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int n = modbus_receive(ctx, query);
        if (n > 0)
            modbus_reply(ctx, query, n, map);
        else if (n < 0 && !is_passing(errno))
            return 0;
    }
}
