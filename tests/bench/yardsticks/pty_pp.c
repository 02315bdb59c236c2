/* Ping-pong over a pseudo-terminal: the limit of a serial line without its baud rate.
 *
 * usage: pty_pp self N REQUEST ANSWER             both ends in this program: a thread answers, the main thread asks
 *        pty_pp echo DEVICE REQUEST ANSWER        answers ANSWER bytes to every REQUEST bytes on a device, for ever
 *        pty_pp client DEVICE N REQUEST ANSWER    asks on a device
 *        pty_pp master LINK REQUEST ANSWER        makes a pseudo-terminal, LINK points at it, and answers behind it
 *        pty_pp link A B                          makes two, A and B point at them, and carries bytes between, for ever */
#include "yardstick.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { BUFFER = 4096, NAME = 128 };

/* One end of an exchange: the line, and the sizes of what goes each way. */
struct line {
    int fd, request, answer;
};

static void set_raw(int fd)
{
    struct termios t;

    must(tcgetattr(fd, &t), "tcgetattr");
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    must(tcsetattr(fd, TCSANOW, &t), "tcsetattr");
}

static int open_device(const char *name)
{
    int fd = must(open(name, O_RDWR | O_NOCTTY), name);

    set_raw(fd);
    return fd;
}

/* Gives the master side. The slave stays open, or the master would report a hang-up until somebody opens it. */
static int make_pty(const char *link_name, int *slave)
{
    char name[NAME];
    int master;

    must(openpty(&master, slave, name, NULL, NULL), "openpty");
    set_raw(master);
    set_raw(*slave);
    if (link_name != NULL) {
        unlink(link_name);
        must(symlink(name, link_name), link_name);
    }
    return master;
}

static bool read_exactly(int fd, unsigned char *buffer, int n)
{
    for (int have = 0; have < n;) {
        ssize_t got = read(fd, buffer + have, (size_t)(n - have));
        if (got <= 0)
            return false;
        have += (int)got;
    }
    return true;
}

static void *answer_for_ever(void *argument)
{
    const struct line *line = argument;
    unsigned char buffer[BUFFER] = {0};

    while (read_exactly(line->fd, buffer, line->request))
        if (write(line->fd, buffer, (size_t)line->answer) < 0)
            break;
    return NULL;
}

static void ask(const struct line *line, long n)
{
    unsigned char request[BUFFER] = {1, 3, 0, 0, 0, 10, 0xc5, 0xcd}, answer[BUFFER];
    int64_t *ns = malloc(sizeof *ns * (size_t)n), begin = now_ns();

    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        if (write(line->fd, request, (size_t)line->request) < 0 || !read_exactly(line->fd, answer, line->answer)) {
            fprintf(stderr, "pty_pp: the line was closed\n");
            exit(1);
        }
        ns[i] = now_ns() - start;
    }
    print_transactions(ns, n, now_ns() - begin);
}

static void ask_myself(long n, int request, int answer)
{
    int slave, master = make_pty(NULL, &slave);
    struct line peer = {master, request, answer}, mine = {slave, request, answer};
    pthread_t thread;

    if (pthread_create(&thread, NULL, answer_for_ever, &peer) != 0)
        exit(1);
    ask(&mine, n);
    fflush(stdout);
    _exit(0); /* the other thread waits for a request that never comes */
}

static void carry_for_ever(char **links)
{
    unsigned char buffer[BUFFER];
    int slaves[2];
    struct pollfd ends[2];

    for (int i = 0; i < 2; i++)
        ends[i] = (struct pollfd){.fd = make_pty(links[i], &slaves[i]), .events = POLLIN};
    for (;;) {
        poll(ends, 2, -1);
        for (int i = 0; i < 2; i++) {
            if (!(ends[i].revents & POLLIN))
                continue;
            ssize_t n = read(ends[i].fd, buffer, sizeof buffer);
            if (n > 0 && write(ends[!i].fd, buffer, (size_t)n) < 0)
                return;
        }
    }
}

static void answer_on(int fd, char **sizes)
{
    struct line line = {fd, atoi(sizes[0]), atoi(sizes[1])};

    answer_for_ever(&line);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    int slave;

    if (strcmp(mode, "self") == 0 && argc == 5) {
        ask_myself(atol(argv[2]), atoi(argv[3]), atoi(argv[4]));
    } else if (strcmp(mode, "echo") == 0 && argc == 5) {
        answer_on(open_device(argv[2]), argv + 3);
    } else if (strcmp(mode, "client") == 0 && argc == 6) {
        struct line line = {open_device(argv[2]), atoi(argv[4]), atoi(argv[5])};
        ask(&line, atol(argv[3]));
    } else if (strcmp(mode, "master") == 0 && argc == 5) {
        answer_on(make_pty(argv[2], &slave), argv + 3);
    } else if (strcmp(mode, "link") == 0 && argc == 4) {
        carry_for_ever(argv + 2);
    } else {
        fprintf(stderr, "usage: pty_pp self|echo|client|master|link ... (see the head of pty_pp.c)\n");
        return 2;
    }
    return 0;
}
