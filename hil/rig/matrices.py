"""Vectors, matrices and covariances of a rig file: nested lists, flat ones as `hil design` stores them, CSV columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hil.estimation.covariance import why_no_covariance
from hil.nearest import did_you_mean
from hil.rig.configure import flatten, read_column
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading

Numbers = list[float]


def shape_of(value: object) -> tuple[int, ...]:
    """(rows, columns) of a nested list, (numbers,) of a flat one, () of a number; () as well of what is neither."""
    if not isinstance(value, list):
        return ()
    inner = {shape_of(item) for item in value}
    return (len(value), *inner.pop()) if len(inner) == 1 else (len(value),)


def read_matrix(reading: Reading, path: KeyPath, value: object, rows: int, columns: int, what: str) -> Numbers:
    """Rows x columns numbers, row after row; zeros after noting what is wrong. `what` says what the sides stand for."""
    numbers = _numbers(reading, path, value)
    if numbers is None:
        return [0.0] * (rows * columns)
    shape = shape_of(value) if isinstance(value, list) else (len(numbers),)
    if shape != (rows, columns) and shape != (rows * columns,):
        found = " x ".join(map(str, shape)) or "1"
        reading.mistakes.add(path, f"is {found}, needs {rows} x {columns}: {what}")
        return [0.0] * (rows * columns)
    return numbers


def read_covariance(reading: Reading, path: KeyPath, value: object, names: Sequence[str]) -> Numbers:
    """A symmetric, positive semidefinite n x n matrix, row after row; zeros after noting what is wrong.

    A list of n numbers, or a table by name, is its diagonal; a nested list, or n * n numbers, the whole.
    """
    n, key = len(names), str(path[-1])
    numbers = _by_name(reading, path, value, names) if isinstance(value, Mapping) else _numbers(reading, path, value)
    if numbers is None:
        return [0.0] * (n * n)
    shape = shape_of(value) if isinstance(value, list) else (len(numbers),)
    if shape == (n,):
        numbers = [float(v) for v in np.diag(numbers).ravel()]
    elif shape not in ((n, n), (n * n,)):
        found = " x ".join(map(str, shape))
        mend = f"Write {n} variances, the diagonal, or a nested list of {n} x {n}"
        reading.mistakes.add(path, f"has {found} for {n} states: {', '.join(names)}", mend=mend)
        return [0.0] * (n * n)
    why = why_no_covariance(np.reshape(numbers, (n, n)), names)
    if why:
        mend = (
            f"Write ({key} + {key}') / 2" if "symmetric: " in why else "Variances of uncorrelated states: a plain list"
        )
        reading.mistakes.add(path, why, mend=mend)
    return [0.0] * (n * n) if why else numbers


def read_variances(reading: Reading, path: KeyPath, value: object, names: Sequence[str]) -> Numbers:
    """A variance for each name, not negative: a list or a table by name; ones after noting what is wrong."""
    numbers = read_vector(
        reading, path, value, names, lambda reason, **more: reading.mistakes.add(path, reason, **more)
    )
    if numbers is None:
        return [1.0] * len(names)
    for name, variance in zip(names, numbers, strict=True):
        if variance < 0.0:
            mend = "It is the square of the measurement's standard deviation"
            reading.mistakes.add(path, f"the variance of {name} is negative", value=variance, mend=mend)
            return [1.0] * len(names)
    return numbers


def read_vector(
    reading: Reading, path: KeyPath, value: object, names: Sequence[str], note: Callable[..., None]
) -> Numbers | None:
    """A number for each name: a list, a single number for a single name, or a table by name."""
    if isinstance(value, Mapping):
        return _by_name(reading, path, value, names)
    if len(shape_of(value)) > 1:
        note("is nested", mend="Measurements are taken up one by one: write a plain list of their variances")
        return None
    numbers = _numbers(reading, path, value)
    if numbers is not None and len(numbers) != len(names):
        count = f"{len(names)} number{'s' * (len(names) != 1)}"
        note(f"has {len(numbers)}, needs {count}: {', '.join(names)}")
        return None
    return numbers


def _by_name(reading: Reading, path: KeyPath, value: Mapping[str, Any], names: Sequence[str]) -> Numbers | None:
    for key in value:
        if key not in names:
            reading.mistakes.add((*path, key), "there is no such name here", mend=did_you_mean(key, names))
            return None
    missing = [name for name in names if name not in value]
    if missing:
        reading.mistakes.add(path, f"says nothing of {', '.join(missing)}")
        return None
    return _numbers(reading, path, [value[name] for name in names])


def _numbers(reading: Reading, path: KeyPath, value: object) -> Numbers | None:
    """All numbers of a value, flat; None after noting what is wrong."""
    flat = read_column(reading, path, value) if isinstance(value, str) else flatten(value)
    if flat is None:
        if not isinstance(value, str):
            reading.mistakes.add(path, 'must be numbers [...] or "file.csv:column"', value=value)
        return None
    if not all(math.isfinite(v) for v in flat):
        reading.mistakes.add(path, "has an element that is not finite")
        return None
    return list(flat)
