"""What a model file can get wrong: each is one line that names the file, the class and the mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.errors import RigError
from hil.models import Model, compile_model, load_model

HEAD = """
from hil.models import Input, Model, Output, Param, State
from hil.models.math import *
import math as pymath
"""

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], type[Model]]]:
    def load(body: str) -> type[Model]:
        (tmp_path / "model.py").write_text(HEAD + "class Plant(Model):\n" + body)
        return load_model("model.py:Plant", tmp_path)

    return load


STATES = '    h1 = State(0.1, unit="m")\n    h2 = State(0.1, unit="m")\n    v = Input(unit="V")\n'
BOTH = STATES + "    def equations(self):\n        "
CASADI = BOTH + 'import casadi\n        z = casadi.SX.sym("z")\n'

# body of the class, what is wrong, the mend
WRONG = {
    "no_equations": (STATES, r"equations\(\) is missing", "Return dx/dt by state name"),
    "missing_equation": (BOTH + 'return {"h1": self.v}', "no expression for 'h2'", "Add 'h2'"),
    "unknown_state": (BOTH + 'return {"h1": 0, "h3": 0}', "'h3', which is no state", "Valid: h1, h2"),
    "not_a_dict": (BOTH + "return [self.h1, self.h2]", "returned a list", "Return a dict by name"),
    "text": (BOTH + 'return {"h1": "zero", "h2": 0}', r"equations\['h1'\]: is a str", "self.<name>"),
    "none": (BOTH + 'return {"h1": None, "h2": 0}', r"equations\['h1'\]: is a NoneType", "self.<name>"),
    "vector": (
        BOTH + 'import casadi\n        return {"h1": casadi.vertcat(self.h1, self.h2), "h2": 0}',
        r"shape \(2, 1\), not one number",
        "",
    ),
    "mx": (
        BOTH + 'import casadi\n        return {"h1": casadi.MX.sym("q"), "h2": 0}',
        "is an MX expression",
        "hil.models.math only",
    ),
    "foreign_symbol": (
        BOTH + 'import casadi\n        return {"h1": casadi.SX.sym("h3"), "h2": 0}',
        "symbol 'h3', which is not declared",
        "Valid: h1, h2, v",
    ),
    "foreign_symbol_of_the_same_name": (
        BOTH + 'import casadi\n        return {"h1": casadi.SX.sym("h1"), "h2": 0}',
        "symbol 'h1', which is not declared",
        "",
    ),
    "integrator": (
        CASADI
        + '        i = casadi.integrator("i", "cvodes", {"x": z, "ode": -z})\n'
        + '        return {"h1": i(x0=self.h1)["xf"], "h2": 0}',
        "external function, integrator or solver",
        "hil.models.math only",
    ),
    "call_kept_outside": (
        CASADI
        + '        f = casadi.Function("f", [z], [z], {"never_inline": True})\n'
        + '        return {"h1": f(self.h1), "h2": 0}',
        "external function, integrator or solver",
        "hil.models.math only",
    ),
    "erf": (
        BOTH + 'import casadi\n        return {"h1": casadi.erf(self.h1), "h2": 0}',
        "operation 'erf', which cannot be compiled",
        "hil.models.math only",
    ),
    "truth_value": (
        BOTH + 'return {"h1": 1 if self.h1 > 0 else 0, "h2": 0}',
        r"equations\(\) failed: RuntimeError: .*truth value",
        "use if_else",
    ),
    "python_math": (BOTH + 'return {"h1": pymath.sin(self.h1), "h2": 0}', "the constant nan", "hil.models.math, not"),
    "typing_error": (BOTH + 'return {"h1": self.h7, "h2": 0}', "line 10: .*h7", ""),
    "division_by_zero": (
        BOTH + 'return {"h1": 1 / self.v, "h2": 0}',
        "'h1' gives no finite number",
        "Change the values",
    ),
    "nan_constant": (BOTH + 'return {"h1": float("nan") * self.h1, "h2": 0}', "no finite number", ""),
    "nan_value": ('    h = State(float("nan"))', r"Plant\.h: value nan is not a number", "Give value a number"),
    "infinite_value": ('    h = State(float("inf"))', "value inf is not finite", ""),
    "bool_value": ("    h = State(True)", "value True is not a number", ""),
    "text_value": ('    h = State("0.1")', "value '0.1' is not a number", ""),
    "outside_its_range": ("    h = State(2.0, min=0, max=1)", r"value 2 lies outside 0 \.\. 1", ""),
    "range_reversed": ("    h = State(0.5, min=1, max=0)", "min 1 is above max 0", "Swap them"),
    "unit": ('    h = State(0.5, unit="metr")', r"Plant\.h: unit: 'metr' is not a unit", "Did you mean 'metre'"),
    "no_state": ('    v = Input(unit="V")', "declares no State", "Add one"),
    "no_brackets": ("    h = State", "h = State lacks its brackets", r"Write State\(\.\.\.\)"),
    "underscore": ("    _h = State(1.0)", r"Plant\._h: a name begins with a letter", ""),
    "method": ('    method = "rk5"\n    h = State(0.1)', "method 'rk5' is not known", "Did you mean rk4"),
    "output_without_expression": (
        BOTH + 'return {"h1": 0, "h2": 0}\n    flow = Output()',
        "no expression for 'flow'",
        "Add 'flow'",
    ),
    "undeclared_output": (
        BOTH + 'return {"h1": 0, "h2": 0}\n    flow = Output()\n    def outputs(self):\n        return {"flaw": 1}',
        "'flaw', which is no declared output",
        "Did you mean flow",
    ),
    "not_linear": (
        '    method = "exact"\n' + BOTH + 'return {"h1": sin(self.h2), "h2": -self.h1}',
        "'exact' needs equations that are linear .* 'h1' is not linear in 'h2'",
        "Use 'rk4'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_model_is_one_line_with_file_class_and_mend(
    case: str, load: Callable[[str], type[Model]], tmp_path: Path, own_cache: Path
) -> None:
    body, what, mend = WRONG[case]
    with pytest.raises(RigError) as caught:
        compile_model(load(body))
    text = str(caught.value)
    assert re.search(what, text), text
    assert re.search(mend, text), text
    assert "model.py:Plant" in text
    assert "\n" not in text
    assert not own_cache.exists() or list(own_cache.iterdir()) == []


def test_a_model_with_a_hundred_thousand_operations_is_refused(load: Callable[[str], type[Model]]) -> None:
    body = "    h = State(0.1)\n    def equations(self):\n        y = self.h\n"
    body += "        for k in range(100_001):\n            y = sin(y)\n        return {'h': y}"
    with pytest.raises(RigError, match=r"the model has 100,\d\d\d operations, 100,000 are allowed"):
        compile_model(load(body))


# ---- files ----


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("")
    with pytest.raises(RigError, match=r"rig\.toml:block\.plant.*no file .*modle\.py\. Did you mean model\.py"):
        load_model("modle.py:Plant", tmp_path, where="rig.toml:block.plant.model")
    with pytest.raises(RigError, match="no file"):
        load_model("nowhere/model.py:Plant", tmp_path)


def test_a_missing_class_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(HEAD + "class QuadTank(Model):\n    pass\nclass Other:\n    pass\n")
    for name in ("QuadTnak", "Quadtank"):
        with pytest.raises(RigError, match=rf"no model class {name}\. Did you mean QuadTank"):
            load_model(f"model.py:{name}", tmp_path)
    with pytest.raises(RigError, match=r"no model class Other\. Valid: QuadTank"):
        load_model("model.py:Other", tmp_path)


@pytest.mark.parametrize("spec", ["model.py", "model.py:", ":Plant", ""])
def test_a_spec_without_file_or_class_shows_how_to_write_it(spec: str, tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r'Write it like "model\.py:QuadTank"'):
        load_model(spec, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nclass A(:\n", r"model\.py:2: SyntaxError"),
        ("x = 1\n\ny = 1 / 0\n", r"model\.py:3: ZeroDivisionError"),
        ("import a_module_that_is_not_there\n", r"model\.py:1: ModuleNotFoundError.*installed packages only"),
    ],
)
def test_a_file_that_does_not_run_names_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(text)
    for _ in range(2):  # a failed import leaves nothing behind that the next one would find
        with pytest.raises(RigError, match=message):
            load_model("model.py:A", tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RigError, match=r"cannot be read.*UTF-8"):
        load_model("model.py:A", tmp_path)


def test_an_edited_file_is_read_again_within_the_same_second(tmp_path: Path) -> None:
    seen = []
    for value in (1.5, 2.5):
        (tmp_path / "model.py").write_text(HEAD + f"class Plant(Model):\n    h = State({value})\n")
        seen.append(load_model("model.py:Plant", tmp_path).info().x[0].value)
    assert seen == [1.5, 2.5]
    assert list(tmp_path.glob("__pycache__")) == []


def test_a_subclass_replaces_and_removes_declarations(tmp_path: Path) -> None:
    text = "class Base(Model):\n    a = State(1.0)\n    b = State(2.0)\n    k = Param(3.0)\n"
    text += "class Plant(Base):\n    a = State(9.0)\n    b = None\n    c = State(4.0)\n"
    (tmp_path / "model.py").write_text(HEAD + text)
    info = load_model("model.py:Plant", tmp_path).info()
    assert [(v.name, v.value) for v in info.x] == [("a", 9.0), ("c", 4.0)]
    assert [v.name for v in info.p] == ["k"]
