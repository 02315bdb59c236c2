/* Exchanges over the link's bus beside a raw ping-pong of as many bytes, in turn, each over a pseudo-terminal of its own.
 *
 * usage: link_pp PAIRS N BYTES    N exchanges in lock-step with BYTES bytes of values each way (a multiple of 8), then as many
 *                                 raw ones, and so on, PAIRS times, the other one first every second time
 *
 * A device that is nothing but the link answers the bus, a thread that reads and writes the raw ping-pong. A pseudo-terminal hands
 * its bytes over in a kernel thread, whose delay depends on what else runs just then; blocks of some milliseconds side by
 * side have the same. Prints p50 in us of both and their ratio for every pair. */
#include "yardstick.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "hil_drivers/link_bus.h"

enum { MOST = 64 };

struct device {
    int fd;
    struct hil_link link;
    uint32_t step;
};

/* START and STATE are all that the bus asks; the step is answered with its own values. */
static void on_message(void *self, const uint8_t *data, size_t n, int64_t now)
{
    struct device *d = self;
    uint8_t answer[3 + HIL_LINK_STATE_SIZE] = {HIL_REPORT_DONE, data[1], data[2]};
    int state = data[0] == HIL_OP_STATE;

    (void)n;
    if (state)
        answer[0] = HIL_REPORT_STATE;
    else
        d->step = 0;
    hil_link_send_message(&d->link, answer, state ? sizeof answer : 3, now);
}

static void on_image(void *self, uint16_t seq, const uint8_t *data, size_t n, int64_t now)
{
    struct device *d = self;
    uint8_t image[HIL_LINK_MAX_IMAGE];

    (void)seq;
    (void)now;
    memcpy(image, data, 4);
    image[4] = 0;
    memcpy(image + 5, data + 4, n - 4);
    hil_link_send_image(&d->link, image, n + 1);
}

static void on_connected(void *self) { (void)self; }
static void on_lost(void *self, int err) { (void)self, (void)err; }

static void *serve(void *argument)
{
    struct device *d = argument;
    const struct hil_link_handler handler = {d, on_connected, on_image, on_message, on_lost};
    const struct hil_link_config config = {.host = 0};
    uint8_t bytes[4096], out[HIL_LINK_MAX_FRAME];

    hil_link_init(&d->link, &config);
    for (ssize_t n; (n = read(d->fd, bytes, sizeof bytes)) > 0;) {
        hil_link_receive(&d->link, bytes, (size_t)n, now_ns(), &handler);
        for (size_t k; (k = hil_link_poll(&d->link, out, sizeof out, now_ns(), &handler));)
            if (write(d->fd, out, k) < 0)
                return NULL;
    }
    return NULL;
}

/* ---- the two lines ---- */

static void make_pty(int *master, int *slave)
{
    struct termios t;

    must(openpty(master, slave, NULL, NULL, NULL), "openpty");
    must(tcgetattr(*slave, &t), "tcgetattr");
    cfmakeraw(&t);
    must(tcsetattr(*slave, TCSANOW, &t), "tcsetattr");
}

static void begin_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, argument) != 0)
        exit(1);
}

static struct hil_link_bus *connected_bus(int fd, unsigned values)
{
    struct hil_codec codecs[MOST];
    const struct hil_link_bus_options options = {.fd = fd, .timeout_ns = 5000000000};
    struct hil_link_bus *bus;
    struct hil_link_answer answer;

    for (unsigned i = 0; i < values; i++)
        codecs[i] = (struct hil_codec){.scale = 1, .lo = -HUGE_VAL, .hi = HUGE_VAL, .kind = HIL_F64};
    if (hil_link_bus_new(&options, codecs, values, codecs, values, &bus) || hil_link_bus_connect(bus, 2000000000) ||
        hil_link_bus_begin(bus, HIL_LINK_LOCKSTEP, 1, 2000000000, &answer)) {
        fprintf(stderr, "link_pp: no device\n");
        exit(1);
    }
    return bus;
}

