# ruff: noqa: E501, ISC004 (tables of programs, one a line)
"""Each mistake is named with file, line and column, with its line and a caret, and with what would mend it."""

from __future__ import annotations

import pytest

from hil.errors import PlcError
from hil.plc.compile import check_sources
from hil.plc.source import Source

HEAD = "PROGRAM p VAR b : BOOL; s : SINT; i : INT; d : DINT; u : UINT; r : REAL; t : TIME; w : WORD; st : STRING[5];\n"
TAIL = "\nEND_PROGRAM"


def mistakes(text: str) -> list[PlcError]:
    with pytest.raises(PlcError) as caught:
        check_sources([Source("a.st", text, 0)])
    return [caught.value, *caught.value.others]


BODIES = [
    # what stands in line 2, column, message, mend
    ("END_VAR s := i;", 14, "an INT does not become a SINT by itself", "Convert with INT_TO_SINT"),
    ("END_VAR i := d;", 14, "a DINT does not become an INT by itself", "Convert with DINT_TO_INT"),
    ("END_VAR i := u;", 14, "an UINT does not become an INT by itself", "Convert with UINT_TO_INT"),
    ("END_VAR i := r;", 14, "a REAL does not become an INT by itself", "Convert with REAL_TO_INT"),
    ("END_VAR r := d;", 14, "a DINT does not become a REAL by itself", "Convert with DINT_TO_REAL"),
    ("END_VAR i := w;", 14, "a WORD does not become an INT by itself", "Convert with WORD_TO_INT"),
    ("END_VAR b := i;", 14, "an INT does not become a BOOL by itself", "Convert with INT_TO_BOOL"),
    ("END_VAR t := i;", 14, "an INT does not become a TIME by itself", "Convert with INT_TO_TIME"),
    ("END_VAR t := 5;", 14, "5 is no TIME", "A duration is written T#5s or T#5ms"),
    ("END_VAR s := 128;", 14, "128 does not fit SINT (-128..127)", None),
    ("END_VAR u := -1;", 14, "-1 does not fit UINT (0..65535)", None),
    ("END_VAR i := 1.5;", 14, "1.5 is no INT", "Convert with REAL_TO_INT"),
    ("END_VAR i := SINT#200;", 14, "200 is not a SINT (-128..127)", None),
    ("END_VAR i := 3#12;", 14, "the base of a number is 2, 8 or 16, not 3", None),
    ("END_VAR i := 2#12;", 14, "12 is not a number to base 2", None),
    ("END_VAR i := j;", 14, "there is no variable j", None),
    ("level : INT; END_VAR i := levle;", 27, "there is no variable levle", "Did you mean level?"),
    ("END_VAR i := FOO(1);", 14, "there is no function FOO", None),
    ("END_VAR r := SQTR(r);", 14, "there is no function SQTR", "Did you mean SQRT?"),
    ("x : TONN; END_VAR", 5, "there is no type TONN", None),
    ("x : WSTRING; END_VAR", 5, "WSTRING is not supported", "Use STRING"),
    ("x : CHAR; END_VAR", 5, "CHAR is not supported", "Use STRING"),
    ("x : POINTER TO INT; END_VAR", 5, "POINTER TO is not supported", None),
    ("x : REF_TO INT; END_VAR", 5, "REF_TO is not supported", None),
    ("END_VAR IF i THEN END_IF;", 12, "a condition is a BOOL, not a INT", "Compare it, as in x <> 0"),
    ("END_VAR WHILE w DO END_WHILE;", 15, "a condition is a BOOL, not a WORD", "Compare it, as in x <> 0"),
    ("END_VAR i := 5 / 0;", 14, "division by zero", None),
    ("END_VAR EXIT;", 9, "EXIT stands outside a loop", None),
    ("END_VAR CONTINUE;", 9, "CONTINUE stands outside a loop", None),
    ("i : INT; END_VAR", 1, "i is declared twice in p", None),
    ("a : ARRAY[3..1] OF INT; END_VAR", 11, "the range 3..1 is empty", None),
    ("a : ARRAY[0..i] OF INT; END_VAR", 14, "i is no constant", None),
    ("a : ARRAY[0..3] OF INT; END_VAR i := a[4];", 40, "the index 4 is outside 0..3", None),
    ("a : ARRAY[0..3] OF INT; END_VAR i := a[1, 2];", 38, "ARRAY[0..3] OF INT takes 1 indices, not 2", None),
    ("a : ARRAY[0..3] OF INT; END_VAR i := a[r];", 40, "an index is an integer, not a REAL", None),
    ("a : ARRAY[0..1] OF INT := [1, 2, 3]; END_VAR", 34, "ARRAY[0..1] OF INT has only 2 elements", None),
    ("a : ARRAY[0..1] OF INT := 5; END_VAR", 27, "ARRAY[0..1] OF INT is initialised by [...]", None),
    ("END_VAR i := i.x;", 14, "i is a INT, it has no parts", None),
    ("END_VAR i := i[1];", 14, "i is a INT, it has no elements", None),
    ("END_VAR i();", 9, "i is a INT, it cannot be called", None),
    ("x : STRING[300]; END_VAR", 5, "a STRING holds 1 to 255 characters, not 300", None),
    ("x : STRING[2] := 'abc'; END_VAR", 18, "the text has 3 characters, STRING[2] holds 2", None),
    ("x : INT(5..3); END_VAR", 5, "5..3 is no range of INT", None),
    ("x : INT(0..9) := 10; END_VAR", 18, "10 does not fit INT(0..9) (0..9)", None),
    ("x : INT(0..9); END_VAR x := 10;", 29, "10 does not fit INT(0..9) (0..9)", None),
    ("x AT %IW0 : BOOL; END_VAR", 6, "%IW0 has 16 bits, BOOL has 1", None),
    ("x AT %IX0 : BOOL; END_VAR", 6, "%IX0 is no address", "Write %IX0.0, %QW3 or %MD12"),
    ("x AT %IW0 : STRING; END_VAR", 6, "a STRING[80] cannot have an address: only scalars and arrays of them", None),
    ("x AT %IW0 : INT; y AT %IW0 : WORD; END_VAR", 23, "%IW0 is a INT already, as x", None),
    ("x AT %IW0 : INT; END_VAR x := 1;", 26, "x is an input, it cannot be written", None),
    ("END_VAR VAR CONSTANT c : INT := 1; END_VAR c := 2;", 44, "c is a constant, it cannot be written", None),
    ("END_VAR VAR CONSTANT RETAIN c : INT := 1; END_VAR", 9, "CONSTANT and RETAIN exclude each other", None),
    ("END_VAR 5 := i;", 9, "this is no variable", None),
    ("END_VAR CASE i OF 1: ; 1: ; END_CASE;", 24, "1 stands in this CASE twice", None),
    ("END_VAR CASE i OF 1..5: ; 3: ; END_CASE;", 27, "3 stands in this CASE twice", None),
    ("END_VAR CASE i OF 5..1: ; END_CASE;", 19, "the range 5..1 is empty", None),
    ("END_VAR CASE r OF 1: ; END_CASE;", 14, "CASE needs an integer or an enumeration, not a REAL", None),
    ("END_VAR CASE i OF d: ; END_CASE;", 19, "a DINT does not become an INT by itself", None),
    ("END_VAR FOR r := 1 TO 2 DO END_FOR;", 13, "FOR counts with an integer up to LINT, not with a REAL", None),
    ("END_VAR FOR i := 1 TO 2 BY 0 DO END_FOR;", 28, "a step of 0 never ends", None),
    ("END_VAR i := b + 1;", 14, "ADD does not take (BOOL, literal 1)", None),
    ("END_VAR b := i AND u;", 14, "AND does not take (INT, UINT)", None),
    ("END_VAR b := st > 5;", 14, "GT does not take (STRING, literal 5)", None),
    ("END_VAR i := w.16;", 14, ".16 is beyond the 16 bits of a WORD", None),
    ("END_VAR b := r.1;", 14, ".1 is no part of a REAL", None),
    ("END_VAR i := ABS(EN := b, IN := i);", 18, "EN and ENO are not supported", "Write IF ... THEN around the call"),
    ("END_VAR i := ABS(i, i);", 14, "ABS does not take 2 arguments", None),
    ("END_VAR i := MAX(IN1 := i, i);", 14, "arguments are given either all by name or all by position", None),
    ("END_VAR i := ADR(i);", 14, "ADR is not supported", None),
    ("END_VAR i := (i + 1;", 19, "syntax error: ) is missing behind '1'", None),
    ("END_VAR GOTO x;", 9, "GOTO is not supported", None),
    ("END_VAR st := \"abc\";", 15, "WSTRING is not supported: write 'text' for a STRING", None),
    ("END_VAR st := '$Q';", 15, "$Q stands for no character; a $ is written $$", None),
    ("END_VAR st := 'abc;", 15, "the string has no end", None),
    ("END_VAR t := T#1s2h;", 14, "the units of a duration go from large to small", None),
    ("END_VAR t := T#1.5h3s;", 14, "only the last unit of a duration has a fraction", None),
    ("END_VAR t := T#99999999d;", 14, "the value does not fit 64 bits of nanoseconds", None),
    ("x : DATE := D#2024-02-30; END_VAR", 13, "2024-02-30 is not a date", None),
    ("x : TOD := TOD#25:00:00; END_VAR", 12, "25:00:00 is not a time of day", None),
    ("END_VAR (* no end", 9, "the comment has no end", "Close it with *)"),
    ("END_VAR i := 1 ? 2;", 16, "the character '?' is not part of Structured Text", None),
    ("a__b : INT; END_VAR", 1, "a__b has two underscores in a row", None),
    ("END_VAR VAR_IN_OUT x : INT; END_VAR", 9, "VAR_IN_OUT is not allowed in a PROGRAM", None),
    ("END_VAR VAR_ACCESS x : a.b : INT; END_VAR", 9, "VAR_ACCESS is not supported", None),
    ("END_VAR VAR_EXTERNAL g : INT; END_VAR", 22, "there is no global variable g", "Declare it in VAR_GLOBAL"),
    ("END_VAR r := 1e400;", 14, "1e400 is too large for an LREAL", None),
    ("END_VAR i := 99999999999999999999;", 14, "99999999999999999999 does not fit INT (-32768..32767)", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "column", "message", "mend"), BODIES, ids=[b[0][:40] for b in BODIES])
