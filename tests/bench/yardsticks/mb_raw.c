/* A Modbus TCP client without a library: read 10 holding registers over a bare socket.
 *
 * usage: mb_raw PORT N sync|spin|pipe|split [DEPTH]
 *
 * sync   one request at a time, asleep until its answer is there
 * spin   the same, polling the socket
 * pipe   DEPTH requests under way; each is timed from sending to its answer
 * split  what a loop pays that sends in one tick and collects later: the cost of each call alone */
#include "tcp.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_DEPTH = 64, ANSWERS = 8192, IDS = 65536 };
static const struct timespec SPLIT_PAUSE = {0, 300000};

static void fill_request(unsigned char *request, long id)
{
    unsigned char bytes[REQUEST] = {(unsigned char)(id >> 8), (unsigned char)id, 0, 0, 0, 6, 1, 3, 0, 0, 0, REGISTERS};

    memcpy(request, bytes, sizeof bytes);
}

static int id_of(const unsigned char *answer) { return answer[0] << 8 | answer[1]; }

static void fail(const char *why)
{
    fprintf(stderr, "mb_raw: %s\n", why);
    exit(1);
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = loopback(port);
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    send_at_once(fd);
    return fd;
}

static void receive_answer(int fd, unsigned char *answer, bool spin)
{
    int have = 0;

    while (have < ANSWER) {
        ssize_t n = recv(fd, answer + have, (size_t)(ANSWER - have), spin ? MSG_DONTWAIT : 0);
        if (n > 0)
            have += (int)n;
        else if (n == 0)
            fail("connection closed");
    }
}

static void one_at_a_time(int fd, long n, int64_t *ns, bool spin)
{
    unsigned char request[REQUEST], answer[ANSWER];

    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        fill_request(request, i);
        send(fd, request, REQUEST, 0);
        receive_answer(fd, answer, spin);
        if (answer[7] != 3 || id_of(answer) != (i & 0xffff))
            fail("wrong answer");
        ns[i] = now_ns() - start;
    }
}

/* The requests under way. A transaction number finds the time its request was sent. */
struct pipeline {
    int fd;
    long sent;
    int queued;
    unsigned char requests[REQUEST * MAX_DEPTH];
    int64_t sent_ns[IDS];
};

static void queue_request(struct pipeline *p, int64_t now)
{
    p->sent_ns[p->sent % IDS] = now;
    fill_request(p->requests + REQUEST * p->queued, p->sent);
    p->sent++;
    p->queued++;
}

static void send_queued(struct pipeline *p)
{
    if (p->queued > 0)
        send(p->fd, p->requests, (size_t)(REQUEST * p->queued), 0);
    p->queued = 0;
}

static void pipelined(int fd, long n, int depth, int64_t *ns)
{
    static struct pipeline p;
    static unsigned char in[ANSWERS];
    long done = 0;
    int have = 0;

    p.fd = fd;
    for (int i = 0; i < depth; i++)
        queue_request(&p, now_ns());
    send_queued(&p);
    while (done < n) {
        ssize_t got = recv(fd, in + have, sizeof in - (size_t)have, 0);
        if (got <= 0)
            fail("connection closed");
        have += (int)got;
        int count = have / ANSWER;
        int64_t now = now_ns();
        for (int i = 0; i < count && done < n; i++) {
            const unsigned char *answer = in + ANSWER * i;
            if (answer[7] != 3)
                fail("wrong answer");
            ns[done++] = now - p.sent_ns[id_of(answer)];
            if (p.sent < n)
                queue_request(&p, now);
        }
        send_queued(&p);
        have -= ANSWER * count;
        memmove(in, in + ANSWER * count, (size_t)have);
    }
}

static void split(int fd, long n)
{
    int64_t *send_ns = malloc(sizeof *send_ns * (size_t)n), *recv_ns = malloc(sizeof *recv_ns * (size_t)n);
    unsigned char request[REQUEST], in[512];

    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        fill_request(request, i);
        send(fd, request, REQUEST, MSG_DONTWAIT);
        send_ns[i] = now_ns() - start;
        nanosleep(&SPLIT_PAUSE, NULL);
        start = now_ns();
        ssize_t got = recv(fd, in, sizeof in, MSG_DONTWAIT);
        recv_ns[i] = now_ns() - start;
        if (got != ANSWER) /* late: this one does not count */
            i--;
    }
    sort_ns(send_ns, n);
    sort_ns(recv_ns, n);
    printf("send p50=%.2f p99=%.2f recv p50=%.2f p99=%.2f us\n", quantile_us(send_ns, n, 0.5),
           quantile_us(send_ns, n, 0.99), quantile_us(recv_ns, n, 0.5), quantile_us(recv_ns, n, 0.99));
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: mb_raw PORT N sync|spin|pipe|split [DEPTH]\n");
        return 2;
    }
    long n = atol(argv[2]);
    const char *mode = argv[3];
    int depth = argc > 4 ? atoi(argv[4]) : 1;
    int fd = connect_to(argv[1]);

    if (depth < 1 || depth > MAX_DEPTH)
        fail("DEPTH is 1 to 64");
    if (strcmp(mode, "split") == 0) {
        split(fd, n);
        return 0;
    }
    int64_t *ns = malloc(sizeof *ns * (size_t)n), start = now_ns();
    if (strcmp(mode, "pipe") == 0)
        pipelined(fd, n, depth, ns);
    else
        one_at_a_time(fd, n, ns, strcmp(mode, "spin") == 0);
    print_transactions(ns, n, now_ns() - start);
    return 0;
}
