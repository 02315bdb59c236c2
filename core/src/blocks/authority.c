/* authority: a twin's set point in place of a person's, within a granted envelope. */
#include "../authority_private.h"
#include "describe.h"

enum { U, FIRST_INTERLOCK };
static const struct hil_port inputs[] = {
    {"u", "the set point that a person set", NAN},
    {"interlock", "0 while the twin may act", NAN},
};
static const struct hil_port outputs[] = {
    {"y", "the effective set point", 0.0},
    {"acting", "1 while it is the twin's", 0.0},
    {"reason", "why the twin does not act: enum hil_authority_reason", 0.0},
};
enum { RIG_LOW, RIG_HIGH, RIG_RATE };
static const struct hil_config config[] = {
    {"low", "the rig's lower limit", NULL, 1, 1, NAN},
    {"high", "the rig's upper limit", NULL, 1, 1, NAN},
    {"rate_per_s", "the rig's rate limit", NULL, 1, 1, NAN},
};
/* y: the effective value. person: u when it was read last. granted, low, high, rate_per_s, until: the envelope. requested,
 * request, request_until: the twin's value. Ticks are exact up to 2^53. */
enum { Y, STARTED, PERSON, GRANTED, LOW, HIGH, RATE, UNTIL, REQUESTED, REQUEST, REQUEST_UNTIL, REASON, TOLD, N_STATES };
static const char *const states[] = {"y",     "started",   "person",  "granted",       "low",    "high", "rate_per_s",
                                     "until", "requested", "request", "request_until", "reason", "told"};

static const char *check(const struct hil_shape *shape)
{
    double low = shape->cfg[RIG_LOW].data[0], high = shape->cfg[RIG_HIGH].data[0];
    if (!(low <= high && is_usable(low) && is_usable(high)))
        return "low must be a number not above high";
    if (!(shape->cfg[RIG_RATE].data[0] > 0.0))
        return "rate_per_s must be above 0";
    return NULL;
}

/* ---- events ---- */

static int is_tick(uint64_t ticks) { return ticks < (uint64_t)1 << 53; }

static int within(double v, double lo, double hi) { return v >= lo && v <= hi; }

static int check_grant(const struct hil_block *b, const struct hil_event *e)
{
    double low = setting(b, RIG_LOW), high = setting(b, RIG_HIGH);
    int narrows = within(e->v[0], low, high) && within(e->v[1], low, high) && e->v[0] <= e->v[1] && e->v[2] > 0.0 &&
                  e->v[2] <= setting(b, RIG_RATE);
    return narrows ? HIL_OK : HIL_E_RANGE;
}

int hil_authority_block_check(const struct hil_block *b, const struct hil_event *e)
{
    if (e->kind2 == HIL_AUTHORITY_WITHDRAW || e->kind2 == HIL_AUTHORITY_REVOKE)
        return HIL_OK;
    if (e->kind2 > HIL_AUTHORITY_REVOKE || !e->kind2 || !is_tick(e->ticks) || e->ticks <= e->due)
        return HIL_E_ARG;
    if (e->kind2 == HIL_AUTHORITY_GRANT)
        return check_grant(b, e);
    return within(e->v[0], setting(b, RIG_LOW), setting(b, RIG_HIGH)) ? HIL_OK : HIL_E_RANGE;
}

static void take_back(double *m, int reason)
{
    m[REQUESTED] = m[REQUEST] = m[REQUEST_UNTIL] = 0.0;
    m[REASON] = reason;
}

static void revoke(double *m, int reason)
{
    m[GRANTED] = m[LOW] = m[HIGH] = m[RATE] = m[UNTIL] = 0.0;
    take_back(m, reason);
}

/* A narrower envelope than the value that acts ends the request. */
static void grant(double *m, const struct hil_event *e)
{
    m[GRANTED] = 1.0;
    m[LOW] = e->v[0], m[HIGH] = e->v[1], m[RATE] = e->v[2], m[UNTIL] = (double)e->ticks;
    if (!m[REQUESTED])
        m[REASON] = HIL_AUTHORITY_ACTS;
    else if (!within(m[Y], m[LOW], m[HIGH]) || !within(m[REQUEST], m[LOW], m[HIGH]))
        take_back(m, HIL_AUTHORITY_WITHDRAWN);
}

/* The way from where y is to the request lies inside the envelope when both ends do. */
static int request(double *m, const struct hil_event *e)
{
    if (!m[GRANTED] || !m[STARTED])
        return HIL_E_UNSUPPORTED;
    if (!within(e->v[0], m[LOW], m[HIGH]) || !within(m[Y], m[LOW], m[HIGH]))
        return HIL_E_RANGE;
    m[REQUESTED] = 1.0, m[REQUEST] = e->v[0], m[REQUEST_UNTIL] = (double)e->ticks;
    m[REASON] = HIL_AUTHORITY_ACTS;
    return HIL_OK;
}

