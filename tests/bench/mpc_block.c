/* The block mpc as the loop calls it, over a series of theta. For test_mpc_speed.py. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "../c/block_harness.h"

#define FIELDS 14 /* configuration of the block, in its order */

static struct harness h;

/* The table of types holds one here, so that nothing else has to be compiled. */
extern const struct hil_block_type hil_type_mpc;
const struct hil_block_type *hil_block_type_find(const char *name) { return name ? &hil_type_mpc : NULL; }
const char *hil_block_check(const struct hil_block_type *type, const struct hil_shape *shape)
{
    return type->check(shape);
}
uint32_t hil_block_state_count(const struct hil_block_type *type, const struct hil_shape *shape)
{
    return type->n_state(shape);
}

/* NULL, or why the configuration is refused. */
__attribute__((visibility("default"))) const char *open_block(const double *const *data, const uint32_t *n,
                                                              uint32_t n_theta, uint32_t n_u)
{
    harness_open(&h, "mpc", 0.05);
    h.block.n_in = (uint16_t)n_theta;
    h.block.n_out = (uint16_t)(3 + n_u);
    for (int i = 0; i < FIELDS; i++)
        h.cfg[i] = (struct hil_array){data[i], n[i]};
    if (harness_refused(&h))
        return harness_refused(&h);
    harness_start(&h);
    return NULL;
}

/* Nanoseconds a sample over `repeats` passes; u and iterations of the last pass. */
__attribute__((visibility("default"))) double run_block(const double *theta, uint32_t samples, uint32_t repeats,
                                                        double *u, double *iterations)
{
    struct timespec from, to;
    uint32_t n = h.block.n_in, n_u = h.block.n_out - 3u;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t r = 0; r < repeats; r++)
        for (uint32_t k = 0; k < samples; k++) {
            memcpy(harness_in(&h, 0), theta + (size_t)k * n, n * sizeof *theta);
            h.type->output(&h.block, h.state);
            for (uint32_t i = 0; i < n_u; i++)
                u[k * n_u + i] = harness_out(&h, 3 + i);
            iterations[k] = harness_out(&h, 1);
        }
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / samples / repeats;
}
