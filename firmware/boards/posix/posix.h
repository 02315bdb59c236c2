/* The board as a program: its two serial ports are pseudo-terminals, its time the monotonic clock. No OS header here, so that
 * the declarations can be taken into Python as they are. */
#ifndef FW_POSIX_H
#define FW_POSIX_H

#include "app.h"
#include "board.h"

#define FW_POSIX_NAME 64
#define FW_POSIX_TX   4096

struct fw_posix_options {
    const char *link, *field; /* symbolic links to make to the ports; NULL: none. They go when the board ends */
    const char *outputs; /* file to see the pins in: how often they were driven (u64), then a double each; NULL: none */
};

struct fw_posix_port {
    int master, slave; /* the slave stays open: a terminal whose last user closes it would hang up */
    char name[FW_POSIX_NAME];
    const char *link; /* symbolic link to remove */
    unsigned n;       /* bytes that wait for sending */
    int64_t full_ns;  /* since when nobody has read; 0: there is room */
    uint8_t tx[FW_POSIX_TX];
};

struct fw_posix_memory {     /* survives a reset of the board, and of its process */
    volatile uint32_t cause; /* enum hil_link_reset, of the next start */
    volatile uint64_t kicks; /* of the watchdog */
    uint8_t kept[FW_KEPT_SIZE];
};

struct fw_posix_pins {
    volatile uint64_t drives;
    volatile double value[64];
};

/* All of one board; N of them can live in one process. */
struct fw_posix {
    struct fw_posix_port port[2];
    struct fw_posix_memory *memory;
    struct fw_posix_pins *pins; /* NULL: not shown */
    int64_t start_ns;
    uint32_t cause; /* of this start */
    void *again;    /* where a reset begins */
    struct fw_board board;
};

/* 0 or errno; then nothing is left open. */
int fw_posix_open(struct fw_posix *b, const struct fw_posix_options *options);
/* Runs the device until *stop is not 0, at the latest 0.1 s later; resets happen inside. 0 or errno. */
int fw_posix_run(struct fw_posix *b, const struct fw_app *app, volatile int *stop);
void fw_posix_close(struct fw_posix *b);

/* ---- port.c ---- */
int fw_posix_port_open(struct fw_posix_port *p, const char *link);
void fw_posix_port_close(struct fw_posix_port *p);
size_t fw_posix_port_read(struct fw_posix_port *p, uint8_t *bytes, size_t size);
/* All or nothing. Like a wire it does not wait for a reader: what nobody has read for 0.1 s is gone. */
size_t fw_posix_port_write(struct fw_posix_port *p, const uint8_t *bytes, size_t n, int64_t now_ns);
void fw_posix_port_flush(struct fw_posix_port *p);  /* sends what waits, as far as there is room */
void fw_posix_port_forget(struct fw_posix_port *p); /* what has come in and what waits, as a reset does */

#endif
