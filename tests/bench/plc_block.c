/* The block `plc` with as many inputs and outputs as the command line says, its scan alone, and the codec of as many
 * registers: ns of a step each, the smallest of several rounds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block_types.h"
#include "hil/codec.h"
#include "hil/plc.h"

enum { MOST = 512, ROUNDS = 31, STEPS = 2000, WIRE = 8, OWN = 4 };

static unsigned n;

static void start(uint64_t *words) { (void)words; }

/* As generated code does it: each input into its word, each output out of it. */
static void scan(uint64_t *words, const double *u, double *y, int64_t now_ns, struct hil_plc_fault *fault)
{
    (void)now_ns, (void)fault;
    for (unsigned i = 0; i < n; i++)
        words[i] = (uint64_t)(uint16_t)(int)u[i];
    for (unsigned i = 0; i < n; i++)
        y[i] = (double)(uint16_t)words[i];
}

static struct hil_plc plc = {
    .model = {.abi = HIL_MODEL_ABI}, .abi = HIL_PLC_ABI, .cold = start, .warm = start, .scan = scan};
static double wires_in[MOST * WIRE], wires_out[MOST * WIRE], off[1], watched[1];
static uint16_t in[MOST], out[MOST + OWN];
static unsigned char *state;
static const struct hil_array cfg[] = {{off, 1}, {watched, 1}, {wires_in, 0}, {wires_out, 0}};
static struct hil_block block = {.model = &plc.model, .in = in, .out = out};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void step_block(void) { hil_type_plc.output(&block, state); }

static double image_u[MOST], image_y[MOST];
static uint64_t image_words[MOST];
static void step_scan(void)
{
    struct hil_plc_fault fault = {0};
    plc.scan(image_words, image_u, image_y, 0, &fault);
}

static const struct hil_codec codec = {0.01, -5.0, -1e9, 1e9, HIL_U16, 0};
static void step_codec(void)
{
    double *values = hil_values(state);
    for (unsigned i = 0; i < n; i++)
        image_y[i] = hil_through_register(&codec, values[in[i]]);
}

static double measure(void (*step)(void))
{
    double best = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t from = now();
        for (int i = 0; i < STEPS; i++)
            step();
        double ns = (double)(now() - from) / STEPS;
        best = ns < best ? ns : best;
    }
    return best;
}

static void place(void)
{
    static const double wire[WIRE] = {0, 0, 0.01, -5.0, 0, 65535, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        in[i] = (uint16_t)(1 + i);
        out[OWN + i] = (uint16_t)(1 + n + OWN + i);
        memcpy(wires_in + WIRE * i, wire, sizeof wire);
        memcpy(wires_out + WIRE * i, wire, sizeof wire);
        wires_in[WIRE * i] = wires_out[WIRE * i] = i;
    }
    for (unsigned i = 0; i < OWN; i++)
        out[i] = (uint16_t)(1 + n + i);
}

int main(int argc, char **argv)
{
    n = argc > 1 ? (unsigned)atoi(argv[1]) : 256;
    if (n < 1 || n > MOST)
        return 2;
    plc.model.n_u = plc.model.n_y = plc.n_words = n;
    place();
    size_t values = HIL_STATE_HEADER + 8u * (1 + 2 * n + OWN), params = 8u * (3 + 4 * n);
    struct hil_shape shape = {cfg, NULL, &plc.model, n, n + OWN, 0.01};
    block.param = (uint32_t)values;
    block.state = (uint32_t)(values + params);
    block.cfg = cfg;
    block.n_in = (uint16_t)n;
    block.n_out = (uint16_t)(n + OWN);
    state = calloc(1, values + params + 8u * hil_type_plc.n_state(&shape));
    ((double *)(void *)(state + block.param))[0] = 1.0; /* RUN */
    hil_type_plc.reset(&block, state);
    for (unsigned i = 0; i < n; i++)
        hil_values(state)[in[i]] = 0.01 * i;
    printf("%.3f %.3f %.3f\n", measure(step_block), measure(step_scan), measure(step_codec));
    return 0;
}
