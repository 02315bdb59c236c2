"""The standard function blocks against the standard's timing diagrams, as tables of calls made by hand."""

from __future__ import annotations

import re

import pytest
from st_blocks import Block, follow

from hil.plc import CompiledProgram
from hil.plc.functions import LIBRARY


def test_every_block_says_what_it_does() -> None:
    for path in LIBRARY.glob("*.st"):
        head = path.read_text().partition("*)")[0]
        named = set(re.findall(r"^FUNCTION(?:_BLOCK)? (\w+)", path.read_text(), re.MULTILINE))
        assert any(name in head for name in named), path
        assert "IEC 61131-3" in head, path


TIMERS = ("", "_TIME", "_LTIME")


@pytest.mark.parametrize("kind", TIMERS)
def test_on_delay_begins_with_the_rising_edge_and_ends_at_pt(kind: str, program: CompiledProgram) -> None:
    table = [
        (0, 0, 100, False, 0), (10, 1, 100, False, 0), (109, 1, 100, False, 99), (110, 1, 100, True, 100),
        (500, 1, 100, True, 100), (510, 0, 100, False, 0), (520, 1, 100, False, 0), (530, 0, 100, False, 0),
        (540, 1, 100, False, 0), (630, 1, 100, False, 90), (645, 1, 100, True, 100),
    ]  # fmt: skip
    follow(Block(program, f"TON{kind}"), "IN PT", "Q ET", table)


def test_on_delay_takes_a_new_pt_while_it_runs_and_keeps_q_once_it_is_true(program: CompiledProgram) -> None:
    table = [
        (0, 1, 100, False, 0), (50, 1, 200, False, 50), (150, 1, 200, False, 150), (160, 1, 120, True, 120),
        (170, 1, 900, True, 900), (180, 0, 900, False, 0), (190, 1, 0, True, 0), (200, 0, 0, False, 0),
        (210, 1, -5, True, 0),
    ]  # fmt: skip
    follow(Block(program, "TON"), "IN PT", "Q ET", table)


@pytest.mark.parametrize("kind", TIMERS)
def test_off_delay_begins_with_the_falling_edge_and_ends_at_pt(kind: str, program: CompiledProgram) -> None:
    table = [
        (0, 0, 100, False, 0), (10, 1, 100, True, 0), (300, 1, 100, True, 0), (310, 0, 100, True, 0),
        (409, 0, 100, True, 99), (410, 0, 100, False, 100), (600, 0, 100, False, 100), (610, 1, 100, True, 0),
        (620, 0, 100, True, 0), (700, 0, 100, True, 80), (705, 1, 100, True, 0), (710, 0, 100, True, 0),
        (809, 0, 100, True, 99), (815, 0, 100, False, 100),
    ]  # fmt: skip
    follow(Block(program, f"TOF{kind}"), "IN PT", "Q ET", table)


def test_off_delay_takes_a_new_pt_while_it_runs_and_holds_for_an_input_of_one_scan(program: CompiledProgram) -> None:
    table = [
        (0, 1, 100, True, 0), (10, 0, 100, True, 0), (60, 0, 300, True, 50), (200, 0, 300, True, 190),
        (210, 0, 150, False, 150), (220, 1, 0, True, 0), (230, 0, 0, False, 0),
    ]  # fmt: skip
    follow(Block(program, "TOF"), "IN PT", "Q ET", table)


@pytest.mark.parametrize("kind", TIMERS)
def test_pulse_lasts_pt_whatever_its_input_does(kind: str, program: CompiledProgram) -> None:
    table = [
        (0, 0, 100, False, 0), (10, 1, 100, True, 0), (20, 0, 100, True, 10), (30, 1, 100, True, 20),
        (109, 1, 100, True, 99), (110, 1, 100, False, 100), (300, 1, 100, False, 100), (310, 0, 100, False, 0),
        (320, 1, 100, True, 0), (330, 0, 100, True, 10), (420, 0, 100, False, 0), (430, 1, 100, True, 0),
    ]  # fmt: skip
    follow(Block(program, f"TP{kind}"), "IN PT", "Q ET", table)


