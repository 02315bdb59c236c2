"""Compiled models against other ways to the same numbers: Python's math, finite differences, mpmath, NumPy."""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from hil.models import CompiledModel, Input, Model, Output, Param, State, compile_model
from hil.models import math as m
from hil.models.codegen import generate
from hil.models.compile import FLAGS, flags_of, run_compiler
from hil.models.compiled import Vector


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_CACHE_DIR", str(tmp_path_factory.mktemp("models")))
        yield


# Every function that a model may use: name -> (in the model, in Python), of two numbers within 0.1 .. 0.9.
FUNCTIONS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[float, float], float]]] = {
    "sqrt": (lambda x, y: m.sqrt(x), lambda x, y: math.sqrt(x)),
    "safe_sqrt": (lambda x, y: m.safe_sqrt(x - y), lambda x, y: math.sqrt(max(x - y, 0.0))),
    "exp": (lambda x, y: m.exp(x), lambda x, y: math.exp(x)),
    "expm1": (lambda x, y: m.expm1(x), lambda x, y: math.expm1(x)),
    "log": (lambda x, y: m.log(x), lambda x, y: math.log(x)),
    "log1p": (lambda x, y: m.log1p(x), lambda x, y: math.log1p(x)),
    "log10": (lambda x, y: m.log10(x), lambda x, y: math.log10(x)),
    "power": (m.power, lambda x, y: x**y),
    "cube": (lambda x, y: x**3 - y**-2, lambda x, y: x**3 - y**-2),
    "sin": (lambda x, y: m.sin(3 * x), lambda x, y: math.sin(3 * x)),
    "cos": (lambda x, y: m.cos(3 * x), lambda x, y: math.cos(3 * x)),
    "tan": (lambda x, y: m.tan(x), lambda x, y: math.tan(x)),
    "asin": (lambda x, y: m.asin(x), lambda x, y: math.asin(x)),
    "acos": (lambda x, y: m.acos(x), lambda x, y: math.acos(x)),
    "atan": (lambda x, y: m.atan(x), lambda x, y: math.atan(x)),
    "atan2": (m.atan2, math.atan2),
    "sinh": (lambda x, y: m.sinh(x), lambda x, y: math.sinh(x)),
    "cosh": (lambda x, y: m.cosh(x), lambda x, y: math.cosh(x)),
    "tanh": (lambda x, y: m.tanh(x), lambda x, y: math.tanh(x)),
    "asinh": (lambda x, y: m.asinh(x), lambda x, y: math.asinh(x)),
    "acosh": (lambda x, y: m.acosh(1 + x), lambda x, y: math.acosh(1 + x)),
    "atanh": (lambda x, y: m.atanh(x), lambda x, y: math.atanh(x)),
    "hypot": (m.hypot, math.hypot),
    "fabs": (lambda x, y: m.fabs(x - y), lambda x, y: abs(x - y)),
    "sign": (lambda x, y: m.sign(x - y), lambda x, y: float(np.sign(x - y))),
    "copysign": (lambda x, y: m.copysign(x, y - x), lambda x, y: math.copysign(x, y - x)),
    "floor": (lambda x, y: m.floor(5 * x), lambda x, y: math.floor(5 * x)),
    "ceil": (lambda x, y: m.ceil(5 * x), lambda x, y: math.ceil(5 * x)),
    "fmod": (lambda x, y: m.fmod(5 * x, y), lambda x, y: math.fmod(5 * x, y)),
    "fmin": (m.fmin, min),
    "fmax": (m.fmax, max),
    "clip": (lambda x, y: m.clip(x, 0.3, 0.3 + y / 2), lambda x, y: min(max(x, 0.3), 0.3 + y / 2)),
    "if_else": (lambda x, y: m.if_else(x >= y, 1 / x, -y), lambda x, y: 1 / x if x >= y else -y),
    "logic": (
        lambda x, y: m.if_else(m.logic_and(x > 0.2, m.logic_or(y < 0.3, m.logic_not(x < y))), x, 2 * y),
        lambda x, y: x if x > 0.2 and (y < 0.3 or not x < y) else 2 * y,
    ),
    "constants": (lambda x, y: m.pi * x - 1e-300 - 2 * y, lambda x, y: math.pi * x - 1e-300 - 2 * y),
}
STEPS_OF_STAIRS = {"sign", "floor", "ceil", "copysign", "fmod"}  # a difference quotient may cross a step


