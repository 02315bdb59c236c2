/* An instance in a process of its own: a socket carries one request and one answer a step. When the FMU crashes, the
 * socket is closed by the kernel and the loop goes on; when it hangs, the wait ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fmu_private.h"

extern char **environ;

enum op { OP_START = 1, OP_STEP, OP_SAVE, OP_LOAD };
#define HOST_FD   3
#define START_MS  30000      /* longest wait for a process that starts, loads its library and initialises */
#define MOST_BLOB (1u << 30) /* a larger answer is none */

/* Both ways; `n` bytes follow: doubles of a step (u, then p when `flag`; answer: y), a saved state, a text. */
struct message {
    uint32_t op, n;
    int32_t err, flag;
    double t_s, dt_s;
};

/* ---- bytes ---- */

static int send_all(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return HIL_E_OS;
        at += sent, n -= (size_t)sent;
    }
    return HIL_OK;
}

/* HIL_E_TIMEOUT: SO_RCVTIMEO ran out; HIL_E_OS: the other side has gone. */
static int receive_all(int fd, void *bytes, size_t n)
{
    for (char *at = bytes; n;) {
        ssize_t got = recv(fd, at, n, MSG_WAITALL);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return HIL_E_TIMEOUT;
        if (got <= 0)
            return HIL_E_OS;
        at += got, n -= (size_t)got;
    }
    return HIL_OK;
}

