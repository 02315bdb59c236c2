/* What the sources of faults share. */
#ifndef HIL_FAULT_PRIVATE_H
#define HIL_FAULT_PRIVATE_H

#include "hil/event.h"
#include "hil/random.h"
#include "program_private.h"

enum hil_fault_draw { HIL_DRAW_EFFECT, HIL_DRAW_ACTIVATION };

static inline double *hil_fault_pool(const struct hil_program *p, unsigned char *s)
{
    return (double *)(void *)(s + p->off_pool);
}

static inline uint64_t hil_fault_random(unsigned char *s, const struct hil_fault *f, enum hil_fault_draw draw)
{
    const struct hil_state *h = hil_header(s);
    return hil_random(h->seed, hil_mix64(0xfa017u + ((uint64_t)f->id << 32 | f->path)) + draw, h->tick);
}

/* fault_effect.c: what leaves the fault when it acts; and what its memory takes up while it does not, so that nothing old
 * comes out later. */
double hil_fault_effect(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v, uint8_t *status);
void hil_fault_keep_up(const struct hil_program *p, unsigned char *s, struct hil_fault *f, double v);
uint32_t hil_fault_memory(uint32_t kind, const double *v); /* doubles of fault memory that a kind takes */

/* fault_mode.c: share of the effect that acts in this tick, 0 to 1. */
double hil_fault_share(unsigned char *s, struct hil_fault *f, uint16_t own, double v);
void hil_fault_take_modes(const struct hil_program *p, unsigned char *s, struct hil_fault *f);

#endif
