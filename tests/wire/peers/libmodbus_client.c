/* A PLC on libmodbus: libmodbus_client PORT, or libmodbus_client DEVICE for RTU. Commands on standard input, one answer a line on standard output:
 *
 *   FUNCTION ADDRESS COUNT                      functions 1 2 3 4
 *   FUNCTION ADDRESS VALUE...                   functions 5 6 15 16
 *   22 ADDRESS AND OR
 *   23 ADDRESS COUNT WRITE_ADDRESS VALUE...
 *
 * The answer is the values read, "ok", or "error TEXT". */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 2048 };

struct command {
    int word[MOST], n;
};

static void parse(char *line, struct command *c)
{
    c->n = 0;
    for (char *s = strtok(line, " \n"); s && c->n < MOST; s = strtok(NULL, " \n"))
        c->word[c->n++] = atoi(s);
}

static int read_bits(modbus_t *ctx, const struct command *c)
{
    uint8_t bits[MOST];
    int address = c->word[1], count = c->word[2];
    int n = c->word[0] == 1 ? modbus_read_bits(ctx, address, count, bits)
                            : modbus_read_input_bits(ctx, address, count, bits);
    for (int i = 0; i < n; i++)
        printf("%d ", bits[i]);
    return n;
}

static int read_registers(modbus_t *ctx, const struct command *c)
{
    uint16_t words[MOST], values[MOST];
    int n = -1, writes = c->n - 4;
    for (int i = 0; i < writes; i++)
        values[i] = (uint16_t)c->word[i + 4];
    if (c->word[0] == 3)
        n = modbus_read_registers(ctx, c->word[1], c->word[2], words);
    else if (c->word[0] == 4)
        n = modbus_read_input_registers(ctx, c->word[1], c->word[2], words);
    else
        n = modbus_write_and_read_registers(ctx, c->word[3], writes, values, c->word[1], c->word[2], words);
    for (int i = 0; i < n; i++)
        printf("%d ", words[i]);
    return n;
}

static int write_values(modbus_t *ctx, const struct command *c)
{
    uint8_t bits[MOST];
    uint16_t words[MOST];
    for (int i = 2; i < c->n; i++) {
        bits[i - 2] = c->word[i] != 0;
        words[i - 2] = (uint16_t)c->word[i];
    }
    switch (c->word[0]) {
    case 5: return modbus_write_bit(ctx, c->word[1], c->word[2]);
    case 6: return modbus_write_register(ctx, c->word[1], words[0]);
    case 15: return modbus_write_bits(ctx, c->word[1], c->n - 2, bits);
    case 16: return modbus_write_registers(ctx, c->word[1], c->n - 2, words);
    default: return modbus_mask_write_register(ctx, c->word[1], words[0], words[1]);
    }
}

int main(int argc, char **argv)
{
    static char line[65536];
    static struct command c;
    modbus_t *ctx = argc != 2           ? NULL
                    : argv[1][0] == '/' ? modbus_new_rtu(argv[1], 115200, 'N', 8, 1)
                                        : modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (!ctx || modbus_set_slave(ctx, 1) < 0 || modbus_connect(ctx) < 0) {
        fprintf(stderr, "libmodbus_client: %s\n", modbus_strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        parse(line, &c);
        int f = c.word[0], rc = -1;
        if (f == 1 || f == 2)
            rc = read_bits(ctx, &c);
        else if (f == 3 || f == 4 || f == 23)
            rc = read_registers(ctx, &c);
        else if ((rc = write_values(ctx, &c)) >= 0)
            printf("ok");
        printf(rc < 0 ? "error %s\n" : "\n", modbus_strerror(errno));
        fflush(stdout);
    }
    modbus_close(ctx);
    modbus_free(ctx);
    return 0;
}
