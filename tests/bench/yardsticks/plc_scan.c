/* A scan of rigs/quad_tank/plc/tank.st as compiled, beside the same logic written by hand in C.
 *
 *     plc_scan PROGRAM.so [WORK]      WORK: how often a compiled scan is made in the place of one, for a planted slowdown
 *
 * Both get the same inputs and must give the same outputs in every scan; p50 of runs that alternate. */
#include <dlfcn.h>
#include <string.h>

#include "hil/plc.h"
#include "yardstick.h"

enum { SCANS = 2000, RUNS = 41, LEVELS = 4 };
enum { IDLE, CHECKING, FILLING, CONTROLLING, FAULTY };

struct timer {
    int64_t since;
    int was, q;
};

struct trip {
    struct timer timer;
    int pressed, active;
};

struct control {
    float setpoint, kp, ki, integral, volts, error;
};

struct tank {
    int high[LEVELS], state, pressed, tripped, step;
    uint32_t trips;
    struct trip trip[2];
    struct timer timer;
    struct control control[2];
    float ramp;
};

static float limited(float lo, float x, float hi) { return x < lo ? lo : x > hi ? hi : x; }

static void on_delay(struct timer *t, int in, int64_t pt, int64_t now)
{
    if (in && !t->was)
        t->since = now;
    t->was = in;
    t->q = in && now - t->since >= pt;
}

static int rises(int *was, int now)
{
    int edge = now && !*was;
    *was = now;
    return edge;
}

static void trip(struct trip *t, int cause, int acknowledge, int64_t now)
{
    on_delay(&t->timer, cause, 200000000, now);
    int pressed = rises(&t->pressed, acknowledge);
    if (t->timer.q)
        t->active = 1;
    else if (pressed && !cause)
        t->active = 0;
}

static void high_limit(int *q, float level)
{
    if (level > 0.19f)
        *q = 1;
    else if (level < 0.19f - 0.005f)
        *q = 0;
}

static void control(struct control *c, float level, int manual, float manual_value)
{
    c->error = c->setpoint - level;
    if (manual) {
        c->volts = limited(0.0f, manual_value, 10.0f);
        c->integral = limited(0.0f, c->volts - c->kp * c->error, 10.0f);
        return;
    }
    float wanted = c->kp * c->error + c->integral;
    c->volts = limited(0.0f, wanted, 10.0f);
    if (wanted == c->volts || (wanted > 10.0f && c->error < 0.0f) || (wanted < 0.0f && c->error > 0.0f))
        c->integral = c->integral + c->ki * 0.01f * c->error;
}

static void sequence(struct tank *t, int start, int stop, int acknowledge, int plausible, int64_t now)
{
    int pressed = rises(&t->pressed, start);
    switch (t->state) {
    case IDLE:
        if (pressed && !t->tripped && !stop)
            t->state = CHECKING;
        break;
    case CHECKING:
        on_delay(&t->timer, plausible, 500000000, now);
        if (t->timer.q)
            t->state = FILLING;
        break;
    case FILLING:
        on_delay(&t->timer, 1, 3000000000, now);
        if (t->tripped || !plausible)
            t->state = FAULTY;
        else if (t->timer.q)
            t->state = CONTROLLING;
        break;
    case CONTROLLING:
        if (!plausible)
            t->state = FAULTY;
        break;
    default:
        if (plausible && !t->tripped && acknowledge)
            t->state = IDLE;
    }
    if (stop && t->state != FAULTY)
        t->state = IDLE;
    if (t->state != t->step)
        on_delay(&t->timer, 0, 0, now);
    t->step = t->state;
}

static double millivolts(float volts)
{
    return (double)(uint16_t)__builtin_rintf(limited(0.0f, volts, 10.0f) * 1000.0f);
}
static double counts(float error) { return (double)(int16_t)__builtin_rintf(error * 1.0e5f); }

