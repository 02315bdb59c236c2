/* A block that wastes time evenly: so many dependent multiplications a tick. Nothing reads its output. */
static const struct hil_model_name x[] = {{"wasted", "1", "", 1, -2, 2}};
static const struct hil_model_name y[] = {{"wasted", "1", "", 0, -2, 2}};
static const struct hil_model_name p[] = {{"rounds", "1", "", 0, 0, 1e6}};

static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double v = x[0];

    (void)u, (void)dt_s, (void)substeps;
    for (int i = 0; i < (int)p[0]; i++)
        v = v * 0.999999 + 1e-6; /* stays at 1 */
    x[0] = v;
}

static void output(const double *x, const double *u, const double *p, double *y)
{
    (void)u, (void)p;
    y[0] = x[0];
}

const struct hil_model hil_model_v1 = {
    HIL_MODEL_ABI, 1, 0, 1, 1, 0, HIL_MODEL_HASH, "Waste", "discrete", x, NULL, y, p, step, NULL, output, NULL,
};
