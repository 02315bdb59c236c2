"""The program sees the raw value of a register, whatever its scale and offset: what the codec did is undone exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import _core
from hil.blocks import block_types
from hil.errors import RigError
from hil.events import EventKind, encode
from hil.iomap import IoTag
from hil.plc import CompiledProgram, compile_program
from hil.rig.plc_program import images_of
from hil.rig.plc_wires import plain_wire, published_address, wire_of
from hil.spec import BlockSpec, Spec

TYPES = ("BOOL", "INT", "UINT", "WORD", "DINT", "UDINT", "DWORD", "REAL", "LREAL")
SIZES = {"BOOL": "X", "DINT": "D", "UDINT": "D", "DWORD": "D", "REAL": "D", "LREAL": "L"}
# Register types that carry a variable of a type, and their raw values; None: any float32.
CARRIED = {
    "INT": ("int16", "uint16"), "UINT": ("uint16", "int16"), "WORD": ("uint16", "int16"),
    "DINT": ("int32", "uint32"), "UDINT": ("uint32", "int32"), "DWORD": ("uint32", "int32"), "REAL": ("float32",),
}  # fmt: skip
RAWS = {
    "int16": st.integers(-(2**15), 2**15 - 1), "uint16": st.integers(0, 2**16 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1), "uint32": st.integers(0, 2**32 - 1),
}  # fmt: skip
SCALES = st.sampled_from([1.0, 0.1, 1e-3, 1e-5, 0.25, -0.01, 7.0, 1 / 3, 1e3])
OFFSETS = st.sampled_from([0.0, -0.05, 5.0, -273.15, 1e3])


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> CompiledProgram:
    """Every input goes to the output of its type."""
    lines = []
    for n, kind in enumerate(TYPES):
        place = f"X{n}.0" if kind == "BOOL" else f"{SIZES.get(kind, 'W')}{10 + 2 * n}"
        lines += [f"i_{kind} AT %I{place} : {kind};", f"o_{kind} AT %Q{place} : {kind};"]
    body = [f"o_{kind} := i_{kind};" for kind in TYPES]
    file = Path(tmp_path_factory.mktemp("raw")) / "echo.st"
    file.write_text("\n".join(["PROGRAM main", "VAR", *lines, "END_VAR", *body, "END_PROGRAM"]))
    return compile_program([file])


class Echo:
    """A constant, a wire to an input, the program, a wire from its output, and the raw value beside it."""

    def __init__(self, program: CompiledProgram, kind: str, there: IoTag, back: IoTag) -> None:
        inputs, outputs = images_of(program)
        i = next(v for v in inputs if v.name.lower() == f"i_{kind}".lower())
        o = next(v for v in outputs if v.name.lower() == f"o_{kind}".lower())
        spec = Spec(period_ns=10_000_000)
        source, raw, *own = (spec.signal(name) for name in ("source", "raw", "a", "b", "c", "d"))
        self.back = spec.signal("back")
        spec.blocks.append(BlockSpec("source", "constant", [], [source], [0.0]))
        n_forces = 2 * (len(inputs) + len(outputs))
        config = [(0.0,), (0.0,), wire_of(i, there), (*wire_of(o, back), *plain_wire(o.slot))]
        params = [1.0, 1.0, 0.0, *[0.0] * n_forces]
        spec.blocks.append(BlockSpec("plc", "plc", [source], [*own, self.back, raw], params, config, program.address))
        assert [c.name for c in block_types()["plc"].config] == ["in_stop", "watched", "in_wires", "out_wires"]
        self.program = _core.Program(spec)
        self.state, self.raw = _core.State(self.program), raw

    def __call__(self, value: float) -> tuple[float, float]:
        """(raw value of the output's variable, value of its signal)."""
        self.state.push(encode(EventKind.PARAM, target=self.program.offset_param(0, 0), values=[value]))
        self.state.run(1)
        return tuple(self.state.get(self.program.offset_value(number)) for number in (self.raw, self.back))


def tag(kind: str, scale: float = 1.0, offset: float = 0.0, bit: int | None = None) -> IoTag:
    return IoTag("x", "write", "holding_register", 0, kind, bit=bit, scale=scale, offset=offset)


def seen_as(kind: str, raw: int) -> int:
    """The same bits as a variable of a type."""
    bits, signed = {"INT": (16, 1), "UINT": (16, 0), "WORD": (16, 0), "DINT": (32, 1)}.get(kind, (32, 0))
    low = raw % 2**bits
    return low - 2**bits if signed and low >= 2 ** (bits - 1) else low


@given(st.sampled_from([(k, r) for k, registers in CARRIED.items() for r in registers if r != "float32"]), st.data())
def test_an_integer_is_the_registers(program, pair, data):
    kind, register = pair
    scale, offset = data.draw(SCALES), data.draw(OFFSETS)
    echo = Echo(program, kind, tag(register, scale, offset), tag(register, scale, offset))
    for raw in data.draw(st.lists(RAWS[register], min_size=5, max_size=20)):
        value = raw * scale + offset
        assert echo(value) == (seen_as(kind, raw), value)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_float_is_the_registers(program, values):
    echo = Echo(program, "REAL", tag("float32"), tag("float32"))
    for value in values:
        assert echo(value) == (value, value)


@given(st.floats(width=32, min_value=2**-60, max_value=2**60), SCALES)
def test_a_scaled_float_is_the_registers(program, raw, scale):
    echo = Echo(program, "REAL", tag("float32", scale), tag("float32", scale))
    assert echo(raw * scale) == (raw, raw * scale)


@given(st.floats(allow_nan=False, min_value=-1e140, max_value=1e140))
def test_a_double_passes_as_it_is(program, value):
    assert Echo(program, "LREAL", tag("float64"), tag("float64"))(value) == (value, value)


@pytest.mark.parametrize("kind", ["WORD", "UINT", "DWORD"])
def test_a_bit_is_that_bit_of_the_word(program, kind):
    for bit in range(16):
        echo = Echo(program, kind, tag("bool", bit=bit), tag("bool", bit=bit))
        assert [echo(value) for value in (1.0, 0.0, 0.4, 0.5)] == [(2**bit, 1.0), (0.0, 0.0), (0.0, 0.0), (2**bit, 1.0)]


def test_a_bool_is_true_from_a_half_on(program):
    echo = Echo(program, "BOOL", tag("bool", bit=3), tag("bool", bit=3))
    assert [echo(value) for value in (0.0, 0.49, 0.5, 1.0, -3.0)] == [(v, v) for v in (0.0, 0.0, 1.0, 1.0, 0.0)]


def test_without_a_register_a_value_is_held_within_the_variables_type(program):
    (inputs, _), plain = images_of(program), tag("float64")
    echo = Echo(program, "LREAL", plain, plain)
    assert echo(1.5) == (1.5, 1.5)
    wires = {v.type: wire_of(v, None) for v in inputs}
    assert wires["INT"][1:6] == (0.0, 1.0, 0.0, -32768.0, 32767.0)
    assert wires["REAL"][1] == 1.0


@pytest.mark.parametrize(
    ("table", "address", "place"),
    [
        ("coil", 0, "%QX0.0"), ("coil", 13, "%QX1.5"), ("discrete_input", 800, "%IX100.0"),
        ("input_register", 7, "%IW7"),
        ("holding_register", 0, "%QW0"), ("holding_register", 1023, "%QW1023"), ("holding_register", 1024, "%MW0"),
        ("holding_register", 2047, "%MW1023"), ("holding_register", 2048, "%MD0"), ("holding_register", 2050, "%MD1"),
        ("holding_register", 4096, "%ML0"), ("holding_register", 4100, "%ML1"), ("holding_register", 2049, None),
        ("holding_register", 4098, None),
    ],
)  # fmt: skip
def test_openplcs_addresses(table, address, place):
    at = IoTag("x", "read", table, address, "bool" if table in ("coil", "discrete_input") else "uint16")
    if place is not None:
        assert published_address(at) == place
        return
    with pytest.raises(RigError, match="lies amid the"):
        published_address(at)
