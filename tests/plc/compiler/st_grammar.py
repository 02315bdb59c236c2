"""Random programs that are valid: declared variables, right types, loops that end."""

from __future__ import annotations

import random

NUMBERS = ("SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "REAL", "LREAL")
WORDS = ("BYTE", "WORD", "DWORD", "LWORD")
KINDS = (*NUMBERS, *WORDS, "BOOL", "TIME", "STRING[12]")


class Maker:
    """Writes one program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.variables: dict[str, list[str]] = {kind: [f"v_{kind.split('[')[0].lower()}{n}" for n in range(2)] for kind in KINDS}

    def variable(self, kind: str) -> str:
        name = self.rng.choice(self.variables[kind])
        if kind == "INT" and self.rng.random() < 0.2:
            return self.rng.choice((f"arr[{self.rng.randint(0, 4)}]", "rec.a", "arr[ABS(v_int0 MOD 5)]", "grid[1, 0]"))
        return name

    def literal(self, kind: str) -> str:
        r = self.rng
        if kind in ("REAL", "LREAL"):
            return r.choice((f"{r.uniform(0, 99):.3f}", "1.5E-3", f"{kind}#2.5"))
        if kind == "BOOL":
            return r.choice(("TRUE", "FALSE", "BOOL#1"))
        if kind == "TIME":
            return r.choice(("T#1s", "T#1h2m3.5s", "TIME#250ms", "T#1d_2h"))
        if kind.startswith("STRING"):
            return r.choice(("'abc'", "''", "'$$'", "'it$'s'"))
        if kind in WORDS:
            return f"{kind}#16#{r.randint(0, 127):X}"
        return r.choice((str(r.randint(0, 127)), f"{kind}#{r.randint(0, 99)}", f"{kind}#2#101"))

    def value(self, kind: str, depth: int = 0) -> str:
        r = self.rng
        if depth > 3 or r.random() < 0.3:
            return r.choice((self.variable(kind), self.literal(kind)))
        a, b = (lambda: self.value(kind, depth + 1)), (lambda: self.value(kind, depth + 1))
        if kind == "BOOL":
            return self.condition(depth)
        if kind in NUMBERS:
            signed = kind[0] not in "U"
            forms = [f"({a()} {r.choice('+-*')} {b()})", f"MAX({a()}, {b()})", f"SEL({self.condition(depth)}, {a()}, {b()})"]
            forms += [f"(-{self.variable(kind)})"] if signed else [f"LIMIT(0, {a()}, 100)"]
            forms += [f"({a()} / {kind}#3)"] if kind not in ("REAL", "LREAL") else [f"SQRT(ABS({a()}))"]
            forms += [f"twice({a()})"] if kind == "INT" else []
            return r.choice(forms)
        if kind in WORDS:
            return r.choice((f"({a()} {r.choice(('AND', 'OR', 'XOR', '&'))} {b()})", f"NOT {self.variable(kind)}", f"SHL({a()}, {r.randint(0, 9)})"))
        if kind == "TIME":
            return r.choice((f"({a()} + {b()})", f"{self.variable(kind)} * {r.randint(1, 3)}"))
        return f"CONCAT({a()}, {b()})"

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
        body = lambda: "\n".join(self.statement(depth + 1) for _ in range(r.randint(1, 3)))  # noqa: E731
        return r.choice((
            f"IF {self.condition()} THEN\n{body()}\nELSIF {self.condition()} THEN\n{body()}\nELSE\n{body()}\nEND_IF;",
            f"CASE v_int1 OF\n1: {body()}\n2, 5..9: {body()}\nELSE {body()}\nEND_CASE;",
            f"FOR loop{depth} := 1 TO {r.randint(1, 4)} DO\n{body()}\nIF {self.condition()} THEN EXIT; END_IF;\nEND_FOR;",
            f"REPEAT\n{body()}\nUNTIL {self.condition()} OR TRUE END_REPEAT;",
            f"WHILE {self.condition()} DO\n{body()}\nEXIT;\nEND_WHILE;",
            f"blk(x := {self.value('INT')}, y => {r.choice(self.variables['INT'])});",
            "CASE mode OF Idle: mode := Run; Run: mode := Kind#Idle; END_CASE;",
            f"rec.b := {self.value('REAL')}; arr[{r.randint(0, 4)}] := {self.value('INT')};",
            f"v_word0.{r.randint(0, 15)} := {self.condition()};",
        ))  # fmt: skip


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
