"""Minima and maxima over windows of time, and until, over the last axis: no loop over samples, none over runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shifted(x: Floats, by: int, fill: float) -> Floats:
    """`y[i] = x[i + by]`, `fill` where that lies outside the trace."""
    n = x.shape[-1]
    out = np.full(x.shape, fill)
    if abs(by) < n:
        out[..., max(0, -by) : min(n, n - by)] = x[..., max(0, by) : min(n, n + by)]
    return out


def future_min(x: Floats, first: int, last: int | None) -> Floats:
    """`y[i] = min(x[i + first .. i + last])`, +inf where the whole window lies behind the end.

    Args:
        x: shape (..., n).
        first: samples from now to the start of the window, at least 0.
        last: samples to its end, included; None: to the end of the trace.

    The minimum of 2 w samples comes from two of w, so the time grows with the logarithm of the window.
    """
    n = x.shape[-1]
    x = shifted(x, first, np.inf) if first else x
    if last is None or last - first >= n - 1:
        return np.minimum.accumulate(x[..., ::-1], axis=-1)[..., ::-1]
    width, have = last - first + 1, 1
    out = x.copy()
    while have < width:
        step = min(have, width - have)
        out[..., :-step] = np.minimum(out[..., :-step], out[..., step:])
        have += step
    return out


def future_max(x: Floats, first: int, last: int | None) -> Floats:
    """`y[i] = max(x[i + first .. i + last])`, -inf where the whole window lies behind the end."""
    return -future_min(-x, first, last)


def until(left: Floats, right: Floats, first: int, last: int | None) -> Floats:
    """Right comes in the window, and left holds at each sample before: max over j of min(right[j], min(left[i..j-1])).

    Without a loop over the window: left U[a,b] right = F[a,b] right and G[0,a-1] left and F[a,a] (left U right)
    (Donzé, Ferrère, Maler: Efficient robust monitoring for STL, CAV 2013, in discrete time).
    """
    shape = np.broadcast_shapes(left.shape, right.shape)
    out = _unbounded(np.broadcast_to(left, shape), np.broadcast_to(right, shape))
    if first:
        out = np.minimum(shifted(out, first, -np.inf), future_min(left, 0, first - 1))
    if last is not None:
        out = np.minimum(out, future_max(right, first, last))
    return out


def _unbounded(left: Floats, right: Floats) -> Floats:
    """u[i] = max(right[i], min(left[i], u[i+1])): two steps make one of the same form, so half the samples do for
    every second u, and so on; the time grows with n.
    """
    n = right.shape[-1]
    if n == 1:
        return right
    even, odd = slice(0, n - n % 2, 2), slice(1, None, 2)
    right2 = np.maximum(right[..., even], np.minimum(left[..., even], right[..., odd]))
    left2 = np.minimum(left[..., even], left[..., odd])
    if n % 2:
        right2 = np.concatenate((right2, right[..., -1:]), axis=-1)
        left2 = np.concatenate((left2, left[..., -1:]), axis=-1)
    out = np.empty(right.shape)
    out[..., ::2] = _unbounded(left2, right2)
    inner = slice(1, n - 1, 2)
    out[..., inner] = np.maximum(right[..., inner], np.minimum(left[..., inner], out[..., 2::2]))
    out[..., -1] = right[..., -1]
    return out
