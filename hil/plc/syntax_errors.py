"""Says what is wrong with a text that the grammar does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.plc.mask import Masked, Token
from hil.plc.source import Diagnostics, Span
from hil.plc.syntax_statements import find_mistakes

if TYPE_CHECKING:
    from tree_sitter import Node

_CLOSERS = {
    "END_IF": "IF", "END_CASE": "CASE", "END_FOR": "FOR", "END_WHILE": "WHILE", "END_REPEAT": "REPEAT",
    "END_VAR": "VAR", "END_STRUCT": "STRUCT", "END_TYPE": "TYPE", "END_PROGRAM": "PROGRAM",
    "END_FUNCTION": "FUNCTION", "END_FUNCTION_BLOCK": "FUNCTION_BLOCK", "END_CONFIGURATION": "CONFIGURATION",
    "END_RESOURCE": "RESOURCE",
}  # fmt: skip
_OPENERS = frozenset(_CLOSERS.values())
_REFUSED = {
    "GOTO": "GOTO", "POINTER": "POINTER TO", "REFERENCE": "REFERENCE TO", "METHOD": "METHOD", "PROPERTY": "PROPERTY",
    "INTERFACE": "INTERFACE", "CLASS": "CLASS", "NAMESPACE": "NAMESPACE", "VAR_ACCESS": "VAR_ACCESS",
    "STEP": "SFC (STEP)", "INITIAL_STEP": "SFC (INITIAL_STEP)", "TRANSITION": "SFC (TRANSITION)", "ACTION": "ACTION",
    "JMP": "instruction list (JMP)",
    "LD": "instruction list (LD)", "VAR_STAT": "VAR_STAT", "VAR_INST": "VAR_INST", "PERSISTENT": "PERSISTENT",
    "OVERLAP": "OVERLAP", "UNION": "UNION", "__TRY": "__TRY", "AND_THEN": "AND_THEN", "OR_ELSE": "OR_ELSE",
}  # fmt: skip


def report(masked: Masked, root: Node, diagnostics: Diagnostics) -> None:
    """Note what is wrong: words that are not closed, else where the grammar stumbles."""
    if diagnostics.errors:
        return
    if _unbalanced(masked, diagnostics):
        return
    stumbles = list(_stumbles(root))
    if any(_refused(masked, node, diagnostics) for node in stumbles):
        return
    find_mistakes(masked.source, masked.tokens, diagnostics)
    if diagnostics.errors:
        return
    for node in stumbles:
        _explain(masked, node, diagnostics)
    if not diagnostics.errors:
        diagnostics.error(masked.span(root.start_byte, root.start_byte + 1), "syntax error")


def _stumbles(root: Node) -> Iterator[Node]:
    """ERROR and MISSING nodes, the outermost only, in the order of the text. The tree may be deep: no recursion."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            pending += reversed(node.children)


def _explain(masked: Masked, node: Node, diagnostics: Diagnostics) -> None:
    number = masked.token_at(masked.origin(node.start_byte))
    if node.is_missing:
        last = len(masked.text[: node.start_byte].rstrip()) - 1
        previous = masked.tokens[masked.token_at(masked.origin(max(last, 0)))]
        _missing(masked, node, previous, diagnostics)
        return
    if number >= len(masked.tokens):
        diagnostics.error(masked.span(node.start_byte, node.end_byte), "syntax error at the end of the file")
        return
    token = masked.tokens[number]
    diagnostics.error(_span(masked, token), f"syntax error at {token.text[:40]!r}", _hint(masked, number))


def _refused(masked: Masked, node: Node, diagnostics: Diagnostics) -> bool:
    """Whether a word within is known and not supported; it is noted."""
    number = masked.token_at(masked.origin(node.start_byte))
    for at, token in enumerate(masked.tokens[number:], number):
        if token.start >= masked.origin_end(node.end_byte):
            break
        word = token.text.upper()
        called = at + 1 < len(masked.tokens) and masked.tokens[at + 1].text in ("(", ":=", ".", ";")
        if word in _REFUSED and not called:
            diagnostics.error(_span(masked, token), f"{_REFUSED[word]} is not supported")
            return True
    return False


def _missing(masked: Masked, node: Node, previous: Token, diagnostics: Diagnostics) -> None:
    what = node.type.replace("_", " ") if node.is_named else node.type
    end = Span(masked.source, max(previous.end - 1, 0), previous.end)
    diagnostics.error(end, f"syntax error: {what} is missing behind {previous.text[:40]!r}")


def _hint(masked: Masked, number: int) -> str | None:
    """What is mostly meant when the grammar stumbles over the first word of a line."""
    token = masked.tokens[number]
    if number == 0:
        return None
    before = masked.tokens[number - 1]
    if "\n" in masked.source.text[before.end : token.start] and before.text not in (";", ":", ","):
        return f"Is ; missing behind {before.text[:40]!r}?"
    if token.text == "=" and number > 0:
        return "An assignment is written :="
    return None


def _unbalanced(masked: Masked, diagnostics: Diagnostics) -> bool:
    """Whether a word that opens a block has no partner; the first such word is noted."""
    stack: list[Token] = []
    for token in masked.tokens:
        word = token.text.upper()
        if word.startswith("VAR_") or word == "VAR":
            stack.append(Token("VAR", token.text, token.start, token.end))
        elif word in _OPENERS and not (word == "PROGRAM" and any(t.kind == "RESOURCE" for t in stack)):
            stack.append(Token(word, token.text, token.start, token.end))
        elif word in _CLOSERS:
            if stack and stack[-1].kind == _CLOSERS[word]:
                stack.pop()
                continue
            _mismatch(masked, token, stack, diagnostics)
            return True
    if stack:
        opener = stack[-1]
        diagnostics.error(_span(masked, opener), f"{opener.text} has no END_{opener.kind}")
    return bool(stack)


def _mismatch(masked: Masked, token: Token, stack: list[Token], diagnostics: Diagnostics) -> None:
    if not stack:
        diagnostics.error(_span(masked, token), f"{token.text} closes nothing")
        return
    opener = stack[-1]
    line = _span(masked, opener).line
    text = f"{token.text} where END_{opener.kind} is expected, for {opener.text} in line {line}"
    diagnostics.error(_span(masked, token), text)


def _span(masked: Masked, token: Token) -> Span:
    return Span(masked.source, token.start, token.end)