static void wait_at_most(int fd, int ms)
{
    struct timeval limit = {ms / 1000, ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* ---- the loop's side ---- */

static void end(struct fmu_instance *i)
{
    if (i->fd >= 0)
        close(i->fd);
    i->fd = -1;
    free(i->packet);
    i->packet = NULL;
    if (i->pid <= 0)
        return;
    kill(i->pid, SIGKILL); /* it has nothing to tidy up; one that hangs would not hear anything milder */
    waitpid(i->pid, NULL, 0);
    i->pid = 0;
}

/* Why there is no answer. A process that has just closed its socket takes a moment to become a corpse. */
static int lost(struct fmu_instance *i, int err)
{
    int status = 0, ended = 0, ms = i->fmu->d->timeout_ms;
    if (err == HIL_E_TIMEOUT)
        return fmu_say(i, err, "its process does not answer within %d ms", ms);
    for (int k = 0; k < 100 && !ended; k++) {
        ended = waitpid(i->pid, &status, WNOHANG) == i->pid;
        if (!ended)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    if (ended)
        i->pid = 0;
    if (ended && WIFSIGNALED(status))
        return fmu_say(i, HIL_E_OS, "its process crashed: %s", strsignal(WTERMSIG(status)));
    if (ended)
        return fmu_say(i, HIL_E_OS, "its process ended with exit code %d", WEXITSTATUS(status));
    return fmu_say(i, HIL_E_OS, "its process has gone");
}

/* One request and its answer, whose bytes go to `to` (n of them, no more and no less) or, with to = NULL, to the blob. */
static int ask(struct fmu_instance *i, const struct message *m, const void *bytes, void *to, size_t n)
{
    struct message answer;
    memcpy(i->packet, m, sizeof *m);
    int err = HIL_OK;
    if (m->op == OP_LOAD) {
        err = send_all(i->fd, m, sizeof *m);
        err = err ? err : send_all(i->fd, bytes, m->n);
    } else {
        err = send_all(i->fd, i->packet, sizeof *m + m->n);
    }
    if (!err)
        err = receive_all(i->fd, &answer, sizeof answer);
    if (err)
        return lost(i, err);
    if (answer.err && answer.n < sizeof i->text) {
        err = receive_all(i->fd, i->text, answer.n);
        i->text[answer.n] = 0;
        return err ? lost(i, err) : answer.err;
    }
    if (answer.err || answer.n > MOST_BLOB || (to && answer.n != n))
        return fmu_say(i, HIL_E_OS, "its process gives an answer that is none");
    if (!to && (err = fmu_make_blob(i, answer.n)))
        return err;
    err = receive_all(i->fd, to ? to : i->blob, answer.n);
    return err ? lost(i, err) : HIL_OK;
}

/* The child's end becomes HOST_FD there; all else is closed on exec. A pair whose ends lie at HOST_FD or below would be
 * overwritten by the dup, or keep its flag. */
static int spawn(struct fmu_instance *i)
{
    int pair[2];
    posix_spawn_file_actions_t actions;
    const char *const *host = i->fmu->d->host;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return fmu_say(i, HIL_E_OS, "no socket for its process: %s", strerror(errno));
    int far = fcntl(pair[1], F_DUPFD_CLOEXEC, HOST_FD + 1);
    close(pair[1]);
    i->fd = pair[0];
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, far, HOST_FD);
    int err = far < 0 ? errno : posix_spawnp(&i->pid, host[0], &actions, NULL, (char *const *)(uintptr_t)host, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (far >= 0)
        close(far);
    if (!err)
        return HIL_OK;
    i->pid = 0;
    return fmu_say(i, HIL_E_OS, "its process does not start: %s", strerror(err));
}

static int start(struct fmu_instance *i, const double *p, double *y)
{
    const struct hil_fmu_description *d = i->fmu->d;
    size_t bytes = d->n_p * sizeof *p;
    i->packet = calloc(1, sizeof(struct message) + (d->n_u + d->n_p) * sizeof *p);
    if (!i->packet)
        return HIL_E_OS;
    int err = spawn(i);
    if (err)
        return err;
    if (bytes)
        memcpy(i->packet + sizeof(struct message), p, bytes);
    wait_at_most(i->fd, START_MS);
    err = ask(i, &(struct message){.op = OP_START, .n = (uint32_t)bytes}, NULL, y, d->n_y * sizeof *y);
    wait_at_most(i->fd, d->timeout_ms);
    return err;
}

static int step(struct fmu_instance *i, const double *u, const double *p, double t_s, double dt_s, double *y)
{
    const struct hil_fmu_description *d = i->fmu->d;
    unsigned char *at = i->packet + sizeof(struct message);
    size_t n_u = d->n_u * sizeof *u, n_p = p ? d->n_p * sizeof *p : 0;
    memcpy(at, u, n_u);
    if (n_p)
        memcpy(at + n_u, p, n_p);
    struct message m = {OP_STEP, (uint32_t)(n_u + n_p), 0, p != NULL, t_s, dt_s};
    return ask(i, &m, NULL, y, d->n_y * sizeof *y);
}

static int save(struct fmu_instance *i) { return ask(i, &(struct message){.op = OP_SAVE}, NULL, NULL, 0); }

static int load(struct fmu_instance *i, const void *bytes, size_t n)
{
    return n > MOST_BLOB ? HIL_E_SIZE : ask(i, &(struct message){.op = OP_LOAD, .n = (uint32_t)n}, bytes, i->text, 0);
}

const struct fmu_kind fmu_kind_process = {start, step, save, load, end};

/* ---- the FMU's side ---- */

static int carry_out(struct hil_fmu *fmu, const struct message *m, const void *owner, const unsigned char *bytes,
                     double *y, const void **out, size_t *n)
{
    const double *v = (const double *)(const void *)bytes;
    *out = y;
    *n = fmu->model.n_y * sizeof *y;
    switch (m->op) {
    case OP_START: return fmu->reset(fmu->self, owner, v, y);
    case OP_STEP: return fmu->step(fmu->self, owner, v, m->flag ? v + fmu->model.n_u : NULL, m->t_s, m->dt_s, y);
    case OP_SAVE: return fmu->save(fmu->self, owner, out, n);
    case OP_LOAD: *n = 0; return fmu->load(fmu->self, owner, bytes, m->n);
    default: return HIL_E_ARG;
    }
}

static int answer(struct hil_fmu *fmu, int fd, const struct message *m, const void *owner, const unsigned char *bytes)
{
    double y[HIL_MODEL_MAX_Y];
    const void *out;
    size_t n;
    int err = carry_out(fmu, m, owner, bytes, y, &out, &n);
    if (err) {
        out = fmu->failure(fmu->self, owner);
        n = strlen(out);
    }
    struct message head = {.op = m->op, .n = (uint32_t)n, .err = err};
    err = send_all(fd, &head, sizeof head);
    return err ? err : send_all(fd, out, n);
}

int hil_fmu_serve(struct hil_fmu *fmu, int fd)
{
    struct message m;
    unsigned char *bytes = NULL;
    int err = HIL_OK;
    while (!err && receive_all(fd, &m, sizeof m) == HIL_OK) {
        unsigned char *room = m.n <= MOST_BLOB ? realloc(bytes, m.n ? m.n : 1) : NULL;
        if (!room) {
            err = HIL_E_SIZE;
            break;
        }
        bytes = room;
        err = receive_all(fd, bytes, m.n);
        err = err ? err : answer(fmu, fd, &m, fmu, bytes);
    }
    free(bytes);
    return err;
}
