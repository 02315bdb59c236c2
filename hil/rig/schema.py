"""The tables of a rig file as it is written. What they mean, with all defaults filled in, is in `description.py`.

Every class is one TOML table; unknown keys are refused. The docstrings of the fields are the reference of the format.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hil.rig.twin_schema import TwinTable

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$", max_length=100)]
PlainName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Seconds = Annotated[float, Field(ge=0)]
Value = bool | int | float | str | list[float | list[float]]

Wired = bool | int | float | str

LEVELS = ("mil", "sil", "pil", "hil")
METHODS = ("rk4", "euler", "semi_implicit", "exact", "discrete")


class Table(BaseModel):
    """A TOML table: exact types, no unknown keys, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class RigTable(Table):
    """[rig]: what the bench is called and how fast it ticks."""

    name: PlainName
    """Short name; recordings and sockets carry it."""
    title: str = ""
    """One line for people."""
    description: str = ""
    """A paragraph for people."""
    picture: str | None = None
    """A drawing (SVG) for the report, relative to the rig's folder."""
    period_s: Annotated[float, Field(gt=0, le=3600)]
    """Base period in s, a whole number of nanoseconds."""
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    """Decides, with the tick, everything random."""


class LoopTable(Table):
    """[loop]: what happens in real time."""

    overrun: Literal["count", "skip", "catch_up", "stop", "safe_state"] = "count"
    """What a late tick leads to, beside being recorded."""
    grace_ticks: Annotated[int, Field(ge=0)] = 100
    """First ticks whose overruns are not counted."""
    max_catch_up: Annotated[int, Field(ge=1)] = 10
    """catch_up: most ticks that run back to back."""
    priority: Annotated[int, Field(ge=0, le=99)] = 80
    """SCHED_FIFO priority, where permitted; 0: none."""
    cpu: Annotated[int, Field(ge=0)] | None = None
    """Pins the loop to this CPU."""
    spin_us: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Spins this long before each deadline instead of sleeping, in us."""


class SignalTable(Table):
    """[signals] "name" = {...}: a declared signal. limits, rate_limit or safe give it a safety gate."""

    unit: str | None = None
    """As in "m", "V", "m**3/s", "1"; checked along every wire."""
    range: Pair | None = None
    """[low, high] of the values to be expected: checked and noted, never enforced."""
    limits: Pair | None = None
    """[low, high] of the equipment: enforced by the safety gate."""
    rate_limit: Annotated[float, Field(gt=0)] | None = None
    """Largest change in a second: enforced."""
    safe: float | None = None
    """Value of the safe state, within limits."""
    safe_rate: bool = False
    """The way to the safe value keeps the rate limit."""
    start: float | None = None
    """Value before the first tick."""
    max_age_s: Seconds | None = None
    """Older values are stale; a gated signal then goes to its safe value."""
    description: str = ""
    """For people."""
    setpoint_of: str | None = None
    """The signal that this one is the setpoint of; plots show both in one picture."""
    record: bool = True
    """Part of the default recording."""
    path: bool = True
    """Has a path, so that faults and forces can act on it."""


class BlockTable(Table):
    """[blocks.name]: a placed block. Every key that is not listed here is a parameter or configuration of its type."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str | None = None
    """A block type of the core; left out where `fmu` is given, or `model` unless it is an estimator's."""
    model: str | None = None
    """file.py:Class or file.c, relative to the rig's folder; with type = "ekf" or "ukf" the observer's model."""
    estimate: list[str] | None = None
    """Parameters of an observer's model that it estimates beside the states: they become states that Q lets wander."""
    fmu: str | None = None
    """An FMU (co-simulation, FMI 2.0 or 3.0), relative to the rig's folder; its variables are ports and parameters."""
    isolate: bool = False
    """The FMU runs in a process of its own, which may crash without ending the bench's."""
    fmu_timeout_s: Annotated[float, Field(gt=0, le=600)] | None = None
    """Longest wait for a step of an isolated FMU; default 1 s. Then it has failed."""
    method: Literal["rk4", "euler", "semi_implicit", "exact", "discrete"] | None = None
    """How a model is integrated; default rk4."""
    substeps: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Steps of a model in one of the block's; default 1."""
    role: str | None = None
    """The role whose simulated side this block belongs to; none: the bench."""
    inputs: Annotated[dict[str, Wired | list[str | float] | dict[str, Wired]], Field(alias="in")] = {}
    """Input port -> signal, or a number: a constant that can be set later as <block>.<port>. Ports of one group, as u
    and y of an estimator, may be a list or a table by name."""
    outputs: Annotated[dict[str, str | list[str] | dict[str, str]], Field(alias="out")] = {}
    """Output port -> signal; without an entry it is <block>.<port>. Groups as with the inputs."""
    every: Annotated[int, Field(ge=1, le=2**31)] | None = None
    """Runs every so many ticks; default 1, in a role the role's."""
    phase: Annotated[int, Field(ge=0)] | None = None
    """First tick on which it runs."""


