#include "tclab_face.h"

#include "decimal.h"
#include "hil/tick.h"

#include <string.h>

#define NONE    (-1)
#define BENCH   1 /* the role on the other side */
#define VERSION "TCLab Firmware 1.4.3 HIL board"

static const char *const in_names[FW_TCLAB_VALUES] = {"q1", "q2", "p1", "p2", "led"};
static const double at_start[FW_TCLAB_VALUES] = {0.0, 0.0, 200.0, 100.0, 0.0};
static const double most[FW_TCLAB_VALUES] = {100.0, 100.0, 255.0, 255.0, 100.0};

/* ---- where the values are ---- */

static const char *last_part(const char *name)
{
    const char *part = name;
    for (; *name; name++)
        if (*name == '.')
            part = name + 1;
    return part;
}

static int16_t find_input(const struct fw_app *app, const char *name)
{
    for (int16_t i = 0; i < app->n_in; i++)
        if (strcmp(last_part(app->input_names[i]), name) == 0)
            return i;
    return NONE;
}

static int16_t find_output(const struct fw_app *app, const char *name)
{
    for (int16_t i = 0; i < app->n_out; i++)
        if (strcmp(last_part(app->outputs[i].name), name) == 0)
            return i;
    return NONE;
}

static double *value_of(struct fw_device *d, unsigned value)
{
    struct fw_tclab *f = d->face;
    return f->in[value] == NONE ? &f->value[value] : &d->in[f->in[value]];
}

/* The board's numbers are floats. Written so that NaN becomes 0. */
static void set(struct fw_device *d, unsigned value, double wanted)
{
    double limited = wanted > most[value] ? most[value] : wanted;
    *value_of(d, value) = limited > 0.0 ? (double)(float)limited : 0.0;
}

static void heaters_off(struct fw_device *d)
{
    set(d, FW_TCLAB_Q1, 0.0);
    set(d, FW_TCLAB_Q2, 0.0);
}

/* ---- answers ---- */

struct answer {
    char text[FW_TCLAB_LINE + 4 * FW_DECIMAL_SIZE];
    size_t n;
};

static void end_line(struct answer *a)
{
    a->text[a->n++] = '\r';
    a->text[a->n++] = '\n';
}

static void say(struct answer *a, const char *text)
{
    while (*text)
        a->text[a->n++] = *text++;
    end_line(a);
}

static void say_number(struct answer *a, double value)
{
    a->n += fw_decimal_write(a->text + a->n, value);
    end_line(a);
}

static void say_temperature(struct fw_device *d, struct answer *a, unsigned sensor)
{
    const struct fw_tclab *f = d->face;
    say_number(a, f->out[sensor] == NONE ? 0.0 : d->out[f->out[sensor]]);
}

/* ---- commands ---- */

enum kind { SET, GET, TEMPERATURE, SCAN, NAME, OFF };

struct command {
    const char *name;
    uint8_t kind, value;
    const char *text;
};

static const struct command commands[] = {
    {"T1", TEMPERATURE, 0, NULL},   {"T2", TEMPERATURE, 1, NULL},   {"Q1", SET, FW_TCLAB_Q1, NULL},
    {"Q2", SET, FW_TCLAB_Q2, NULL}, {"R1", GET, FW_TCLAB_Q1, NULL}, {"R2", GET, FW_TCLAB_Q2, NULL},
    {"P1", SET, FW_TCLAB_P1, NULL}, {"P2", SET, FW_TCLAB_P2, NULL}, {"LED", SET, FW_TCLAB_LED, NULL},
    {"SCAN", SCAN, 0, NULL},        {"VER", NAME, 0, VERSION},      {"A", OFF, 0, "Start"},
    {"X", OFF, 0, "Stop"},
};

static struct command find_command(const char *name)
{
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i];
    return (struct command){name, OFF, 0, name};
}

static void scan(struct fw_device *d, struct answer *a)
{
    say_temperature(d, a, 0);
    say_temperature(d, a, 1);
    say_number(a, *value_of(d, FW_TCLAB_Q1));
    say_number(a, *value_of(d, FW_TCLAB_Q2));
}

static void obey(struct fw_device *d, const struct command *c, double number, struct answer *a)
{
    if (c->kind == SET)
        set(d, c->value, number);
    if (c->kind == OFF)
        heaters_off(d);
    if (c->kind == SCAN)
        scan(d, a);
    else if (c->kind == TEMPERATURE)
        say_temperature(d, a, c->value);
    else if (c->text)
        say(a, c->text);
    else
        say_number(a, *value_of(d, c->value));
}

/* ---- lines ---- */

static int is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static char *trimmed(char *text)
{
    while (is_space(*text))
        text++;
    char *end = text;
    for (char *at = text; *at; at++)
        if (!is_space(*at))
            end = at + 1;
    *end = 0;
    return text;
}

static void to_capitals(char *text)
{
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
}

/* As the sketch does it: the command ends at the first space, even if that is the first character; without a space the
 * number is read from the command itself. */
static void line_done(struct fw_device *d, int64_t now_ns)
{
    struct fw_tclab *f = d->face;
    char *number = f->line;
    f->line[f->used] = 0;
    f->used = 0;
    while (*number && *number != ' ')
        number++;
    double value = fw_decimal_read(*number ? trimmed(number + 1) : f->line);
    *number = 0;
    char *name = trimmed(f->line);
    if (!*name)
        return;
    to_capitals(name);
    struct command c = find_command(name);
    struct answer a = {.n = 0};
    obey(d, &c, value, &a);
    f->unanswered += d->board->write(d->board->self, FW_PORT_FIELD, (const uint8_t *)a.text, a.n) != a.n;
    f->heard = 1;
    f->heard_ns = now_ns;
    d->fresh = 1;
}

/* ---- the face ---- */

static void begin(struct fw_device *d)
{
    struct fw_tclab *f = d->face;
    *f = (struct fw_tclab){.used = 0};
    for (unsigned i = 0; i < FW_TCLAB_VALUES; i++) {
        f->in[i] = find_input(d->app, in_names[i]);
        set(d, i, at_start[i]);
    }
    f->out[0] = find_output(d->app, "t1");
    f->out[1] = find_output(d->app, "t2");
    hil_role_published(d->control.program, d->control.state, BENCH, d->out); /* what T1 answers before the first tick */
}

static void receive(struct fw_device *d, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    struct fw_tclab *f = d->face;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\r' || bytes[i] == '\n' || f->used == FW_TCLAB_LINE)
            line_done(d, now_ns);
        else
            f->line[f->used++] = (char)bytes[i];
    }
}

static void poll(struct fw_device *d, int64_t now_ns)
{
    struct fw_tclab *f = d->face;
    if (!f->heard || now_ns - f->heard_ns < FW_TCLAB_TIMEOUT_NS)
        return;
    f->heard = 0;
    heaters_off(d);
    d->fresh = 1;
}

static size_t size(const struct fw_app *app)
{
    (void)app;
    return sizeof(struct fw_tclab);
}

const struct fw_face fw_tclab_face = {"tclab", size, begin, receive, poll, NULL};
