"""The functions of a model's equations. They take SX symbols and plain numbers, and import casadi when called.

What is not here is not in the core's libm either and would not give the same bits on every machine.
"""

from __future__ import annotations

import math as _math
from typing import Any

from hil.models.symbols import casadi

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "clip", "copysign", "cos", "cosh", "exp",
    "expm1", "fabs", "floor", "fmax", "fmin", "fmod", "hypot", "if_else", "log", "log1p", "log10", "logic_and",
    "logic_not", "logic_or", "pi", "power", "safe_sqrt", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
]  # fmt: skip

pi = _math.pi


def sqrt(x: Any) -> Any:
    """Square root; NaN below 0. Its slope at 0 is infinite: see `safe_sqrt`."""
    return casadi().sqrt(x)


def safe_sqrt(x: Any) -> Any:
    """Square root of max(x, 0) whose slope is 0, not infinite or NaN, where x <= 0: for flows that stop."""
    inside = casadi().if_else(x > 0, x, 1)  # the root that is not taken must not give NaN in the Jacobian
    return casadi().if_else(x > 0, casadi().sqrt(inside), 0)


def exp(x: Any) -> Any:
    """E to the power x."""
    return casadi().exp(x)


def expm1(x: Any) -> Any:
    """exp(x) - 1, exact for small x."""
    return casadi().expm1(x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    return casadi().log(x)


def log1p(x: Any) -> Any:
    """log(1 + x), exact for small x."""
    return casadi().log1p(x)


def log10(x: Any) -> Any:
    """Logarithm to base 10."""
    return casadi().log(x) * (1 / _math.log(10))


def power(x: Any, y: Any) -> Any:
    """X to the power y; small whole powers become products."""
    return casadi().power(x, y)


def sin(x: Any) -> Any:
    """Sine of an angle in rad."""
    return casadi().sin(x)


def cos(x: Any) -> Any:
    """Cosine of an angle in rad."""
    return casadi().cos(x)


def tan(x: Any) -> Any:
    """Tangent of an angle in rad."""
    return casadi().tan(x)


def asin(x: Any) -> Any:
    """Arc sine in rad."""
    return casadi().asin(x)


def acos(x: Any) -> Any:
    """Arc cosine in rad."""
    return casadi().acos(x)


def atan(x: Any) -> Any:
    """Arc tangent in rad."""
    return casadi().atan(x)


def atan2(y: Any, x: Any) -> Any:
    """Angle of the point (x, y) in rad, -pi .. pi."""
    return casadi().atan2(y, x)


def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return casadi().sinh(x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return casadi().cosh(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return casadi().tanh(x)


def asinh(x: Any) -> Any:
    """Inverse of sinh."""
    return casadi().asinh(x)


def acosh(x: Any) -> Any:
    """Inverse of cosh."""
    return casadi().acosh(x)


def atanh(x: Any) -> Any:
    """Inverse of tanh."""
    return casadi().atanh(x)


def hypot(x: Any, y: Any) -> Any:
    """Length of (x, y)."""
    return casadi().hypot(x, y)


def fabs(x: Any) -> Any:
    """Absolute value."""
    return casadi().fabs(x)


def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return casadi().sign(x)


def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y."""
    return casadi().copysign(x, y)


def floor(x: Any) -> Any:
    """The whole number at or below x."""
    return casadi().floor(x)


def ceil(x: Any) -> Any:
    """The whole number at or above x."""
    return casadi().ceil(x)


def fmod(x: Any, y: Any) -> Any:
    """Remainder of x / y with the sign of x."""
    return casadi().fmod(x, y)


def fmin(x: Any, y: Any) -> Any:
    """The smaller of two."""
    return casadi().fmin(x, y)


def fmax(x: Any, y: Any) -> Any:
    """The larger of two."""
    return casadi().fmax(x, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """X held within low..high."""
    return casadi().fmin(casadi().fmax(x, low), high)


def if_else(condition: Any, then: Any, otherwise: Any) -> Any:
    """`then` where the condition holds, else `otherwise`. Both are computed; the other one's NaN does not pass."""
    return casadi().if_else(condition, then, otherwise)


def logic_and(a: Any, b: Any) -> Any:
    """Both conditions hold. (Python's `and` cannot work on symbols.)"""
    return casadi().logic_and(a, b)


def logic_or(a: Any, b: Any) -> Any:
    """One of the conditions holds."""
    return casadi().logic_or(a, b)


def logic_not(a: Any) -> Any:
    """The condition does not hold."""
    return casadi().logic_not(a)
