"""Functions of STRING (table 34)."""

from __future__ import annotations

from hil.plc.standard.signature import Function, Signature

COUNT = "LINT"


def _string(name: str, meaning: str, *params: str, result: str = "STRING", fold: bool = False) -> Function:
    types = tuple((p, COUNT if p in ("L", "P") else "STRING") for p in params)
    stops = any(kind == COUNT for _, kind in types)
    form = Signature(types, result, f"st_{name.lower()}", stops=stops, more="fold" if fold else "")
    return Function(name, "Strings", meaning, (form,))


FUNCTIONS = (
    _string("LEN", "Number of characters.", "IN", result="INT"),
    _string("LEFT", "The first L characters.", "IN", "L"),
    _string("RIGHT", "The last L characters.", "IN", "L"),
    _string("MID", "L characters from position P on.", "IN", "L", "P"),
    _string("CONCAT", "One after the other.", "IN1", "IN2", fold=True),
    _string("INSERT", "IN2 put into IN1 behind position P, 0 is before it.", "IN1", "IN2", "P"),
    _string("DELETE", "IN without L characters from position P on.", "IN", "L", "P"),
    _string("REPLACE", "IN1 with IN2 for L characters from position P on.", "IN1", "IN2", "L", "P"),
    _string("FIND", "Position of the first IN2 in IN1; 0 if there is none.", "IN1", "IN2", result="INT"),
)
