"""A rig of one block, a model in C, in whose step a test plants what a tick must not do."""

from __future__ import annotations

from pathlib import Path

RIG = """[rig]
name = "planted"
period_s = 0.001

[signals]
"plant.level" = { unit = "m", start = 0.0 }

[blocks.plant]
type = "model"
model = "plant.c"
out = { level = "plant.level" }
"""
PLANT = """#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static const struct hil_model_name x[] = {{"level", "m", "", 0.0, -1.0, 1.0}};
static const struct hil_model_name y[] = {{"level", "m", "", 0.0, -1.0, 1.0}};
long syscall(long, ...);
static void step(double *x, const double *u, const double *p, double dt_s, uint32_t n)
{
    (void)u, (void)p, (void)dt_s, (void)n;
    static pthread_mutex_t lock __attribute__((unused)) = PTHREAD_MUTEX_INITIALIZER;
    x[0] = 0.5 * x[0];
    PLANTED
}
static void ode(const double *x, const double *u, const double *p, double *dx)
{
    (void)x, (void)u, (void)p;
    dx[0] = 0.0;
}
static void output(const double *x, const double *u, const double *p, double *y) { (void)u, (void)p, y[0] = x[0]; }
const struct hil_model hil_model_v1 = {HIL_MODEL_ABI, 1, 0, 1, 0, 0, HIL_MODEL_HASH, "Planted", "rk4",
                                       x, NULL, y, NULL, step, ode, output, NULL};
"""


def planted(folder: Path, what: str) -> Path:
    """The rig in a new folder, with this C statement in its step."""
    folder.mkdir()
    (folder / "rig.toml").write_text(RIG)
    (folder / "plant.c").write_text(PLANT.replace("PLANTED", what))
    return folder
