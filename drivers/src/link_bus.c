#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "link_bus_private.h"
#include "link_private.h"

#define FREE_HEAD_OUT 12
#define FREE_HEAD_IN  23
#define GOODBYE_NS    100000000
#define AFTER_ABI_NS  1000000000 /* a device of another version is not asked all the time */

/* ---- sessions ---- */

void hil_link_bus_offer(struct hil_link_bus *b)
{
    uint32_t session = 0;
    while (session == 0)
        if (getrandom(&session, sizeof session, 0) != sizeof session)
            session = (uint32_t)hil_now_ns();
    hil_link_connect(&b->link, session, hil_now_ns());
}

void hil_link_bus_lose(struct hil_link_bus *b, int err)
{
    hil_link_end_session(&b->link);
    b->lost_err = err;
    b->retry_ns = err == HIL_E_ABI ? hil_now_ns() + AFTER_ABI_NS : 0;
    b->restart_due = b->stepping = 0;
    hil_link_bus_add(b, HIL_LBC_LOST_SESSIONS, 1);
    for (unsigned i = 0; i < HIL_LINK_BUS_ASKS; i++)
        if (b->asks[i].state == ASK_WAITS)
            b->asks[i].state = ASK_LOST;
    pthread_cond_broadcast(&b->changed);
}

void hil_link_bus_timed_out(struct hil_link_bus *b, int64_t begin_ns, uint64_t frames)
{
    int silent = b->link.counters.frames_in == frames && hil_now_ns() - begin_ns >= b->timeout_ns;
    if (silent && hil_link_is_connected(&b->link))
        hil_link_bus_lose(b, HIL_E_TIMEOUT);
}

static void on_lost(void *bus, int err) { hil_link_bus_lose(bus, err ? err : HIL_E_TIMEOUT); }

/* The device starts from nothing: its clock may have been reset, its task stands still. */
static void on_connected(void *bus)
{
    struct hil_link_bus *b = bus;
    hil_link_bus_add(b, HIL_LBC_CONNECTS, 1);
    hil_link_bus_add(b, HIL_LBC_RECONNECTS, b->lost_err != HIL_OK);
    b->lost_err = HIL_OK;
    hil_clock_init(&b->clock);
    memset(b->sent, 0, sizeof b->sent);
    b->unechoed = 0;
    b->heard_ns = hil_now_ns();
    b->restart_due = b->moving && !b->halted;
    if (!b->moving) /* until it is begun again */
        b->mode = HIL_LINK_IDLE;
    pthread_cond_broadcast(&b->changed);
}

int hil_link_bus_check(const struct hil_link_bus *b)
{
    if (b->fd >= 0 && hil_link_is_connected(&b->link))
        return HIL_OK;
    if (b->fd >= 0 && b->lost_err == HIL_E_ABI)
        return HIL_E_ABI;
    errno = b->fd < 0 ? b->gone_errno : ECONNRESET;
    return HIL_E_OS;
}

static int connect_now(struct hil_link_bus *b, int64_t due_ns)
{
    int rc = HIL_OK;
    if (b->fd >= 0 && !hil_link_is_connected(&b->link) && !b->link.offered && !b->moving)
        hil_link_bus_offer(b);
    uint64_t losses = b->counters.count[HIL_LBC_LOST_SESSIONS];
    while (rc == HIL_OK && b->fd >= 0 && !hil_link_is_connected(&b->link)) {
        rc = hil_link_bus_wait(b, due_ns);
        if (b->counters.count[HIL_LBC_LOST_SESSIONS] != losses)
            return hil_link_bus_check(b);
    }
    if (rc == HIL_E_TIMEOUT && !b->moving)
        hil_link_disconnect(&b->link);
    return rc == HIL_OK ? hil_link_bus_check(b) : rc;
}

int hil_link_bus_connect(struct hil_link_bus *b, int64_t wait_ns)
{
    pthread_mutex_lock(&b->lock);
    int rc = connect_now(b, hil_now_ns() + wait_ns);
    pthread_mutex_unlock(&b->lock);
    return rc;
}

static void say_goodbye(struct hil_link_bus *b)
{
    int64_t due = hil_now_ns() + GOODBYE_NS;
    hil_link_disconnect(&b->link);
    while (b->fd >= 0 && hil_link_is_connected(&b->link) && hil_now_ns() < due)
        hil_link_bus_pump(b, due);
    while (b->fd >= 0 && b->tx_at < b->tx_n && hil_now_ns() < due)
        hil_link_bus_pump(b, due);
}

