/* Nanoseconds of SAMPLES steps of one controller, as in est.c: the block pid called through its type, and the bare function
 * of pid_bare.c, in turns. With an argument the block's step runs so many times in each sample: a slowdown on purpose. */
#include "pid_bare.c"

#include <string.h>

#include "block_types.h"
#include "short_runs.h"

enum { SAMPLES = 1000, TURNS = 9, MEASURED = 2, OUT = 3, PARAMS = 1024, MEMORY = 2048, SIZE = 4096 };
static const double params[] = {2.0, 0.5, 0.1, 0.01, 0.8, -10.0, 10.0, 0.0, __builtin_inf(), 0.0};
static const double reverse = 0.0;
static const struct hil_array action = {&reverse, 1};
static const uint16_t in[] = {1, MEASURED, 0, 0, 0}, out[] = {OUT};
static _Alignas(64) unsigned char state[SIZE];

static void run_block(const struct hil_block *b, hil_step_fn volatile *step, int times)
{
    for (long k = 0; k < SAMPLES; k++)
        for (int i = 0; i < times; i++)
            (*step)(b, state);
}

int main(int argc, char **argv)
{
    struct hil_block b = {.cfg = &action, .in = in, .out = out, .n_in = 5, .n_out = 1, .dt_s = 1e-3};
    hil_step_fn volatile step = hil_type_pid.output;
    const int times = argc > 1 ? atoi(argv[1]) : 1;
    const double r = 1.0, y = 0.1;
    double u = 0.0;

    b.param = PARAMS, b.state = MEMORY;
    hil_values(state)[1] = r, hil_values(state)[MEASURED] = y;
    memcpy(state + b.param, params, sizeof params);
    hil_type_pid.reset(&b, state);
    for (int turn = 0; turn < TURNS; turn++) {
        MEASURE("block", 2000, run_block(&b, &step, times));
        MEASURE("bare", 2000, pid_run(&r, &y, &u, 1, SAMPLES));
    }
    fprintf(stderr, "%g %g\n", u, hil_values(state)[OUT]);
    return 0;
}
