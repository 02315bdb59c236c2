"""Which level each role of a run has, and whether that can be."""

from __future__ import annotations

from collections.abc import Mapping

from hil.errors import BenchError
from hil.nearest import did_you_mean
from hil.rig import Rig
from hil.rig.addresses import device_of

TIMES = ("virtual", "lockstep", "real")
LEVELS = ("mil", "sil", "pil", "hil")
HERE = ("mil", "sil")  # levels whose controller runs in this process


def settle(rig: Rig, time: str, bind: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Kind of time and level of every role.

    Emulated firmware waits for its inputs by itself: with it, virtual time is lock-step.

    Raises:
        BenchError: unknown kind of time, role or level, or a level that the time or the rig does not allow.
    """
    if time not in TIMES:
        raise BenchError(f"time '{time}' is not known", mend=did_you_mean(time, TIMES))
    for role in bind:
        if role not in rig.roles:
            raise BenchError(f"there is no role '{role}' to bind", where=rig.name, mend=did_you_mean(role, rig.roles))
    levels = {name: bind.get(name, "mil" if time == "virtual" else role.binding) for name, role in rig.roles.items()}
    if time == "virtual" and any(level == "pil" and has_firmware(rig, name) for name, level in levels.items()):
        time = "lockstep"
    for name, level in levels.items():
        _check_level(rig, time, name, level)
    return time, levels


def check_urls_used(rig: Rig, levels: Mapping[str, str], urls: Mapping[str, str]) -> None:
    """Addresses given for this run are those of real devices: an emulated one has its own.

    Raises:
        BenchError: one would have no effect.
    """
    for name, url in urls.items():
        device = device_of(rig.devices, name)
        role = device.role if device else name
        if levels[role] != "hil":
            why = f"at {levels[role]} the address {url} would not be used"
            raise BenchError(why, where=f"{rig.name}:devices.{name}", mend=f"Add --bind {role}=hil")


def check_chosen(rig: Rig, controllers: Mapping[str, str]) -> None:
    """A loaded rig has one controller for each role.

    Raises:
        BenchError: another one is asked for.
    """
    for name, source in controllers.items():
        if name not in rig.roles or rig.roles[name].controller != source:
            mend = f'Load it with load_rig(..., controllers={{"{name}": "{source}"}})'
            raise BenchError(f"this rig was loaded without {name} = {source}", where=rig.name, mend=mend)


def has_firmware(rig: Rig, role: str) -> bool:
    """The role's blocks are the controller of a microcontroller's firmware."""
    device = rig.devices.get(rig.roles[role].device or "")
    return device is not None and device.firmware is not None


def _on_link(rig: Rig, role: str) -> bool:
    device = rig.devices.get(rig.roles[role].device or "")
    return device is not None and device.protocol == "link"


def _has_instruments(rig: Rig, role: str) -> bool:
    device = rig.devices.get(rig.roles[role].device or "")
    return device is not None and device.protocol == "visa"


def _check_level(rig: Rig, time: str, role: str, level: str) -> None:
    where = f"{role}={level}"
    if level not in LEVELS:
        raise BenchError(f"level '{level}' is not known", where=where, mend=f"Levels are {', '.join(LEVELS)}")
    if level == "sil" and not has_firmware(rig, role):
        raise BenchError(
            "sil needs firmware for this role, and there is none", where=where, mend="Bind it to mil or pil"
        )
    if level in HERE and not rig.roles[role].simulated:
        raise BenchError(f'no block has role = "{role}", so it cannot be simulated', where=where, mend="Bind it to hil")
    if level == "pil" and not rig.roles[role].simulated:
        raise BenchError(f'no block has role = "{role}", so it cannot be emulated', where=where, mend="Bind it to hil")
    if level != "mil" and rig.roles[role].device is None:
        raise BenchError(
            "the role has no device in the rig", where=where, mend="Bind it to mil, or add a [devices] table"
        )
    if level not in HERE and time == "virtual":
        mend = f"Use --time lockstep or real, or bind {role} to mil"
        raise BenchError("in virtual time there is no wire", where=where, mend=mend)
    if level == "pil" and time == "lockstep" and _has_instruments(rig, role):
        mend = f"Use --time real, or bind {role} to mil"
        raise BenchError("emulated instruments take no tick tokens", where=where, mend=mend)
    if level == "hil" and time == "lockstep" and not _on_link(rig, role):
        mend = "Use --time real, or bind it to pil"
        raise BenchError("a real device takes no tick tokens, so it cannot run in lock-step", where=where, mend=mend)
