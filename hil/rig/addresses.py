"""A device's address, as it stands in a rig file or on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from hil.drivers.device_url import check_line_url
from hil.drivers.visa_resource import parse_resource
from hil.errors import BusError
from hil.nearest import did_you_mean
from hil.rig.description import Device, Rig

SCHEMES = {"modbus-tcp": 502}
LINES = ("serial", "socket", "rfc2217", "modbus-rtu")
MODBUS = "modbus-"


class Address(NamedTuple):
    """Scheme, and for Modbus TCP host and port; those of a line stand in its URL."""

    scheme: str
    host: str
    port: int


def parse_address(url: str) -> Address:
    """The parts of a device's address.

    Raises:
        BusError: it is none.
    """
    scheme = url.partition("://")[0]
    if "://" in url and scheme in LINES:
        check_line_url(url)
        return Address(scheme, "", 0)
    if "://" not in url or scheme not in SCHEMES:
        mend = "Write modbus-tcp://127.0.0.1:502 or serial:///dev/ttyACM0?baud=921600"
        raise BusError("is not a device's address", where=url, mend=mend)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BusError(f"is not a device's address: {error}", where=url) from None
    if not host or parts.path.strip("/") or parts.query or parts.username or port == 0:
        raise BusError("is not a device's address", where=url, mend=f"Write {scheme}://host:port")
    return Address(scheme, host, port or SCHEMES[scheme])


def with_urls(rig: Rig, urls: Mapping[str, str]) -> Rig:
    """The rig with devices at other addresses, by name.

    Raises:
        BusError: an unknown device, no address, or one of another protocol than the device's.
    """
    moved = dict(rig.devices)
    for name, url in urls.items():
        device = device_of(moved, name)
        if device is None:
            raise BusError(f"there is no device '{name}'", where=rig.name, mend=did_you_mean(name, moved))
        moved[device.name] = _with_resource(device, name, url) if device.instruments else _at(device, url)
    return replace(rig, devices=moved)


def device_of(devices: Mapping[str, Device], name: str) -> Device | None:
    """A device by its name, or by that of an instrument that is a part of it."""
    for device in devices.values():
        if name in [instrument.name for instrument in device.instruments]:
            return device
    return devices.get(name)


def _with_resource(device: Device, instrument: str, url: str) -> Device:
    parse_resource(url)
    names = [part.name for part in device.instruments]
    if instrument not in names:
        why = f"{device.name} is several instruments"
        raise BusError(why, where=url, mend=f"Name one of them: {', '.join(names)}")
    parts = tuple(replace(p, resource=url) if p.name == instrument else p for p in device.instruments)
    return replace(device, instruments=parts, line=", ".join(part.resource for part in parts))


def _at(device: Device, url: str) -> Device:
    scheme, host, port = parse_address(url)
    if scheme.startswith(MODBUS) != (device.protocol == "modbus"):
        why = f"{device.name} speaks {device.protocol}, and this address does not"
        raise BusError(why, where=url, mend=f"Write it like {device.url}")
    return replace(device, scheme=scheme, host=host, port=port, line="" if host else url)
