"""NumPy arrays as Arrow columns and back, without a copy where they lie side by side in memory.

`pyarrow.array` and `to_numpy` look for pandas first and import it where it is installed, which takes half a second of
each run of `hil`; these do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]


def number_column(kind: pa.DataType, values: Array) -> pa.Array:
    """A column of n numbers of that kind; `values` must not change as long as it is used."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def binary_column(values: Sequence[bytes]) -> pa.Array:
    """A column of byte strings, together less than 2 GiB."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    parts = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), parts)


def numbers_of(column: pa.Array) -> Array:
    """What a column of numbers holds, read-only; it has no nulls."""
    return np.from_dlpack(column)