class Zoo(Model):
    """Two numbers and all functions of them as outputs."""

    x = State(0.4)
    y = State(0.7)

    def equations(self) -> dict[str, Any]:
        """Both stay within 0.2 .. 0.8, where every function has a value."""
        return {"x": 0.5 - self.x + 0.3 * m.sin(20 * self.y), "y": 0.5 - self.y + 0.3 * m.cos(17 * m.exp(self.x))}

    def outputs(self) -> dict[str, Any]:
        return {f"o_{name}": model(self.x, self.y) for name, (model, _) in FUNCTIONS.items()}

    for _name in FUNCTIONS:
        locals()[f"o_{_name}"] = Output()


class Pendulum(Model):
    """A driven pendulum with drag."""

    angle = State(0.3, unit="rad", output=True)
    speed = State(0.0, unit="rad/s")
    torque = Input(unit="N*m", min=-1, max=1)
    acceleration = Output(unit="rad/s**2", doc='with "quotes", \\backslash and ??= trigraph')
    length = Param(0.7, unit="m", min=0.1, max=5)
    drag = Param(0.05, unit="1/s", min=0, max=2)

    def _acceleration(self) -> Any:
        return self.torque - 9.81 / self.length * m.sin(self.angle) - self.drag * self.speed * m.fabs(self.speed)

    def equations(self) -> dict[str, Any]:
        return {"angle": self.speed, "speed": self._acceleration()}

    def outputs(self) -> dict[str, Any]:
        return {"acceleration": self._acceleration()}


class Chemistry(Model):
    """Robertson's reaction, the classical stiff problem (Hairer and Wanner, "Solving ODEs II", IV.1)."""

    a = State(1.0)
    b = State(0.0)
    c = State(0.0)
    method = "semi_implicit"

    def equations(self) -> dict[str, Any]:
        slow, fast, back = 0.04 * self.a, 3e7 * self.b * self.b, 1e4 * self.b * self.c
        return {"a": -slow + back, "b": slow - back - fast, "c": fast}


class Linear(Model):
    """Three coupled states with constant terms and an input that enters as its square."""

    x1 = State(1.0)
    x2 = State(-2.0)
    x3 = State(0.5)
    u1 = Input()
    k = Param(3.0, min=-1e6, max=1e6)
    r = Param(0.2, min=-1e6, max=1e6)
    method = "exact"

    def equations(self) -> dict[str, Any]:
        return {
            "x1": -self.k * self.x1 + self.r * self.x2 + self.u1**2,
            "x2": self.x3 - 0.5,
            "x3": -self.k * self.k * self.x2 - self.r * self.x3 + 0.1 * self.x1,
        }


def pendulum_by_hand(x: Vector, u: float, length: float, drag: float) -> Vector:
    return np.array([x[1], u - 9.81 / length * math.sin(x[0]) - drag * x[1] * abs(x[1])])


def rk4(f: Callable[[Vector], Vector], x: Vector, h: float) -> Vector:
    k1 = f(x)
    k2 = f(x + h / 2 * k1)
    k3 = f(x + h / 2 * k2)
    k4 = f(x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def differences(f: Callable[[Vector], Vector], x: Vector, step: float = 1e-6) -> Vector:
    """Jacobian by central differences."""
    columns = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))]
    return np.array(columns).T


# ---- functions ----


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_equals_pythons(name: str) -> None:
    zoo = compile_model(Zoo)
    at = [v.name for v in zoo.y].index(f"o_{name}")
    random = np.random.default_rng(1)
    for x, y in [*random.uniform(0.1, 0.9, (200, 2)), np.array([0.5, 0.5])]:
        assert zoo.output([x, y], [], [])[at] == pytest.approx(FUNCTIONS[name][1](x, y), rel=4e-16 * 8, abs=1e-16)


