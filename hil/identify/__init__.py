"""Identification: parameters of a rig's model from measured data, and what the data can tell of them and what not.

found = fit("rigs/incubator", "calibration.csv")
found.rmse, found.parameters["G_b"].value, found.groups

Grey box: the model's own equations, integrated over the recorded inputs; gradients by automatic differentiation through
each step (CasADi, extra `models`); nonlinear least squares from several starts.
"""

from hil.identify.fit import fit
from hil.identify.fragment import fragment
from hil.identify.result import FitResult, Group, Parameter

__all__ = ["FitResult", "Group", "Parameter", "fit", "fragment"]