void hil_link_bus_close(struct hil_link_bus *b)
{
    hil_link_bus_stop(b);
    pthread_mutex_lock(&b->lock);
    if (b->fd >= 0) {
        hil_link_bus_patient(b);
        say_goodbye(b);
        hil_link_bus_restore(b);
        b->fd = -1;
        b->gone_errno = EBADF;
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- making ---- */

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

static int place(struct hil_link_bus *b, const struct hil_codec *in, const struct hil_codec *out)
{
    unsigned n_in = b->n_in + (b->clock_tags ? 3 : 0);
    size_t size_in = round64(b->n_in * sizeof *in), size_out = round64(b->n_out * sizeof *out);
    unsigned char *p =
        aligned_alloc(64, 64 + size_in + size_out + hil_box_size(n_in) + round64(hil_box_size(b->n_out)));
    if (!p)
        return HIL_E_OS;
    b->memory = p;
    b->codec_in = (void *)p;
    b->codec_out = (void *)(p + size_in);
    if (b->n_in)
        memcpy(b->codec_in, in, b->n_in * sizeof *in);
    if (b->n_out)
        memcpy(b->codec_out, out, b->n_out * sizeof *out);
    hil_box_init(&b->in, p + size_in + size_out, n_in);
    hil_box_init(&b->out, p + size_in + size_out + hil_box_size(n_in), b->n_out);
    return HIL_OK;
}

/* The bus thread is the more urgent one: who holds the lock meanwhile runs at its priority. */
static void make_lock(struct hil_link_bus *b)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&b->lock, &mutex);
    pthread_mutexattr_destroy(&mutex);
    pthread_condattr_init(&cond);
    pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &cond);
    pthread_condattr_destroy(&cond);
}

static int is_socket(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode);
}

static void on_loop_ended(void *bus) { atomic_store(&((struct hil_link_bus *)bus)->loop_ended, 1); }

static void set_up(struct hil_link_bus *b, const struct hil_link_bus_options *o)
{
    const struct hil_link_config config = {.host = 1};
    b->fd = o->fd;
    b->is_socket = is_socket(o->fd);
    b->timeout_ns = o->timeout_ns;
    b->port = (struct hil_bus_port){&b->in, &b->out, hil_link_bus_exchange, b, on_loop_ended};
    b->handler = (struct hil_link_handler){b, on_connected, hil_link_bus_on_image, hil_link_bus_on_message, on_lost};
    hil_link_init(&b->link, &config);
    hil_rto_init(&b->rto, 100000000, 5000000, 1000000000);
    hil_thread_init(&b->thread);
    make_lock(b);
}

int hil_link_bus_new(const struct hil_link_bus_options *options, const struct hil_codec *in, unsigned n_in,
                     const struct hil_codec *out, unsigned n_out, struct hil_link_bus **bus)
{
    size_t in_size = hil_link_values_size(in, n_in), out_size = hil_link_values_size(out, n_out);
    *bus = NULL;
    if (options->fd < 0 || options->timeout_ns <= 0)
        return HIL_E_ARG;
    if (FREE_HEAD_IN + in_size > HIL_LINK_MAX_IMAGE || FREE_HEAD_OUT + out_size > HIL_LINK_MAX_IMAGE)
        return HIL_E_SIZE;
    struct hil_link_bus *b = calloc(1, sizeof *b);
    if (!b)
        return HIL_E_OS;
    b->n_in = n_in;
    b->n_out = n_out;
    b->in_size = in_size;
    b->out_size = out_size;
    b->clock_tags = options->clock_tags;
    if (place(b, in, out) != HIL_OK) {
        free(b);
        return HIL_E_OS;
    }
    set_up(b, options);
    *bus = b;
    return HIL_OK;
}

void hil_link_bus_free(struct hil_link_bus *b)
{
    if (!b)
        return;
    int saved = errno;
    hil_link_bus_close(b);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b->memory);
    free(b);
    errno = saved;
}

/* ---- looking ---- */

struct hil_bus_port *hil_link_bus_port(struct hil_link_bus *b) { return &b->port; }
int hil_link_bus_realtime(const struct hil_link_bus *b) { return b->thread.realtime; }

void hil_link_bus_count(struct hil_link_bus *b, struct hil_link_bus_counters *counters)
{
    pthread_mutex_lock(&b->lock);
    *counters = b->counters;
    counters->link = b->link.counters;
    pthread_mutex_unlock(&b->lock);
}

int hil_link_bus_clock(struct hil_link_bus *b, struct hil_clock_estimate *e)
{
    pthread_mutex_lock(&b->lock);
    int known = b->mode == HIL_LINK_FREE && hil_clock_read(&b->clock, hil_now_ns(), e);
    pthread_mutex_unlock(&b->lock);
    return known;
}

int hil_link_bus_is_connected(struct hil_link_bus *b)
{
    pthread_mutex_lock(&b->lock);
    int connected = b->fd >= 0 && hil_link_is_connected(&b->link);
    pthread_mutex_unlock(&b->lock);
    return connected;
}
