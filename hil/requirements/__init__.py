"""Requirements in signal temporal logic over recordings: `G[0s,60s](level < 0.9)`, `fault -> F[0s,2s] alarm`."""

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.operators import (
    always,
    at_each_sample,
    eventually,
    fall,
    historically,
    iff,
    once,
    rise,
    since,
    until,
)
from hil.requirements.parser import parse
from hil.requirements.recorded import check_recording
from hil.requirements.terms import Term, signal
from hil.requirements.verdict import Verdict
from hil.requirements.window import Window

__all__ = [
    "Formula",
    "FormulaError",
    "Term",
    "Verdict",
    "Window",
    "always",
    "at_each_sample",
    "check_recording",
    "eventually",
    "fall",
    "historically",
    "iff",
    "once",
    "parse",
    "rise",
    "signal",
    "since",
    "until",
]
