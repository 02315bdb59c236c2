/* The list of block types: a new one is one file in blocks/ and one line here. */
#ifndef HIL_BLOCK_TYPES_H
#define HIL_BLOCK_TYPES_H

#include "hil/block.h"

// clang-format off
#define HIL_BLOCK_TYPES(X) \
    X(authority) X(constant) X(step) X(ramp) X(sine) X(square) X(pulse) X(chirp) X(noise) X(playback) X(stimulus) \
    X(gain) X(sum) X(weighted_sum) X(product) X(abs) X(min) X(max) \
    X(limit) X(rate_limit) X(dead_band) X(quantise) X(register) \
    X(delay) X(lag) X(second_order) X(transfer_function) X(state_space) X(state_space_strict) \
    X(integrator) X(derivative) X(moving_average) X(lookup_1d) X(lookup_2d) \
    X(comparator) X(logic) X(on_delay) X(off_delay) X(counter) X(latch) X(edge) X(selector) \
    X(cusum) X(page_hinkley) X(nis_test) X(whiteness) X(data_quality) \
    X(pid) X(mpc) X(scheduled_gain) X(kalman) X(ekf) X(ukf) X(luenberger) X(hypotheses) \
    X(encoder) X(mt_speed) X(model) X(fmu) X(plc)
// clang-format on

#define HIL_DECLARE_TYPE(name) extern const struct hil_block_type hil_type_##name;
HIL_BLOCK_TYPES(HIL_DECLARE_TYPE)
#undef HIL_DECLARE_TYPE

#endif
