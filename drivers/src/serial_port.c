#include "hil_drivers/serial_port.h"

#include <asm/termbits.h> /* struct termios2: any baud rate. <termios.h> cannot stand beside it */
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hil/types.h"

_Static_assert(sizeof(struct termios2) <= HIL_SERIAL_SETTINGS_MAX, "room for a mode");
_Static_assert(sizeof(struct serial_rs485) <= HIL_SERIAL_SETTINGS_MAX, "room for RS-485 settings");

#define FIFO_CHARS 16 /* of a 16550 and its followers: they may pass bytes on only when so many have come */

struct hil_rtu_timing hil_serial_timing(const struct hil_serial_line *line)
{
    int64_t fifo_ns = line->slack_ns ? FIFO_CHARS * line->bit_ns * line->char_bits : 0;
    return hil_rtu_timing(line->bit_ns, line->char_bits, line->slack_ns + fifo_ns);
}

int hil_serial_port_init(struct hil_serial_port *p, int fd, const char *path)
{
    struct termios2 mode;
    struct serial_rs485 rs485;
    int exclusive = 0;
    memset(p, 0, sizeof *p);
    p->path = strdup(path);
    if (!p->path)
        return HIL_E_OS;
    p->has_mode = ioctl(fd, TCGETS2, &mode) == 0;
    if (p->has_mode) {
        memcpy(p->mode, &mode, sizeof mode);
        p->marked = (mode.c_iflag & PARMRK) != 0;
    }
    p->has_rs485 = ioctl(fd, TIOCGRS485, &rs485) == 0 && rs485.flags & SER_RS485_ENABLED;
    if (p->has_rs485)
        memcpy(p->rs485, &rs485, sizeof rs485);
    p->exclusive = ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive;
    return HIL_OK;
}

void hil_serial_port_free(struct hil_serial_port *p)
{
    free(p->path);
    p->path = NULL;
}

static int set_up(const struct hil_serial_port *p, int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        errno = errno == EWOULDBLOCK ? EBUSY : errno;
        return -1;
    }
    if (p->has_mode && ioctl(fd, TCSETS2, p->mode) < 0)
        return -1;
    if (p->exclusive && ioctl(fd, TIOCEXCL) < 0)
        return -1;
    return p->has_rs485 && ioctl(fd, TIOCSRS485, p->rs485) < 0 ? -1 : 0;
}

int hil_serial_port_open(const struct hil_serial_port *p)
{
    if (!p->path[0]) {
        errno = ENODEV;
        return -1;
    }
    int fd = open(p->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && set_up(p, fd) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    if (fd >= 0)
        hil_serial_port_flush(fd);
    return fd;
}

void hil_serial_port_flush(int fd)
{
    int saved = errno;
    ioctl(fd, TCFLSH, TCIOFLUSH);
    errno = saved;
}