def test_a_mistake_is_named_where_it_stands(body: str, column: int, message: str, mend: str | None) -> None:
    first = mistakes(HEAD + body + TAIL)[0]
    assert (first.where, first.message) == (f"a.st:2:{column}", message)
    if mend is not None:
        assert first.mend == mend
    line, caret = first.excerpt.split("\n")
    assert line == body
    assert caret.index("^") == column - 1


WHOLE = [
    ("", "(nothing):1:1", "there is no PROGRAM"),
    ("FUNCTION f : INT f := 1; END_FUNCTION", "a.st:1:10", "there is no PROGRAM"),
    ("PROGRAM p\nIF TRUE THEN\nEND_PROGRAM", "a.st:3:1", "END_PROGRAM where END_IF is expected, for IF in line 2"),
    ("PROGRAM p\nx := 1;\nEND_IF;\nEND_PROGRAM", "a.st:3:1", "END_IF where END_PROGRAM is expected, for PROGRAM in line 1"),
    ("PROGRAM p\nVAR x : INT; END_VAR\nx := 1\nx := 2;\nEND_PROGRAM", "a.st:3:6", "syntax error: ; is missing behind '1'"),
    ("PROGRAM p END_PROGRAM PROGRAM P END_PROGRAM", "a.st:1:31", "P is declared twice"),
    ("PROGRAM int END_PROGRAM", "a.st:1:9", "int is the name of an elementary type"),
    ("FUNCTION f : INT f := g(); END_FUNCTION FUNCTION g : INT g := f(); END_FUNCTION PROGRAM p END_PROGRAM",
     "a.st:1:63", "recursion is not allowed: f -> g -> f"),
    ("FUNCTION f : INT f := f(); END_FUNCTION PROGRAM p END_PROGRAM", "a.st:1:23", "recursion is not allowed: f -> f"),
    ("FUNCTION_BLOCK A VAR a1 : A; END_VAR END_FUNCTION_BLOCK PROGRAM p END_PROGRAM", "a.st:1:27", "A contains itself"),
    ("TYPE A : STRUCT x : B; END_STRUCT; B : STRUCT y : A; END_STRUCT; END_TYPE PROGRAM p END_PROGRAM",
     "a.st:1:6", "the type A contains itself"),
    ("TYPE M : (A, A); END_TYPE PROGRAM p END_PROGRAM", "a.st:1:14", "A is in the enumeration twice"),
    ("TYPE M : (Off, On); END_TYPE PROGRAM p VAR m1 : M; END_VAR m1 := M#Of; END_PROGRAM", "a.st:1:66", "M has no value Of"),
    ("TYPE M : (Off, On); END_TYPE PROGRAM p VAR m1 : M; END_VAR m1 := 1; END_PROGRAM", "a.st:1:66", "1 is no value of M"),
    ("TYPE M : (A, B); N : (C, D); END_TYPE PROGRAM p VAR m1 : M; END_VAR m1 := C; END_PROGRAM",
     "a.st:1:75", "a N is no value of M"),
    ("TYPE M : (A, B); N : (C, D); END_TYPE PROGRAM p VAR m1 : M; b : BOOL; END_VAR b := m1 = C; END_PROGRAM",
     "a.st:1:84", "a M is not compared with a N"),
    ("TYPE S : STRUCT a : INT; a : INT; END_STRUCT; END_TYPE PROGRAM p END_PROGRAM", "a.st:1:26", "the structure has a twice"),
    ("TYPE S : STRUCT level : INT; END_STRUCT; END_TYPE PROGRAM p VAR s1 : S; END_VAR s1.lvel := 1; END_PROGRAM",
     "a.st:1:81", "S has no lvel"),
    ("FUNCTION_BLOCK F VAR_INPUT x : INT; END_VAR VAR y : INT; END_VAR END_FUNCTION_BLOCK "
     "PROGRAM p VAR f1 : F; END_VAR f1(z := 1); END_PROGRAM", "a.st:1:118", "F has no input z"),
    ("FUNCTION_BLOCK F VAR y : INT; END_VAR END_FUNCTION_BLOCK PROGRAM p VAR f1 : F; i : INT; END_VAR i := f1.y; "
     "END_PROGRAM", "a.st:1:102", "F has no y"),
    ("FUNCTION_BLOCK F VAR_OUTPUT y : INT; END_VAR END_FUNCTION_BLOCK PROGRAM p VAR f1 : F; END_VAR f1.y := 1; END_PROGRAM",
     "a.st:1:95", "f1.y is an output of F, it cannot be written"),
    ("FUNCTION_BLOCK F VAR_IN_OUT x : INT; END_VAR END_FUNCTION_BLOCK PROGRAM p VAR f1 : F; END_VAR f1(); END_PROGRAM",
     "a.st:1:95", "the VAR_IN_OUT x of F is not given"),
    ("FUNCTION_BLOCK F VAR_IN_OUT x : INT; END_VAR END_FUNCTION_BLOCK PROGRAM p VAR f1 : F; d : DINT; END_VAR f1(x := d); "
     "END_PROGRAM", "a.st:1:108", "the VAR_IN_OUT x is a INT, this is a DINT"),
    ("FUNCTION_BLOCK F END_FUNCTION_BLOCK PROGRAM p VAR a, b : F; END_VAR a := b; END_PROGRAM",
     "a.st:1:69", "function blocks are not assigned"),
    ("FUNCTION_BLOCK F END_FUNCTION_BLOCK PROGRAM p VAR i : INT; END_VAR i := F(); END_PROGRAM",
     "a.st:1:73", "F is a FUNCTION_BLOCK"),
    ("FUNCTION f : INT VAR_INPUT x : INT; END_VAR f := x; END_FUNCTION PROGRAM p VAR i : INT; END_VAR i := f(1, 2); END_PROGRAM",
     "a.st:1:107", "f has only 1 inputs"),
    ("FUNCTION_BLOCK F EXTENDS G END_FUNCTION_BLOCK PROGRAM p END_PROGRAM", "a.st:1:18", "EXTENDS is not supported"),
    ("FUNCTION_BLOCK F METHOD m END_METHOD END_FUNCTION_BLOCK PROGRAM p END_PROGRAM", "a.st:1:18", "METHOD is not supported"),
    ("INTERFACE I END_INTERFACE PROGRAM p END_PROGRAM", "a.st:1:1", "INTERFACE is not supported"),
    ("NAMESPACE n END_NAMESPACE PROGRAM p END_PROGRAM", "a.st:1:1", "NAMESPACE is not supported"),
    ("PROGRAM p END_PROGRAM CONFIGURATION c RESOURCE r ON x TASK t(SINGLE := TRUE); PROGRAM a WITH t : p; END_RESOURCE "
     "END_CONFIGURATION", "a.st:1:62", "tasks that start on an event (SINGLE) are not supported"),
    ("PROGRAM p END_PROGRAM CONFIGURATION c RESOURCE r ON x TASK t(INTERVAL := T#1s); PROGRAM a WITH u : p; END_RESOURCE "
     "END_CONFIGURATION", "a.st:1:96", "there is no task u"),
    ("PROGRAM p END_PROGRAM CONFIGURATION c RESOURCE r ON x TASK t(INTERVAL := T#1s); PROGRAM a WITH t : q; END_RESOURCE "
     "END_CONFIGURATION", "a.st:1:100", "there is no PROGRAM q"),
    ("PROGRAM p END_PROGRAM CONFIGURATION c RESOURCE r ON x TASK t(INTERVAL := 5); PROGRAM a WITH t : p; END_RESOURCE "
     "END_CONFIGURATION", "a.st:1:74", "an interval is a duration up to a day, as T#10ms"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "message"), WHOLE, ids=[w[2][:50] for w in WHOLE])
def test_a_mistake_of_a_whole_program(text: str, where: str, message: str) -> None:
    first = mistakes(text)[0]
    assert (first.where, first.message) == (where, message)


def test_several_mistakes_are_told_at_once() -> None:
    found = mistakes(HEAD + "END_VAR\ni := x1;\ns := d;\ni := i + 1;\nb := r;\nIF i THEN b := 5; END_IF;" + TAIL)
    assert [e.where for e in found] == ["a.st:3:6", "a.st:4:6", "a.st:6:6", "a.st:7:4", "a.st:7:16"]


def test_mistakes_in_several_files() -> None:
    with pytest.raises(PlcError) as caught:
        check_sources(
            [Source("a.st", "PROGRAM p x := 1; END_PROGRAM", 0), Source("b.st", "\nPROGRAM q\ny := 1;\nEND_PROGRAM", 1)]
        )
    assert [e.where for e in (caught.value, *caught.value.others)] == ["a.st:1:11", "b.st:3:1"]
