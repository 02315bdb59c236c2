#include "rtu_face.h"

#include <string.h>

#define CHAR_BITS 11 /* with parity or a second stop bit, as the specification wants it */

/* ---- memory: the struct, the bank, values, heartbeats ---- */

static size_t aligned(size_t n) { return (n + 7) / 8 * 8; }

static size_t bank_size(const struct hil_regmap *m) { return aligned(hil_mb_bank_size(m)); }

size_t fw_rtu_face_size(const struct fw_app *app)
{
    const struct hil_regmap *m = app->map;
    size_t values = ((size_t)m->n_in + m->n_out) * sizeof(double);
    return aligned(sizeof(struct fw_rtu)) + bank_size(m) + values + hil_beats_count(m) * sizeof(struct hil_beat);
}

static void begin(struct fw_device *d)
{
    const struct hil_regmap *m = d->app->map;
    unsigned char *p = (unsigned char *)d->face + aligned(sizeof(struct fw_rtu));
    struct fw_rtu *f = d->face;
    int64_t bit_ns = d->board->field_bit_ns;
    struct hil_rtu_timing timing = hil_rtu_timing(bit_ns, CHAR_BITS, bit_ns ? FW_RTU_SLACK_NS : FW_RTU_SLACK_NO_BIT_NS);
    memset(d->face, 0, fw_rtu_face_size(d->app));
    hil_mb_bank_init(&f->bank, p, m);
    f->in = (double *)(void *)(p + bank_size(m));
    f->out = f->in + m->n_in;
    f->told = hil_reg_find_latch(m->out, m->n_out);
    f->commands = hil_reg_find_latch(m->in, m->n_in);
    hil_beats_init(&f->beats, (struct hil_beat *)(void *)(f->out + m->n_out), m);
    hil_rtu_slave_init(&f->slave, &f->bank, d->app->unit, &timing, 0);
    f->lost = d->board->lost(d->board->self, FW_PORT_FIELD);
}

/* ---- values ---- */

/* What is at the pins now, and why, for the next read. */
static void show(struct fw_device *d)
{
    struct fw_rtu *f = d->face;
    const struct fw_supervisor *s = &d->supervisor;
    memcpy(f->out, d->driven, d->app->n_out * sizeof *f->out);
    if (f->told < d->app->map->n_out)
        f->out[f->told] = s->cause ? HIL_LATCH_WORD(s->cause, s->output) : 0;
    hil_mb_bank_set(&f->bank, f->out, fw_ticks(d));
}

static int all_numbers(const double *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!(v[i] == v[i]))
            return 0;
    return 1;
}

/* 1: a command was written and is done. Only a change counts: a master that writes all its registers again and again with an
 * old command among them would hold the latch open for good. NaN: not written since the last command. */
static int obey(struct fw_device *d)
{
    struct fw_rtu *f = d->face;
    double command = f->commands < d->app->map->n_in ? f->in[f->commands] : f->command;
    if (!(command == command) || command == f->command)
        return 0;
    f->command = command;
    if (command == HIL_LATCH_CLEAR)
        fw_clear(d);
    else if (command == HIL_LATCH_RELEASE)
        fw_supervisor_set_active(&d->supervisor, 0, fw_now(d));
    else
        return 0;
    d->fresh = 0;
    hil_mb_bank_forget(&f->bank);
    fw_drive(d);
    return 1;
}

/* What the master has written, if it makes a whole set of inputs and the master lives. */
static void take(struct fw_device *d, int64_t now_ns)
{
    struct fw_rtu *f = d->face;
    f->slave.wrote = 0;
    hil_mb_bank_get(&f->bank, f->in);
    if (obey(d))
        return;
    int alive = hil_beats_time(&f->beats, f->in, now_ns) == now_ns;
    if (!alive || !all_numbers(f->in, d->app->n_in))
        return;
    memcpy(d->in, f->in, d->app->n_in * sizeof *d->in);
    d->fresh = 1;
}

/* ---- the face ---- */

static void look_at_line(struct fw_device *d)
{
    struct fw_rtu *f = d->face;
    uint32_t lost = d->board->lost(d->board->self, FW_PORT_FIELD);
    if (lost != f->lost)
        hil_rtu_rx_disturb(&f->slave.rx, lost - f->lost);
    f->lost = lost;
}

static void receive(struct fw_device *d, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    struct fw_rtu *f = d->face;
    look_at_line(d);
    show(d);
    hil_rtu_slave_receive(&f->slave, bytes, n, now_ns);
    if (f->slave.wrote)
        take(d, now_ns);
}

static void poll(struct fw_device *d, int64_t now_ns)
{
    struct fw_rtu *f = d->face;
    size_t n;
    const uint8_t *answer = hil_rtu_slave_poll(&f->slave, now_ns, &n);
    if (f->slave.wrote) /* a request that silence has ended */
        take(d, now_ns);
    if (answer)
        f->unanswered += d->board->write(d->board->self, FW_PORT_FIELD, answer, n) != n;
}

static int64_t next_ns(const struct fw_device *d)
{
    const struct fw_rtu *f = d->face;
    return hil_rtu_slave_next_ns(&f->slave);
}

const struct fw_face fw_rtu_face = {"modbus", fw_rtu_face_size, begin, receive, poll, next_ns};
