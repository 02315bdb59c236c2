"""How long an image takes on the wire, estimated before anything runs.

Assumed for each request: 0.1 ms from question to answer on the loopback, 1 ms on Ethernet (usual for a PLC: 0.5 to
2 ms), and its bytes at 100 Mbit/s. `pipeline` requests are under way at once. The bus thread measures the real times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hil.iomap import IoTag
from hil.rig.description import Device

LOOPBACK_S = 1e-4
ETHERNET_S = 1e-3
BYTE_S = 8 / 100e6
OVERHEAD = 2 * (54 + 12)  # Ethernet, IP, TCP and Modbus headers of question and answer, bytes


@dataclass(frozen=True)
class Plan:
    """Requests of one image: how many, their payload in bytes, the time they take in s, and a sentence about it."""

    reads: int
    writes: int
    payload: int
    time_s: float
    text: str


def bus_plan(device: Device) -> Plan:
    """Requests and time of one image of a device; for a server, what its client needs at least."""
    reads = _requests(device.reads, device, device.max_gap)
    writes = _requests(device.writes, device, 0)
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
