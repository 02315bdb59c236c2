"""PLC programs in Structured Text (IEC 61131-3), compiled to C that runs as a plain block.

`docs/plc.md` says what is supported.
"""

from __future__ import annotations

from hil.plc.compile import compile_program
from hil.plc.coverage import Point
from hil.plc.emit_program import Located
from hil.plc.program import CompiledProgram, ProgramTask, ProgramVariable

__all__ = ["CompiledProgram", "Located", "Point", "ProgramTask", "ProgramVariable", "compile_program"]
