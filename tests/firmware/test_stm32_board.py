"""The stm32f405 board's own functions, asked in QEMU by c/board_probe.c."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path
from statistics import median

import pytest

from hil.mcu.qemu import SHIFT, start_qemu
from hil.mcu.targets import FLAGS, TARGETS

HERE = Path(__file__).parent / "c"
TARGET = TARGETS["stm32f405"]
POWER, WARM, COLD, BROWN_OUT, WATCHDOG = range(5)
NO_CODE = 0x60000001  # external memory, which the chip does not have


@pytest.fixture(scope="module")
def program(arm_tools, tmp_path_factory) -> Path:
    built = tmp_path_factory.mktemp("probe") / "probe.elf"
    sources = [p for p in sorted(TARGET.folder.glob("*.c")) if p.name != "main.c"]
    command = ["arm-none-eabi-gcc", *FLAGS, "-Werror", *TARGET.flags, *TARGET.include, f"-I{HERE}", *TARGET.link]
    command += ["-T", TARGET.folder / TARGET.script, "-o", built, *sources, HERE / "board_probe.c", "-lm"]
    subprocess.run([str(part) for part in command], check=True, timeout=120)
    return built


class Probe:
    def __init__(self, board) -> None:
        self.board, self.rest = board, b""
        assert self.line() == "ready"

    def line(self, timeout_s: float = 20.0) -> str:
        end = time.monotonic() + timeout_s
        while b"\n" not in self.rest:
            assert time.monotonic() < end, f"no answer, only {self.rest!r}"
            if select.select([self.board.link_fd], [], [], 0.1)[0]:
                self.rest += os.read(self.board.link_fd, 4096)
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode().strip()

    def ask(self, text: str) -> str:
        os.write(self.board.link_fd, text.encode() + b"\n")
        return self.line()

    def numbers(self, text: str) -> list[int]:
        return [int(word) for word in self.ask(text).split()]

    def restarts(self, text: str) -> list[int]:
        """Cause of the reset that a command leads to, and the kept word."""
        assert self.ask(text) == "ready"
        return self.numbers("b")


@pytest.fixture(params=[True, False], ids=["icount", "machine time"])
def probe(program, request):
    board = start_qemu(program, icount=request.param)
    yield Probe(board)
    board.end()


@pytest.fixture
def counted(program):
    board = start_qemu(program)
    yield Probe(board)
    board.end()


def test_a_port_gives_back_what_it_gets(probe):
    for n in (0, 1, 63, 64, 65, 1000):
        text = "".join(chr(33 + i * 7 % 90) for i in range(n))
        assert probe.ask(f"e{text}") == text
    assert probe.numbers("l0") == [0]


def test_the_field_port_is_another_one(probe):
    sent = bytes(range(256))
    fd = os.open(probe.board.field_path, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(fd, sent)
        got = b""
        while len(got) < len(sent) and select.select([fd], [], [], 10.0)[0]:
            got += os.read(fd, 4096)
    finally:
        os.close(fd)
    assert got == sent


def test_time_never_runs_back(probe, full):
    back, passed, _ = probe.numbers(f"t{full(20_000, 1_000_000)}")
    assert back == 0
    assert passed > 0


def test_time_goes_on_over_more_than_one_wrap_of_its_counter(counted):
    """32 bits of ns are 4.3 s."""
    start = counted.numbers("t1")[2]
    for _ in range(3):
        counted.ask("c130000000")  # 2.08 s emulated, without a look at the time
        now = counted.numbers("t1")[2]
    assert now - start > 6_200_000_000


@pytest.mark.parametrize("ns", [50_000, 1_000_000, 30_000_000, 250_000_000])
def test_a_sleep_lasts_no_less_than_asked(probe, ns):
    slept, wakes = probe.numbers(f"w{ns}")
    assert slept >= ns
    assert 1 <= wakes <= 5  # SysTick reaches 0.1 s, and spurious wakes are rare


def test_a_byte_wakes_the_board_up(probe):
    """The loop sleeps for 0.1 s; an answer that waited for it would take as long each time."""
    took = []
    for _ in range(20):
        start = time.monotonic()
        probe.ask("e")
        took.append(time.monotonic() - start)
    assert median(took) < 0.08


def test_instructions_are_counted_exactly(counted):
    """A loop of 2 n instructions, and the same few around it every time."""
    around = {counted.numbers(f"c{n}")[0] - (2 * n << SHIFT) for n in (1, 2, 999, 1000, 1001, 12_345, 1_000_000)}
    assert len(around) == 1
    assert around.pop() % (1 << SHIFT) == 0
    assert counted.numbers("c1")[1] == 1_000_000_000


def test_stack_use_is_found(probe):
    shallow, size = probe.numbers("s0")
    deep, _ = probe.numbers("s20")
    assert size == 12 * 1024
    assert shallow < 1500
    assert 20 * 256 < deep - shallow + 300 < 20 * 320  # a frame of 64 words and a little
    assert probe.numbers("s0")[0] == deep, "the deepest point, not the present one"


def test_a_reset_tells_its_kind_and_only_a_warm_one_keeps_memory(probe):
    assert probe.numbers("b4711")[0] == POWER
    assert probe.restarts(f"r{WARM}") == [WARM, 4711]
    assert probe.numbers("b4712") == [WARM, 4711]
    assert probe.restarts(f"r{COLD}") == [COLD, 0]
    probe.numbers("b4713")
    assert probe.restarts(f"r{BROWN_OUT}") == [BROWN_OUT, 0]


@pytest.mark.parametrize("fault", [f"f{NO_CODE}", "s60"], ids=["a jump to nowhere", "a stack that leaves its memory"])
def test_a_fault_ends_in_a_reset_that_tells_of_it(probe, fault):
    assert probe.restarts(fault)[0] == WATCHDOG
    assert probe.ask("ealive") == "alive"


def test_doubles_are_those_of_the_host(counted, tmp_path, full):
    """Software arithmetic on the target: sums, products, quotients, roots, conversions of any bits, to the last bit."""
    n = full(2_000, 50_000)
    source, program = tmp_path / "host.c", tmp_path / "host"
    source.write_text(
        '#include <stdio.h>\n#include "double_hash.h"\n'
        f'int main(void) {{ return printf("%llu", (unsigned long long)double_hash({n}u)) < 0; }}\n'
    )
    subprocess.run(["gcc", *FLAGS, "-O2", f"-I{HERE}", source, "-o", program, "-lm"], check=True, timeout=60)
    host = int(subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout)
    assert counted.numbers(f"d{n}") == [host]
