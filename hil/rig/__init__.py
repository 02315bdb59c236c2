"""Rig files: TOML and I/O maps into one typed, checked description of a bench."""

from hil.rig.addresses import with_urls
from hil.rig.description import (
    Block,
    Device,
    Fit,
    Loop,
    ModelRef,
    RecordGroup,
    Rig,
    Role,
    RoleTag,
    ScheduledEvent,
    Signal,
    Wire,
)
from hil.rig.load import load_rig, programs_of, read_rig
from hil.rig.shipped import find_rig, shipped_rigs

__all__ = [
    "Block",
    "Device",
    "Fit",
    "Loop",
    "ModelRef",
    "RecordGroup",
    "Rig",
    "Role",
    "RoleTag",
    "ScheduledEvent",
    "Signal",
    "Wire",
    "find_rig",
    "load_rig",
    "programs_of",
    "read_rig",
    "shipped_rigs",
    "with_urls",
]
