/* plc: a compiled PLC program (hil/plc.h) as a block. Its table names the located variables.
 *
 * State: the block's own fields, the input image, the same with forces, the output image, the program's words. An input
 * image in the state needs no stack, and keeps the last good value of an input that is no number. */
#include "hil/plc.h"

#include <string.h>

#include "describe.h"
#include "wires.h"

static const struct hil_port inputs[] = {{"u", "values of the wires to located inputs", NAN}};
static const struct hil_port outputs[] = {
    {"running", "1 in RUN, 0 in STOP", 0.0},
    {"scans", "scans since the last cold or warm start", 0.0},
    {"stop_reason", "why the program stopped by itself: 1 index, 2 division, 3 loop, 4 range; 0 it has not", 0.0},
    {"stop_line", "line of the source where it stopped by itself", 0.0},
    {"y", "values of the wires from located outputs and watched variables", 0.0},
};
enum { OUT_RUNNING, OUT_SCANS, OUT_REASON, OUT_LINE, OUT_Y };
static const struct hil_param params[] = {
    {"run", "the switch: 1 RUN, 0 STOP", 1.0, 0.0, 1.0},
    {"restart", "what a change from STOP to RUN does: 0 cold, 1 warm, 2 hot", 1.0, 0.0, 2.0},
    {"start", "a new value starts the program anew, as `restart` says, where it stands in RUN", 0.0, 0.0, 1e9},
};
/* Behind them: forced values of all located inputs and outputs, then for each 1 while it is forced. Watched ones have none. */
enum { RUN, RESTART, START, FORCE };
static const struct hil_config config[] = {
    {"in_stop", "outputs in STOP: raw 0, or what they were", "off|hold", 1, 1, 0.0},
    {"watched", "how many of the program's last outputs are no located variables", NULL, 1, 1, 0.0},
    {"in_wires", "of each input what its wire carries (wires.h)", NULL, 0, ANY_COUNT, NAN},
    {"out_wires", "of each output behind stop_line the same", NULL, 0, ANY_COUNT, NAN},
};
enum { IN_STOP, WATCHED, IN_WIRES, OUT_WIRES };
enum { COLD, WARM };
/* `last_...`: of the last stop by itself, which is the stops-th one; they stay over a start. */
static const char *const states[] = {"running",   "scans", "elapsed", "stop_reason", "last_reason", "last_file",
                                     "last_line", "stops", "told",    "seen_run",    "seen_start",  "image"};
enum {
    RUNNING,
    SCANS,
    ELAPSED,
    STOP_REASON,
    LAST_REASON,
    LAST_FILE,
    LAST_LINE,
    STOPS,
    TOLD,
    SEEN_RUN,
    SEEN_START,
    IMAGE
};

static const struct hil_plc *plc_of(const struct hil_block *b)
{
    return (const struct hil_plc *)(const void *)b->model;
}

/* Where the parts of the state lie. */
static double *input_image(double *m) { return m + IMAGE; }
static double *forced_image(const struct hil_block *b, double *m) { return m + IMAGE + b->model->n_u; }
static double *output_image(const struct hil_block *b, double *m) { return m + IMAGE + 2 * b->model->n_u; }
static uint64_t *words_of(const struct hil_block *b, double *m)
{
    return (uint64_t *)(void *)(output_image(b, m) + b->model->n_y);
}

/* Located variables: all inputs, and outputs that are not only watched. */
static uint32_t n_located(const struct hil_model *model, const struct hil_array *cfg)
{
    return model->n_u + model->n_y - (uint32_t)cfg[WATCHED].data[0];
}

