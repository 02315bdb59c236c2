"""What `hil check` reckons for serial lines: characters, silences and images against the period."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.bus_time import bus_plan
from hil.checks import check_rig
from hil.iomap import IoTag
from hil.mcu.description import describe
from hil.rig import Device, Rig, load_rig

RTU = "modbus-rtu:///dev/ttyUSB0?baud={}&parity={}&stop=1"
CHAR_S = 11 / 19200


def changed(rig: Rig, **fields: object) -> Rig:
    (name,) = rig.devices
    return replace(rig, devices={name: replace(rig.devices[name], **fields)})  # type: ignore[arg-type]


def found(rig: Rig) -> list[str]:
    return [str(finding) for finding in check_rig(rig) if "period_s" in finding.where]


def time_s(device: Device) -> float:
    plan = bus_plan(device)
    assert plan
    return plan.time_s


@pytest.fixture(scope="module")
def tank() -> Rig:
    return load_rig("tank_level")


@pytest.fixture(scope="module")
def motor() -> Rig:
    return load_rig("dc_motor")


def test_an_rtu_image_is_its_characters_and_four_silences(tank: Rig) -> None:
    """FC 16 of 4 registers: 17 and 8 characters; FC 4 of 4: 8 and 13. The latch's commands go by themselves."""
    device = tank.devices["board"]
    assert time_s(device) == pytest.approx((17 + 8 + 8 + 13) * CHAR_S + 4 * 3.5 * CHAR_S + 2e-3)
    assert found(tank) == []


def test_above_19200_baud_the_silence_stays(tank: Rig) -> None:
    device = replace(tank.devices["board"], line=RTU.format(115200, "N"))
    assert time_s(device) == pytest.approx(46 * 10 / 115200 + 4 * 1.75e-3 + 2e-3)


@pytest.mark.parametrize(("period_s", "severity"), [(0.05, None), (0.04, "warning"), (0.03, "error")])
def test_an_rtu_image_that_does_not_fit_its_period_is_found(tank: Rig, period_s: float, severity: str | None) -> None:
    messages = found(changed(tank, period_s=period_s))
    if severity is None:
        assert messages == []
        return
    (message,) = messages
    assert message.startswith(
        f"{severity}: rig.toml: devices.board.period_s = {period_s:g}: an image needs about 36.38"
    )
    assert "46 characters at 19200 8E1, 2.01 ms of silence before each frame" in message
    assert message.endswith(
        "Raise period_s, choose a higher baud rate, or place the tags in fewer blocks of registers (max_gap)"
    )


def test_scattered_registers_cost_a_silence_each(tank: Rig) -> None:
    device = tank.devices["board"]
    far = IoTag("@far", "read", "input_register", 100, "uint16", line=9)
    scattered = replace(device, tags=(*device.tags, far))
    assert time_s(scattered) - time_s(device) == pytest.approx((8 + 7) * CHAR_S + 7 * CHAR_S + 1e-3)
    assert time_s(replace(scattered, max_gap=100)) > time_s(scattered), "a hundred characters to save two silences"


def test_a_link_image_is_the_longer_of_both_ways(motor: Rig) -> None:
    """What crosses the link is what the board describes, and the wire's frame and head around it."""
    role, device = motor.roles["controller"], motor.devices["board"]
    told = describe(motor, role, "motor_speed", "0", ())
    size = {"bool": 1, "int32": 4, "uint32": 4, "float64": 8}
    out = sum(size[signal.type] for signal in told.outputs)
    assert time_s(device) == pytest.approx((out + 23 + 10) * 10 / 921600)
    assert found(motor) == []


@pytest.mark.parametrize(("baud", "severity"), [(921600, None), (700000, "warning"), (115200, "error")])
def test_a_link_too_slow_for_its_image_is_found(motor: Rig, baud: int, severity: str | None) -> None:
    messages = found(changed(motor, line=f"serial:///dev/ttyACM0?baud={baud}"))
    assert [message.partition(":")[0] for message in messages] == ([severity] if severity else [])
    assert all(f"30 bytes to the board and 58 from it at {baud} baud" in message for message in messages)


def test_of_a_line_that_somebody_else_sets_up_nothing_is_reckoned(motor: Rig) -> None:
    assert bus_plan(replace(motor.devices["board"], line="socket://192.0.2.7:4000")) is None
    assert bus_plan(load_rig("tclab").devices["board"]) is None
