"""A formula's text in pieces: names, numbers with their units, operators."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil import units
from hil.errors import RigError
from hil.requirements.errors import at_column

MAX_TOKENS = 2000
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)"
    r"|(?P<op><->|->|<=|>=|==|!=|&&|\|\||[-+*/<>=!&|~(),\[\]]))"
)
_UNIT = re.compile(r"[A-Za-zµΩ%°][\w°^]*(?:(?:/|\*\*?|\^)[\w°]+)*")
_WORD = re.compile(r"[A-Za-zµΩ%°][\w°]*")
SAME = {"&&": "&", "||": "|", "~": "!", "=": "=="}


@dataclass(frozen=True)
class Token:
    """A piece of text.

    Attributes:
        kind: "number", "name", "op" or "end".
        text: as it is written, operators in their first spelling.
        position: of its first character, from 0.
        unit: what stands directly behind a number, "12cm"; None where nothing does.
    """

    kind: str
    text: str
    position: int
    unit: str | None = None


def tokenize(text: str) -> list[Token]:
    """All pieces, an "end" behind them.

    Raises:
        FormulaError: a character that means nothing here, or more than 2,000 pieces.
    """
    tokens: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise at_column(text, at, f"'{text[at]}' has no meaning here", "Write names, numbers and operators")
        if len(tokens) == MAX_TOKENS:
            raise at_column(text, at, f"more than {MAX_TOKENS} pieces are too many", "Write several requirements")
        kind = match.lastgroup or ""
        found, at = match[kind], match.end()
        unit = _unit(text, at) if kind == "number" else None
        tokens.append(Token(kind, SAME.get(found, found), match.start(kind), unit))
        at += len(unit or "")
    return [*tokens, Token("end", "", len(text))]


def _unit(text: str, at: int) -> str | None:
    """The unit that begins there: the longest text that is one, or else the first word."""
    long, word = _UNIT.match(text, at), _WORD.match(text, at)
    if long is None or word is None:
        return None
    if long[0] == word[0]:
        return word[0]
    try:
        return units.check_unit(long[0])
    except RigError:
        return word[0]