class RoleTable(Table):
    """[roles.name]: a boundary with a simulated side (blocks) and an outer one (a device)."""

    every: Annotated[int, Field(ge=1, le=2**31)] = 1
    """Runs every so many ticks."""
    phase: Annotated[int, Field(ge=0)] = 0
    """First tick on which it runs."""
    delay_ticks: Annotated[int, Field(ge=1, le=60000)] = 1
    """Its outputs are latched so many ticks after its inputs were published."""
    inputs: list[str] | None = None
    """Signals that it reads, bench -> role; default: what its device's map writes."""
    outputs: list[str] | None = None
    """Signals that it writes, role -> bench; default: what its device's map reads."""
    program: str | Annotated[list[str], Field(min_length=1)] | None = None
    """The PLC program that controls it: a file in Structured Text or PLCopen XML, or several; see docs/plc_bench.md."""
    controller: Literal["blocks", "program"] | None = None
    """Which of both is its controller; default: the blocks if there are any."""
    watch: list[str] = []
    """Variables of the program that become signals <role>_program.<variable>, as "level1.integral"."""
    outputs_in_stop: Literal["off", "hold"] = "off"
    """What the program's outputs are while the PLC is in STOP: raw 0, or what they were."""
    binding: Literal["mil", "sil", "pil", "hil"] | None = None
    """Level of `hil run` in real and lock-step time; virtual time is always mil."""


class DeviceTable(Table):
    """[devices.name]: the outer side of a role, behind a wire."""

    role: str | None = None
    """The role that it takes; default: the one with the device's name."""
    url: str
    """modbus-tcp://host:port, modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E, or for a microcontroller's link
    serial:///dev/ttyACM0?baud=921600, socket://host:port, rfc2217://host:port"""
    protocol: Literal["link", "tclab"] | None = None
    """What is spoken on a serial line: the microcontroller link (default), or the TCLab's text protocol."""
    firmware: PlainName | None = None
    """Name of the firmware's application: its controller is this role's blocks (SIL and PIL)."""
    board: Literal["stm32f405", "posix"] = "stm32f405"
    """Which board is emulated at PIL."""
    max_instructions: Annotated[int, Field(ge=1)] | None = None
    """Most instructions of a control step on the board; more fails the run (PIL)."""
    max_stack: Annotated[int, Field(ge=1)] | None = None
    """Most bytes of stack on the board; more fails the run (PIL)."""
    side: Literal["client", "server"] = "client"
    """What the bench is: client (it polls the device) or server (the device polls it)."""
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    """Modbus unit identifier."""
    map: str
    """I/O map (CSV), relative to the rig's folder."""
    period_s: Annotated[float, Field(gt=0)] | None = None
    """Time between two images; default: the role's period."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 0.05
    """An answer that comes later counts as lost."""
    max_gap: Annotated[int, Field(ge=0, le=124)] = 0
    """Unmapped registers that a read may bridge."""
    max_registers: Annotated[int, Field(ge=1, le=125)] = 123
    """Largest request."""
    max_bits: Annotated[int, Field(ge=1, le=2000)] = 1968
    """Largest request of coils or discrete inputs."""
    pipeline: Annotated[int, Field(ge=1, le=64)] = 1
    """Requests that may be on their way at once."""
    single_writes: bool = False
    """One register or coil alone is written with function 6 or 5 instead of 16 or 15."""
    bits_as_word: bool = False
    """Bits of a register are written as a whole word (unmapped bits 0) instead of with function 22."""
    combine: bool = False
    """Reads and writes holding registers in one request (function 23)."""


class InstrumentTable(Table):
    """[instruments.name]: an instrument on VISA; see docs/instruments.md."""

    role: PlainName | None = None
    """The role that it is a part of the outer side of; default: one with its own name, which need not be written."""
    resource: str
    """visa://TCPIP::192.168.1.5::5025::SOCKET, or visa://NAME for an alias of the computer."""
    model: str
    """A model that comes with HIL, or a dialect's file beside the rig (my_supply.toml)."""
    channel: Annotated[int, Field(ge=0, le=999)] = 1
    """Of an instrument with several."""
    outputs: dict[PlainName, str] = {}
    """Output of the model -> the signal that commands it; the signal has `limits`."""
    readings: dict[PlainName, str] = {}
    """Reading of the model -> the signal that it becomes."""
    limits: dict[PlainName, Pair] = {}
    """Output of the model -> [low, high] beyond which nothing is sent, beside the model's own limits."""
    period_s: Annotated[float, Field(ge=0.001, le=60)] = 0.1
    """Time between two rounds of commands and readings; its own, not a multiple of the tick."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Longest wait for an answer; then the instrument is lost and looked for again."""
    give_up_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Lost for so long, the run ends safe."""
    watchdog_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """The instrument switches off by itself after so much silence, where its model can."""


class RecordTable(Table):
    """[record] group = {...}: what is recorded, and how often."""

    every: Annotated[int, Field(ge=1, le=2**31)] = 1
    """Every so many ticks."""
    names: list[str] = ["*"]
    """Names or patterns (* ?) of signals."""
    states: list[str] = []
    """Names or patterns of block states, as <block>.<state>."""
    raw: bool = True
    """Also what a faultable signal was before its faults."""


class FaultTable(Table):
    """[[faults]]: a fault that is armed with every run."""

    signal: str
    """The signal whose path it acts on."""
    fault: str
    """A kind of docs/faults.md: bias gain stuck noise drift dropout delay ..."""
    value: float | str | list[float | str] | None = None
    """The fault's value or values, a number, a quantity such as "1 cm", or a word of the kind, such as "low"."""
    activation: str | None = None
    """Clauses as in the text of a fault: "ramp 2s", "duty 100ms/1s", "p 1%", "when sensor.h2>0.1"."""
    at_s: Seconds | None = None
    """Start in bench time."""
    until_s: Seconds | None = None
    """End in bench time; default: the end of the run."""
    at_tick: Annotated[int, Field(ge=0)] | None = None
    """Instead of at_s."""
    until_tick: Annotated[int, Field(ge=0)] | None = None
    """Instead of until_s."""


