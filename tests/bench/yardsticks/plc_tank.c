/* The logic of plc_tank.st as a C programmer writes it: a struct of state, doubles for images, floats inside. */
#include <stdint.h>

enum phase { IDLE, FILLING, HEATING, RUNNING, TRIPPED };

struct timer {
    int64_t start, elapsed;
    uint8_t before, q;
};

struct loop {
    float integral, out;
};

struct tank {
    float history[16];
    struct timer high_delay, low_delay, settle, fill_time;
    struct loop level_loop, temp_loop;
    int16_t level_raw, temp_raw, set_raw, head, count;
    uint8_t start, stop, reset, automatic;
    uint8_t count_before, alarm, trip;
    enum phase phase;
};

static float scaled(int16_t raw, float low, float high) { return low + (high - low) * (float)raw / 27648.0f; }

static float limited(float low, float x, float high) { return x < low ? low : x > high ? high : x; }

static uint8_t on_delay(struct timer *t, int in, int64_t delay, int64_t now)
{
    if (!in) {
        t->q = 0;
        t->elapsed = 0;
    } else {
        if (!t->before)
            t->start = now;
        t->elapsed = now - t->start;
        t->q = t->elapsed >= delay;
        if (t->q)
            t->elapsed = delay;
    }
    t->before = (uint8_t)in;
    return t->q;
}

static void pi_loop(struct loop *l, float sp, float pv, float kp, float ki, float dt, int automatic, float hand)
{
    float e = sp - pv;
    if (automatic) {
        l->integral += ki * e * dt;
        float raw = kp * e + l->integral;
        l->out = limited(0.0f, raw, 100.0f);
        if (raw != l->out)
            l->integral -= ki * e * dt;
    } else {
        l->out = limited(0.0f, hand, 100.0f);
        l->integral = l->out - kp * e;
    }
}

/* As a block takes its inputs: NaN is nobody's, and leaves the last value; a number beyond the register is held within it. */
static void latch(int16_t *to, double from)
{
    if (from >= -32768 && from < 32768)
        *to = (int16_t)from;
    else if (from == from)
        *to = from < 0 ? INT16_MIN : INT16_MAX;
}

static void latch_bit(uint8_t *to, double from)
{
    if (from == from)
        *to = from >= 0.5;
}

static void latch_all(struct tank *s, const double *u)
{
    latch(&s->level_raw, u[0]);
    latch(&s->temp_raw, u[1]);
    latch(&s->set_raw, u[2]);
    latch_bit(&s->start, u[3]);
    latch_bit(&s->stop, u[4]);
    latch_bit(&s->reset, u[5]);
    latch_bit(&s->automatic, u[6]);
}

static enum phase next_phase(struct tank *s, float level, float setpoint, int settled, int late)
{
    switch (s->phase) {
    case IDLE: return s->start && !s->trip ? FILLING : IDLE;
    case FILLING: return late ? TRIPPED : level > setpoint * 0.9f ? HEATING : FILLING;
    case HEATING: return settled ? RUNNING : HEATING;
    case RUNNING: return s->stop ? IDLE : RUNNING;
    case TRIPPED: return s->reset ? IDLE : TRIPPED;
    }
    return s->phase;
}

__attribute__((visibility("default"))) void hand_scan(struct tank *s, const double *u, double *y, int64_t now)
{
    latch_all(s, u);
    float level = scaled(s->level_raw, 0.0f, 10.0f), temp = scaled(s->temp_raw, -50.0f, 150.0f);
    float setpoint = scaled(s->set_raw, 0.0f, 10.0f), mean = 0.0f;
    s->history[s->head] = level;
    s->head = (int16_t)((s->head + 1) % 16);
    for (int i = 0; i < 16; i++)
        mean += s->history[i];
    mean /= 16.0f;
    int high = on_delay(&s->high_delay, mean > 9.0f, 500000000, now);
    int low = on_delay(&s->low_delay, mean < 0.5f && s->phase == RUNNING, 2000000000, now);
    if (high || low)
        s->alarm = 1;
    else if (s->reset)
        s->alarm = 0;
    if (temp > 95.0f || level > 9.8f)
        s->trip = 1;
    else if (s->reset && !s->alarm)
        s->trip = 0;
    int settled =
        on_delay(&s->settle, s->phase == HEATING && temp - 60.0f < 2.0f && temp - 60.0f > -2.0f, 5000000000, now);
    int late = on_delay(&s->fill_time, s->phase == FILLING, 60000000000, now);
    s->phase = next_phase(s, level, setpoint, settled, late);
    if (s->trip || s->stop)
        s->phase = s->trip ? TRIPPED : IDLE;
    if (s->phase == FILLING && !s->count_before && s->count < 32767)
        s->count++;
    s->count_before = s->phase == FILLING;
    pi_loop(&s->level_loop, setpoint, level, 8.0f, 0.4f, 0.01f, s->automatic, 30.0f);
    pi_loop(&s->temp_loop, 60.0f, temp, 3.0f, 0.1f, 0.01f, s->phase == HEATING || s->phase == RUNNING, 0.0f);
    y[0] = s->trip ? 0 : (int16_t)__builtin_rintf(s->level_loop.out * 276.48f);
    y[1] = s->trip ? 0 : (int16_t)__builtin_rintf(s->temp_loop.out * 276.48f);
    y[2] = s->phase == FILLING || s->phase == RUNNING;
    y[3] = s->alarm;
    y[4] = s->trip;
    y[5] = s->phase;
    y[6] = (uint16_t)s->count;
}

/* Both sides: n scans at 10 ms with inputs that move through all phases; the sum of all outputs, so that none is left out. */
typedef void (*plc_scan)(uint64_t *, const double *, double *, int64_t, void *);

static void inputs(double *u, int64_t k)
{
    int64_t t = k % 20000;
    u[0] = (double)(t < 10000 ? t * 2 : 27000 - t);
    u[1] = (double)(12000 + t % 4000);
    u[2] = 20000;
    u[3] = t == 10;
    u[4] = t == 19000;
    u[5] = t % 5000 == 0;
    u[6] = t > 100;
}

__attribute__((visibility("default"))) double run_plc(plc_scan scan, uint64_t *words, int64_t n)
{
    double u[7], y[7] = {0}, sum = 0;
    uint32_t fault[3];
    for (int64_t k = 0; k < n; k++) {
        inputs(u, k);
        scan(words, u, y, k * 10000000, fault);
        for (int i = 0; i < 7; i++)
            sum += y[i] * (i + 1);
    }
    return sum;
}

static void hand_as_plc(uint64_t *words, const double *u, double *y, int64_t now, void *fault)
{
    (void)fault;
    hand_scan((struct tank *)words, u, y, now);
}

__attribute__((visibility("default"))) double run_hand(uint64_t *words, int64_t n)
{
    static const plc_scan volatile scan = hand_as_plc;
    return run_plc(scan, words, n);
}