static void by_hand(struct tank *t, const double *u, double *y, int64_t now)
{
    float level[LEVELS];
    int plausible = 1;
    for (int i = 0; i < LEVELS; i++) {
        level[i] = (float)u[i] * 1.0e-5f - 0.05f;
        plausible = plausible && level[i] > -0.005f && level[i] < 0.255f;
        high_limit(&t->high[i], level[i]);
    }
    int acknowledge = u[6] != 0;
    trip(&t->trip[0], t->high[0] || t->high[3], acknowledge, now);
    trip(&t->trip[1], t->high[1] || t->high[2], acknowledge, now);
    int tripped = t->trip[0].active || t->trip[1].active;
    t->trips += tripped && !t->tripped;
    t->tripped = tripped;
    sequence(t, u[4] != 0, u[5] != 0, acknowledge, plausible, now);
    int filling = t->state == FILLING, running = filling || t->state == CONTROLLING;
    float ramped = t->ramp + 1.5f * 0.01f;
    t->ramp = !filling ? 0.0f : ramped < 3.0f ? ramped : 3.0f;
    for (int i = 0; i < 2; i++) {
        int hold = !running || t->trip[i].active || level[i] < 0.01f;
        float by_hand = filling ? t->ramp : (float)u[8 + i] / 1000.0f;
        t->control[i].setpoint = (float)u[10 + i] * 1.0e-5f - 0.05f;
        control(&t->control[i], level[i], hold || filling || u[7] != 0, hold ? 0.0f : by_hand);
    }
    y[0] = millivolts(t->control[0].volts);
    y[1] = millivolts(t->control[1].volts);
    y[2] = running;
    y[3] = t->trip[0].active;
    y[4] = t->trip[1].active;
    y[5] = counts(t->control[0].error);
    y[6] = counts(t->control[1].error);
    y[7] = (double)t->control[0].setpoint;
    y[8] = (double)t->control[1].setpoint;
    y[9] = t->step;
}

/* Levels wander, buttons are pressed now and then. */
static void inputs(double u[SCANS][12])
{
    uint32_t random = 1;
    double level[LEVELS] = {17260, 17780, 6630, 6410};
    for (int k = 0; k < SCANS; k++) {
        for (int i = 0; i < LEVELS; i++) {
            random = random * 1664525u + 1013904223u;
            level[i] += (double)(random >> 16) / 65536.0 * 40.0 - (k < SCANS / 2 ? 19.0 : 21.0);
            u[k][i] = (double)(uint16_t)level[i];
        }
        u[k][4] = k % 400 >= 10 && k % 400 < 20;
        u[k][5] = k % 900 == 899;
        u[k][6] = k % 150 > 140;
        u[k][7] = k % 700 > 600;
        u[k][8] = u[k][9] = 2500;
        u[k][10] = u[k][11] = 17500 + k % 300;
    }
}

static const struct hil_plc *opened(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    const struct hil_plc *plc = library ? dlsym(library, "hil_plc_v1") : NULL;
    if (!plc || plc->model.n_u != 12 || plc->model.n_y != 10) {
        fprintf(stderr, "%s is not the program: %s\n", path, library ? "other inputs and outputs" : dlerror());
        exit(1);
    }
    return plc;
}

static const struct tank at_start = {
    .control = {{.setpoint = 0.124f, .kp = 150.0f, .ki = 5.0f}, {.setpoint = 0.128f, .kp = 135.0f, .ki = 3.375f}}};

/* Both over all scans once, scan by scan; how many outputs differ. */
static long differences(const struct hil_plc *plc, uint64_t *words, double u[SCANS][12])
{
    struct hil_plc_fault fault = {0};
    struct tank tank = at_start;
    long found = 0;
    for (int k = 0; k < SCANS; k++) {
        double a[10] = {0}, b[10] = {0};
        plc->scan(words, u[k], a, k * 10000000LL, &fault);
        by_hand(&tank, u[k], b, k * 10000000LL);
        for (int i = 0; i < 10; i++)
            found += a[i] != b[i];
    }
    return found + fault.reason;
}

int main(int argc, char **argv)
{
    static double u[SCANS][12], y[10];
    static int64_t compiled[RUNS], bare[RUNS];
    const struct hil_plc *plc = opened(argc > 1 ? argv[1] : "");
    uint64_t *words = calloc(plc->n_words, sizeof *words);
    struct hil_plc_fault fault = {0};
    struct tank tank = at_start;
    void (*volatile hand)(struct tank *, const double *, double *, int64_t) = by_hand;
    int work = argc > 2 ? atoi(argv[2]) : 1;
    inputs(u);
    plc->cold(words);
    printf("differences=%ld\n", differences(plc, words, u));
    for (int run = 0; run < RUNS; run++) {
        int64_t start = now_ns();
        for (int k = 0; k < SCANS; k++)
            for (int i = 0; i < work; i++)
                plc->scan(words, u[k], y, (run * SCANS + k) * 10000000LL, &fault);
        compiled[run] = now_ns() - start;
        start = now_ns();
        for (int k = 0; k < SCANS; k++)
            hand(&tank, u[k], y, (run * SCANS + k) * 10000000LL);
        bare[run] = now_ns() - start;
    }
    sort_ns(compiled, RUNS);
    sort_ns(bare, RUNS);
    printf("scan ns=%.2f hand ns=%.2f\n", (double)compiled[RUNS / 2] / SCANS, (double)bare[RUNS / 2] / SCANS);
    free(words);
    return 0;
}
