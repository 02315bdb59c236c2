"""What is wrong with a formula, with the column where it shows."""

from __future__ import annotations

from hil.errors import HilError

SHOWN = 120  # characters of a formula around the mistake


class FormulaError(HilError):
    """A formula that cannot be read, or that does not fit the signals or the length of a trace."""


def at_column(text: str, position: int, message: str, mend: str) -> FormulaError:
    """An error at a position of a formula's text, counted from 0; columns are shown from 1."""
    start = max(0, position - SHOWN // 2)
    part = " ".join(text[start : start + SHOWN].splitlines())
    shown = "..." * (start > 0) + part + "..." * (start + SHOWN < len(text))
    return FormulaError(message, where=f"'{shown}', column {position + 1}", mend=mend)