static const char *check(const struct hil_shape *shape)
{
    const struct hil_plc *plc = (const struct hil_plc *)(const void *)shape->model;
    if (!plc)
        return "needs a compiled PLC program";
    if (plc->abi != HIL_PLC_ABI)
        return "the PLC program was compiled for another version of the core";
    if (shape->n_out < OUT_Y)
        return "needs its four outputs of its own";
    if (!(shape->cfg[WATCHED].data[0] >= 0 && shape->cfg[WATCHED].data[0] <= plc->model.n_y))
        return "watches more variables than its program has outputs";
    if (!wires_exist(&shape->cfg[IN_WIRES], shape->n_in, plc->model.n_u))
        return "an input's wire leads to no located variable";
    if (!wires_exist(&shape->cfg[OUT_WIRES], shape->n_out - OUT_Y, plc->model.n_y))
        return "an output's wire comes from no located variable";
    int64_t dt_ns = (int64_t)(shape->dt_s * 1e9 + 0.5);
    if (plc->interval_ns < 0 || dt_ns < 1 || plc->interval_ns % dt_ns)
        return "the interval of the program's fastest task is no multiple of the block's";
    return NULL;
}

static uint32_t n_state(const struct hil_shape *shape)
{
    const struct hil_plc *plc = (const struct hil_plc *)(const void *)shape->model;
    return IMAGE + 2 * plc->model.n_u + plc->model.n_y + plc->n_words;
}

/* ---- RUN and STOP ---- */

static void stop_itself(double *m, const struct hil_plc_fault *fault)
{
    m[RUNNING] = 0.0;
    m[STOP_REASON] = m[LAST_REASON] = fault->reason;
    m[LAST_FILE] = fault->file;
    m[LAST_LINE] = fault->line;
    m[STOPS] += 1.0;
}

static void start(const struct hil_block *b, double *m, int kind)
{
    const struct hil_plc *plc = plc_of(b);
    uint64_t *words = words_of(b, m);
    m[RUNNING] = 1.0;
    m[STOP_REASON] = 0.0;
    if (kind == COLD) {
        memset(words, 0, plc->n_words * sizeof *words);
        plc->cold(words);
    } else if (kind == WARM)
        plc->warm(words);
    if (kind == COLD || kind == WARM)
        m[SCANS] = m[ELAPSED] = 0.0;
}

/* The switch acts by its edges, as a program that has stopped by itself stays in STOP while the switch is at RUN. */
static void obey(const struct hil_block *b, double *m, const double *p)
{
    int rises = p[RUN] != 0.0 && (m[SEEN_RUN] == 0.0 || p[START] != m[SEEN_START]);
    if (rises)
        start(b, m, (int)p[RESTART]);
    else if (p[RUN] == 0.0 && m[SEEN_RUN] != 0.0)
        m[RUNNING] = m[STOP_REASON] = 0.0;
    m[SEEN_RUN] = p[RUN];
    m[SEEN_START] = p[START];
}

static void power_up(const struct hil_block *b, unsigned char *s, int kind)
{
    double *m = hil_mem(b, s), *p = hil_params(b, s);
    memset(m, 0, (size_t)(output_image(b, m) + b->model->n_y - m) * sizeof *m);
    for (uint32_t i = 0; i < b->model->n_u; i++)
        input_image(m)[i] = NAN; /* what nothing drives is left to the program */
    start(b, m, kind);
    m[RUNNING] = m[SEEN_RUN] = p[RUN];
    m[SEEN_START] = p[START];
}

static void reset(const struct hil_block *b, unsigned char *s) { power_up(b, s, COLD); }

static void restart(const struct hil_block *b, unsigned char *s) { power_up(b, s, WARM); }

/* ---- forces ---- */

/* Whether any of n flags is on; a flag is 0 or 1, so the bits say it. */
static int any_on(const double *flag, uint32_t n)
{
    const uint64_t *bits = (const uint64_t *)(const void *)flag;
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= bits[i];
    return any != 0;
}

static void force(double *to, const double *from, const double *value, const double *on, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = on[i] != 0.0 ? value[i] : from[i];
}

/* The input image that the program sees. */
static const double *seen_inputs(const struct hil_block *b, double *m, const double *p)
{
    uint32_t n_u = b->model->n_u, n = n_located(b->model, b->cfg);
    if (!any_on(p + FORCE + n, n_u))
        return input_image(m);
    force(forced_image(b, m), input_image(m), p + FORCE, p + FORCE + n, n_u);
    return forced_image(b, m);
}

