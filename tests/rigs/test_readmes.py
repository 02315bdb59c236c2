"""What the README of a shipped rig says can be done."""

from __future__ import annotations

import re

import pytest

from hil import open_bench
from hil.rig import find_rig


@pytest.mark.parametrize(("rig", "number"), [("dc_motor", 7), ("quad_tank", 7), ("tank_level", 7)])
def test_every_fault_of_a_readme_can_be_armed(rig, number):
    text = (find_rig(rig).parent / "README.md").read_text(encoding="utf-8")
    faults = re.findall(r"^\| `(\S+=[^`]+)` \|", text, flags=re.MULTILINE)
    assert len(faults) == number
    with open_bench(rig) as bench:
        for fault in faults:
            assert bench.fault(fault) > 0
