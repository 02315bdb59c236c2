/* The model of both test FMUs: x' = gain (u - x), stepped exactly; `mischief` makes it misbehave in the next step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REF_U, REF_MISCHIEF, REF_X, REF_HIGH, REF_STEPS, REF_GAIN, REF_X_START, REF_SMALL };
enum { GOOD, CRASH, HANG, REFUSE, LEAVE };

struct lag {
    double u, x, gain, x_start;
    float small; /* FMI 3 only: u as a float */
    int mischief, steps;
};

static void lag_start(struct lag *m) { *m = (struct lag){.gain = 2.0, .x_start = 0.25, .mischief = MISCHIEF}; }

/* 0, or 1 when the step is refused. */
static int lag_step(struct lag *m, double dt)
{
    switch (m->mischief) {
    case CRASH: *(volatile int *)8 = 1; break;
    case HANG:
        for (;;)
            pause();
    case REFUSE: return 1;
    case LEAVE: _exit(7);
    }
    m->x = m->u + (m->x - m->u) * exp(-m->gain * dt);
    m->small = (float)m->u;
    m->steps++;
    return 0;
}

static void lag_forget(struct lag *saved)
{
#ifdef FORGETS
    saved->x = 0.0;
#else
    (void)saved;
#endif
}
