"""Requirements in signal temporal logic over recordings: `G[0s,60s](level < 0.9)`, `fault -> F[0s,2s] alarm`."""

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula, Window
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
from hil.requirements.terms import Term, signal
from hil.requirements.verdict import Verdict

__all__ = [
    "Formula",
    "FormulaError",
    "Term",
    "Verdict",
    "Window",
    "always",
    "at_each_sample",
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
