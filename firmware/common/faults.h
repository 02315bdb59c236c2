/* Errors that a device injects into itself, for tests: enum hil_link_fault. They act at the tick that they are due at. */
#ifndef FW_FAULTS_H
#define FW_FAULTS_H

#include <stdint.h>

#define FW_MAX_STAGED 8

struct fw_device;

struct fw_staged_fault {
    uint64_t due; /* tick */
    uint32_t target;
    uint8_t kind;
    double argument;
};

struct fw_faults {
    struct fw_staged_fault staged[FW_MAX_STAGED];
    uint8_t n_staged;
    uint32_t overrun_ticks, drop, late;
    int64_t late_ns;
    uint64_t frozen; /* a bit for each output */
    double frozen_value[64];
    double drift; /* of the clock: 1e-6 is one part per million */
    int64_t drift_from_ns, clock_offset_ns;
};

/* The board's time as the faults make it look. */
int64_t fw_faults_clock(const struct fw_faults *f, int64_t board_ns);
/* The other way round: when the board's clock shows it. INT64_MAX stays. */
int64_t fw_faults_board_time(const struct fw_faults *f, int64_t device_ns);
/* HIL_OK, HIL_E_UNSUPPORTED, HIL_E_ARG, HIL_E_FULL, HIL_E_LATE. */
int fw_faults_stage(struct fw_device *d, const struct fw_staged_fault *fault);
/* Before a tick: what is due begins. */
void fw_faults_fire(struct fw_device *d);
/* After a tick: frozen outputs keep their values, an overrun takes its time. */
void fw_faults_act(struct fw_device *d);

#endif
