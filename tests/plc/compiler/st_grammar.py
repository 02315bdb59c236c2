"""Random programs that are valid: declared variables, right types, loops that end."""

from __future__ import annotations

import random
import re

NUMBERS = ("SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "REAL", "LREAL")
WORDS = ("BYTE", "WORD", "DWORD", "LWORD")
KINDS = (*NUMBERS, *WORDS, "BOOL", "TIME", "STRING[12]")


STATEMENTS = (
    "IF <condition> THEN\n<body>\nELSIF <condition> THEN\n<body>\nELSE\n<body>\nEND_IF;",
    "CASE v_int1 OF\n1: <body>\n2, 5..9: <body>\nELSE <body>\nEND_CASE;",
    "FOR loop<depth> := 1 TO <n> DO\n<body>\nIF <condition> THEN EXIT; END_IF;\nEND_FOR;",
    "REPEAT\n<body>\nUNTIL <condition> OR TRUE END_REPEAT;",
    "WHILE <condition> DO\n<body>\nEXIT;\nEND_WHILE;",
    "blk(x := <INT>, y => <var>);",
    "CASE mode OF Idle: mode := Run; Run: mode := Kind#Idle; END_CASE;",
    "rec.b := <REAL>; arr[<n>] := <INT>;",
    "v_word0.<n> := <condition>;",
)


class Maker:
    """Writes one program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.variables: dict[str, list[str]] = {
            kind: [f"v_{kind.split('[')[0].lower()}{n}" for n in range(2)] for kind in KINDS
        }

    def variable(self, kind: str) -> str:
        name = self.rng.choice(self.variables[kind])
        if kind == "INT" and self.rng.random() < 0.2:
            return self.rng.choice((f"arr[{self.rng.randint(0, 4)}]", "rec.a", "arr[ABS(v_int0 MOD 5)]", "grid[1, 0]"))
        return name

    def literal(self, kind: str, typed: bool) -> str:
        r = self.rng
        if kind in ("REAL", "LREAL"):
            return f"{kind}#2.5" if typed else r.choice((f"{r.uniform(0, 99):.3f}", "1.5E-3"))
        if kind == "BOOL":
            return r.choice(("TRUE", "FALSE", "BOOL#1"))
        if kind == "TIME":
            return r.choice(("T#1s", "T#1h2m3.5s", "TIME#250ms", "T#1d_2h"))
        if kind.startswith("STRING"):
            return r.choice(("'abc'", "''", "'$$'", "'it$'s'"))
        if kind in WORDS:
            return f"{kind}#16#{r.randint(0, 127):X}"
        return r.choice((f"{kind}#{r.randint(0, 99)}", f"{kind}#2#101")) if typed else str(r.randint(0, 127))

    def value(self, kind: str, depth: int = 0) -> str:
        r = self.rng
        if depth > 3 or r.random() < 0.3:
            return r.choice((self.variable(kind), self.literal(kind, typed=depth > 0)))
        if kind == "BOOL":
            return self.condition(depth)
        if kind in NUMBERS:
            return self.number(kind, depth + 1)
        if kind in WORDS:
            form = r.choice(("({0} AND {1})", "({0} OR {1})", "({0} XOR {1})", "({0} & {1})", "NOT {0}", "SHL({0}, 3)"))
        elif kind == "TIME":
            form = r.choice(("({0} + {1})", "({0} - {1})", "{0} * 3"))
        else:
            form = "CONCAT({0}, {1})"
        return self.filled(form, kind, depth + 1)

    def filled(self, form: str, kind: str, depth: int) -> str:
        return form.format(*(self.value(kind, depth) for _ in range(2)), self.variable(kind), kind)

    def number(self, kind: str, depth: int) -> str:
        real = kind in ("REAL", "LREAL")
        forms = ["({0} + {1})", "({0} - {1})", "({0} * {1})", "MAX({0}, {1})", "SEL(b, {0}, {1})"]
        forms += ["(-{2})", "ABS({0})"] if kind[0] != "U" else ["LIMIT(0, {0}, 100)"]
        forms += ["SQRT(ABS({0}))", "{0} / {1}"] if real else ["({0} / {3}#3)", "({0} MOD {3}#5)"]
        forms += ["twice({0})"] if kind == "INT" else []
        form = self.rng.choice(forms)
        return self.filled(form.replace("SEL(b", f"SEL({self.condition(depth)}"), kind, depth)

    def condition(self, depth: int = 0) -> str:
        r = self.rng
        if depth > 3:
            return self.variable("BOOL")
        kind = r.choice(KINDS[:-1])
        if kind == "BOOL":
            return f"({self.condition(depth + 1)} {r.choice(('AND', 'OR', 'XOR'))} {self.condition(depth + 1)})"
        return f"({self.value(kind, depth + 2)} {r.choice(('<', '<=', '=', '<>', '>=', '>'))} {self.variable(kind)})"

    def statement(self, depth: int = 0) -> str:
        r = self.rng
        kind = r.choice(KINDS)
        plain = f"{self.variable(kind)} := {self.value(kind)};"
        if depth > 2 or r.random() < 0.5:
            return plain
        form = r.choice(STATEMENTS)
        return re.sub(r"<(\w+)>", lambda found: self.part(found.group(1), depth), form)

    def part(self, name: str, depth: int) -> str:
        if name == "body":
            return "\n".join(self.statement(depth + 1) for _ in range(self.rng.randint(1, 3)))
        if name == "condition":
            return self.condition()
        return {"depth": str(depth), "n": str(self.rng.randint(0, 4)), "var": self.variables["INT"][0]}.get(
            name
        ) or self.value(name)


def program(rng: random.Random) -> str:
    """A whole program."""
    maker = Maker(rng)
    lines = [f"    {', '.join(names)} : {kind};" for kind, names in maker.variables.items()]
    body = "\n".join(maker.statement() for _ in range(rng.randint(3, 12)))
    return f"""TYPE Kind : (Idle, Run); Rec : STRUCT a : INT := 3; b : REAL; END_STRUCT; END_TYPE
FUNCTION twice : INT
VAR_INPUT x : INT; END_VAR
twice := 2 * x;
END_FUNCTION
FUNCTION_BLOCK Blk
VAR_INPUT x : INT; END_VAR
VAR_OUTPUT y : INT; END_VAR
VAR n : INT; END_VAR
n := n + 1; y := x + n;
END_FUNCTION_BLOCK
PROGRAM p
VAR
    in1 AT %IW0 : INT; out1 AT %QW0 : INT; mode : Kind; rec : Rec; blk : Blk;
    arr : ARRAY[0..4] OF INT := [1, 2, 3]; grid : ARRAY[0..1, 0..1] OF INT; loop0, loop1, loop2 : INT;
{chr(10).join(lines)}
END_VAR
v_int0 := in1;
{body}
out1 := v_int1;
END_PROGRAM
"""
