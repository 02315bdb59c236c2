/* One tick: advances a state by one base period. No allocation, no lock, no OS. */
#ifndef HIL_TICK_H
#define HIL_TICK_H

#include "hil/program.h"

/* The order inside, see core/src/tick.c: latch roles, due events, blocks with their signals' paths (faults, force, gate) in
 * dataflow order, updates, simulated roles on what was published, tick count. */
void hil_tick(const struct hil_program *p, unsigned char *state);

/* A controller's step: the program has one role, the other side, with a delay of one tick; `in` are that role's outputs and
 * `out` its inputs. The same state as hil_role_latch with the time of this tick, hil_tick, hil_role_published. */
void hil_step(const struct hil_program *p, unsigned char *state, const double *in, double *out);

/* The same with the time of each block added up: ns and calls per schedule entry; `clock` is called around each. */
struct hil_profile;
void hil_tick_profiled(const struct hil_program *p, unsigned char *state, struct hil_profile *profile);

/* Inputs from outside, each an input of the tick that runs next. The recorder keeps them, replay gives them again. */
int hil_event_push(const struct hil_program *p, unsigned char *state, const struct hil_event *event);
/* Newest values of an external role: `v` as in the role's outputs, NaN = bad; source time in bench time. */
void hil_role_latch(const struct hil_program *p, unsigned char *state, uint16_t role, const double *v, int64_t time_ns);
/* Leaves n ticks out (overrun policy `skip`): the tick count and the tasks' phases go on, nothing is computed. */
void hil_skip(const struct hil_program *p, unsigned char *state, uint64_t n);

/* What the role gets after this tick: values of its inputs as published. */
void hil_role_published(const struct hil_program *p, const unsigned char *state, uint16_t role, double *v);

#endif
