/* Process noise on chosen doubles of a state. */
#include "hil/batch.h"
#include "hil/random.h"
#include "hil/state.h"

#define STREAM 0x77616e646572u /* "wander": no block's noise has this one */

void hil_wander_on(const struct hil_wander *wander, unsigned char *s)
{
    const struct hil_state *h = (const struct hil_state *)(const void *)s;
    if (h->tick % wander->every)
        return;
    double w[HIL_WANDER_MAX];
    for (uint32_t i = 0; i < wander->n; i++)
        w[i] = hil_normal(hil_random(h->seed, STREAM + i, h->tick));
    for (uint32_t i = 0; i < wander->n; i++) {
        double *x = (double *)(void *)(s + wander->offsets[i]), to = *x;
        for (uint32_t j = 0; j < wander->n; j++)
            to += wander->root[i * wander->n + j] * w[j];
        *x = to < wander->lo[i] ? wander->lo[i] : to > wander->hi[i] ? wander->hi[i] : to;
    }
}
