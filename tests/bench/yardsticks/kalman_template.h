/* One Kalman filter of fixed size, for a compiler that then knows every loop count. Define KF(name), KF_N (states) and
 * KF_M (measurements), then include; it may be included again with other sizes.
 *
 * Predict x = F x, P = F P F' + Q. Update through the Cholesky factor of the innovation covariance, S = H P H' + R = L L':
 * with V = L^-1 H P and w = L^-1 y it is x += V' w, P -= V' V, and P is made symmetric again. */

struct KF(filter) {
    double x[KF_N], P[KF_N * KF_N], F[KF_N * KF_N], Q[KF_N * KF_N], H[KF_M * KF_N], R[KF_M * KF_M];
};

static inline void KF(predict_state)(const double *F, const double *x, double *out)
{
    for (int i = 0; i < KF_N; i++) {
        double sum = 0;
        for (int j = 0; j < KF_N; j++)
            sum += F[i * KF_N + j] * x[j];
        out[i] = sum;
    }
}

static inline void KF(predict_covariance)(const double *restrict F, const double *restrict P, const double *restrict Q,
                                          double *restrict out)
{
    double FP[KF_N * KF_N], Ft[KF_N * KF_N];

    for (int i = 0; i < KF_N; i++) {
        for (int j = 0; j < KF_N; j++)
            FP[i * KF_N + j] = 0;
        for (int l = 0; l < KF_N; l++) {
            double f = F[i * KF_N + l];
            for (int j = 0; j < KF_N; j++)
                FP[i * KF_N + j] += f * P[l * KF_N + j];
        }
    }
    for (int i = 0; i < KF_N; i++)
        for (int j = 0; j < KF_N; j++)
            Ft[i * KF_N + j] = F[j * KF_N + i];
    for (int i = 0; i < KF_N; i++) {
        for (int j = 0; j < KF_N; j++)
            out[i * KF_N + j] = Q[i * KF_N + j];
        for (int l = 0; l < KF_N; l++) {
            double a = FP[i * KF_N + l];
            for (int j = 0; j < KF_N; j++)
                out[i * KF_N + j] += a * Ft[l * KF_N + j];
        }
    }
}

/* HP = H P, y = z - H x, and the lower half of S = HP H' + R. */
static inline void KF(innovate)(const struct KF(filter) *restrict k, const double *restrict z, const double *restrict x,
                                const double *restrict P, double *restrict HP, double *restrict y, double *restrict S)
{
    for (int i = 0; i < KF_M; i++) {
        for (int j = 0; j < KF_N; j++)
            HP[i * KF_N + j] = 0;
        for (int l = 0; l < KF_N; l++) {
            double h = k->H[i * KF_N + l];
            for (int j = 0; j < KF_N; j++)
                HP[i * KF_N + j] += h * P[l * KF_N + j];
        }
    }
    for (int i = 0; i < KF_M; i++) {
        double rest = z[i];
        for (int j = 0; j < KF_N; j++)
            rest -= k->H[i * KF_N + j] * x[j];
        y[i] = rest;
        for (int j = 0; j <= i; j++) {
            double sum = k->R[i * KF_M + j];
            for (int l = 0; l < KF_N; l++)
                sum += HP[i * KF_N + l] * k->H[j * KF_N + l];
            S[i * KF_M + j] = sum;
        }
    }
}

/* S becomes L below its diagonal; the diagonal's inverses go to d. */
static inline void KF(cholesky)(double *restrict S, double *restrict d)
{
    for (int i = 0; i < KF_M; i++) {
        for (int j = 0; j < i; j++) {
            double s = S[i * KF_M + j];
            for (int l = 0; l < j; l++)
                s -= S[i * KF_M + l] * S[j * KF_M + l];
            S[i * KF_M + j] = s * d[j];
        }
        double s = S[i * KF_M + i];
        for (int l = 0; l < i; l++)
            s -= S[i * KF_M + l] * S[i * KF_M + l];
        d[i] = 1 / sqrt(s);
    }
}

/* HP becomes V = L^-1 HP, y becomes w = L^-1 y. */
static inline void KF(solve)(const double *restrict L, const double *restrict d, double *restrict HP,
                             double *restrict y)
{
    for (int i = 0; i < KF_M; i++) {
        for (int l = 0; l < i; l++) {
            double s = L[i * KF_M + l];
            for (int j = 0; j < KF_N; j++)
                HP[i * KF_N + j] -= s * HP[l * KF_N + j];
            y[i] -= s * y[l];
        }
        for (int j = 0; j < KF_N; j++)
            HP[i * KF_N + j] *= d[i];
        y[i] *= d[i];
    }
}

static inline void KF(correct)(const double *restrict V, const double *restrict w, double *restrict x,
                               double *restrict P)
{
    for (int l = 0; l < KF_M; l++)
        for (int j = 0; j < KF_N; j++)
            x[j] += V[l * KF_N + j] * w[l];
    for (int i = 0; i < KF_N; i++)
        for (int l = 0; l < KF_M; l++) {
            double v = V[l * KF_N + i];
            for (int j = 0; j < KF_N; j++)
                P[i * KF_N + j] -= v * V[l * KF_N + j];
        }
}

static inline void KF(keep_symmetric)(const double *restrict P, double *restrict out)
{
    for (int i = 0; i < KF_N; i++)
        for (int j = 0; j < KF_N; j++)
            out[i * KF_N + j] = 0.5 * (P[i * KF_N + j] + P[j * KF_N + i]);
}

__attribute__((noinline)) static void KF(step)(struct KF(filter) *restrict k, const double *restrict z)
{
    double x[KF_N], P[KF_N * KF_N], HP[KF_M * KF_N], S[KF_M * KF_M], y[KF_M], d[KF_M];

    KF(predict_state)(k->F, k->x, x);
    KF(predict_covariance)(k->F, k->P, k->Q, P);
    KF(innovate)(k, z, x, P, HP, y, S);
    KF(cholesky)(S, d);
    KF(solve)(S, d, HP, y);
    KF(correct)(HP, y, x, P);
    memcpy(k->x, x, sizeof x);
    KF(keep_symmetric)(P, k->P);
}

/* A chain of integrators at 10 ms; every other state is measured. */
static void KF(init)(struct KF(filter) * k)
{
    memset(k, 0, sizeof *k);
    for (int i = 0; i < KF_N; i++) {
        k->F[i * KF_N + i] = 1;
        if (i + 1 < KF_N)
            k->F[i * KF_N + i + 1] = 0.01;
        k->P[i * KF_N + i] = 1;
        k->Q[i * KF_N + i] = 1e-3;
    }
    for (int i = 0; i < KF_M; i++) {
        k->H[i * KF_N + 2 * i] = 1;
        k->R[i * KF_M + i] = 0.1;
    }
}

#undef KF
#undef KF_N
#undef KF_M