struct raw {
    int fd, request, answer; /* bytes of each */
};

static int read_exactly(int fd, unsigned char *buffer, int n)
{
    for (int have = 0; have < n;) {
        ssize_t got = read(fd, buffer + have, (size_t)(n - have));
        if (got <= 0)
            return 0;
        have += (int)got;
    }
    return 1;
}

static void *answer_for_ever(void *argument)
{
    const struct raw *r = argument;
    unsigned char buffer[4096] = {0};

    while (read_exactly(r->fd, buffer, r->request))
        if (write(r->fd, buffer, (size_t)r->answer) < 0)
            break;
    return NULL;
}

/* ---- blocks ---- */

static double exchange(struct hil_link_bus *bus, unsigned values, int64_t *ns, long n)
{
    static double number;
    struct hil_bus_port *port = hil_link_bus_port(bus);

    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        struct hil_image *out = hil_box_begin(port->out);
        number++;
        for (unsigned k = 0; k < values; k++)
            out->v[k] = number + 0.1 * k;
        hil_box_publish(port->out);
        int failed = port->exchange(port->bus, i) != HIL_OK;
        const struct hil_image *in = hil_box_take(port->in);
        if (failed || !in || in->v[0] != number) {
            fprintf(stderr, "link_pp: exchange %ld failed or brought a wrong value\n", i);
            exit(1);
        }
        ns[i] = now_ns() - start;
    }
    sort_ns(ns, n);
    return quantile_us(ns, n, 0.5);
}

static double ping_pong(const struct raw *r, int64_t *ns, long n)
{
    unsigned char request[4096] = {1}, answer[4096];

    for (long i = 0; i < n; i++) {
        int64_t start = now_ns();
        if (write(r->fd, request, (size_t)r->request) < 0 || !read_exactly(r->fd, answer, r->answer))
            exit(1);
        ns[i] = now_ns() - start;
    }
    sort_ns(ns, n);
    return quantile_us(ns, n, 0.5);
}

/* Bytes of one exchange each way. */
static struct raw measure(struct hil_link_bus *bus, unsigned values)
{
    struct hil_link_bus_counters before, after;
    int64_t ns;

    hil_link_bus_count(bus, &before);
    exchange(bus, values, &ns, 1);
    hil_link_bus_count(bus, &after);
    return (struct raw){.request = (int)(after.link.bytes_out - before.link.bytes_out),
                        .answer = (int)(after.link.bytes_in - before.link.bytes_in)};
}

int main(int argc, char **argv)
{
    static struct device device;
    static struct raw mine, peer;
    int slave;

    if (argc != 4 || atoi(argv[3]) / 8 > MOST) {
        fprintf(stderr, "usage: link_pp PAIRS N BYTES (see the head of link_pp.c)\n");
        return 2;
    }
    unsigned values = (unsigned)atoi(argv[3]) / 8;
    long n = atol(argv[2]);
    int64_t *ns = malloc(sizeof *ns * (size_t)n);
    make_pty(&device.fd, &slave);
    must(fcntl(slave, F_SETFL, O_NONBLOCK), "fcntl");
    begin_thread(serve, &device);
    struct hil_link_bus *bus = connected_bus(slave, values);
    mine = measure(bus, values);
    printf("bytes request=%d answer=%d\n", mine.request, mine.answer);
    peer = mine;
    make_pty(&peer.fd, &mine.fd);
    begin_thread(answer_for_ever, &peer);
    for (int i = 0; i < atoi(argv[1]); i++) {
        double first = i % 2 ? ping_pong(&mine, ns, n) : exchange(bus, values, ns, n);
        double second = i % 2 ? exchange(bus, values, ns, n) : ping_pong(&mine, ns, n);
        double ours = i % 2 ? second : first, raw = i % 2 ? first : second;
        printf("pair ours=%.2f raw=%.2f ratio=%.4f\n", ours, raw, ours / raw);
    }
    fflush(stdout);
    _exit(0); /* the other threads wait for ever */
}