int hil_authority_block_act(const struct hil_block *b, unsigned char *s, const struct hil_event *e)
{
    double *m = hil_mem(b, s);
    switch (e->kind2) {
    case HIL_AUTHORITY_GRANT: grant(m, e); return HIL_OK;
    case HIL_AUTHORITY_REQUEST: return request(m, e);
    case HIL_AUTHORITY_WITHDRAW:
        if (m[REQUESTED])
            take_back(m, HIL_AUTHORITY_WITHDRAWN);
        return HIL_OK;
    default: revoke(m, HIL_AUTHORITY_REVOKED); return HIL_OK;
    }
}

uint32_t hil_authority_block_size(void) { return N_STATES * sizeof(double); }

/* ---- the tick ---- */

static int interlocked(const struct hil_block *b, unsigned char *s)
{
    for (unsigned i = FIRST_INTERLOCK; i < b->n_in; i++)
        if (hil_in(b, s, i) != 0.0 || hil_in_status(b, s, i) & (HIL_STALE | HIL_BAD)) /* NaN is not 0 */
            return 1;
    return 0;
}

/* Why the envelope ends in this tick; 0 when it does not. */
static int ending(const struct hil_block *b, unsigned char *s, const double *m, double tick)
{
    if (tick >= m[UNTIL])
        return HIL_AUTHORITY_EXPIRED;
    if (interlocked(b, s))
        return HIL_AUTHORITY_INTERLOCK;
    if (!is_sample(b, s, U))
        return HIL_AUTHORITY_INPUT;
    return m[REQUESTED] && hil_in(b, s, U) != m[PERSON] ? HIL_AUTHORITY_PERSON : 0;
}

static void judge(const struct hil_block *b, unsigned char *s, double *m)
{
    double tick = (double)((const struct hil_state *)(const void *)s)->tick;
    int reason = ending(b, s, m, tick);
    if (reason)
        revoke(m, reason);
    else if (m[REQUESTED] && tick >= m[REQUEST_UNTIL])
        take_back(m, HIL_AUTHORITY_OVER);
}

/* The next effective value. A person's set point that cannot be used leaves it where it is. */
static double next(const struct hil_block *b, unsigned char *s, const double *m)
{
    double low = setting(b, RIG_LOW), high = setting(b, RIG_HIGH), aim = m[REQUEST], rate = m[RATE];
    if (!m[REQUESTED]) {
        aim = is_sample(b, s, U) ? clamp(hil_in(b, s, U), low, high) : m[Y];
        rate = setting(b, RIG_RATE);
    }
    if (m[STARTED])
        aim = clamp(aim, m[Y] - rate * b->dt_s, m[Y] + rate * b->dt_s);
    return clamp(aim, low, high);
}

static void output(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    if (m[GRANTED])
        judge(b, s, m);
    if (m[STARTED] || is_sample(b, s, U)) {
        m[Y] = next(b, s, m);
        m[STARTED] = 1.0;
    }
    if (is_sample(b, s, U))
        m[PERSON] = hil_in(b, s, U);
    if (m[REASON] != m[TOLD])
        ((struct hil_state *)(void *)s)->alert = 1;
    *hil_out(b, s, 0) = m[Y];
    *hil_out(b, s, 1) = m[REQUESTED];
    *hil_out(b, s, 2) = m[REASON];
    hil_set_status(b, s, 0, hil_in_status(b, s, U));
    hil_set_status(b, s, 1, HIL_GOOD);
    hil_set_status(b, s, 2, HIL_GOOD);
}

static void reset(const struct hil_block *b, unsigned char *s)
{
    double *m = hil_mem(b, s);
    m[REASON] = m[TOLD] = HIL_AUTHORITY_NONE;
    m[Y] = clamp(0.0, setting(b, RIG_LOW), setting(b, RIG_HIGH));
}

static int tell(const struct hil_block *b, unsigned char *s, struct hil_note *note)
{
    double *m = hil_mem(b, s);
    if (m[TOLD] == m[REASON])
        return 0;
    *note = (struct hil_note){.kind = HIL_NOTE_AUTHORITY, .target = b->id, .a = m[TOLD], .b = m[REASON]};
    m[TOLD] = m[REASON];
    return 1;
}

const struct hil_block_type hil_type_authority = {
    .name = "authority",
    .doc =
        "y = the twin's value while an envelope is granted and kept, else u, both within low..high and no faster than "
        "rate_per_s. A grant ends for good at its tick, by an interlock, by a u that is stale, bad or set anew, or "
        "revoked. A u that is no number leaves y where it is. docs/authority.md.",
    INPUTS(inputs),
    OUTPUTS(outputs),
    CONFIG(config),
    STATES(states),
    .variadic = 1,
    .feedthrough = 1,
    .sets_status = 1,
    .check = check,
    .reset = reset,
    .output = output,
    .tell = tell,
};
