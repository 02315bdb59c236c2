"""What `hil check` finds in rigs that load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.bus_time import bus_plan
from hil.checks import Finding, check_rig, summary
from hil.iomap import IoTag
from hil.rig import Rig, load_rig

RIGS = Path(__file__).parent / "rigs"


@pytest.fixture
def controlled() -> Rig:
    return load_rig(RIGS / "controlled")


def with_tags(rig: Rig, *tags: IoTag, **changes: object) -> Rig:
    """The rig with tags added to its device, and fields of the device changed."""
    device = rig.devices["plc"]
    device = replace(device, tags=(*device.tags, *tags), **changes)  # type: ignore[arg-type]
    return replace(rig, devices={"plc": device})


def messages(rig: Rig) -> list[str]:
    return [str(finding) for finding in check_rig(rig)]


def spare(tag: str, address: int, kind: str = "uint16", bit: int | None = None, direction: str = "read") -> IoTag:
    table = "input_register" if direction == "read" else "holding_register"
    return IoTag(tag, direction, table, address, kind, bit, line=9)


@pytest.mark.parametrize("rig", ["quad_tank", "dc_motor", "tank_level", "tclab", RIGS / "controlled", RIGS / "small"])
def test_good_rigs_have_no_findings(rig: str | Path) -> None:
    assert messages(load_rig(rig)) == []


def test_two_tags_on_one_register_are_found_with_both_notations(controlled: Rig) -> None:
    (found,) = messages(with_tags(controlled, spare("@more", 0)))
    assert found.startswith("error: plc.csv:9: @more overlaps pump at input_register 0 (3x00001)")


def test_a_long_value_overlaps_its_neighbour(controlled: Rig) -> None:
    found = messages(with_tags(controlled, spare("@long", 1, "float64"), spare("@next", 4)))
    assert any("@long overlaps @heartbeat.in" in text for text in found)
    assert any("@next overlaps @long" in text for text in found)


def test_bits_of_one_word_do_not_overlap_unless_they_are_the_same(controlled: Rig) -> None:
    bits = [spare("@a", 5, "bool", 0), spare("@b", 5, "bool", 1)]
    assert messages(with_tags(controlled, *bits)) == []
    assert len(messages(with_tags(controlled, *bits, spare("@c", 5, "bool", 1)))) == 1
    assert len(messages(with_tags(controlled, *bits, spare("@d", 5)))) == 2


def test_both_directions_may_share_a_register_of_the_device_but_not_of_our_server_or_firmware(controlled: Rig) -> None:
    same = IoTag("@back", "read", "holding_register", 0, "uint16", line=9)
    assert messages(with_tags(controlled, same)) == []
    assert any("@back overlaps level" in text for text in messages(with_tags(controlled, same, side="server")))
    assert any("@back overlaps level" in text for text in messages(with_tags(controlled, same, firmware="plc")))


def test_limits_that_do_not_fit_the_register_are_an_error(controlled: Rig) -> None:
    pump = replace(controlled.devices["plc"].reads[0], scale=1e-4)
    others = [tag for tag in controlled.devices["plc"].tags if tag.tag != "pump"]
    (found,) = messages(_tags(controlled, [*others, pump]))
    assert "pump: limits [0, 10] do not fit uint16 * 0.0001 + 0, which carries [0, 6.5535]" in found
    assert found.startswith("error")


def test_steps_that_are_too_coarse_are_a_warning(controlled: Rig) -> None:
    pump = replace(controlled.devices["plc"].reads[0], scale=0.1)
    others = [tag for tag in controlled.devices["plc"].tags if tag.tag != "pump"]
    (found,) = messages(_tags(controlled, [*others, pump]))
    assert found.startswith("warning: plc.csv:3: pump: its range has only 100 steps of 0.1 V")


def _tags(rig: Rig, tags: list[IoTag]) -> Rig:
    return replace(rig, devices={"plc": replace(rig.devices["plc"], tags=tuple(tags))})


def test_more_requests_than_fit_the_period_are_found(controlled: Rig) -> None:
    scattered = [spare(f"@s{n}", 100 + 10 * n) for n in range(60)]
    local = with_tags(controlled, *scattered)
    assert messages(local) == [], "60 requests of 0.1 ms fit 10 ms on the loopback"
    far = with_tags(controlled, *scattered, host="192.0.2.7")
    (found,) = messages(far)
    assert found.startswith("error: rig.toml: devices.plc.period_s = 0.01: an image needs about 6")
    assert "61 reads and 1 writes, 1 at a time, 1 ms each assumed" in found
    assert messages(with_tags(controlled, *scattered, host="192.0.2.7", pipeline=16)) == []
    assert messages(with_tags(controlled, *scattered, host="192.0.2.7", max_gap=20)) == []


def test_neighbours_share_a_request_and_gaps_are_bridged_only_on_request(controlled: Rig) -> None:
    tags = [spare("@a", 3), spare("@b", 6, "float32"), spare("@c", 8)]
    device = with_tags(controlled, *tags).devices["plc"]
    for changes, reads in (({}, 3), ({"max_gap": 1}, 2), ({"max_gap": 2}, 1), ({"max_gap": 9, "max_registers": 3}, 3)):
        plan = bus_plan(replace(device, **changes))
        assert plan
        assert plan.reads == reads


def test_a_device_without_a_heartbeat_is_a_warning(controlled: Rig) -> None:
    tags = [tag for tag in controlled.devices["plc"].tags if not tag.heartbeat]
    (found,) = messages(_tags(controlled, tags))
    assert "one that is stopped but still answers goes unseen" in found


def test_a_command_without_safe_value_or_age_is_a_warning(controlled: Rig) -> None:
    pump = replace(controlled.signals["pump"], safe_given=False, max_age_s=None)
    found = messages(replace(controlled, signals={**controlled.signals, "pump": pump}))
    assert len(found) == 2
    assert 'signals."pump": a command of role plc without a safe value. Add safe = ...' in found[0]
    assert "without a maximum age" in found[1]


def test_what_a_role_that_takes_commands_gives_is_a_measurement() -> None:
    rig = load_rig("tclab")
    assert any(rig.signals[tag.signal].gated for tag in rig.roles["board"].inputs)
    ungated = {n: replace(s, gated=False) for n, s in rig.signals.items()}
    found = [text for text in messages(replace(rig, signals=ungated)) if "without a safe value" in text]
    assert len(found) == 2, "without commands to it, its temperatures would be commands of its own"
    hot = replace(rig.signals["temperature.t1"], limits=(0.0, 100.0), gated=True)
    found = messages(replace(rig, signals={**rig.signals, "temperature.t1": hot}))
    assert any('"temperature.t1": a command of role board without a safe value' in text for text in found)


@pytest.mark.parametrize(("age", "severity"), [(0.005, "error"), (0.0105, "warning")])
def test_an_age_that_no_value_can_keep_is_found(controlled: Rig, age: float, severity: str) -> None:
    pump = replace(controlled.signals["pump"], max_age_s=age)
    (found,) = messages(replace(controlled, signals={**controlled.signals, "pump": pump}))
    assert found.startswith(f'{severity}: rig.toml: signals."pump".max_age_s = {age:g}: a new value comes every 0.01 s')


def read(folder: Path, text: str) -> Rig:
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    return load_rig(folder)


SMALL = (RIGS / "small" / "rig.toml").read_text(encoding="utf-8")


def test_a_block_that_leads_nowhere_is_found_with_all_before_it(tmp_path: Path) -> None:
    added = '[blocks.a]\ntype = "gain"\nin = { u = "tank.level" }\n[blocks.b]\ntype = "gain"\nin = { u = "a.y" }\n'
    found = messages(read(tmp_path, SMALL + added))
    assert [text.partition(": its")[0] for text in found] == [
        "warning: rig.toml: blocks.a",
        "warning: rig.toml: blocks.b",
    ]
    recorded = added + '[record]\nall = { names = ["*"] }\n'
    assert messages(read(tmp_path, SMALL + recorded)) == []


def test_an_algebraic_loop_names_its_blocks_and_a_delay_opens_it(tmp_path: Path) -> None:
    loop = '[blocks.a]\ntype = "gain"\nin = { u = "c.y" }\n[blocks.b]\ntype = "KIND"\nin = { u = "a.y" }\n'
    loop += '[blocks.c]\ntype = "sum"\nin = { u = ["b.y", "tank.level"] }\n[record]\nall = { names = ["*"] }\n'
    (found,) = messages(read(tmp_path, SMALL + loop.replace("KIND", "gain")))
    assert "algebraic loop through the blocks a <- c <- b <- a. Put a delay or an integrator into the loop" in found
    assert messages(read(tmp_path, SMALL + loop.replace("KIND", "delay"))) == []


def test_a_tag_that_the_simulated_role_ignores_is_found(controlled: Rig) -> None:
    role = controlled.roles["plc"]
    more = replace(role, inputs=(*role.inputs, replace(role.inputs[0], signal="unused")))
    signals = {**controlled.signals, "unused": replace(controlled.signals[role.inputs[0].signal], name="unused")}
    (found,) = messages(replace(controlled, roles={"plc": more}, signals=signals))
    assert (
        found
        == "warning: rig.toml: roles.plc.inputs: no block of the role reads unused. Use it, or take it out of the map"
    )


def test_a_summary_counts_errors_and_warnings() -> None:
    assert summary([Finding("error", "", "")]) == "1 error, 0 warnings"
    assert summary([Finding("warning", "", "")] * 2) == "0 errors, 2 warnings"
