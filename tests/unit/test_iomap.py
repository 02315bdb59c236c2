"""I/O maps: addresses in every notation, rows that cannot be meant, and the way to a file and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import _core
from hil.errors import RigError
from hil.iomap import RAW_RANGE, TABLES, TYPES, WORDS, IoTag, modicon, parse_address, write_map
from hil.iomap_reader import load_map, read_map

HEADER = "tag,direction,table,address,type,bit,scale,offset,unit,min,max,limit_min,limit_max,max_age_s\n"


def mistakes(rows: str, header: str = HEADER) -> list[str]:
    found: list[str] = []

    def note(line: int | None, key: str, why: str, mend: str | None) -> None:
        found.append(f"{line}: {key}: {why}" + (f". {mend}" if mend else ""))

    read_map(header + rows, note)
    return found


@pytest.mark.parametrize(
    ("text", "table", "address"),
    [
        ("0", "holding_register", 0),
        ("40001", "holding_register", 0),
        ("49999", "holding_register", 9998),
        ("400001", "holding_register", 0),
        ("465536", "holding_register", 65535),
        ("4x00001", "holding_register", 0),
        ("4X65536", "holding_register", 65535),
        ("3x00010", "input_register", 9),
        ("30010", "input_register", 9),
        ("10001", "discrete_input", 0),
        ("1x00001", "discrete_input", 0),
        ("0x00001", "coil", 0),
        ("1", "coil", 1),
        ("10001", "coil", 10001),
        ("40000", "holding_register", 40000),
        ("50000", "holding_register", 50000),
        ("%40001", "holding_register", 40001),
        ("30001", "holding_register", 30001),
    ],
)
def test_an_address_is_understood_in_every_notation(text: str, table: str, address: int) -> None:
    assert parse_address(text, table) == address


@pytest.mark.parametrize(
    ("text", "table", "why"),
    [
        ("4x00001", "coil", "not in table coil"),
        ("0x00001", "holding_register", "not in table holding_register"),
        ("4x00000", "holding_register", "no address"),
        ("4x65537", "holding_register", "no address"),
        ("65536", "coil", "no address"),
        ("00001", "coil", "may mean two addresses"),
        ("-1", "coil", "is not an address"),
        ("0x1F", "coil", "is not an address"),
        ("4.5", "coil", "is not an address"),
        ("", "coil", "is not an address"),
    ],
)
def test_an_address_that_cannot_be_is_refused(text: str, table: str, why: str) -> None:
    with pytest.raises(RigError, match=why):
        parse_address(text, table)


@given(table=st.sampled_from(sorted(TABLES)), address=st.integers(0, 65535))
def test_both_notations_name_the_same_place(table: str, address: int) -> None:
    assert parse_address(modicon(table, address), table) == address
    assert parse_address(f"%{address}", table) == address


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,reed,coil,0,bool", "2: a.direction = reed: is not known. Did you mean read?"),
        ("a,read,koil,0,bool", "2: a.table = koil: is not known. Did you mean coil?"),
        ("a,read,coil,0,bol", "2: a.type = bol: is not known. Did you mean bool?"),
        ("a,read,coil,,bool", "2: a.address: is missing"),
        ("a,read,coil,0,uint16", "2: a.type = uint16: table coil carries bool only"),
        ("a,read,input_register,0,bool", "2: a.bit: bool in a register needs a bit"),
        ("a,read,input_register,0,bool,16", "2: a.bit = 16: must be a whole number from 0 (lowest) to 15"),
        ("a,read,input_register,0,uint16,3", "2: a.bit = 3: bool in a register needs a bit"),
        ("a,read,input_register,65535,float32", "2: a.address = 65535: float32 needs 2 registers"),
        ("a,read,input_register,0,int16,,0", "2: a.scale = 0: must not be 0"),
        ('a,read,input_register,0,int16,,"0,1"', "2: a.scale = 0,1: is not a number. Write 0.5 with a point"),
        ("a,read,input_register,0,int16,,nan", "2: a.scale = nan: must be a finite number"),
        ("a,read,input_register,0,bool,0,2", "2: a.scale = 2: bool takes neither scale nor offset"),
        ("a,read,input_register,0,int16,,,,metr", "2: a.unit = metr: 'metr' is not a unit. Did you mean 'metre'?"),
        ("a,read,input_register,0,int16,,,,m,1,0", "2: a.min = 1: must be smaller than max = 0"),
        ("a,read,input_register,0,int16,,,,m,1,", "2: a.max: min and max need each other"),
        ("a,read,input_register,0,int16,,,,m,,,,,-1", "2: a.max_age_s = -1: must be larger than 0"),
        ("@beat,read,input_register,0,int16,,,,,0,1", "2: tag = @beat: a wire-only tag has no range"),
        ("1a,read,coil,0,bool", "2: tag = 1a: is not a name"),
        ("a,read,coil,0,bool,,,,,,,,,,,,,,x", "2: a: 19 cells, the header has 14. Put texts with commas in quotes"),
        ("a,read,coil,0,bool\na,write,coil,1,bool", "3: a: this tag stands already in line 2"),
    ],
)
def test_a_row_that_cannot_be_meant_says_so(row: str, message: str) -> None:
    assert any(found.startswith(message) for found in mistakes(row + "\n")), mistakes(row + "\n")


def test_columns_may_stand_in_any_order_and_unknown_ones_are_named() -> None:
    tags = load_map("address,tag,type,table,direction\n7,a,bool,coil,read\n", "x.csv")
    assert (tags[0].address, tags[0].tag) == (7, "a")
    assert mistakes("", "tag,direction,table,address,type,scle\n") == ["1: scle: unknown column. Did you mean scale?"]
    assert mistakes("", "tag,direction,table,type\n")[0].startswith("1: address: this column is missing")
    assert mistakes("", "")[0].startswith("None: : the map is empty")


def test_a_map_from_a_spreadsheet_with_semicolons_and_a_mark_is_read() -> None:
    tags = load_map("\ufefftag;direction;table;address;type\r\n# note; more\r\n\r\na;read;coil;3;bool\r\n", "x.csv")
    assert (tags[0].tag, tags[0].address, tags[0].line) == ("a", 3, 4)


def test_all_mistakes_of_a_map_are_one_error() -> None:
    with pytest.raises(RigError) as caught:
        load_map(HEADER + "a,reed,coil,0,bool\nb,read,coil,x,bool\n", "plc.csv")
    assert [line.partition(": ")[0] for line in str(caught.value).splitlines()] == ["plc.csv:2", "plc.csv:3"]


def test_numbers_of_types_are_those_of_the_core() -> None:
    names = ("bool", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64")
    kind = next(c for t in _core.block_types() if t["name"] == "register" for c in t["config"] if c["name"] == "kind")
    assert list(names) == kind["choices"]
    short = [name.replace("uint", "u").replace("int", "i").replace("float", "f") for name in TYPES]
    assert short == list(names)


@pytest.mark.parametrize("name", [name for name in TYPES if name.startswith(("int", "uint"))])
def test_the_range_of_a_type_is_what_the_core_carries(name: str) -> None:
    for raw in RAW_RANGE[name]:
        carried, value = _core.through_register(TYPES.index(name), 1.0, 0.0, -1e300, 1e300, raw)
        assert value == raw, carried
    low, high = RAW_RANGE[name]
    if WORDS[TYPES.index(name)] < 4:
        assert _core.through_register(TYPES.index(name), 1.0, 0.0, -1e300, 1e300, high + 1)[1] == high
        assert _core.through_register(TYPES.index(name), 1.0, 0.0, -1e300, 1e300, low - 1)[1] == low


NUMBERS = st.floats(-1e6, 1e6).filter(lambda value: value != 0)


@st.composite
def tags(draw: st.DrawFn) -> IoTag:
    table = draw(st.sampled_from(sorted(TABLES)))
    bits = table in ("coil", "discrete_input")
    kind = "bool" if bits else draw(st.sampled_from(TYPES))
    words = 1 if bits else WORDS[TYPES.index(kind)]
    order = st.sampled_from(("big", "little"))
    return IoTag(
        tag=draw(st.from_regex(r"[a-z]{1,5}(\.[a-z0-9]{1,5})?", fullmatch=True)),
        direction=draw(st.sampled_from(("read", "write"))),
        table=table,
        address=draw(st.integers(0, 65536 - words)),
        type=kind,
        bit=draw(st.integers(0, 15)) if kind == "bool" and not bits else None,
        word_order=draw(order),
        byte_order=draw(order),
        scale=1.0 if kind == "bool" else draw(NUMBERS),
        offset=0.0 if kind == "bool" else draw(NUMBERS),
        unit=draw(st.sampled_from((None, "m", "V", "m**3/s"))),
        start=draw(st.none() | NUMBERS),
        description=draw(st.sampled_from(("", "plain", "with, comma", 'with "quotes"'))),
    )


@given(st.lists(tags(), max_size=20, unique_by=lambda tag: tag.tag))
def test_a_written_map_is_read_back_equally(written: list[IoTag]) -> None:
    again = load_map(write_map(written), "x.csv")
    assert [replace(tag, line=None) for tag in again] == written