class EventTable(Table):
    """[[events]]: a parameter change or a mark at a tick."""

    at_s: Seconds | None = None
    """Bench time."""
    at_tick: Annotated[int, Field(ge=0)] | None = None
    """Instead of at_s."""
    set: str | None = None
    """<block>.<parameter>, or <block>.<port> of an input that is wired to a number."""
    value: bool | int | float | str | None = None
    """The new value: a number, or a quantity such as "13 cm"."""
    mark: str | None = None
    """A note in the recording."""


class ConversionTable(Table):
    """[[conversions]]: a change of unit on one wire: value = factor * signal + offset."""

    source: Annotated[str, Field(alias="from")]
    """The signal."""
    to: str
    """<block>.<port>"""
    factor: float
    """Multiplies the signal."""
    offset: float = 0.0
    """Added behind the factor."""


class FitTable(Table):
    """[fit]: how `hil fit` finds parameters of a model from measured data."""

    block: str | None = None
    """The block; default: the rig's only model."""
    parameters: Annotated[list[str], Field(min_length=1)] | None = None
    """Parameters to be found; default: all of the model's. The others keep the rig's values."""
    columns: dict[PlainName, str | int | float | Annotated[list[str], Field(min_length=1)]] = {}
    """Input or output of the model -> column of the data, columns whose mean it is, or a number (a constant input)."""
    signals: dict[PlainName, str] = {}
    """The same for a recording of this bench: input or output -> signal; inputs default to the signals on the block's
    wires, and so do outputs when none is named. Name what is measured, not what the plant hides."""
    start: dict[PlainName, float] = {}
    """States whose initial value is known; those of the others are found as well."""
    time: str | None = None
    """Column of time; default: the first of time_s, time, Time, t, timestamp."""
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    """Unit of that column."""


class RigFile(Table):
    """A whole rig.toml."""

    rig: RigTable
    loop: LoopTable = LoopTable()
    signals: dict[Name, SignalTable] = {}
    blocks: dict[Name, BlockTable] = {}
    roles: dict[PlainName, RoleTable] = {}
    devices: dict[PlainName, DeviceTable] = {}
    instruments: dict[PlainName, InstrumentTable] = {}
    record: dict[PlainName, RecordTable] = {}
    faults: list[FaultTable] = []
    events: list[EventTable] = []
    conversions: list[ConversionTable] = []
    fit: FitTable = FitTable()
    requirements: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=60)], str] = {}
    """What has to hold in each run, by name: formulas over recorded signals (docs/requirements.md)."""
    stimuli: dict[PlainName, dict[str, Any]] = {}
    """What drives signals from a bench time on, by name: segments of docs/stimulus.md."""
    twin: TwinTable | None = None
    """The digital twin (docs/twin.md)."""
