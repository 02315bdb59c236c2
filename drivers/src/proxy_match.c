#include "hil/random.h"
#include "proxy_private.h"

uint64_t proxy_draw(struct hil_proxy *p, unsigned k) { return hil_random(p->options.seed, k, p->states[k].draws++); }

int proxy_in_scope(const struct hil_proxy_fault *t, const struct proxy_frame *f)
{
    if (!(t->ways >> f->way & 1))
        return 0;
    if ((t->unit >= 0 && t->unit != f->unit) || (t->function >= 0 && t->function != f->function))
        return 0;
    if (t->first < 0)
        return 1;
    return f->address >= 0 && f->address <= t->last && f->address + f->quantity > t->first;
}

static int is_chosen(struct hil_proxy *p, unsigned k, uint64_t n)
{
    const struct hil_proxy_fault *t = &p->faults[k];
    if (t->nth && n != t->nth)
        return 0;
    if (t->every && n % t->every)
        return 0;
    return t->probability >= 1 || hil_uniform(proxy_draw(p, k)) < t->probability;
}

int proxy_matches(struct hil_proxy *p, unsigned k, const struct proxy_frame *f)
{
    const struct hil_proxy_fault *t = &p->faults[k];
    int64_t since = p->now_ns - p->start_ns;
    if (!proxy_in_scope(t, f) || since < t->from_ns || since >= t->to_ns)
        return 0;
    return is_chosen(p, k, atomic_fetch_add_explicit(&p->states[k].matched, 1, memory_order_relaxed) + 1);
}
