/* A serial port as a pseudo-terminal. It has neither parity nor bit times. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "posix.h"

#define PATIENCE_NS 100000000

static int make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t))
        return errno;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) ? errno : 0;
}

/* In place of a link that an earlier board has left behind; never of a file. */
static int make_link(struct fw_posix_port *p, const char *link)
{
    struct stat s;
    if (lstat(link, &s) == 0 && S_ISLNK(s.st_mode))
        unlink(link);
    if (symlink(p->name, link))
        return errno;
    p->link = link;
    return 0;
}

static int open_pair(struct fw_posix_port *p)
{
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master))
        return errno;
    int err = ptsname_r(p->master, p->name, sizeof p->name);
    if (err)
        return err;
    p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return p->slave < 0 ? errno : make_raw(p->slave);
}

int fw_posix_port_open(struct fw_posix_port *p, const char *link)
{
    memset(p, 0, sizeof *p);
    p->master = p->slave = -1;
    int err = open_pair(p);
    return err || !link ? err : make_link(p, link);
}

void fw_posix_port_close(struct fw_posix_port *p)
{
    char target[FW_POSIX_NAME];
    ssize_t n = p->link ? readlink(p->link, target, sizeof target) : -1;
    if (n > 0 && (size_t)n == strlen(p->name) && memcmp(target, p->name, (size_t)n) == 0)
        unlink(p->link);
    if (p->slave >= 0)
        close(p->slave);
    if (p->master >= 0)
        close(p->master);
    p->master = p->slave = -1;
    p->link = NULL;
}

size_t fw_posix_port_read(struct fw_posix_port *p, uint8_t *bytes, size_t size)
{
    ssize_t n = read(p->master, bytes, size);
    return n > 0 ? (size_t)n : 0;
}

void fw_posix_port_flush(struct fw_posix_port *p)
{
    ssize_t n = p->n ? write(p->master, p->tx, p->n) : 0;
    if (n <= 0)
        return;
    p->n -= (unsigned)n;
    memmove(p->tx, p->tx + n, p->n);
    p->full_ns = 0;
}

size_t fw_posix_port_write(struct fw_posix_port *p, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    fw_posix_port_flush(p);
    if (p->n && p->full_ns == 0)
        p->full_ns = now_ns;
    if (p->n && now_ns - p->full_ns > PATIENCE_NS) {
        tcflush(p->slave, TCIFLUSH);
        p->n = 0;
        p->full_ns = 0;
    }
    if (n > sizeof p->tx - p->n)
        return 0;
    memcpy(p->tx + p->n, bytes, n);
    p->n += (unsigned)n;
    fw_posix_port_flush(p);
    return n;
}

void fw_posix_port_forget(struct fw_posix_port *p)
{
    tcflush(p->slave, TCOFLUSH);
    p->n = 0;
    p->full_ns = 0;
}