def test_pulse_does_not_begin_again_in_the_scan_in_which_it_ends(program: CompiledProgram) -> None:
    table = [
        (0, 1, 50, True, 0), (40, 0, 50, True, 40), (50, 1, 50, False, 50), (60, 1, 50, False, 50),
        (70, 0, 50, False, 0), (80, 1, 50, True, 0), (90, 1, 500, True, 10), (130, 1, 30, False, 30),
        (140, 0, 0, False, 0), (150, 1, 0, False, 0),
    ]  # fmt: skip
    follow(Block(program, "TP"), "IN PT", "Q ET", table)


def test_edges_are_true_for_one_scan_and_count_in_the_first_one(program: CompiledProgram) -> None:
    follow(
        Block(program, "R_TRIG"), "CLK", "Q", [(0, 1, True), (1, 1, False), (2, 0, False), (3, 1, True), (4, 0, False)]
    )
    follow(
        Block(program, "F_TRIG"), "CLK", "Q", [(0, 0, True), (1, 0, False), (2, 1, False), (3, 0, True), (4, 0, False)]
    )


def test_bistables_keep_their_output_and_know_which_input_wins(program: CompiledProgram) -> None:
    follow(Block(program, "SR"), "S1 R", "Q1", [(0, 0, 0, False), (1, 1, 0, True), (2, 0, 0, True), (3, 1, 1, True),
                                                (4, 0, 1, False), (5, 0, 0, False)])  # fmt: skip
    follow(Block(program, "RS"), "S R1", "Q1", [(0, 1, 0, True), (1, 0, 0, True), (2, 1, 1, False), (3, 0, 0, False),
                                                (4, 0, 1, False), (5, 1, 0, True)])  # fmt: skip


RANGES = {
    "": (-(2**15), 2**15 - 1), "_INT": (-(2**15), 2**15 - 1), "_DINT": (-(2**31), 2**31 - 1), "_LINT": (-(2**63),
    2**63 - 1), "_UDINT": (0, 2**32 - 1), "_ULINT": (0, 2**64 - 1),
}  # fmt: skip


@pytest.mark.parametrize("kind", RANGES)
def test_counters_count_edges_and_stay_within_their_type(kind: str, program: CompiledProgram) -> None:
    low, high = RANGES[kind]
    up = Block(program, f"CTU{kind}")
    follow(up, "CU R PV", "Q CV", [(0, 1, 0, 2, False, 1), (1, 1, 0, 2, False, 1), (2, 0, 0, 2, False, 1),
                                   (3, 1, 0, 2, True, 2), (4, 0, 1, 2, False, 0), (5, 1, 1, 2, False, 0)])  # fmt: skip
    program.write(up.words, f"main.the_CTU{kind}.CV", high - 1)
    follow(up, "CU R PV", "Q CV", [(6, 0, 0, high, False, high - 1), (7, 1, 0, high, True, high),
                                   (8, 0, 0, high, True, high), (9, 1, 0, high, True, high)])  # fmt: skip
    down = Block(program, f"CTD{kind}")
    follow(down, "CD LD PV", "Q CV", [(0, 0, 1, 2, False, 2), (1, 1, 0, 2, False, 1), (2, 0, 0, 2, False, 1),
                                      (3, 1, 0, 2, True, 0), (4, 1, 1, 2, False, 2)])  # fmt: skip
    program.write(down.words, f"main.the_CTD{kind}.CV", low)
    follow(down, "CD LD PV", "Q CV", [(5, 0, 0, 2, True, low), (6, 1, 0, 2, True, low)])


@pytest.mark.parametrize("kind", RANGES)
def test_both_edges_at_once_do_nothing_and_reset_wins(kind: str, program: CompiledProgram) -> None:
    low, high = RANGES[kind]
    both = Block(program, f"CTUD{kind}")
    follow(both, "CU CD R LD PV", "QU QD CV", [
        (0, 0, 0, 0, 0, 2, False, True, 0), (1, 1, 0, 0, 0, 2, False, False, 1), (2, 1, 1, 0, 0, 2, False, True, 0),
        (3, 0, 0, 0, 1, 5, True, False, 5), (4, 1, 1, 0, 0, 5, True, False, 5), (5, 0, 0, 1, 1, 5, False, True, 0),
    ])  # fmt: skip
    for limit, names in ((high, "CU CD R LD PV"), (low, "CD CU R LD PV")):
        program.write(both.words, f"main.the_CTUD{kind}.CV", limit)
        follow(both, names, "CV", [(6, 0, 0, 0, 0, 1, limit), (7, 1, 0, 0, 0, 1, limit), (8, 0, 0, 0, 0, 1, limit)])
