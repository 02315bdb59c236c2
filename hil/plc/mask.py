"""Rewrites source text so that the grammar of tree-sitter-iec61131-3-st 0.1.2 reads all of it.

That grammar rejects lengths in brackets, typed enumeration values, direct addresses in expressions, underscores in
durations, nested comments, and structures within arrays. Each becomes something that it does read: a name with two
underscores (which the standard forbids, 6.1.2, so none can be meant), whose meaning is kept in `Masked.tokens`.
Offsets are mapped back to the source.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from hil.plc.source import Diagnostics, Source, Span

ARRAY, STRUCT = "__A", "__S"  # functions that stand for [a, b] and (x := a)
LITERAL, ADDRESS, BIT, TEXT = "__L", "__D", "__B", "__T"  # names with the number of their token

_DATE = r"\d+-\d+-\d+"
_CLOCK = r"\d+:\d+(?::\d+(?:\.\d+)?)?"
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<line>//[^\n]*)
  | (?P<open>\(\*|/\*)
  | (?P<pragma>\{{[^}}]*\}})
  | (?P<string>(?:[A-Za-z_]\w*\#)?(?:'(?:[^'$\n]|\$.)*'|"(?:[^"$\n]|\$.)*"))
  | (?P<based>(?:[A-Za-z_]\w*\#)?[+-]?\d+\#\w+)
  | (?P<time>(?:T|TIME|LT|LTIME)\#[+-]?\d[\w.]*)
  | (?P<dt>(?:DT|DATE_AND_TIME|LDT|LDATE_AND_TIME)\#{_DATE}-{_CLOCK})
  | (?P<tod>(?:TOD|TIME_OF_DAY|LTOD|LTIME_OF_DAY)\#{_CLOCK})
  | (?P<date>(?:D|DATE|LD|LDATE)\#{_DATE})
  | (?P<typed>[A-Za-z_]\w*\#(?:[+-]?\d[\d_]*(?:\.\d[\d_]*)?(?:E[+-]?\d+)?|[A-Za-z_]\w*))
  | (?P<address>%[A-Z]*\*?[\d.]*)
  | (?P<number>\d[\d_]*(?:\.\d[\d_]*)?(?:E[+-]?\d+)?)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>:=|=>|<=|>=|<>|\*\*|\.\.|[-+*/&=<>()\[\],;:.^\#])
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SKIPPED = frozenset({"space", "line", "pragma"})
_BEFORE_VALUES = (":=", ",", "(", "[")
_LITERALS = frozenset({"string", "based", "time", "dt", "tod", "date", "typed"})


@dataclass(frozen=True)
class Token:
    """A word of the source."""

    kind: str
    text: str
    start: int
    end: int


@dataclass
class Masked:
    """What the grammar gets to see: ASCII, so that its bytes are characters."""

    source: Source
    tokens: list[Token]
    text: str = ""
    _masked: list[int] = field(default_factory=list)  # where a piece starts in `text`, rising
    _origin: list[tuple[int, bool]] = field(default_factory=list)  # where in the source, and whether it is a copy

    def origin(self, offset: int) -> int:
        """Offset in the source of an offset in the masked text."""
        at = max(bisect_right(self._masked, offset) - 1, 0)
        start, copied = self._origin[at] if self._origin else (0, True)
        return start + (offset - self._masked[at] if copied and self._masked else 0)

    def span(self, start: int, end: int) -> Span:
        """The stretch of the source behind one of the masked text."""
        first = self.origin(start)
        return Span(self.source, first, max(self.origin_end(end), first + 1))

    def origin_end(self, end: int) -> int:
        """Where what ends at `end` of the masked text ends in the source."""
        at = bisect_right(self._masked, max(end - 1, 0)) - 1
        if at < 0:
            return 0
        start, copied = self._origin[at]
        if copied:
            return start + end - self._masked[at]
        return self._origin[at + 1][0] if at + 1 < len(self._origin) else len(self.source.text)

    def token_at(self, offset: int) -> int:
        """Number of the first token that does not end before an offset of the source."""
        return bisect_right([t.end for t in self.tokens], offset)


def tokens_of(source: Source, diagnostics: Diagnostics) -> list[Token]:
    """All words but blanks, comments and pragmas (which are for other tools)."""
    tokens: list[Token] = []
    at, text = 0, source.text
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _complain(source, at, diagnostics)
            at += 1
            continue
        kind = match.lastgroup or ""
        if kind == "open":
            at = _end_of_comment(source, at, diagnostics)
            continue
        if kind not in _SKIPPED:
            tokens.append(Token(kind, match.group(), at, match.end()))
        at = match.end()
    return tokens


def _complain(source: Source, at: int, diagnostics: Diagnostics) -> None:
    char = source.text[at]
    if char in "'\"":
        line_end = source.text.find("\n", at)
        diagnostics.error(Span(source, at, line_end if line_end > 0 else len(source.text)), "the string has no end")
    elif char == "{":
        diagnostics.error(Span(source, at, at + 1), "the pragma has no end", "Close it with }")
    else:
        diagnostics.error(Span(source, at, at + 1), f"the character {char!r} is not part of Structured Text")


def _end_of_comment(source: Source, start: int, diagnostics: Diagnostics) -> int:
    """Behind a comment, which may hold comments of its kind (6.1.5)."""
    text = source.text
    opening, closing = ("(*", "*)") if text.startswith("(*", start) else ("/*", "*/")
    depth, at = 1, start + 2
    for match in re.compile(f"{re.escape(opening)}|{re.escape(closing)}").finditer(text, at):
        depth += 1 if match.group() == opening else -1
        if depth == 0:
            return match.end()
    diagnostics.error(Span(source, start, start + 2), "the comment has no end", f"Close it with {closing}")
    return len(text)


def mask(source: Source, diagnostics: Diagnostics) -> Masked:
    """The text for the grammar."""
    tokens = tokens_of(source, diagnostics)
    masked = Masked(source, tokens)
    replaced = _replacements(tokens, source, diagnostics)
    pieces: list[str] = []
    length, before = 0, 0
    for number, token in enumerate(tokens):
        gap = "\n" if "\n" in source.text[before : token.start] else " "
        piece = replaced.get(number, token.text)
        masked._masked += [length, length + len(gap)]
        masked._origin += [(before, False), (token.start, number not in replaced)]
        pieces += [gap, piece]
        length += len(gap) + len(piece)
        before = token.end
    masked._masked.append(length)
    masked._origin.append((before, False))
    masked.text = "".join(pieces)
    return masked


def _replacements(tokens: list[Token], source: Source, diagnostics: Diagnostics) -> dict[int, str]:
    """Number of a token -> what the grammar sees in its place."""
    replaced: dict[int, str] = {}
    brackets: list[str] = []  # what closes each open [
    nothing = Token("sign", "", 0, 0)
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else nothing
        after = tokens[at + 1] if at + 1 < len(tokens) else nothing
        if at in replaced:
            continue
        if token.kind == "word" and "__" in token.text and not source.library:
            diagnostics.error(_span(source, token), f"{token.text} has two underscores in a row")
        elif token.kind in _LITERALS or (token.kind == "number" and after.text == "("):
            replaced[at] = f"{LITERAL}{at}"
        elif token.kind == "number" and before.text == ".":
            replaced[at] = f"{BIT}{at}"
        elif token.kind == "address" and before.text.upper() != "AT":
            replaced[at] = f"{BIT if before.text == '.' else ADDRESS}{at}"
        elif token.text.upper() == "STRING" and _is_length(tokens[at + 1 : at + 4]):
            replaced |= {at: f"{TEXT}{at}", at + 1: "", at + 2: "", at + 3: ""}
        elif token.text == "[":
            opening, closing = _opening(before)
            brackets.append(closing)
            replaced[at] = opening
        elif token.text == "]" and brackets:
            replaced[at] = brackets.pop()
        elif token.text == "(" and before.text in _BEFORE_VALUES and _is_field(tokens[at + 1 : at + 3]):
            replaced[at] = f"{STRUCT}("
    return replaced


def _is_length(tokens: list[Token]) -> bool:
    """[20] or (N): the grammar reads neither behind a function's name."""
    texts = [t.text for t in tokens]
    return len(texts) == 3 and f"{texts[0]}{texts[2]}" in ("[]", "()") and tokens[1].kind in ("number", "word")


def _is_field(tokens: list[Token]) -> bool:
    return len(tokens) == 2 and tokens[0].kind == "word" and tokens[1].text == ":="


def _opening(before: Token) -> tuple[str, str]:
    """How [ and ] are written, from the word before."""
    if before.text in _BEFORE_VALUES:
        return f"{ARRAY}(", ")"
    if before.text.upper() in ("STRING", "WSTRING"):
        return "(", ")"
    return "[", "]"


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.end)
