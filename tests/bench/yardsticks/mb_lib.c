/* A libmodbus client: read 10 holding registers.
 *
 * usage: mb_lib tcp PORT N
 *        mb_lib rtu DEVICE N [BAUD] */
#include "yardstick.h"

#include <errno.h>
#include <modbus.h>
#include <string.h>

enum { UNIT = 1, REGISTERS = 10 };

static void fail(const char *what)
{
    fprintf(stderr, "mb_lib: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: mb_lib tcp PORT N | mb_lib rtu DEVICE N [BAUD]\n");
        return 2;
    }
    modbus_t *modbus = strcmp(argv[1], "tcp") == 0
                           ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                           : modbus_new_rtu(argv[2], argc > 4 ? atoi(argv[4]) : 115200, 'N', 8, 1);
    long n = atol(argv[3]);
    int64_t *ns = malloc(sizeof *ns * (size_t)n);
    uint16_t registers[REGISTERS];

    modbus_set_slave(modbus, UNIT);
    if (modbus_connect(modbus) != 0)
        fail("connect");
    int64_t begin = now_ns();
    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        if (modbus_read_registers(modbus, 0, REGISTERS, registers) != REGISTERS)
            fail("read");
        ns[i] = now_ns() - start;
    }
    print_transactions(ns, n, now_ns() - begin);
    return 0;
}
