"""The PLC's list of tags against the rig: what differs is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.commission.spec import load_spec
from hil.rig import load_rig

Copy = Callable[..., Path]
TAGS, TOML = "commission/tags.csv", "commission/commission.toml"
VALVE = "VALVE,valve.u,UINT,3x00001,0.001,,V"


def differences(folder: Path) -> list[str]:
    found = load_spec(load_rig(folder)).differences
    assert found is not None
    return [str(difference) for difference in found]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"{VALVE}\n", "", "valve.u: missing in the list: the rig has input_register 0"),
        (VALVE, f"{VALVE}\nSPARE,spare.x,INT,3x00099,,,", "SPARE: not mapped: the rig has no such tag"),
        (VALVE, f"{VALVE}\nVALVE,valve.u,UINT,,0.001,,V",
         "VALVE: name doubled: the rig has one, the list it in line 7 as well"),
        ("LEVEL1,plc.level1,INT,3x00003", "LEVEL1,plc.level1,INT,3x00001", "LEVEL1: address doubled"),
        (VALVE, VALVE.replace("UINT", "REAL"), "valve.u: type: the rig has uint16, the list REAL"),
        (VALVE, VALVE.replace("3x00001", "3x00011"),
         "valve.u: address: the rig has input_register 0 (3x00001), the list 3x00011"),
        (VALVE, VALVE.replace("3x00001", "%IW5"), "valve.u: address: the rig has %IW0, the list %IW5"),
        (VALVE, VALVE.replace("0.001", "0.01"), "valve.u: scale: the rig has 0.001, the list 0.01"),
        ("0.0001,-1,m\nLT2", "0.0001,0,m\nLT2", "sensor.level1: offset: the rig has -1, the list 0"),
        (VALVE, VALVE.replace(",V", ",mV"), "valve.u: unit: the rig has V, the list mV"),
    ],
)  # fmt: skip
def test_a_difference_is_named(old: str, new: str, words: str, vessel: Copy) -> None:
    assert any(line.startswith(words) for line in differences(vessel((old, new), file=TAGS)))


def test_the_lists_agree(vessel: Copy) -> None:
    assert differences(vessel()) == []


def test_tags_that_the_rig_need_not_have_are_left_alone(vessel: Copy) -> None:
    vessel((VALVE, f"{VALVE}\nHMI_PAGE,hmi.page,INT,,,,"), file=TAGS)
    assert (
        differences(vessel(('tag_list = "tags.csv"', 'tag_list = "tags.csv"\nunlisted = ["HMI_*"]'), file=TOML)) == []
    )


OPENPLC = """#,Name,Class,Type,Location,Initial Value,Option,Documentation
1,valve_u,Global,UINT,%IW0,,,
2,spare,Global,BOOL,%QX0.0,,,
"""
PLCOPEN = """<?xml version="1.0" encoding="utf-8"?>
<project xmlns="http://www.plcopen.org/xml/tc6_0201"><instances><configurations><configuration name="c">
<resource name="r"><globalVars><variable name="valve_u" address="%IW0"><type><UINT/></type></variable>
<variable name="spare" address="%QX0.0"><type><BOOL/></type></variable></globalVars></resource>
</configuration></configurations></instances></project>
"""


@pytest.mark.parametrize(("name", "text"), [("openplc.csv", OPENPLC), ("plcopen.xml", PLCOPEN)])
def test_other_formats_are_read(name: str, text: str, vessel: Copy) -> None:
    folder = vessel(('tag_list = "tags.csv"', f'tag_list = "{name}"'), file=TOML)
    (folder / "commission" / name).write_text(text)
    found = differences(folder)
    assert "valve_u: not mapped: the rig has no such tag, the nearest is valve.u, the list %IW0" in found[0]
    assert found[1].startswith("spare: not mapped")
