/* usage: PROGRAM [--link PATH] [--field PATH] [--outputs FILE]
 * The board as a process of its own. What runs here is its guard: it holds ports and memory, starts the device in a process below
 * itself, and does what an independent watchdog does: a device that hangs or crashes is started again and told why. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hil_drivers/link_protocol.h"
#include "posix.h"

#define LOOK_MS  20
#define PATIENCE 25 /* looks without a kick: half a second, as on the chip */

extern const struct fw_app fw_application;

static volatile int stop; /* of this process; a signal handler has no other way */

static void on_signal(int number) { (void)number, stop = 1; }

static void handle_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
}

static pid_t start(struct fw_posix *b)
{
    pid_t parent = getpid(), pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1ul);
    if (getppid() != parent)
        _exit(1);
    _exit(fw_posix_run(b, &fw_application, &stop));
}

/* Until the device ends, by itself or because it hangs. Returns its exit status as waitpid gives it. */
static int watch(const struct fw_posix *b, pid_t pid)
{
    uint64_t kicks = b->memory->kicks;
    for (int silent = 0, status, told = 0;; silent++) {
        struct timespec look = {0, LOOK_MS * 1000000};
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        if (stop && !told)
            told = kill(pid, SIGTERM) == 0;
        if (b->memory->kicks != kicks)
            silent = 0;
        kicks = b->memory->kicks;
        if (silent == PATIENCE)
            kill(pid, SIGKILL);
        nanosleep(&look, NULL);
    }
}

static int run(struct fw_posix *b)
{
    while (!stop) {
        pid_t pid = start(b);
        if (pid < 0)
            return errno;
        int status = watch(b, pid);
        if (WIFEXITED(status) && (stop || WEXITSTATUS(status)))
            return WEXITSTATUS(status);
    }
    return 0;
}

static int read_options(int argc, char **argv, struct fw_posix_options *o)
{
    static const struct option names[] = {{"link", required_argument, NULL, 'l'},
                                          {"field", required_argument, NULL, 'f'},
                                          {"outputs", required_argument, NULL, 'o'},
                                          {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == '?')
            return -1;
        *(c == 'l' ? &o->link : c == 'f' ? &o->field : &o->outputs) = optarg;
    }
    return optind < argc ? -1 : 0;
}

static int fail(int err)
{
    fprintf(stderr, "hil: the board cannot run: %s\n", strerror(err));
    return 2;
}

int main(int argc, char **argv)
{
    static struct fw_posix board;
    struct fw_posix_options options = {0};
    if (read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: %s [--link PATH] [--field PATH] [--outputs FILE]\n", argv[0]);
        return 2;
    }
    int err = fw_posix_open(&board, &options);
    if (err)
        return fail(err);
    handle_signals();
    printf("link %s\nfield %s\n", board.port[FW_PORT_LINK].name, board.port[FW_PORT_FIELD].name);
    fflush(stdout);
    err = run(&board);
    fw_posix_close(&board);
    return err ? fail(err) : 0;
}
