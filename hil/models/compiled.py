"""A loaded model: its address for the core, its functions for NumPy."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil.errors import RigError
from hil.models.declare import ModelInfo, Variable

ABI = 3
SYMBOL = "hil_model_v1"
Vector = NDArray[np.float64]
_POINTER = ctypes.c_void_p


class _Name(ctypes.Structure):
    """struct hil_model_name"""

    _fields_ = [("name", ctypes.c_char_p), ("unit", ctypes.c_char_p), ("doc", ctypes.c_char_p),
                ("value", ctypes.c_double), ("min", ctypes.c_double), ("max", ctypes.c_double)]  # fmt: skip


class _Table(ctypes.Structure):
    """struct hil_model"""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("abi", "n_x", "n_u", "n_y", "n_p", "feedthrough")),
        ("hash", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("method", ctypes.c_char_p),
        *((name, ctypes.POINTER(_Name)) for name in ("x", "u", "y", "p")),
        ("step", ctypes.CFUNCTYPE(None, *[_POINTER] * 3, ctypes.c_double, ctypes.c_uint32)),
        ("ode", ctypes.CFUNCTYPE(None, *[_POINTER] * 4)),
        ("output", ctypes.CFUNCTYPE(None, *[_POINTER] * 4)),
        ("jacobian", ctypes.CFUNCTYPE(None, *[_POINTER] * 7)),
        ("ekf", ctypes.c_void_p),
        ("clamp", ctypes.c_void_p),
    ]


class CompiledModel:
    """A shared object with one model, loaded for the life of the process.

    Attributes:
        path: the shared object. The generated C lies beside it with the ending `.c`.
        info: the description, when it was made from a class; else read back from the table.
        address: of its `struct hil_model`, for the core. Valid as long as the process lives.
        hash: of the equations and the flags; part of a program's hash.
        method: rk4, euler, semi_implicit, exact or discrete.
        generated_ekf: whether it has a generated step of an extended Kalman filter.
        feedthrough: whether outputs depend on inputs of the same tick.
        x, u, y, p: names, units, values and ranges of states, inputs, outputs and parameters.
    """

    def __init__(self, path: Path, info: ModelInfo | None = None) -> None:
        """Load `path`.

        Raises:
            RigError: it does not load, or was made for another version of the core.
        """
        try:
            self._library = ctypes.CDLL(str(path))
            self._table = _Table.in_dll(self._library, SYMBOL)
        except (OSError, ValueError) as error:
            raise RigError(f"does not load: {error}", where=str(path), mend="Remove it, it is built again") from error
        if self._table.abi != ABI:
            text = f"made for version {self._table.abi} of the core's models, this is {ABI}"
            raise RigError(text, where=str(path), mend="Compile the model again")
        self.path = path
        self.name = _text(self._table.name)
        self.method = _text(self._table.method)
        self.hash = int(self._table.hash)
        self.generated_ekf = bool(self._table.ekf)
        self.feedthrough = bool(self._table.feedthrough)
        self.address = ctypes.addressof(self._table)
        self.x, self.u, self.y, self.p = (self._names(group) for group in "xuyp")
        self.info = info or ModelInfo(self.name, "", self.method, str(path), self.x, self.u, self.y, self.p)

    def _names(self, group: str) -> tuple[Variable, ...]:
        rows = getattr(self._table, group)
        count = getattr(self._table, f"n_{group}")
        return tuple(
            Variable(_text(r.name), _text(r.unit), _text(r.doc), r.value, r.min, r.max) for r in rows[:count]
        ) if count else ()  # fmt: skip

    @property
    def runs(self) -> bool:
        """It has the functions that a block calls."""
        return bool(self._table.step and self._table.output)

    @property
    def has_jacobian(self) -> bool:
        """It has the function that an extended Kalman filter calls."""
        return bool(self._table.jacobian)

    @property
    def step_address(self) -> int:
        """Address of the C function `step`, for tests and measurements."""
        return int(ctypes.cast(self._table.step, _POINTER).value or 0)

    @property
    def x0(self) -> Vector:
        """Declared values of the states, shape (n_x,)."""
        return np.array([v.value for v in self.x])

    @property
    def p0(self) -> Vector:
        """Declared values of the parameters, shape (n_p,)."""
        return np.array([v.value for v in self.p])

    def step(self, x: ArrayLike, u: ArrayLike, p: ArrayLike, dt_s: float, substeps: int = 1) -> Vector:
        """The state after dt_s, in `substeps` equal steps; x (n_x,), u (n_u,), p (n_p,). x itself is not changed."""
        after = _vector(x, self.x, "x").copy()
        inputs, params = _vector(u, self.u, "u"), _vector(p, self.p, "p")
        self._table.step(after.ctypes.data, inputs.ctypes.data, params.ctypes.data, dt_s, substeps)
        return after

    def ode(self, x: ArrayLike, u: ArrayLike, p: ArrayLike) -> Vector:
        """dx/dt, shape (n_x,); with method "discrete" the next state."""
        return self._call(self._table.ode, x, u, p, (len(self.x),))[0]

    def output(self, x: ArrayLike, u: ArrayLike, p: ArrayLike) -> Vector:
        """y, shape (n_y,)."""
        return self._call(self._table.output, x, u, p, (len(self.y),))[0]

    def jacobian(self, x: ArrayLike, u: ArrayLike, p: ArrayLike) -> tuple[Vector, Vector, Vector, Vector]:
        """A = df/dx, B = df/du, C = dg/dx, D = dg/du as matrices of the usual shapes."""
        n_x, n_u, n_y = len(self.x), len(self.u), len(self.y)
        shapes = ((n_x, n_x), (n_x, n_u), (n_y, n_x), (n_y, n_u))
        A, B, C, D = self._call(self._table.jacobian, x, u, p, *shapes)
        return A, B, C, D

    def _call(
        self, function: object, x: ArrayLike, u: ArrayLike, p: ArrayLike, *shapes: tuple[int, ...]
    ) -> list[Vector]:
        """Call one function of the table with fresh arrays for its results."""
        given = [_vector(x, self.x, "x"), _vector(u, self.u, "u"), _vector(p, self.p, "p")]
        results = [np.zeros(shape, order="F") for shape in shapes]
        function(*(array.ctypes.data for array in [*given, *results]))  # type: ignore[operator]
        return results


def _text(value: bytes) -> str:
    return value.decode("utf-8")


def _vector(values: ArrayLike, group: tuple[Variable, ...], name: str) -> Vector:
    """Contiguous doubles of the right length, or a ValueError that says what was expected."""
    vector = np.ascontiguousarray(values, dtype=np.float64)
    if vector.shape != (len(group),):
        wanted = ", ".join(v.name for v in group)
        raise ValueError(f"{name} has the shape {vector.shape}, expected ({len(group)},): {wanted}")
    return vector
