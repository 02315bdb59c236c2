"""Addresses of serial lines: what is wrong with one is said without opening it."""

from __future__ import annotations

import pytest

from hil.drivers.device_url import EXAMPLES, check_line_url, parse_remote_url
from hil.errors import BusError


@pytest.mark.parametrize(
    "url",
    [
        *EXAMPLES.values(),
        "serial:///dev/not-there",
        "rfc2217://host:2217",
        "rfc2217://[::1]:2217?baud=9600&parity=e&stop=2",
        "socket://[fe80::1]:4000",
    ],
)
def test_a_good_address_passes_whether_or_not_something_is_there(url: str) -> None:
    check_line_url(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/dev/ttyUSB0", "Write serial:///dev/ttyUSB0"),
        ("", "Write it like serial://"),
        ("seriall:///dev/ttyUSB0", "Did you mean serial?"),
        ("rfc2271://h:1", "Did you mean rfc2217?"),
        ("http://h:1", "Valid: serial, modbus-rtu, socket, rfc2217"),
        ("serial://", "path is missing"),
        ("serial:///dev/ttyUSB0?buad=9600", "Did you mean baud?"),
        ("modbus-rtu:///dev/ttyUSB0?partiy=E", "Did you mean parity?"),
        ("serial:///dev/ttyUSB0?baud=fast", "baud=fast"),
        ("serial:///dev/ttyUSB0?parity=X", "N, E, O"),
        ("rfc2217://h:1?buad=9600", "Did you mean baud?"),
        ("rfc2217://h:1?colour=red", "Valid: baud, parity, stop"),
        ("rfc2217://h:1?baud=9600&baud=9600", "given twice"),
        ("rfc2217://h:1?baud=-1", "bits per second"),
        ("rfc2217://h:1?baud=", "bits per second"),
        ("rfc2217://h:1?baud=49", "bits per second"),
        ("rfc2217://h:1?baud=\u0661\u0662\u0663", "bits per second"),
        ("rfc2217://h:1?parity=even", "N (none), E (even) or O (odd)"),
        ("rfc2217://h:1?stop=3", "stop=1 or stop=2"),
        ("rfc2217://h", "host:port"),
        ("rfc2217://:2217", "host:port"),
        ("rfc2217://h:1/dev/ttyUSB0", "host:port"),
        ("rfc2217://h:99999", "is not an address"),
        ("serial://[::1/dev/ttyUSB0", "is not an address"),
        ("rfc2217://[::1:5", "is not an address"),
        ("socket://h:1?baud=9600", "Write socket://h:1"),
        ("socket://me:secret@h:1", "host:port"),
    ],
)
def test_a_wrong_address_is_one_line_that_names_it_and_the_mend(url: str, words: str) -> None:
    with pytest.raises(BusError) as refused:
        check_line_url(url)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.where == url
    assert refused.value.mend


def test_defaults_of_a_port_server_are_filled_in() -> None:
    found = parse_remote_url("rfc2217://[::1]:2217?parity=o")
    assert (found.host, found.port, found.baud, found.parity, found.stop) == ("::1", 2217, 115200, "O", 1)
    assert found.place == "[::1]:2217"
    assert parse_remote_url("socket://h:5").baud == 0
