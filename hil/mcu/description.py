"""What a device tells of itself when it is connected, and how that is compared with the rig.

The text is made here, compiled into the firmware, and read back over the link: one line a fact, fields apart by tabs.

    link        1
    firmware    0.1.0                       version of HIL
    app         motor_speed
    build       3f9a2c71                    digest of the sources and tables
    program     90b1c2d3e4f50617            hash of the controller
    period_ns   1000000
    in          encoder.count   int32   1.0   0.0   -   -   -   0.0   -   -
    out         controller.voltage   float64   1.0   0.0   V   -12.0   12.0   0.0   0.0   0.02
    param       pi.kp
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from hil.built import Controller
from hil.errors import BusError
from hil.iomap import TYPES
from hil.rig import Device, Rig, Role, RoleTag

LINK_VERSION = 1
NONE = "-"


def _version() -> str:
    from hil import __version__

    return __version__


@dataclass(frozen=True)
class DeviceSignal:
    """A value of the process image as the device knows it; `low` and `high` are the limits that its registers keep."""

    name: str
    type: str
    scale: float
    offset: float
    unit: str | None
    low: float | None
    high: float | None
    start: float
    safe: float | None
    max_age_s: float | None

    def line(self) -> str:
        """Its fields, set apart by tabs."""
        return "\t".join(NONE if v is None else v if isinstance(v, str) else repr(v) for v in vars(self).values())

    @staticmethod
    def parse(cells: list[str]) -> DeviceSignal:
        """From the fields of a line."""
        name, kind, scale, offset, unit, *rest = cells
        low, high, start, safe, age = (None if cell == NONE else float(cell) for cell in rest)
        return DeviceSignal(
            name, kind, float(scale), float(offset), None if unit == NONE else unit, low, high, start or 0.0, safe, age
        )


@dataclass(frozen=True)
class Description:
    """A device's own description.

    Attributes:
        version: of HIL that it was built from.
        build: digest of sources and tables.
        program: hash of its controller, 16 hex digits.
        inputs: what the bench sends, in the order of the image.
        outputs: what the device sends, in the order of the image.
        params: names of what can be set, in the order of their numbers.
    """

    app: str
    program: str
    period_ns: int
    inputs: tuple[DeviceSignal, ...]
    outputs: tuple[DeviceSignal, ...]
    params: tuple[str, ...]
    link: int = LINK_VERSION
    version: str = field(default_factory=_version)
    build: str = field(default="", compare=False)

    def text(self) -> str:
        """As it is told."""
        head = [("link", str(self.link)), ("firmware", self.version), ("app", self.app), ("build", self.build)]
        head += [("program", self.program), ("period_ns", str(self.period_ns))]
        body = [("in", s.line()) for s in self.inputs] + [("out", s.line()) for s in self.outputs]
        body += [("param", name) for name in self.params]
        return "".join(f"{key}\t{value}\n" for key, value in [*head, *body])

    @staticmethod
    def parse(text: str, where: str) -> Description:
        """What a device told.

        Raises:
            BusError: it is no description, or of another version of the link.
        """
        rows = [line.split("\t") for line in text.splitlines()]
        facts = {row[0]: row[1] for row in rows if len(row) == 2 and row[0] != "param"}
        try:
            return Description(
                facts["app"],
                facts["program"],
                int(facts["period_ns"]),
                tuple(DeviceSignal.parse(row[1:]) for row in rows if row[0] == "in"),
                tuple(DeviceSignal.parse(row[1:]) for row in rows if row[0] == "out"),
                tuple(row[1] for row in rows if row[0] == "param"),
                int(facts["link"]),
                facts["firmware"],
                facts["build"],
            )
        except (KeyError, ValueError, TypeError) as error:
            mend = "Flash a firmware of this version of HIL"
            raise BusError("the board's description of itself cannot be read", where=where, mend=mend) from error


def describe(rig: Rig, role: Role, app: str, program: str, params: tuple[str, ...]) -> Description:
    """What the firmware of a role has to tell."""
    clock = {tag.tag for device in rig.devices.values() for tag in device.tags if tag.of_clock}
    return Description(
        app,
        program,
        rig.period_ns * role.every,
        tuple(_signal(rig, tag, command=False) for tag in role.inputs),
        tuple(_signal(rig, tag, command=True) for tag in role.outputs if tag.signal not in clock),
        params,
    )


def describe_device(rig: Rig, device: Device, controller: Controller) -> Description:
    """What the firmware of a device has to tell that runs this controller; its build is still empty."""
    params = tuple(name for name, _, _ in controller.params)
    program = f"{controller.built.program.hash:016x}"
    return describe(rig, rig.roles[device.role], device.firmware or "", program, params)


def _signal(rig: Rig, tag: RoleTag, *, command: bool) -> DeviceSignal:
    signal = rig.signals[tag.signal]
    return DeviceSignal(
        tag.signal,
        TYPES[tag.kind],
        tag.scale,
        tag.offset,
        signal.unit,
        tag.low,
        tag.high,
        signal.start,
        signal.safe if command else None,
        signal.max_age_s if command else None,
    )


def check_device(told: Description, wanted: Description, where: str) -> None:
    """Whether a board is the one that the rig describes.

    Raises:
        BusError: it is not; names the first field that differs, with what the board and the rig say.
    """
    _check_facts(told, wanted, where)
    for side, direction in (("inputs", "input"), ("outputs", "output")):
        _check_signals(getattr(told, side), getattr(wanted, side), direction, where)
    if told.params != wanted.params or told.program != wanted.program:
        raise BusError(
            f"the board runs another controller: its program is {told.program}, the rig's {wanted.program}",
            where=where,
            mend="Build the firmware from this rig (make firmware) and flash it",
        )


def _check_facts(told: Description, wanted: Description, where: str) -> None:
    facts = (("link", "version of the link"), ("app", "application"), ("period_ns", "period in ns"))
    for name, words in facts:
        ours, theirs = getattr(wanted, name), getattr(told, name)
        if ours != theirs:
            raise BusError(f"{words}: the board has {theirs}, the rig {ours}", where=where, mend="Flash the firmware "
                           "of this rig, or correct devices.*.firmware and rig.period_s")  # fmt: skip


def _check_signals(
    told: tuple[DeviceSignal, ...], wanted: tuple[DeviceSignal, ...], direction: str, where: str
) -> None:
    names, ours = [s.name for s in told], [s.name for s in wanted]
    if names != ours:
        raise BusError(
            f"{direction}s: the board has {', '.join(names) or 'none'}, the rig {', '.join(ours) or 'none'}",
            where=where,
            mend="Make the I/O map and the firmware from one rig",
        )
    for theirs, mine in zip(told, wanted, strict=True):
        for item in fields(DeviceSignal):
            a, b = getattr(theirs, item.name), getattr(mine, item.name)
            if a != b:
                raise BusError(
                    f"{direction} {mine.name}: {item.name} is {_shown(a)} on the board and {_shown(b)} in the rig",
                    where=where,
                    mend="Correct the rig, or build its firmware anew and flash it",
                )


def _shown(value: object) -> str:
    return "not given" if value is None else f"{value}"


def with_build(description: Description, build: str) -> Description:
    """The same with the digest of what it was built from."""
    return replace(description, build=build)
