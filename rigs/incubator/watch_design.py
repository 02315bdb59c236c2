"""The two observers of watch.toml: `python rigs/incubator/watch_design.py` prints the keys of their blocks.

Temperatures of air, heater and, with a cup, water over one period in which heater and room keep their values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PERIOD_S = 3.0
C_A, G_B, C_H, G_H, POWER = 177.63, 0.77308, 239.61, 2.31873, 125.0  # published for 2020-21
C_W, G_W = 837.0, 1.0  # 0.2 l of water in a cup; its heat transfer may be wrong by a third without harm
# Deviations: what a period adds to air, heater and water beside the model, and the measurement (two sensors of 1/16 K).
ADDED_K = (0.04, 0.07, 0.02)
MEASURED_K = 0.05


@dataclass(frozen=True)
class Observer:
    """Keys of a block `kalman`; `deviation` is that of its innovation once it has settled."""

    A: Array
    B: Array
    C: Array
    Q: Array
    R: Array
    deviation: float


def box(*, cup: bool) -> tuple[Array, Array]:
    """Continuous A and B; states air, heater and, with a cup, water; inputs heater and room."""
    g_w = G_W if cup else 0.0
    a = np.array(
        [
            [-(G_H + G_B + g_w) / C_A, G_H / C_A, g_w / C_A],
            [G_H / C_H, -G_H / C_H, 0.0],
            [g_w / C_W, 0.0, -g_w / C_W],
        ]
    )
    b = np.array([[0.0, G_B / C_A], [POWER / C_H, 0.0], [0.0, 0.0]])
    n = 3 if cup else 2
    return a[:n, :n], b[:n]


def discrete(a: Array, b: Array) -> tuple[Array, Array]:
    """Over one period with inputs held: the exponential of [[A, B], [0, 0]], by scaling and squaring."""
    n, m = b.shape
    scaled = np.zeros((n + m, n + m))
    scaled[:n, :n], scaled[:n, n:] = a, b
    scaled *= PERIOD_S / 1024.0
    result = term = np.eye(n + m)
    for i in range(1, 12):
        term = term @ scaled / i
        result = result + term
    for _ in range(10):
        result = result @ result
    return result[:n, :n], result[:n, n:]


def observer(*, cup: bool) -> Observer:
    """The filter's model; its settled covariance comes from iterating the Riccati equation."""
    f, g = discrete(*box(cup=cup))
    n = len(f)
    q, p = np.diag(np.square(ADDED_K[:n])), np.eye(n)
    variance = 0.0
    for _ in range(20_000):
        p = f @ p @ f.T + q
        variance = p[0, 0] + MEASURED_K**2
        p = p - np.outer(p[:, 0] / variance, p[0])
    return Observer(f, g, np.eye(n)[:1], q, np.array([[MEASURED_K**2]]), float(variance**0.5))


def main() -> None:
    """Print both observers as keys of the rig file."""
    for name, found in (("calibrated", observer(cup=False)), ("loaded", observer(cup=True))):
        print(f"# {name}: innovation's deviation {found.deviation:.6g} K")
        for key in "ABCQR":
            rows = [f"[{', '.join(f'{value:.9g}' for value in row)}]" for row in getattr(found, key)]
            print(f"{key} = {rows[0] if key == 'R' else '[' + ', '.join(rows) + ']'}")


if __name__ == "__main__":
    main()
