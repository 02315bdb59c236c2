"""How sure a share is that was counted."""

from __future__ import annotations

from hil.errors import HilError

CONFIDENCE = 0.95


def share_interval(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of a share after k of n (Clopper and Pearson, Biometrika 26, 1934).

    Raises:
        HilError: scipy is missing.
    """
    try:
        from scipy.special import betaincinv
    except ImportError as error:
        raise HilError("a forecast needs scipy", mend="Install it with: pip install 'hil[twin]'") from error
    if n == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return low, high
