"""Models of plants and observers: written once in Python, compiled to C. `hil.models.declare` shows how to write one.

cls = load_model("model.py:QuadTank", Path("rigs/quad_tank"))
cls.info().x                     # names, units, values, ranges: no casadi, no compiler
compiled = compile_model(cls)    # cached by content
compiled.address                 # for the core's block type "model"
"""

from hil.models.compile import compile_model
from hil.models.compiled import CompiledModel
from hil.models.declare import METHODS, Input, Model, ModelInfo, Output, Param, State, Variable
from hil.models.load import load_model

__all__ = [
    "METHODS",
    "CompiledModel",
    "Input",
    "Model",
    "ModelInfo",
    "Output",
    "Param",
    "State",
    "Variable",
    "compile_model",
    "load_model",
]
