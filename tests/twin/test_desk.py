"""Proposals, the ladder and the gate: who may what, what is lost by itself, what is verified and rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_rig import Office, office
from gate_rig import Gate as Raw

from hil.errors import HilError
from hil.events import AuthorityAct
from hil.replay import replay
from hil.twin.authority.ladder import Condition
from hil.twin.authority.proposal import State


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def promoted(desk: Office, level: str = "APPROVE", **envelope: object) -> Office:
    desk.desk.promote("warmth", level, "Ann", "a test", desk.envelope(**envelope))
    return desk


def state(desk: Office, number: int = 1) -> State:
    return desk.desk.proposals[number].state


def test_a_twin_that_only_advises_never_acts(desk: Office) -> None:
    desk.propose()
    with pytest.raises(HilError, match="stands at ADVISE: it only advises"):
        desk.desk.approve(1, "Ann")
    assert desk.pass_s(1.0).y == 20.0
    assert desk.kinds() == ["proposal"]


def test_what_is_approved_is_applied_through_the_gate_and_verified(desk: Office) -> None:
    promoted(desk)
    made = desk.propose()
    desk.desk.approve(1, "Ann", "warm enough")
    row = desk.pass_s(0.5)
    assert (row.y, row.acting, state(desk)) == (24.0, True, State.APPLIED)
    desk.pass_s(0.7)
    assert state(desk) is State.VERIFIED
    assert desk.kinds() == ["authority", "proposal", "decision", "action", "outcome"]
    action = next(body for kind, body, _ in desk.told if kind == "action")
    assert action["hash"] == made.hash
    assert len(action["authority"]["key"]) > 8
    assert action["before"] == 20.0
    assert desk.told[2][2] == {"person": "Ann", "reason": "warm enough"}
    assert desk.told[3][2] == {"signed_by": "ann"}
    assert "Ann" not in str(desk.desk.to_dict()), "persons stand in what can be erased, and nowhere else"
    assert desk.pass_s(0.1).y == 24.0, "verified: it stays"


@pytest.mark.parametrize(("actual", "crossed"), [(22.9, set()), (25.1, set()), (float("nan"), set()), (24.0, {"hot"})])
def test_what_does_not_come_true_is_rolled_back(desk: Office, actual: float, crossed: set[str]) -> None:
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    desk.actual, desk.crossed = actual, crossed
    row = desk.pass_s(1.5)
    assert (row.y, row.acting, state(desk)) == (20.0, False, State.ROLLED_BACK)
    assert desk.desk.ladder.level("warmth") == "ADVISE"
    assert "demoted" in [body.get("act") for _, body, _ in desk.told]


def test_semi_acts_when_the_veto_window_has_passed_and_not_before(desk: Office) -> None:
    promoted(desk, "SEMI")
    desk.propose()
    assert desk.pass_s(0.4).y == 20.0
    assert desk.pass_s(0.4).acting
    assert state(desk) is State.APPLIED


def test_semi_is_vetoed_within_its_window_and_taken_back_behind_it(desk: Office) -> None:
    promoted(desk, "SEMI")
    desk.propose()
    desk.pass_s(0.3)
    desk.desk.veto(1, "Bob", "not today")
    assert desk.pass_s(1.0).y == 20.0
    assert state(desk) is State.VETOED
    desk.propose()
    desk.pass_s(0.8)
    assert state(desk, 2) is State.APPLIED
    desk.desk.veto(2, "Bob")
    assert desk.pass_s(0.5).y == 20.0


def test_auto_acts_at_once(desk: Office) -> None:
    promoted(desk, "AUTO")
    desk.propose()
    assert desk.pass_s(0.3).acting


@pytest.mark.parametrize(
    "worse",
    [
        Condition(alarms=frozenset({"fire"})),
        Condition(unusable=frozenset({"plant.x"})),
        Condition(overruns=1),
        Condition(model=1),
    ],
    ids=["alarm", "stale data", "overrun", "model"],
)
def test_what_gets_worse_demotes_by_itself_and_only_a_person_promotes(desk: Office, worse: Condition) -> None:
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    assert desk.pass_s(0.3).acting
    desk.condition = worse
    assert desk.pass_s(0.5).y == 20.0
    assert desk.desk.ladder.level("warmth") == "ADVISE"
    assert state(desk) is State.WITHDRAWN
    if worse.alarms or worse.unusable:
        with pytest.raises(HilError, match="cannot be promoted now"):
            promoted(desk)
    desk.condition = Condition(overruns=worse.overruns, model=worse.model)
    desk.pass_s(0.1)
    assert desk.desk.ladder.level("warmth") == "ADVISE", "what is well again promotes nobody"
    promoted(desk)
    assert desk.desk.ladder.level("warmth") == "APPROVE"


def test_the_block_in_c_demotes_too(desk: Office) -> None:
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    desk.pass_s(0.3)
    desk.bench.set("lock.value", 1.0)
    assert desk.pass_s(0.5).y == 20.0
    rung = desk.desk.ladder.rungs["warmth"]
    assert (rung.level, rung.why) == ("ADVISE", "an interlock stands, or is not known")


def test_a_person_who_turns_the_knob_wins(desk: Office) -> None:
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    desk.pass_s(0.3)
    desk.bench.set("manual.value", 18.0)
    assert desk.pass_s(0.5).y == 18.0
    assert desk.desk.ladder.level("warmth") == "ADVISE"


def test_the_end_of_an_envelope_ends_what_it_allowed(desk: Office) -> None:
    promoted(desk, not_after="2026-03-01T12:00:01Z")
    desk.propose()
    desk.desk.approve(1, "Ann")
    assert desk.pass_s(0.5).acting
    row = desk.pass_s(1.0)
    assert (row.y, row.acting) == (20.0, False)
    assert desk.desk.ladder.rungs["warmth"].why == "the envelope has expired"


def test_stop_puts_all_to_observe_and_keeps_what_a_person_set(desk: Office) -> None:
    desk.bench.set("manual.value", 21.0)
    desk.pass_s(0.1)
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    assert desk.pass_s(0.3).y == 24.0
    desk.bench.stop_twin()
    assert not Raw(desk.bench).tick().acting, "within a tick"
    assert desk.pass_s(0.5).y == 21.0
    assert desk.desk.ladder.level("warmth") == "OBSERVE"
    assert desk.propose() is None
    with pytest.raises(HilError):
        desk.desk.approve(1, "Ann")
    promoted(desk)
    assert desk.propose() is not None


@pytest.mark.parametrize("level", ["APPROVE", "SEMI"])
def test_a_stop_between_a_decision_and_the_tick_wins(desk: Office, level: str) -> None:
    promoted(desk, level)
    desk.propose()
    if level == "APPROVE":
        desk.desk.approve(1, "Ann")
    desk.bench.stop_twin()
    for _ in range(10):
        assert not desk.pass_s(0.1).acting


def test_envelopes_say_who_and_how_far(desk: Office) -> None:
    for level, person, changed, said in [
        ("AUTO", "Ann", {"level": "SEMI"}, "allows warmth up to SEMI, not AUTO"),
        ("APPROVE", "Bob", {"persons": ["Ann"]}, "does not name 'Bob'"),
        ("APPROVE", "", {}, "nobody is named"),
        ("BOSS", "Ann", {}, "is no rung"),
        ("APPROVE", "Ann", None, "no envelope is given"),
    ]:
        text = None if changed is None else desk.envelope(**changed)
        with pytest.raises((HilError, ValueError), match=said):
            desk.desk.promote("warmth", level, person, "", text)
    with pytest.raises(HilError, match="there is no action 'warmt'"):
        desk.desk.promote("warmt", "ADVISE", "Ann", "")
    assert desk.desk.ladder.level("warmth") == "ADVISE"
    promoted(desk, persons=["Ann"])
    desk.propose()
    with pytest.raises(HilError, match="does not name 'Bob'"):
        desk.desk.approve(1, "Bob")
    with pytest.raises(HilError, match="There are: 1"):
        desk.desk.approve(7, "Ann")


def test_a_value_outside_of_the_envelope_does_not_act_and_it_is_told(desk: Office) -> None:
    promoted(desk, high=23.0)
    desk.propose(24.0)
    with pytest.raises(HilError, match="proposal 1: is withdrawn: 24 is not within the envelope's 15 to 23"):
        desk.desk.approve(1, "Ann")
    assert desk.pass_s(0.5).y == 20.0
    promoted(desk, low=22.0)
    desk.propose(24.0)
    desk.desk.approve(2, "Ann")
    assert desk.pass_s(0.5).y == 20.0, "the output would have to pass what nobody allowed"
    assert desk.desk.proposals[2].why.startswith("the block refused it")
    with pytest.raises(HilError, match="39 is not within 12 to 38"):
        desk.desk.gate.request("warmth", 39.0, 100.0)


def test_an_older_proposal_makes_way_and_one_that_nobody_decides_expires(desk: Office) -> None:
    desk.propose()
    desk.propose()
    assert (state(desk, 1), state(desk, 2)) == (State.EXPIRED, State.PROPOSED)
    desk.pass_s(11.0)
    assert state(desk, 2) is State.EXPIRED


def test_a_run_with_actions_replays_to_the_bit(tmp_path: Path) -> None:
    with office(tmp_path, record=tmp_path / "rec") as desk:
        promoted(desk, "SEMI")
        desk.propose()
        desk.pass_s(1.0)
        Raw(desk.bench).send(AuthorityAct.REQUEST, 26.0, until=10**6)
        desk.pass_s(0.2)
        desk.bench.stop_twin()
        desk.pass_s(0.2)
        desk.bench.finish()
    found = replay(tmp_path / "rec")
    assert found["identical"], found["reason"]


def test_what_was_foretold_before_is_not_decided_on_afterwards(desk: Office) -> None:
    promoted(desk, "SEMI")
    desk.propose()
    desk.bench.stop_twin()
    desk.pass_s(0.1)
    assert state(desk) is State.EXPIRED
    promoted(desk, "SEMI")
    desk.propose()
    desk.condition = Condition(model=1)
    desk.pass_s(0.1)
    assert state(desk, 2) is State.EXPIRED
    desk.condition = Condition(model=2)
    desk.propose()  # by the new version, before anybody has looked
    desk.pass_s(0.1)
    assert state(desk, 3) is State.PROPOSED


def test_one_action_at_a_time_is_in_force(desk: Office) -> None:
    promoted(desk)
    desk.propose(24.0)
    desk.desk.approve(1, "Ann")
    desk.pass_s(0.3)
    desk.propose(26.0, 25.0, 27.0)
    desk.desk.approve(2, "Ann")
    assert state(desk, 1) is State.WITHDRAWN
    desk.actual = 26.0
    assert desk.pass_s(1.2).y == 26.0
    assert state(desk, 2) is State.VERIFIED
    desk.desk.veto(2, "Bob")
    assert desk.pass_s(0.5).y == 20.0, "what is in force can be taken back"


def test_what_the_desk_did_not_ask_for_is_taken_back_and_told(desk: Office) -> None:
    raw = Raw(desk.bench)
    raw.send(AuthorityAct.GRANT, 15.0, 38.0, 40.0, until=10**9)
    raw.send(AuthorityAct.REQUEST, 36.0, until=10**9)
    assert desk.pass_s(0.5).y == 20.0
    assert [body["act"] for kind, body, _ in desk.told if kind == "authority"] == ["revoked"]
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    desk.pass_s(0.2)
    raw.send(AuthorityAct.REQUEST, 29.0, until=10**9)
    assert desk.pass_s(0.5).y == 20.0
    assert "something else than the desk" in desk.desk.ladder.rungs["warmth"].why


def test_what_cannot_be_told_is_not_done(desk: Office) -> None:
    def broken(*_: object) -> int:
        raise HilError("the disk is full")

    promoted(desk)
    desk.propose()
    write, desk.desk.write = desk.desk.write, broken
    with pytest.raises(HilError, match="the disk is full"):
        desk.desk.approve(1, "Ann")
    desk.desk.write = write
    assert desk.pass_s(0.3).y == 20.0
    desk.desk.lower("warmth", "ADVISE", "Ann", "")
    desk.desk.write = broken
    with pytest.raises(HilError, match="the disk is full"):
        promoted(desk)
    desk.desk.write = write
    assert desk.desk.ladder.level("warmth") == "ADVISE"
    desk.pass_s(0.1)
    assert not desk.desk.gate.look("warmth").granted


def test_a_limit_that_cannot_be_known_is_not_kept(desk: Office) -> None:
    promoted(desk)
    desk.propose()
    desk.desk.approve(1, "Ann")
    desk.desk.crossed = lambda _name, _since_s: None
    desk.pass_s(1.5)
    assert state(desk) is State.ROLLED_BACK
    assert desk.desk.proposals[1].why == "whether hot was crossed cannot be known"


def test_a_proposal_past_its_end_cannot_be_approved(desk: Office) -> None:
    promoted(desk)
    desk.propose()
    desk.bench.run(10.5)  # and nobody has looked since
    with pytest.raises(HilError, match="is expired"):
        desk.desk.approve(1, "Ann")


def test_it_is_lowered_without_an_envelope_and_auto_takes_what_waits(desk: Office) -> None:
    desk.propose()
    promoted(desk, "AUTO")
    assert desk.pass_s(0.3).acting, "what was proposed before"
    desk.desk.promote("warmth", "APPROVE", "Ann", "")
    assert desk.desk.ladder.level("warmth") == "APPROVE"
    assert desk.pass_s(0.2).acting, "it may still"
