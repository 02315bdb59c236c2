/* Cut-through: bytes that go on as they come, before their frame is whole, while no fault can act on it. */
#include "proxy_private.h"

/* `frozen` has to have seen answers from before, and a masquerade gives later ones another look. */
static int looks_at_all(const struct hil_proxy_fault *t, int way)
{
    if (t->kind == HIL_PROXY_MASQUERADE)
        return 1;
    return t->kind == HIL_PROXY_FROZEN && (t->ways >> way & 1);
}

static int may_act(const struct hil_proxy *p, unsigned k, int way)
{
    const struct hil_proxy_fault *t = &p->faults[k];
    int64_t since = p->now_ns - p->start_ns;
    if (looks_at_all(t, way))
        return 1;
    if (!(t->ways >> way & 1) || since < t->from_ns || since >= t->to_ns)
        return 0;
    return !t->nth || atomic_load_explicit(&p->states[k].matched, memory_order_relaxed) < t->nth;
}

/* What is held or lost would be overtaken or interrupted. */
static int is_free(const struct hil_proxy *p, const struct proxy_stream *w)
{
    return !w->n_held && !w->flood_left && !(w->muted && p->now_ns < w->mute_ns);
}

static int may_pass(const struct hil_proxy *p, const struct proxy_stream *w, int way)
{
    int passes = is_free(p, w);
    for (unsigned k = 0; k < p->options.n_faults && passes; k++)
        passes = !may_act(p, k, way);
    return passes;
}

void proxy_pass_through(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n)
{
    struct proxy_stream *w = &s->stream[way];
    if (n <= w->passed || (!w->passed && !may_pass(p, w, way)))
        return;
    proxy_forward(p, s, way, data + w->passed, n - w->passed);
    w->passed = n;
}

void proxy_end_through(struct hil_proxy *p, struct proxy_session *s, int way)
{
    s->stream[way].passed = 0;
    proxy_release(p, s, way);
}
