/* Triangles of covariances: what goes in comes out, what is no covariance is refused. */
#include <math.h>
#include <string.h>

#include "block_harness.h"
#include "hil/dense.h"

#define N    4
#define ROWS 7

static uint32_t turn = 1;

static double drawn(void)
{
    turn = turn * 1664525u + 1013904223u;
    return (double)turn / 4294967296.0 - 0.5;
}

/* r' r of an upper triangle */
static void squared(const double *r, double *P)
{
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++) {
            P[i * N + j] = 0.0;
            for (unsigned k = 0; k <= i && k <= j; k++)
                P[i * N + j] += r[k * N + i] * r[k * N + j];
        }
}

static double distance(const double *a, const double *b)
{
    double most = 0.0;
    for (unsigned i = 0; i < N * N; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

static void check_rows(void)
{
    double r[N * N] = {0.0}, d[ROWS * N], wanted[N * N], P[N * N];
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = i; j < N; j++)
            r[i * N + j] = i == j ? 1.0 + drawn() : drawn();
    squared(r, wanted);
    for (unsigned i = 0; i < ROWS * N; i++)
        d[i] = drawn();
    for (unsigned k = 0; k < ROWS; k++)
        for (unsigned i = 0; i < N * N; i++)
            wanted[i] += d[k * N + i / N] * d[k * N + i % N];
    hil_triangle_add(r, N, d, ROWS);
    squared(r, P);
    CHECK(distance(P, wanted) < 1e-14);
    double v[N] = {0.3, -0.2, 0.1, 0.25}, off[N];
    memcpy(off, v, sizeof v);
    CHECK(hil_triangle_subtract(r, N, off));
    squared(r, P);
    for (unsigned i = 0; i < N * N; i++)
        wanted[i] -= v[i / N] * v[i % N];
    CHECK(distance(P, wanted) < 1e-14);
    for (unsigned i = 0; i < N; i++)
        CHECK(r[i * N + i] >= 0.0);
}

static void check_what_is_no_covariance(void)
{
    double one[N * N] = {0.0}, nothing[N * N] = {0.0};
    for (unsigned i = 0; i < N; i++)
        one[i * N + i] = 1.0;
    double too_much[N] = {0.8, 0.8, 0.0, 0.0}, all[N] = {0.0, 1.0, 0.0, 0.0}, wrong[N] = {0.1, NAN, 0.0, 0.0};
    double none[N] = {0.0};
    double r[N * N];
    memcpy(r, one, sizeof one);
    CHECK(!hil_triangle_subtract(r, N, too_much));
    memcpy(r, one, sizeof one);
    CHECK(!hil_triangle_subtract(r, N, all));
    memcpy(r, one, sizeof one);
    CHECK(!hil_triangle_subtract(r, N, wrong));
    CHECK(hil_triangle_subtract(nothing, N, none));
    double row[N] = {0.0, 2.0, 1.0, 0.0}, P[N * N];
    hil_triangle_add(nothing, N, row, 1);
    squared(nothing, P);
    CHECK(P[1 * N + 1] == 4.0 && P[1 * N + 2] == 2.0 && P[2 * N + 2] == 1.0 && P[0] == 0.0 && P[3 * N + 3] == 0.0);
}

/* Of rank 2, with elements as far apart as metres and microradians: no small one is taken for 0. */
static void check_semidefinite(void)
{
    double a[N * N] = {0.0}, L[N * N], back[N * N];
    const double v[2][N] = {{1e3, 2e-8, 0.0, 5.0}, {0.0, 1e-8, 0.0, -2.0}};
    for (unsigned i = 0; i < N * N; i++)
        a[i] = v[0][i / N] * v[0][i % N] + v[1][i / N] * v[1][i % N];
    memcpy(L, a, sizeof a);
    hil_cholesky_semidefinite(L, N);
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++) {
            back[i * N + j] = 0.0;
            for (unsigned k = 0; k <= i && k <= j; k++)
                back[i * N + j] += L[i * N + k] * L[j * N + k];
            CHECK(fabs(back[i * N + j] - a[i * N + j]) <= 1e-9 * sqrt(a[i * N + i] * a[j * N + j]));
        }
    CHECK(L[1 * N + 1] > 0.9e-8 && L[2 * N + 2] == 0.0);
}

int main(void)
{
    for (unsigned i = 0; i < 200; i++)
        check_rows();
    check_what_is_no_covariance();
    check_semidefinite();
    return failures != 0;
}
