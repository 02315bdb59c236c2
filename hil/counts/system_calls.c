/* Runs a program and counts the system calls of each of its threads, by number.
 *
 * usage: system_calls PROGRAM ARGUMENTS...
 *
 * Only what lies between a thread's first and last clock_nanosleep counts, or its first and last ppoll if it never calls
 * clock_nanosleep. Prints "THREAD NUMBER COUNT" lines to the error output. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 64, NUMBERS = 512 };

struct thread {
    pid_t id;
    int inside, sleeps;
    long wait;                                    /* the call that it sleeps in */
    unsigned long since[NUMBERS], total[NUMBERS]; /* since the last sleep; all before it */
};
static struct thread threads[THREADS];

static struct thread *thread_of(pid_t id)
{
    for (int i = 0; i < THREADS; i++) {
        if (!threads[i].id)
            threads[i].id = id;
        if (threads[i].id == id)
            return &threads[i];
    }
    fprintf(stderr, "more than %d threads\n", THREADS);
    exit(1);
}

static void count(struct thread *t, long number)
{
    if (number == SYS_clock_nanosleep && t->wait != SYS_clock_nanosleep)
        *t = (struct thread){.id = t->id, .inside = t->inside, .wait = SYS_clock_nanosleep};
    if (number == (t->wait ? t->wait : SYS_ppoll)) {
        for (int i = 0; i < NUMBERS && t->sleeps; i++)
            t->total[i] += t->since[i];
        for (int i = 0; i < NUMBERS; i++)
            t->since[i] = 0;
        t->sleeps = 1;
    }
    if (number >= 0 && number < NUMBERS)
        t->since[number]++;
}

static int system_call_stop(pid_t id)
{
    struct user_regs_struct regs;
    struct thread *t = thread_of(id);
    t->inside = !t->inside;
    if (t->inside && ptrace(PTRACE_GETREGS, id, NULL, &regs) == 0)
        count(t, (long)regs.orig_rax);
    return 0;
}

static void print_totals(void)
{
    for (int i = 0; i < THREADS; i++)
        for (int n = 0; n < NUMBERS; n++)
            if (threads[i].total[n])
                fprintf(stderr, "%d %d %lu\n", (int)threads[i].id, n, threads[i].total[n]);
}

/* A stop by the tracing itself, or a signal that goes on to the program. */
static int signal_to_pass(pid_t id, int status)
{
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80))
        return system_call_stop(id);
    return status >> 16 || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

int main(int argc, char **argv)
{
    pid_t child = fork();
    if (argc < 2 || child < 0)
        return 1;
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    int status, result = 1;
    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    for (pid_t id; (id = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) && id == child)
            result = WEXITSTATUS(status);
        if (WIFSTOPPED(status))
            ptrace(PTRACE_SYSCALL, id, NULL, (void *)(long)signal_to_pass(id, status));
    }
    print_totals();
    return result;
}
