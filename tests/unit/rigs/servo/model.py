"""The motor of the rig dc_motor."""

from __future__ import annotations

from hil.rigs.dc_motor.model import DcMotor

__all__ = ["DcMotor"]
