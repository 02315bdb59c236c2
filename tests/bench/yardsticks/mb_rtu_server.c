/* A libmodbus RTU slave (unit 1) with 100 registers, until its line goes away.
 *
 * usage: mb_rtu_server DEVICE [BAUD] */
#include "yardstick.h"

#include <errno.h>
#include <modbus.h>
#include <stdbool.h>

enum { UNIT = 1, SIZE = 100 };

static bool is_passing(int error) { return error == ETIMEDOUT || error == EMBBADCRC; }

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: mb_rtu_server DEVICE [BAUD]\n");
        return 2;
    }
    modbus_t *modbus = modbus_new_rtu(argv[1], argc > 2 ? atoi(argv[2]) : 115200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];

    modbus_set_slave(modbus, UNIT);
    must(modbus_connect(modbus), "connect");
    for (;;) {
        int n = modbus_receive(modbus, query);
        if (n > 0)
            modbus_reply(modbus, query, n, map);
        else if (n < 0 && !is_passing(errno))
            return 0;
    }
}
