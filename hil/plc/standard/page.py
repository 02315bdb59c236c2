"""Writes docs/plc_functions.md from the tables of functions and the heads of the blocks (python -m, file)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hil.plc.functions import FUNCTIONS, LIBRARY
from hil.plc.standard.conversion import GROUP, conversion_rules
from hil.plc.standard.signature import Function

INTRODUCTION = """# Standard functions and function blocks of PLC programs

IEC 61131-3:2013, tables 22 to 46. This page is written by `python -m hil.plc.standard.page docs/plc_functions.md`.

- **Types.** Arguments take the smallest type that all of them convert to without loss: INT + DINT and INT + UINT are
  DINT, DINT + REAL is LREAL, BYTE AND WORD is WORD. LINT + ULINT, WORD + INT or INT + BOOL have none: the message names
  the conversion to write. An untyped literal takes the type of the others; alone it is the first of INT, DINT, LINT,
  ULINT that holds it, or LREAL. A bit string function of literals alone wants a type: `SHL(WORD#1, n)`.
- **Integers** wrap. Division truncates. **Real numbers** follow IEC 60559; mathematical functions use HIL's own
  libm, computed as LREAL and rounded once, so every machine gives the same bits.
- **What stops the program**: integer or duration division and MOD by 0 ("division by zero"); K of MUX outside its
  inputs ("array index outside its range"); negative lengths and shifts, a position below 1, a date that does not
  exist, a BCD digit above 9 ("value outside its range").
- **STRING** positions count from 1. What lies behind a text's end is empty. A result is cut to the variable's length.
- **Times** are ns in 64 bits, with or without L. As numbers, TIME and TOD count in ms, DATE and DT in s since 1970
  (as in CODESYS), their long forms in ns. A date is 1678-01-01 .. 2261-12-31. TOD arithmetic stays within the day.
- **Bit strings and REAL**: DWORD_TO_REAL and REAL_TO_DWORD carry the bit pattern over, as the standard has it (CODESYS
  converts the number; write UDINT_TO_REAL(DWORD_TO_UDINT(x)) for that).
- **There is no** CHAR, WCHAR, WSTRING; no RTC block, as a program's time is that of its scans.

"""


def page() -> str:
    """The whole page."""
    groups = list(dict.fromkeys(f.group for f in FUNCTIONS.values() if f.group != GROUP))
    return INTRODUCTION + "\n".join([*map(_group, groups), _conversions(), _blocks()])


def _row(function: Function) -> str:
    forms = "<br>".join(_code(form.describe()) for form in function.forms)
    return f"| {function.name} | {forms} | {function.meaning} |\n"


def _code(form: str) -> str:
    return "`" + form.replace("|", "\\|") + "`"


def _group(name: str) -> str:
    rows = "".join(_row(f) for f in FUNCTIONS.values() if f.group == name)
    return f"## {name}\n\n| function | forms | meaning |\n|---|---|---|\n{rows}"


def _conversions() -> str:
    rows = "".join(f"| {a} | {b} | {meaning} |\n" for a, b, meaning in conversion_rules())
    names = (name for name, f in FUNCTIONS.items() if f.group == GROUP and ("BCD" in name or "TRUNC" in name))
    more = {re.sub(r"(US|S|U|D|L|UD|UL)?INT", "**", re.sub(r"[DL]?WORD|BYTE", "*", name)): name for name in names}
    listed = "".join(f"| `{pattern}` | `{name}` | {FUNCTIONS[name].meaning} |\n" for pattern, name in more.items())
    more_head = "| functions | one | meaning |\n|---|---|---|\n"
    return (
        "## Conversion\n\n`A_TO_B(x)`, and `TO_B(x)` for whatever type x has.\n\n"
        f"| from | to | meaning |\n|---|---|---|\n{rows}\n"
        f"Truncation and BCD; `*` is a bit string, `**` an integer:\n\n{more_head}{listed}"
    )


def _blocks() -> str:
    parts = ["## Function blocks\n\nST sources in `hil/plc/library/`, compiled with the program.\n"]
    for path in sorted(LIBRARY.glob("*.st")):
        text = path.read_text(encoding="utf-8")
        head = text[: text.index("*)")].removeprefix("(* ").rstrip()
        head = "\n".join(line.removeprefix("   ") for line in head.splitlines())
        parts.append(f"```text\n{head}\n```\n\n{_interfaces(text)}")
    return "\n".join(parts)


def _interfaces(text: str) -> str:
    """Inputs and outputs of each unit of a file."""
    lines = []
    for name, inside in re.findall(r"^FUNCTION(?:_BLOCK)? (\w+)(.*?)^END_FUNCTION", text, re.MULTILINE | re.DOTALL):
        inputs, outputs = (_variables(inside, kind) for kind in ("VAR_INPUT", "VAR_OUTPUT"))
        lines.append(f"- {name}: `{inputs}` gives `{outputs}`\n")
    return "".join(lines)


def _variables(inside: str, kind: str) -> str:
    section = re.search(rf"{kind}\n(.*?)END_VAR", inside, re.DOTALL)
    return (
        ", ".join(line.strip().rstrip(";").replace(" :", ":", 1) for line in section[1].splitlines()) if section else ""
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