def test_the_jacobian_of_every_function_equals_differences() -> None:
    zoo = compile_model(Zoo)
    smooth = [i for i, v in enumerate(zoo.y) if v.name[2:] not in STEPS_OF_STAIRS]
    for point in np.random.default_rng(2).uniform(0.1, 0.9, (50, 2)):
        if abs(point[0] - point[1]) < 1e-3 or min(abs(point - 0.3)) < 1e-3 or min(abs(point - 0.2)) < 1e-3:
            continue  # where fmin, fabs ... have a corner
        A, _, C, _ = zoo.jacobian(point, [], [])
        assert np.allclose(A, differences(lambda x: zoo.ode(x, [], []), point), rtol=1e-7, atol=1e-8)
        assert np.allclose(C[smooth], differences(lambda x: zoo.output(x, [], [])[smooth], point), rtol=1e-6, atol=1e-7)


def test_all_four_jacobians_have_rows_of_results_and_columns_of_arguments() -> None:
    pendulum = compile_model(Pendulum)
    x, u, p = np.array([0.8, 0.4]), np.array([0.1]), np.array([0.5, 0.3])
    A, B, C, D = pendulum.jacobian(x, u, p)
    assert np.allclose(A, differences(lambda v: pendulum.ode(v, u, p), x), rtol=1e-7, atol=1e-8)
    assert np.allclose(B, differences(lambda v: pendulum.ode(x, v, p), u), rtol=1e-7, atol=1e-8)
    assert np.allclose(C, differences(lambda v: pendulum.output(v, u, p), x), rtol=1e-7, atol=1e-8)
    assert np.allclose(D, differences(lambda v: pendulum.output(x, v, p), u), rtol=1e-7, atol=1e-8)
    assert D.tolist() == [[0.0], [1.0]]


def test_a_square_root_of_a_flow_has_a_finite_slope_when_empty() -> None:
    zoo = compile_model(Zoo)
    at = [v.name for v in zoo.y].index("o_safe_sqrt")
    for x, y in ((0.5, 0.5), (0.2, 0.7)):
        assert zoo.jacobian([x, y], [], [])[2][at].tolist() == [0.0, 0.0]


# ---- the table ----


def test_the_table_tells_names_units_values_and_ranges() -> None:
    pendulum = compile_model(Pendulum)
    assert (pendulum.name, pendulum.method, pendulum.feedthrough) == ("Pendulum", "rk4", True)
    assert [(v.name, v.unit, v.value) for v in pendulum.x] == [("angle", "rad", 0.3), ("speed", "rad/s", 0.0)]
    assert [(v.name, v.min, v.max) for v in pendulum.u] == [("torque", -1.0, 1.0)]
    assert [v.name for v in pendulum.y] == ["angle", "acceleration"]
    assert pendulum.y[1].doc == 'with "quotes", \\backslash and ??= trigraph'
    assert [(v.name, v.value, v.min, v.max) for v in pendulum.p] == [("length", 0.7, 0.1, 5.0), ("drag", 0.05, 0, 2)]
    assert compile_model(Chemistry).u == ()
    assert not compile_model(Chemistry).feedthrough
    assert [v.name for v in compile_model(Chemistry).y] == ["a", "b", "c"]


def test_arrays_of_a_wrong_length_are_refused_before_the_call() -> None:
    with pytest.raises(ValueError, match=r"u has the shape \(2,\), expected \(1,\): torque"):
        compile_model(Pendulum).ode([0, 0], [1, 2], [1, 1])


def test_nothing_is_undefined_but_memory_copies_and_only_the_table_is_visible() -> None:
    allowed = {"memcpy", "memset", "memmove", "__cxa_finalize", "__gmon_start__"}
    for cls, method in ((Zoo, "rk4"), (Zoo, "semi_implicit"), (Linear, "exact"), (Pendulum, "euler")):
        path = str(compile_model(cls, method).path)
        undefined = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True, check=True)
        names = {line.split()[-1].split("@")[0] for line in undefined.stdout.splitlines()}
        assert names - allowed - {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"} == set()
        defined = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=True)
        assert [line.split()[-1] for line in defined.stdout.splitlines()] == ["hil_model_v1"]


