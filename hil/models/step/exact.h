/* Exact step of a model whose A = df/dx does not depend on x, with inputs held (zero-order hold):
 *   x+ = x + h phi1(h A) f(x, u),  phi1(Z) = Z^-1 (e^Z - I) = I + Z/2! + Z^2/3! + ...
 * (M. Hochbruck, A. Ostermann, "Exponential integrators", Acta Numerica 19 (2010), section 2.1). It is the usual
 * x+ = Ad x + Bd u, but needs no inverse of A, and holds for constant terms too.
 *
 * phi1 is computed anew in every call, so that a changed parameter acts at once and no call depends on an earlier one. Scaling
 * and doubling (C. Moler, C. Van Loan, "Nineteen dubious ways", SIAM Review 45 (2003), method 3): Taylor series of
 * Z / 2^s with norm <= 1/2, then s times phi1(2Z) = phi1(Z) (I + Z phi1(Z) / 2). The cost is 13 + 2 s products of n x n
 * matrices, s = 1 + log2 of the norm of h A, at most 64: beyond that, the result is NaN. Rounding errors are of
 * the order 2^-53 norm(h A) norm(h f). */
enum { EXACT_TERMS = 14, EXACT_DOUBLINGS = 64 }; /* the first left-out term is below 2^-14 / 15! = 5e-17 */

/* out = first * second, column-major */
static void model_product(const double *first, const double *second, double *out)
{
    for (int j = 0; j < N_X; j++)
        for (int i = 0; i < N_X; i++) {
            double sum = 0.0;
            for (int k = 0; k < N_X; k++)
                sum += first[i + k * N_X] * second[k + j * N_X];
            out[i + j * N_X] = sum;
        }
}

/* Largest sum of magnitudes in a column. */
static double model_norm(const double *m)
{
    double norm = 0.0;
    for (int j = 0; j < N_X; j++) {
        double sum = 0.0;
        for (int i = 0; i < N_X; i++)
            sum += hil_fabs(m[i + j * N_X]);
        norm = sum > norm ? sum : norm;
    }
    return norm;
}

/* phi = I + z/2 (I + z/3 (I + z/4 (...))) for norm(z) <= 1/2 */
static void model_phi_series(const double *z, double *phi)
{
    double product[N_X * N_X];
    for (int i = 0; i < N_X * N_X; i++)
        phi[i] = i % (N_X + 1) == 0 ? 1.0 : 0.0;
    for (int term = EXACT_TERMS; term > 1; term--) {
        model_product(z, phi, product);
        for (int i = 0; i < N_X * N_X; i++)
            phi[i] = (i % (N_X + 1) == 0 ? 1.0 : 0.0) + product[i] / term;
    }
}

/* phi = phi1(z); z is used up */
static void model_phi(double *z, double *phi)
{
    double square[N_X * N_X], product[N_X * N_X], norm = model_norm(z), scale = 1.0;
    int doublings = 0;
    for (; norm > 0.5 && doublings < EXACT_DOUBLINGS; doublings++) {
        norm *= 0.5;
        scale *= 0.5;
    }
    for (int i = 0; i < N_X * N_X; i++)
        z[i] = norm > 0.5 ? __builtin_nan("") : z[i] * scale;
    model_phi_series(z, phi);
    for (int s = 0; s < doublings; s++) {
        model_product(phi, phi, square);
        model_product(z, square, product);
        for (int i = 0; i < N_X * N_X; i++) {
            phi[i] += 0.5 * product[i];
            z[i] *= 2.0;
        }
    }
}

HIL_STEP void model_step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    const double h = dt_s / substeps;
    double k[N_X], a[N_X * N_X], phi[N_X * N_X];
    model_a(x, u, p, a);
    for (int i = 0; i < N_X * N_X; i++)
        a[i] *= h;
    model_phi(a, phi);
    for (uint32_t s = 0; s < substeps; s++) {
        model_f(x, u, p, k);
        for (int i = 0; i < N_X; i++) {
            double sum = 0.0;
            for (int j = 0; j < N_X; j++)
                sum += phi[i + j * N_X] * k[j];
            x[i] += h * sum;
        }
        model_clamp(x);
    }
}
