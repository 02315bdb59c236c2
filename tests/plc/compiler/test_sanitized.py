"""Generated C has no undefined behaviour: the small programs run as a C program under UBSan, with extreme inputs."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from st_programs import INCLUDE, OWN, PROGRAMS, cases_of

from hil.plc.compile import check_sources
from hil.plc.emit_program import HEAD, generate
from hil.plc.source import Source

SANITIZE = ("-std=c11", "-O0", "-w", "-fsanitize=undefined,float-cast-overflow,address", "-fno-sanitize-recover=all")
MAIN = """
#include <stdio.h>
static const double extremes[] = {
    0, 1, -1, 2, 127, -128, 32767, -32768, 65535, 2147483647.0, -2147483648.0, 4294967295.0, 9.3e18, -9.3e18, 1.9e19,
    1e300, -1e300, 0.5, __builtin_inf(), -__builtin_inf(), __builtin_nan("")};
enum { N = sizeof extremes / sizeof *extremes };
static uint64_t words[8192];
int main(void)
{
    long stops = 0, scans = 0;
    for (unsigned p = 0; p < sizeof programs / sizeof *programs; p++) {
        double u[64] = {0}, y[64] = {0};
        const struct hil_plc *plc = programs[p];
        if (plc->n_words > 8192 || plc->model.n_u > 64 || plc->model.n_y > 64)
            return 1;
        plc->cold(words);
        for (int scan = 0; scan < 3 * N; scan++) {
            struct hil_plc_fault fault = {0, 0, 0};
            for (unsigned i = 0; i < plc->model.n_u; i++)
                u[i] = extremes[(scan * (int)(i + 1) + (int)i * 7) % N];
            plc->scan(words, u, y, scan * 10000000LL, &fault);
            scans++, stops += fault.reason != 0;
            if (scan == N)
                plc->warm(words);
        }
    }
    printf("%ld scans, %ld stops\\n", scans, stops);
    return 0;
}
"""


def test_generated_c_has_no_undefined_behaviour(full: Callable[[int, int], int], tmp_path: Path) -> None:
    head = HEAD.format(rounds=1000)
    parts = [head]
    cases = [case for path in sorted(PROGRAMS.glob("*.st")) for case in cases_of(path)]
    cases = random.Random(1).sample(cases, full(100, len(cases)))
    for n, case in enumerate(cases):
        checked = check_sources([Source(case.name, case.text, 0)])
        made = generate(checked, coverage=n % 2 == 0, watch=(), max_rounds=1000, symbol=f"plc_{n}")
        parts.append(OWN.sub(rf"p{n}_\1", made.source.removeprefix(head)))
    parts.append(
        f"static const struct hil_plc *const programs[] = {{{', '.join(f'&plc_{n}' for n in range(len(cases)))}}};"
    )
    source, built = tmp_path / "all.c", tmp_path / "all"
    source.write_text("\n".join([*parts, MAIN]))
    include = [word for place in INCLUDE for word in ("-I", str(place))]
    subprocess.run(["gcc", *SANITIZE, *include, "-o", built, source], check=True)
    run = subprocess.run([built], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    scans, stops = (int(word) for word in run.stdout.replace(",", "").split() if word.isdigit())
    assert scans == 63 * len(cases)
    assert stops > 0
