"""[devices]: addresses, our side of the wire, and the I/O maps."""

from __future__ import annotations

from hil.errors import BusError
from hil.iomap import IoTag
from hil.iomap_reader import read_map
from hil.nearest import did_you_mean
from hil.rig.addresses import LINES, Address, parse_address
from hil.rig.description import Device
from hil.rig.latch_tags import check_latch_tags
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import DeviceTable

# Tables that nobody but the server writes.
READ_ONLY = ("discrete_input", "input_register")
INSTRUMENTS = "instruments:"  # address of the tables that stand for a role's [instruments]


def read_maps(reading: Reading) -> dict[str, tuple[IoTag, ...]]:
    """Tags of every device by its name."""
    maps: dict[str, tuple[IoTag, ...]] = {}
    for name, table in reading.table.devices.items():
        if table.url.startswith(INSTRUMENTS):
            continue  # hil/rig/instruments.py has their tags
        text = reading.read(table.map, ("devices", name, "map"))
        if text is None:
            continue

        def note(line: int | None, key: str, why: str, mend: str | None, file: str = table.map) -> None:
            reading.mistakes.add_in(file, line, key, why, mend)

        # Of an address that is none only that is told, not that the map would not fit another kind of device.
        registers = _protocol(table) == "modbus" or table.url.partition("://")[0] not in LINES
        maps[name] = tuple(read_map(text, note, link=not registers))
        for tag in maps[name] if registers else ():
            _check_direction(reading, table, tag)
        check_latch_tags(reading, table, maps[name], registers=registers)
    return maps


def read_devices(reading: Reading, maps: dict[str, tuple[IoTag, ...]]) -> dict[str, Device]:
    """All devices by name; those without a usable address or role are left out, with a note."""
    devices: dict[str, Device] = {}
    for name, table in reading.table.devices.items():
        if table.url.startswith(INSTRUMENTS):
            continue
        device = _device(reading, name, table, maps.get(name, ()))
        if device is not None:
            devices[name] = device
    _check_alone(reading, devices)
    return devices


def device_role(name: str, table: DeviceTable) -> str:
    """The role that a device takes: the given one, or the one of its own name."""
    return table.role or name


def _device(reading: Reading, name: str, table: DeviceTable, tags: tuple[IoTag, ...]) -> Device | None:
    path: KeyPath = ("devices", name)
    role = device_role(name, table)
    address = _address(reading, (*path, "url"), table.url)
    if role not in reading.table.roles:
        mend = did_you_mean(role, reading.table.roles)
        reading.mistakes.add((*path, "role"), f"there is no role {role}", mend=mend)
        return None
    if address is None:
        return None
    scheme, host, port = address
    _check_protocol(reading, path, table)
    return Device(
        name=name,
        role=role,
        scheme=scheme,
        host=host,
        port=port,
        tags=tags,
        period_s=_period(reading, path, table, reading.table.roles[role].every),
        line="" if host else table.url,
        protocol=_protocol(table),
        **table.model_dump(exclude={"role", "url", "period_s", "protocol"}),
    )


def _protocol(table: DeviceTable) -> str:
    return "modbus" if table.url.startswith("modbus-") else table.protocol or "link"


def _check_protocol(reading: Reading, path: KeyPath, table: DeviceTable) -> None:
    """Keys that do not fit what is spoken on the wire."""
    if table.protocol is not None and table.url.startswith("modbus-"):
        reading.mistakes.add(
            (*path, "protocol"), "belongs to serial lines; this address is Modbus", value=table.protocol
        )
    if _protocol(table) != "modbus" and table.side == "server":
        reading.mistakes.add((*path, "side"), "the bench is always the client of a serial link", value=table.side)
    if table.firmware is not None:
        _check_firmware(reading, path, table)


def _check_firmware(reading: Reading, path: KeyPath, table: DeviceTable) -> None:
    """What a board can be on a Modbus line."""
    if table.url.startswith("modbus-tcp:"):
        why = "firmware speaks Modbus RTU on a serial line, or the board's link"
        reading.mistakes.add((*path, "url"), why, value=table.url, mend="Write modbus-rtu:///dev/ttyUSB0")
    elif table.url.startswith("modbus-rtu:") and table.side == "server":
        why = "firmware is a Modbus slave, so the bench is the client"
        reading.mistakes.add((*path, "side"), why, value=table.side, mend='Write side = "client"')


def _address(reading: Reading, path: KeyPath, url: str) -> Address | None:
    try:
        return parse_address(url)
    except BusError as error:
        reading.mistakes.add(path, error.message, value=url, mend=error.mend)
        # What is wrong in a line's settings leaves the rest of the rig to be checked.
        scheme = url.partition("://")[0]
        return Address(scheme, "", 0) if "://" in url and scheme in LINES else None


def _period(reading: Reading, path: KeyPath, table: DeviceTable, every: int) -> float:
    """Time between two images in s: a whole number of ticks, as buses are phase-locked to the tick."""
    base = reading.table.rig.period_s
    if table.period_s is None:
        return base * every
    ticks = table.period_s / base
    if ticks < 1 - 1e-9 or abs(ticks - round(ticks)) > 1e-6 * ticks:
        why = f"must be a multiple of the base period, {base:g} s"
        reading.mistakes.add((*path, "period_s"), why, value=table.period_s)
    return table.period_s


def _check_direction(reading: Reading, table: DeviceTable, tag: IoTag) -> None:
    """Discrete inputs and input registers are read-only for the client on the wire."""
    to_client = "read" if table.side == "client" else "write"
    if tag.table in READ_ONLY and tag.direction != to_client:
        who = "the bench" if table.side == "client" else "the device"
        why = f"{who} is the client here and cannot write {tag.table.replace('_', ' ')}s"
        kind = "coil" if tag.is_bits else "holding_register"
        reading.mistakes.add_in(table.map, tag.line, f"{tag.tag}.table = {tag.table}", why, f"Use a {kind}")


def _check_alone(reading: Reading, devices: dict[str, Device]) -> None:
    """One device for a role, one server for a port."""
    roles: dict[str, str] = {}
    ports: dict[tuple[str, int], str] = {}
    for device in devices.values():
        if device.role in roles:
            why = f"role {device.role} already has device {roles[device.role]}"
            reading.mistakes.add(("devices", device.name, "role"), why, mend="Give each device a role of its own")
        roles.setdefault(device.role, device.name)
        if device.side != "server" or device.line:
            continue
        if (device.host, device.port) in ports:
            why = f"device {ports[device.host, device.port]} already serves this port"
            reading.mistakes.add(("devices", device.name, "url"), why, value=device.url)
        ports.setdefault((device.host, device.port), device.name)
