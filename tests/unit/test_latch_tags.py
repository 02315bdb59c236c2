"""The registers of a device's latch in an I/O map: what cannot be meant is told, what can is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigError
from hil.rig import load_rig

CONTROLLED = Path(__file__).parent / "rigs" / "controlled"
STATE, COMMAND = "@latch,read,input_register,2,uint16,,\n", "@latch.command,write,holding_register,9,uint16,,\n"


def load(folder: Path, rows: str, toml: str | None = None) -> list[str]:
    """The mistakes in the controlled rig whose map has these rows as well."""
    (folder / "rig.toml").write_text(toml or (CONTROLLED / "rig.toml").read_text())
    (folder / "plc.csv").write_text((CONTROLLED / "plc.csv").read_text() + rows)
    try:
        load_rig(folder)
    except RigError as error:
        return str(error).replace(f"{folder}/", "").splitlines()
    return []


def test_a_map_may_have_both_or_the_state_alone(tmp_path: Path) -> None:
    assert load(tmp_path, STATE + COMMAND) == load(tmp_path, STATE) == []
    device = load_rig(tmp_path).devices["plc"]
    assert [(tag.tag, tag.wire_only, tag.on_demand) for tag in device.tags if tag.of_latch] == [("@latch", True, False)]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (COMMAND, "plc.csv:5: @latch.command: nothing tells whether it has opened the latch. Add a tag @latch with"),
        (STATE.replace("input", "holding").replace("read", "write"), "plc.csv:5: @latch.direction = write: this tag"),
        (STATE.replace("uint16", "int16"), "plc.csv:5: @latch: the latch is a whole register of type uint16 without"),
        (STATE.replace("uint16,", "uint16,0.5"), "plc.csv:5: @latch: the latch is a whole register of type uint16"),
        (STATE.replace("input_register,2,uint16", "discrete_input,2,bool"), "plc.csv:5: @latch: the latch is a whole"),
    ],
)
def test_a_row_that_cannot_be_meant_is_told(tmp_path: Path, rows: str, line: str) -> None:
    (found,) = load(tmp_path, rows)
    assert found.startswith(line)


def test_a_device_that_polls_us_has_no_register_of_its_own(tmp_path: Path) -> None:
    toml = (CONTROLLED / "rig.toml").read_text().replace("[devices.plc]", '[devices.plc]\nside = "server"')
    (tmp_path / "rig.toml").write_text(toml)
    rows = STATE.replace("input_register", "holding_register")
    assert any(
        "plc.csv:5: @latch: a device tells of its latch as a server of registers" in t
        for t in load(tmp_path, rows, toml)
    )


def test_a_board_on_a_link_needs_no_register(tmp_path: Path) -> None:
    toml = (CONTROLLED / "rig.toml").read_text().replace("modbus-tcp://127.0.0.1:5020", "serial:///dev/ttyACM0")
    (tmp_path / "rig.toml").write_text(toml)
    rows = ["tag,direction,type", "level,write,float32", "pump,read,float32", "@latch,read,uint16"]
    (tmp_path / "plc.csv").write_text("\n".join(rows))
    with pytest.raises(RigError, match=r"plc\.csv:4: @latch: belongs to a Modbus map; a board tells of its latch over"):
        load_rig(tmp_path)
