/* mpc: an integrator driven by one bounded input, whose optimum is known by hand, and what the block does without one. */
#include "../../core/src/active_set.h"
#include "block_harness.h"

/* x(k+1) = x(k) + u(k), cost (x(k+1)^2 + u(k)^2) / 2 over one sample: u = -x / 2, within the bounds. */
static const double map[] = {-0.5}, zero[] = {0.0}, one[] = {1.0}, lo[] = {-1.0}, hi[] = {2.0}, rate[] = {0.25};

static void open_one(struct harness *h)
{
    harness_open(h, "mpc", 0.1);
    h->block.n_in = 1;
    h->block.n_out = 4;
    harness_set(h, "horizon", 1.0);
    harness_array(h, "map", map, 1);
    harness_array(h, "offset", zero, 1);
    harness_array(h, "gram", one, 1);
    harness_array(h, "lo", lo, 1);
    harness_array(h, "hi", hi, 1);
    harness_array(h, "scale", one, 1);
    harness_array(h, "u_lo", lo, 1);
    harness_array(h, "u_hi", hi, 1);
    harness_array(h, "rate", NULL, 0);
    harness_array(h, "soft", NULL, 0);
    harness_array(h, "start", NULL, 0);
}

static double input_for(struct harness *h, double x)
{
    harness_pass(h, x);
    return harness_out(h, 3);
}

static void input_is_the_optimum_within_its_bounds(void)
{
    struct harness h;
    open_one(&h);
    harness_start(&h);
    CHECK_SAME(input_for(&h, -1.0), 0.5);
    CHECK_SAME(input_for(&h, 10.0), -1.0);
    CHECK_SAME(harness_out(&h, 0), 0.0);
    CHECK_SAME(harness_out(&h, 1), 2.0);
    CHECK_SAME(input_for(&h, 10.0), -1.0);
    CHECK_SAME(harness_out(&h, 1), 1.0); /* the active bound is known from the last sample */
    CHECK_SAME(input_for(&h, -10.0), 2.0);
    CHECK_SAME(input_for(&h, 0.0), 0.0);
    harness_close(&h);
}

static void rate_holds_from_the_input_before(void)
{
    struct harness h;
    open_one(&h);
    harness_array(&h, "rate", rate, 1);
    harness_start(&h);
    for (int k = 1; k <= 12; k++)
        CHECK_SAME(input_for(&h, -100.0), k < 8 ? 0.25 * k : 2.0);
    CHECK_SAME(input_for(&h, 100.0), 1.75);
    harness_close(&h);
}

static void what_is_not_finite_leaves_the_last_plan_and_no_trace(void)
{
    static const double bad[] = {NAN, HUGE_VAL, -HUGE_VAL, 1e149};
    struct harness h;
    open_one(&h);
    harness_start(&h);
    CHECK_SAME(input_for(&h, -1.0), 0.5);
    for (int i = 0; i < 4; i++) {
        CHECK_SAME(input_for(&h, bad[i]), 0.5);
        CHECK_SAME(harness_out(&h, 0), 3.0);
        CHECK_SAME(harness_out(&h, 2), -1.0);
        for (uint32_t k = 0; k < h.n_state; k++)
            CHECK(fabs(hil_mem(&h.block, h.state)[k]) < 1e60);
    }
    CHECK_SAME(input_for(&h, -2.0), 1.0);
    CHECK_SAME(harness_out(&h, 0), 0.0);
    harness_close(&h);
}

static void configuration_that_does_not_fit_is_refused(void)
{
    static const double two[] = {1.0, 1.0}, nan_[] = {NAN}, half[] = {0.5}, three[] = {3.0}, many[] = {1.0, 1.0, 1.0};
    struct {
        const char *name;
        const double *data;
        uint32_t n;
    } wrong[] = {{"lo", two, 2},   {"lo", three, 1}, {"u_lo", three, 1}, {"gram", half, 1},
                 {"gram", two, 2}, {"map", many, 3}, {"map", nan_, 1},   {"scale", zero, 1},
                 {"rate", two, 2}, {"soft", two, 1}, {"start", two, 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct harness h;
        open_one(&h);
        CHECK(harness_refused(&h) == NULL);
        harness_array(&h, wrong[i].name, wrong[i].data, wrong[i].n);
        CHECK(harness_refused(&h) != NULL);
    }
    struct harness h;
    open_one(&h);
    harness_set(&h, "horizon", 1.5);
    CHECK(harness_refused(&h) != NULL);
}

/* ---- the solver alone ---- */

static enum hil_qp_status solve(const struct hil_qp *q, double *v)
{
    double mem[64] = {0};
    struct hil_active a = hil_active_at(mem, q->rows, q->most);
    uint32_t done = 0;
    CHECK(hil_active_size(q->rows, q->most) <= 64);
    enum hil_qp_status status = hil_qp_solve(q, &a, &done);
    CHECK(done >= 1 && done <= q->iterations);
    memcpy(v, a.v, q->rows * sizeof *v);
    return status;
}

/* Rows z, z: the second asks for what the first forbids. */
static void a_contradiction_is_told(void)
{
    static const double gram[] = {1, 1, 1, 1}, v0[] = {0, 0}, low[] = {-5, 2}, high[] = {1, 5};
    struct hil_qp q = {2, 2, 20, gram, low, high, v0};
    double v[2];
    CHECK(solve(&q, v) == HIL_QP_INFEASIBLE);
}

/* Rows z1, z2, (z1 + z2) / sqrt 2: three bounds meet in one corner of the plane. */
static void three_bounds_in_one_corner(void)
{
    const double r = sqrt(0.5), gram[] = {1, 0, r, 0, 1, r, r, r, 1}, v0[] = {5, 6, 11 * r};
    const double low[] = {-1, -1, -2 * r}, high[] = {1, 1, 2 * r};
    struct hil_qp q = {3, 3, 20, gram, low, high, v0};
    double v[3];
    CHECK(solve(&q, v) == HIL_QP_OPTIMAL);
    CHECK_NEAR(v[0], 1.0, 1e-9);
    CHECK_NEAR(v[1], 1.0, 1e-9);
    CHECK_NEAR(v[2], 2 * r, 1e-9);
}

static void used_up_iterations_are_told(void)
{
    static const double gram[] = {1}, v0[] = {5}, low[] = {-1}, high[] = {1};
    struct hil_qp q = {1, 1, 1, gram, low, high, v0};
    double v[1];
    CHECK(solve(&q, v) == HIL_QP_ITERATIONS);
}

int main(void)
{
    input_is_the_optimum_within_its_bounds();
    rate_holds_from_the_input_before();
    what_is_not_finite_leaves_the_last_plan_and_no_trace();
    configuration_that_does_not_fit_is_refused();
    a_contradiction_is_told();
    three_bounds_in_one_corner();
    used_up_iterations_are_told();
    return failures != 0;
}