# ---- steps ----


def test_rk4_equals_numpy() -> None:
    pendulum = compile_model(Pendulum)
    x = y = np.array([2.5, -1.0])
    for k in range(300):
        u, p = math.sin(0.1 * k), np.array([0.5 + 0.001 * k, 0.1])
        x = pendulum.step(x, [u], p, 0.01)
        y = rk4(lambda v, u=u, p=p: pendulum_by_hand(v, u, *p), y, 0.01)  # type: ignore[misc]
        assert np.allclose(x, y, rtol=1e-11, atol=1e-12)
    assert abs(x - np.array([2.5, -1.0])).max() > 0.1


@pytest.mark.parametrize(("method", "order", "n"), [("rk4", 4, 32), ("euler", 1, 200), ("semi_implicit", 1, 200)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(method: str, order: int, n: int) -> None:
    pendulum = compile_model(Pendulum, method)
    u, p = [0.2], [0.7, 0.0]  # without drag, whose slope has a corner at rest
    best = compile_model(Pendulum).step([1.0, 0.5], u, p, 1.0, 20_000)
    errors = [np.abs(pendulum.step([1.0, 0.5], u, p, 1.0, k) - best).max() for k in (n, 2 * n)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


@pytest.mark.parametrize("method", ["rk4", "euler", "semi_implicit"])
def test_substeps_are_shorter_steps(method: str) -> None:
    pendulum = compile_model(Pendulum, method)
    x, u, p = pendulum.x0, [0.3], pendulum.p0
    one = pendulum.step(x, u, p, 0.5, 8)
    for _ in range(8):
        x = pendulum.step(x, u, p, 0.0625)
    assert x.tobytes() == one.tobytes()


def test_euler_is_x_plus_h_f() -> None:
    euler = compile_model(Pendulum, "euler")
    x, u, p = np.array([0.3, -0.2]), np.array([0.7]), euler.p0
    assert euler.step(x, u, p, 0.01).tobytes() == (x + 0.01 * euler.ode(x, u, p)).tobytes()


def test_semi_implicit_solves_its_linear_system() -> None:
    stiff = compile_model(Chemistry)
    x = np.array([0.7, 3e-5, 0.3])
    A = stiff.jacobian(x, [], [])[0]
    for h in (1e-4, 1.0, 100.0):
        expected = x + np.linalg.solve(np.eye(3) - h * A, h * stiff.ode(x, [], []))
        assert np.allclose(stiff.step(x, [], [], h), expected, rtol=1e-9, atol=1e-12)


def test_semi_implicit_is_stable_on_a_stiff_reaction_where_euler_explodes() -> None:
    x = compile_model(Chemistry).step([1, 0, 0], [], [], 40.0, 400)
    y = compile_model(Chemistry, "euler").step([1, 0, 0], [], [], 40.0, 400)
    assert not np.all(np.abs(y) < 2)
    # Values at t = 40: Hairer and Wanner, IV.10, table of the reference solution.
    assert x == pytest.approx([0.7158, 9.185e-6, 0.2842], rel=0.01)
    assert x.sum() == pytest.approx(1.0, abs=1e-12)


def test_semi_implicit_exchanges_rows_when_a_pivot_is_zero() -> None:
    class Swap(Model):
        a = State(1.0)
        b = State(2.0)

        def equations(self) -> dict[str, Any]:
            return {"a": self.a + 3 * self.b, "b": 2 * self.a}

    x = compile_model(Swap, "semi_implicit").step([1.0, 2.0], [], [], 1.0)  # I - h A has 0 in its first corner
    assert x == pytest.approx(np.array([1, 2]) + np.linalg.solve([[0, -3], [-2, 1]], [7, 2]), rel=1e-14)


def exact_by_mpmath(A: Vector, constant: Vector, x: Vector, h: float) -> list[float]:
    """exp of the augmented matrix [A c; 0 0] h in 60 digits, applied to [x; 1] (C. Van Loan, 1978)."""
    with mpmath.workdps(60):
        n = len(x)
        augmented = mpmath.zeros(n + 1)
        for i in range(n):
            for j in range(n):
                augmented[i, j] = mpmath.mpf(float(A[i, j])) * mpmath.mpf(h)
            augmented[i, n] = mpmath.mpf(float(constant[i])) * mpmath.mpf(h)
        after = mpmath.expm(augmented, method="taylor") * mpmath.matrix([*map(float, x), 1.0])
        return [float(v) for v in after[:n]]


@pytest.mark.parametrize(("k", "r"), [(3.0, 0.2), (0.0, 0.0), (1e-9, 5.0), (40.0, 300.0), (-0.5, 0.1), (2000.0, 1.0)])
@pytest.mark.parametrize("h", [1e-4, 0.02, 0.7])
def test_the_exact_step_equals_the_matrix_exponential(k: float, r: float, h: float) -> None:
    exact = compile_model(Linear)
    x, u = np.array([1.0, -2.0, 0.5]), 1.7
    A, constant = np.array([[-k, r, 0], [0, 0, 1], [0.1, -k * k, -r]]), np.array([u * u, -0.5, 0])
    expected = exact_by_mpmath(A, constant, x, h)
    rounding = 2.0**-52 * (1 + h * np.abs(A).sum(axis=0).max()) * (np.abs(x) + h * np.abs(A @ x + constant)).max()
    assert np.abs(exact.step(x, [u], [k, r], h) - expected).max() < rounding


def test_the_exact_step_follows_a_changed_parameter_at_once() -> None:
    exact = compile_model(Linear)
    before = exact.step([1, 1, 1], [0], [3, 0.2], 0.1)
    assert not np.allclose(exact.step([1, 1, 1], [0], [9, 0.2], 0.1), before)
    assert exact.step([1, 1, 1], [0], [3, 0.2], 0.1).tobytes() == before.tobytes()


def test_the_exact_step_gives_nan_and_not_a_hang_for_a_matrix_beyond_all_bounds() -> None:
    for k in (1e200, math.inf, math.nan):
        assert np.isnan(compile_model(Linear).step([1, 1, 1], [0], [k, 0.2], 1e9)).any()


def test_a_discrete_model_is_its_own_next_state() -> None:
    class Logistic(Model):
        x = State(0.3)
        r = Param(3.9)
        method = "discrete"

        def equations(self) -> dict[str, Any]:
            return {"x": self.r * self.x * (1 - self.x)}

    x = 0.3
    for _ in range(10):
        x = 3.9 * x * (1 - x)
    assert compile_model(Logistic).step([0.3], [], [3.9], 0.0, 10)[0] == pytest.approx(x, rel=1e-12)


def test_a_clamped_state_stays_at_its_stops_and_leaves_them_again() -> None:
    class Cylinder(Model):
        place = State(0.5, min=0.0, max=1.0, clamp=True)
        free = State(0.5, min=0.0, max=1.0)
        speed = Input()

        def equations(self) -> dict[str, Any]:
            return {"place": self.speed, "free": self.speed}

    cylinder = compile_model(Cylinder)
    assert cylinder.step([0.5, 0.5], [10.0], [], 1.0, 4).tolist() == [1.0, 10.5]
    assert cylinder.step([1.0, 1.0], [-0.25], [], 1.0).tolist() == [0.75, 0.75]
    assert cylinder.step([0.5, 0.5], [-10.0], [], 1.0, 4)[0] == 0.0
    assert math.isnan(cylinder.step([math.nan, 0.5], [0.0], [], 1.0)[0])


# ---- bits ----


def trajectory(model: CompiledModel, steps: int) -> bytes:
    """Bytes of states, outputs and Jacobians on the way."""
    x, p, out = model.x0, model.p0, []
    for k in range(steps):
        u = np.full(len(model.u), math.sin(0.37 * k))
        x = model.step(x, u, p, 0.013, 2)
        out += [x.tobytes(), model.output(x, u, p).tobytes(), *(j.tobytes() for j in model.jacobian(x, u, p))]
    return b"".join(out)


@pytest.mark.parametrize(
    ("cls", "method"), [(Zoo, "rk4"), (Pendulum, "semi_implicit"), (Linear, "exact"), (Pendulum, "rk4")]
)
def test_gcc_and_clang_give_the_same_bits_at_every_level(
    cls: type[Model], method: str, tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    text = tmp_path / "model.c"
    text.write_text(generate(cls, method, FLAGS))
    steps = full(300, 3000)

    def built(variant: tuple[str, str]) -> Path:
        compiler, level = variant
        target = tmp_path / f"{compiler}{level}.so"
        command = [compiler, *(level if flag == "-O3" else flag for flag in flags_of((compiler,)))]
        assert run_compiler(command, text, target, log := target.with_suffix(".log")) == 0, log.read_text()
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        targets = list(pool.map(built, itertools.product(("gcc", "clang"), ("-O0", "-O1", "-O2", "-O3"))))
    seen = {target.name: trajectory(CompiledModel(target), steps) for target in targets}
    reference = seen["gcc-O3.so"]
    assert [name for name, data in seen.items() if data != reference] == []
    assert len(set(seen.values())) == 1
    assert np.isfinite(np.frombuffer(reference)).all()


def test_contraction_would_change_bits_so_the_comparison_above_can_fail(tmp_path: Path) -> None:
    if "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no fused multiply-add")
    text, built = tmp_path / "model.c", tmp_path / "model.so"
    text.write_text(generate(Pendulum, "rk4", FLAGS))
    flags = [flag for flag in FLAGS if "contract" not in flag]
    assert run_compiler(["gcc", *flags, "-ffp-contract=fast", "-mfma"], text, built, tmp_path / "log") == 0
    assert trajectory(CompiledModel(built), 300) != trajectory(compile_model(Pendulum), 300)


def test_the_generated_c_compiles_without_a_warning(tmp_path: Path) -> None:
    for cls, method in ((Zoo, "rk4"), (Chemistry, "semi_implicit"), (Linear, "exact"), (Pendulum, "discrete")):
        text, log = tmp_path / "model.c", tmp_path / "log"
        text.write_text(generate(cls, method, FLAGS))
        extra = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        assert run_compiler(["gcc", *FLAGS, *extra], text, tmp_path / "model.so", log) == 0, log.read_text()


def test_results_may_lie_in_the_memory_of_arguments() -> None:
    """CasADi's own C writes results before it has read all arguments; ours must not."""
    zoo = compile_model(Pendulum)
    x, u, p = np.array([0.4, 0.9]), np.array([0.1]), zoo.p0
    expected = zoo.ode(x, u, p)
    ode = zoo._table.ode
    ode(x.ctypes.data, u.ctypes.data, p.ctypes.data, x.ctypes.data)
    assert x.tobytes() == expected.tobytes()


def test_the_ctypes_table_has_the_layout_of_the_header(tmp_path: Path) -> None:
    from hil.models.compile import CORE
    from hil.models.compiled import _Name, _Table

    fields = [f"offsetof(struct hil_model, {name[0]})" for name in _Table._fields_]
    fields += [f"offsetof(struct hil_model_name, {name[0]})" for name in _Name._fields_]
    text = tmp_path / "layout.c"
    text.write_text(
        '#include <stddef.h>\n#include "hil/model.h"\n'
        f"const unsigned long layout[] = {{{', '.join(fields)}, sizeof(struct hil_model)}};\n"
    )
    built = tmp_path / "layout.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-I", str(CORE / "include"), str(text), "-o", str(built)], check=True)
    layout = (ctypes.c_ulong * (len(fields) + 1)).in_dll(ctypes.CDLL(str(built)), "layout")
    ours = [getattr(_Table, name[0]).offset for name in _Table._fields_]
    ours += [getattr(_Name, name[0]).offset for name in _Name._fields_]
    assert list(layout) == [*ours, ctypes.sizeof(_Table)]