/* ---- one sample ---- */

static void scan(const struct hil_block *b, unsigned char *s, double *m, const double *p)
{
    const struct hil_plc *plc = plc_of(b);
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    int64_t now_ns = (int64_t)m[ELAPSED] * (h->period_ns * h->every[b->task]);
    m[ELAPSED] += 1.0;
    if (plc->interval_ns > 0 && now_ns % plc->interval_ns)
        return;
    struct hil_plc_fault fault = {0};
    plc->scan(words_of(b, m), seen_inputs(b, m, p), output_image(b, m), now_ns, &fault);
    m[SCANS] += 1.0;
    if (fault.reason == HIL_PLC_RUNS)
        return;
    stop_itself(m, &fault);
    ((struct hil_state *)(void *)s)->alert = 1; /* the engine looks for stops only while it is set */
}

/* In STOP no force acts: the outputs are off. */
static void give_outputs(const struct hil_block *b, double *values, double *m, const double *p)
{
    uint32_t n = n_located(b->model, b->cfg), n_u = b->model->n_u;
    const double *y = output_image(b, m), *value = p + FORCE + n_u, *on = value + n;
    int forced = m[RUNNING] != 0.0 && any_on(on, n - n_u), off = m[RUNNING] == 0.0 && choice(b, IN_STOP) == 0;
    const double *wire = b->cfg[OUT_WIRES].data;
    for (unsigned i = OUT_Y, end = b->n_out; i < end; i++, wire += WIRE_FIELDS) {
        unsigned k = (unsigned)wire[WIRE_SLOT];
        double raw = off ? 0.0 : forced && k < n - n_u && on[k] != 0.0 ? value[k] : y[k];
        values[b->out[i]] = from_raw(wire, raw);
    }
    values[b->out[OUT_RUNNING]] = m[RUNNING];
    values[b->out[OUT_SCANS]] = m[SCANS];
    values[b->out[OUT_REASON]] = m[STOP_REASON];
    values[b->out[OUT_LINE]] = m[STOP_REASON] != 0.0 ? m[LAST_LINE] : 0.0;
}

static void take_inputs(const struct hil_block *b, const double *values, double *u)
{
    const double *wire = b->cfg[IN_WIRES].data;
    for (unsigned i = 0, n = b->n_in; i < n; i++, wire += WIRE_FIELDS) {
        double value = values[b->in[i]], *slot = u + (unsigned)wire[WIRE_SLOT];
        if (is_usable(value))
            *slot = to_raw(wire, value, *slot);
    }
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s), *values = hil_values(s);
    const double *p = hil_params(b, s);
    take_inputs(b, values, input_image(m));
    obey(b, m, p);
    if (m[RUNNING] != 0.0)
        scan(b, s, m, p);
    give_outputs(b, values, m, p);
}

static uint32_t count_params(const struct hil_shape *shape) { return FORCE + 2 * n_located(shape->model, shape->cfg); }

/* A program that has stopped by itself. */
static int tell(const struct hil_block *b, unsigned char *s, struct hil_note *note)
{
    double *m = hil_mem(b, s);
    if (m[TOLD] == m[STOPS])
        return 0;
    m[TOLD] = m[STOPS];
    *note = (struct hil_note){.kind = HIL_NOTE_PLC_STOP,
                              .target = b->id,
                              .a = m[LAST_REASON],
                              .b = m[LAST_FILE] * HIL_PLC_LINES + m[LAST_LINE]};
    return 1;
}

const struct hil_block_type hil_type_plc = {
    .name = "plc",
    .doc =
        "One scan of a compiled PLC program a step: inputs, due tasks, outputs (IEC 61131-3). Its time is that of its "
        "own steps in RUN since the last cold or warm start. An input that is not finite keeps its last good value. "
        "In STOP the outputs are off or held. Statuses of inputs do not pass: a program sees values alone.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    PARAMS(params),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .variadic_out = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = check,
    .n_state = n_state,
    .reset = reset,
    .output = output,
    .count_params = count_params,
    .restart = restart,
    .tell = tell,
};
