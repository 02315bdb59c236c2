/* Nanoseconds a step of one controller, as in est.c: the block pid called through its type, and the bare function of
 * pid_bare.c, in turn. With an argument the block's step runs so many times in each sample: a slowdown on purpose. */
#include "pid_bare.c"

#include <string.h>

#include "block_types.h"

enum { STEPS = 50000, RUNS = 41, MEASURED = 2, OUT = 3, PARAMS = 1024, MEMORY = 2048, SIZE = 4096 };
static const double params[] = {2.0, 0.5, 0.1, 0.01, 0.8, -10.0, 10.0, 0.0, __builtin_inf(), 0.0};
static const double reverse = 0.0;
static const struct hil_array action = {&reverse, 1};
static const uint16_t in[] = {1, MEASURED, 0, 0, 0}, out[] = {OUT};
static _Alignas(64) unsigned char state[SIZE];

static int64_t run_block(const struct hil_block *b, hil_step_fn volatile *step, int times)
{
    int64_t start = now_ns();
    for (long k = 0; k < STEPS; k++)
        for (int i = 0; i < times; i++)
            (*step)(b, state);
    return now_ns() - start;
}

int main(int argc, char **argv)
{
    struct hil_block b = {.cfg = &action, .in = in, .out = out, .n_in = 5, .n_out = 1, .dt_s = 1e-3};
    hil_step_fn volatile step = hil_type_pid.output;
    int64_t block[RUNS], bare[RUNS];
    const double r = 1.0, y = 0.1;
    double u = 0.0;

    b.param = PARAMS, b.state = MEMORY;
    hil_values(state)[1] = r, hil_values(state)[MEASURED] = y;
    memcpy(state + b.param, params, sizeof params);
    hil_type_pid.reset(&b, state);
    for (int run = 0; run < RUNS; run++) {
        block[run] = run_block(&b, &step, argc > 1 ? atoi(argv[1]) : 1);
        int64_t start = now_ns();
        pid_run(&r, &y, &u, 1, STEPS);
        bare[run] = now_ns() - start;
    }
    sort_ns(block, RUNS);
    sort_ns(bare, RUNS);
    printf("block ns=%.2f min=%.2f bare ns=%.2f min=%.2f\n", (double)block[RUNS / 2] / STEPS, (double)block[0] / STEPS,
           (double)bare[RUNS / 2] / STEPS, (double)bare[0] / STEPS);
    fprintf(stderr, "%g %g\n", u, hil_values(state)[OUT]);
    return 0;
}
