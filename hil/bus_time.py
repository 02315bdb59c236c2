"""How long an image takes on the wire, estimated before anything runs.

Modbus TCP, for each request: 0.1 ms from question to answer on the loopback, 1 ms on Ethernet (usual for a PLC: 0.5 to
2 ms), and its bytes at 100 Mbit/s. `pipeline` requests are under way at once.
Modbus RTU, for each request: the characters of both frames, 3.5 characters of silence before each of them (above 19200
baud 1.75 ms, as the specification wants it), and 1 ms for the device and the adapter.
Link of a microcontroller: 10 bits a byte; both directions at once, so the longer image counts.
The bus thread measures the real times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hil.drivers.device_url import baud_of
from hil.drivers.serial_url import parse_line_url
from hil.iomap import IoTag
from hil.rig.description import Device

LOOPBACK_S = 1e-4
ETHERNET_S = 1e-3
BYTE_S = 8 / 100e6
OVERHEAD = 2 * (54 + 12)  # Ethernet, IP, TCP and Modbus headers of question and answer, bytes
# Bytes of both RTU frames beside the payload: unit and CRC of each; function, address, quantity and byte count.
RTU_READ = 8 + 5
RTU_WRITE = 9 + 8
RTU_DEVICE_S = 1e-3
FASTEST_COUNTED = 19200  # baud; above, the silence between frames is fixed
FIXED_SILENCE_S = 1.75e-3
# Bytes of a link frame beside its image (kind, ack, number, two checks, COBS, zero), and of an image beside the values.
LINK_FRAME = 4 + 4 + 2
LINK_HEAD = {"write": 12, "read": 23}


@dataclass(frozen=True)
class Plan:
    """Requests of one image: how many, their payload in bytes, the time they take in s, and words about it.

    `mend` says what would make it shorter.
    """

    reads: int
    writes: int
    payload: int
    time_s: float
    text: str
    mend: str = "or place the tags in fewer blocks of registers (max_gap, pipeline)"


def bus_plan(device: Device) -> Plan | None:
    """Requests and time of one image of a device; for a server, what its client needs at least.

    None: nothing is known of its line, which is somebody else's, or what is spoken there has no images.
    """
    if device.protocol == "link":
        return _link(device)
    if device.protocol != "modbus":
        return None
    return _rtu(device) if device.line else _tcp(device)


def _tcp(device: Device) -> Plan:
    reads = _requests(device.reads, device, device.max_gap)
    writes = _requests([tag for tag in device.writes if not tag.on_demand], device, 0)
    payload = sum(size for _, size in reads + writes)
    count = len(reads) + len(writes)
    local = device.host in ("localhost", "::1") or device.host.startswith("127.")
    trip = LOOPBACK_S if local else ETHERNET_S
    rounds = -(-count // device.pipeline)
    time_s = rounds * trip + (payload + count * OVERHEAD) * BYTE_S
    text = (
        f"{len(reads)} reads and {len(writes)} writes, {device.pipeline} at a time, "
        f"{trip * 1e3:g} ms each assumed{' on the loopback' if local else ''}"
    )
    return Plan(len(reads), len(writes), payload, time_s, text)


def _rtu(device: Device) -> Plan:
    line = parse_line_url(device.line)
    character_s = line.char_bits / line.baud
    silence_s = 3.5 * character_s if line.baud <= FASTEST_COUNTED else FIXED_SILENCE_S
    reads = _requests(device.reads, device, device.max_gap)
    writes = _requests([tag for tag in device.writes if not tag.on_demand], device, 0)
    payload = sum(size for _, size in reads + writes)
    characters = payload + len(reads) * RTU_READ + len(writes) * RTU_WRITE
    count = len(reads) + len(writes)
    time_s = characters * character_s + count * (2 * silence_s + RTU_DEVICE_S)
    text = (
        f"{len(reads)} reads and {len(writes)} writes, {characters} characters at {line.text}, "
        f"{silence_s * 1e3:.2f} ms of silence before each frame, {RTU_DEVICE_S * 1e3:g} ms each assumed for the device"
    )
    mend = "choose a higher baud rate, or place the tags in fewer blocks of registers (max_gap)"
    return Plan(len(reads), len(writes), payload, time_s, text, mend)


def _link(device: Device) -> Plan | None:
    baud = baud_of(device.line)
    if not baud:
        return None
    values = {way: sum(_link_bytes(tag) for tag in tags) for way, tags in _ways(device).items()}
    frames = {way: LINK_FRAME + LINK_HEAD[way] + size for way, size in values.items()}
    text = f"{frames['write']} bytes to the board and {frames['read']} from it at {baud} baud"
    time_s = max(frames.values()) * 10 / baud
    return Plan(1, 1, sum(values.values()), time_s, text, "choose a higher baud rate, or smaller types")


def _ways(device: Device) -> dict[str, tuple[IoTag, ...]]:
    return {"write": device.writes, "read": tuple(tag for tag in device.reads if not tag.of_clock)}


def _link_bytes(tag: IoTag) -> int:
    return 1 if tag.type == "bool" else 2 * tag.words


def _requests(tags: Iterable[IoTag], device: Device, gap: int) -> list[tuple[str, int]]:
    """(table, payload in bytes) of each request: neighbours are merged as far as gap and size allow."""
    found: list[tuple[str, int]] = []
    for table, spans in _by_table(tags).items():
        bits = table in ("coil", "discrete_input")
        most = device.max_bits if bits else device.max_registers
        start, end = spans[0]
        for first, last in spans[1:]:
            if first - end > gap or max(last, end) - start > most:
                found.append((table, _payload(end - start, bits=bits)))
                start, end = first, last
            end = max(end, last)
        found.append((table, _payload(end - start, bits=bits)))
    return found


def _by_table(tags: Iterable[IoTag]) -> dict[str, list[tuple[int, int]]]:
    """Spans [first, last) of addresses in order, by table."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for tag in sorted(tags, key=lambda tag: tag.address):
        spans.setdefault(tag.table, []).append((tag.address, tag.address + tag.words))
    return spans


def _payload(count: int, *, bits: bool) -> int:
    return -(-count // 8) if bits else 2 * count
