"""Looks for the first wrong word in each statement of a text that the grammar does not read.

The grammar's own recovery may put half a file into one error. Statements end at ; and at words like THEN, so each is
looked at alone: values and operators alternate, parentheses close. What this finds stands where it says; the grammar is
left with what it does not find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.plc.mask import Token
from hil.plc.source import Diagnostics, Source, Span

_OPERATORS = frozenset(
    {"AND", "OR", "XOR", "MOD", "&", "*", "/", "+", "-", "**", "=", "<>", "<", ">", "<=", ">=", ".."}
)
_PREFIXES = frozenset({"NOT", "+", "-"})
_ENDS = {"IF": "THEN", "ELSIF": "THEN", "WHILE": "DO", "FOR": "DO", "CASE": "OF", "UNTIL": "END_REPEAT"}
_ALONE = frozenset({"ELSE", "REPEAT", "THEN", "DO", "OF", "END_IF", "END_CASE", "END_FOR", "END_WHILE", "END_REPEAT",
                    "EXIT", "CONTINUE", "RETURN", "END_PROGRAM", "END_FUNCTION", "END_FUNCTION_BLOCK"})  # fmt: skip
_SKIPPED = {"TYPE": "END_TYPE", "CONFIGURATION": "END_CONFIGURATION"}
_UNITS = frozenset({"PROGRAM", "FUNCTION", "FUNCTION_BLOCK"})
_KEYWORDS = frozenset({*_ENDS, *_ALONE, *_UNITS, "TO", "BY", "VAR"})
_CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Piece:
    """Words between two ends; `opener` is IF, CASE ... of a condition, else ""."""

    tokens: Sequence[Token]
    opener: str
    end: Token | None


def find_mistakes(source: Source, tokens: Sequence[Token], diagnostics: Diagnostics) -> None:
    """Note the first mistake of each statement."""
    for piece in _pieces(tokens):
        _look(source, piece, diagnostics)


def _pieces(tokens: Sequence[Token]) -> Iterator[Piece]:
    """Statements and conditions; declarations, heads of units and labels of CASE are left out."""
    at, start, opener = 0, 0, ""
    while at < len(tokens):
        word = tokens[at].text.upper()
        if word.startswith("VAR") and (word == "VAR" or word.startswith("VAR_")):
            at = start = _behind(tokens, at, "END_VAR")
        elif word in _SKIPPED:
            at = start = _behind(tokens, at, _SKIPPED[word])
        elif word in _UNITS:
            at = start = _behind_head(tokens, at)
        elif word == ";" or word in _ALONE or word in _ENDS:
            if at > start:
                yield Piece(tokens[start:at], opener, tokens[at])
            opener = word if word in _ENDS else ""
            at = start = at + 1
        elif word == ":" and not opener:
            at = start = at + 1
        else:
            at += 1
    if len(tokens) > start:
        yield Piece(tokens[start:], opener, None)


def _behind(tokens: Sequence[Token], at: int, word: str) -> int:
    while at < len(tokens) and tokens[at].text.upper() != word:
        at += 1
    return at + 1


def _behind_head(tokens: Sequence[Token], at: int) -> int:
    """PROGRAM name; FUNCTION name : type, where the type may be STRING[20]."""
    is_function = tokens[at].text.upper() == "FUNCTION"
    at += 4 if is_function else 2
    if is_function and at < len(tokens) and tokens[at].text in _CLOSING:
        at += 3
    return at


class _Reader:
    """Reads one piece word by word."""

    def __init__(self, source: Source, piece: Piece, diagnostics: Diagnostics) -> None:
        self.source, self.piece, self.diagnostics = source, piece, diagnostics
        self.open: list[Token] = []
        self.value_next = True  # else an operator
        self.assigned = bool(piece.opener) and piece.opener != "FOR"

    def read(self) -> None:
        before: Token | None = None
        for token in self.piece.tokens:
            step = self._value if self.value_next else self._operator
            if not step(token, before):
                return
            before = token
        if self.open and before is not None:
            closing = _CLOSING[self.open[-1].text]
            self._error(before, f"syntax error: {closing} is missing behind {before.text[:40]!r}", at_end=True)
        elif self.value_next and before is not None and self.piece.end is not None:
            self._error(self.piece.end, f"syntax error: a value is missing before {self.piece.end.text!r}")

    def _error(self, token: Token, text: str, mend: str | None = None, *, at_end: bool = False) -> bool:
        start = max(token.end - 1, 0) if at_end else token.start
        self.diagnostics.error(Span(self.source, start, token.end), text, mend)
        return False

    def _value(self, token: Token, before: Token | None) -> bool:
        word = token.text.upper()
        if token.text in _CLOSING:
            self.open.append(token)
        elif token.text in (")", "]") and before is not None and before.text in _CLOSING and self.open:
            return self._close(token)
        elif token.kind == "sign" or word in _KEYWORDS or (word in _OPERATORS and word not in _PREFIXES):
            if word in _PREFIXES:
                return True
            mend = "Equality is written =" if before is not None and before.text == token.text == "=" else None
            return self._error(token, f"syntax error: a value is missing before {token.text!r}", mend)
        elif word not in _PREFIXES:
            self.value_next = False
        return True

    def _close(self, token: Token) -> bool:
        if not self.open or _CLOSING[self.open[-1].text] != token.text:
            return self._error(token, f"syntax error: {token.text} closes nothing")
        self.open.pop()
        self.value_next = False
        return True

    def _operator(self, token: Token, before: Token | None) -> bool:
        word = token.text.upper()
        if token.text in (")", "]"):
            return self._close(token)
        if token.text in _CLOSING:
            self.open.append(token)
            self.value_next = True
        elif word in (":=", "=>") and (self.open or not self.assigned):
            self.assigned = self.assigned or not self.open
            self.value_next = True
        elif word == "=" and not self.open and not self.assigned:
            return self._error(token, "syntax error at '='", "An assignment is written :=")
        elif (
            word in _OPERATORS
            or token.text == "."
            or (token.text == "," and self.open)
            or (word in ("TO", "BY") and self.piece.opener == "FOR" and not self.open)
        ):
            self.value_next = True
        elif token.text != "^":
            return self._unexpected(token, before)
        return True

    def _unexpected(self, token: Token, before: Token | None) -> bool:
        if before is not None and token.kind != "sign" and not self.open:
            missing = _ENDS.get(self.piece.opener, ";")
            new_line = "\n" in self.source.text[before.end : token.start]
            if self.piece.opener or new_line:
                text = f"syntax error: {missing} is missing behind {before.text[:40]!r}"
                return self._error(before, text, at_end=True)
        return self._error(token, f"syntax error at {token.text[:40]!r}")


def _look(source: Source, piece: Piece, diagnostics: Diagnostics) -> None:
    reader = _Reader(source, piece, diagnostics)
    before = len(diagnostics.errors)
    reader.read()
    end = piece.end
    if len(diagnostics.errors) > before or end is None:
        return
    wanted = _ENDS.get(piece.opener)
    last = piece.tokens[-1]
    if wanted is not None and end.text.upper() != wanted:
        reader._error(last, f"syntax error: {wanted} is missing behind {last.text[:40]!r}", at_end=True)
    elif wanted is None and end.text != ";":
        reader._error(last, f"syntax error: ; is missing behind {last.text[:40]!r}", at_end=True)
