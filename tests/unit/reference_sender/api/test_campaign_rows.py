"""Campaign bodies: the same rows whatever pieces they arrive in."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from reference_sender.api.csv_rows import CsvRows
from reference_sender.api.intake import Invalid
from reference_sender.api.json_rows import JsonRows

ROWS: list[Any] = [
    {"to": "1", "text": 'a "quoted" \\ text, with ] } and {'},
    {"to": "2", "text": "zażółć 😀"},
    {},
    None,
    "text",
    [1, [2]],
    {"nested": {"to": [1, 2]}},
]
HEAD = {"campaign": "may", "message_class": "marketing", "text": "hé", "expires_in_s": 60}
COMPACT = json.dumps(HEAD | {"recipients": ROWS}, separators=(",", ":"), ensure_ascii=False).encode()
SPACED = json.dumps(HEAD | {"recipients": ROWS}, indent=3).encode()


def json_rows(body: bytes, size: int) -> tuple[dict[str, Any], list[Any]]:
    reader = JsonRows()
    rows: list[Any] = []
    for start in range(0, len(body), size):
        rows += reader.feed(body[start : start + size])
    rows += reader.finish()
    return reader.head, rows


def csv_rows(body: bytes, size: int) -> list[Any]:
    reader = CsvRows({})
    rows: list[Any] = []
    for start in range(0, len(body), size):
        rows += reader.feed(body[start : start + size])
    return [*rows, *reader.finish()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("body", [COMPACT, SPACED], ids=["compact", "spaced"])
def test_json_rows_do_not_depend_on_the_pieces(body: bytes, size: int) -> None:
    assert json_rows(body, size) == (HEAD, ROWS)


def test_rows_come_before_the_body_has_ended() -> None:
    reader = JsonRows()
    assert list(reader.feed(b'{"message_class": "otp", "recipients": [{"to": "1"}, {"to": "2"}')) == [
        {"to": "1"},
        {"to": "2"},
    ]
    assert reader.head == {"message_class": "otp"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"recipients": {}}', "malformed"),
        (b'{"recipients": [', "malformed"),
        (b'{"recipients": [{"to": 1}]', "malformed"),
        (b'{"recipients": [{"to" 1}]}', "malformed"),
        (b'{"recipients": []} {}', "malformed"),
        (b'{"recipients": [], "text": "too late"}', "misplaced"),
        (b'{"recipients": ["\xff"]}', "malformed"),
        (b'{"recipients": [' + b"[" * 60_000, "malformed"),
        (b'{"recipients": ["' + b"a" * 70_000, "malformed"),
    ],
)
def test_what_is_no_json_campaign_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        json_rows(body, 1_000)
    assert refused.value.code == code


CSV_BODY = 'To,text,KEY\r\n1,"a, b\r\nand ""c""",k1\r\n\r\n2,zażółć\u2028😀,\r\n3,,k3\r\n4,x\r\n5,last,k5'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_csv_rows_do_not_depend_on_the_pieces(size: int, mark: str) -> None:
    rows = csv_rows((mark + CSV_BODY).encode(), size)
    short = rows.pop(3)
    assert isinstance(short, Invalid)
    assert rows == [
        {"to": "1", "text": 'a, b\r\nand "c"', "key": "k1"},
        {"to": "2", "text": "zażółć\u2028😀"},
        {"to": "3", "key": "k3"},
        {"to": "5", "text": "last", "key": "k5"},
    ]


@pytest.mark.parametrize("size", [1, 7, 16_384, 1_000_000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_rows_before_a_wrong_byte_are_kept_and_its_position_is_named(size: int, mark: bytes) -> None:
    csv_start = mark + b"to,text\r\n" + b"1,a\r\n" * 900 + b'2,"b\nb"\r\n1,"a\n'
    json_start = mark + b'{"recipients": [' + b'{"to": "1"},' * 900 + b'{"to": "2'
    for reader, start, rows, position in (
        (CsvRows({}), csv_start, 901, f"line 905: the byte 0xff is not UTF-8, after {len(csv_start)} bytes"),
        (JsonRows(), json_start, 900, f"after {len(json_start)} bytes, after row 900: the byte 0xff is not"),
    ):
        body = start + b"\xff" + b"c" * 40
        found: list[Any] = []
        with pytest.raises(Invalid, match=position):
            for at in range(0, len(body), size):
                found.extend(reader.feed(body[at : at + size]))
        assert len(found) == rows


@pytest.mark.parametrize("size", [1, 1_000])
def test_a_body_that_ends_within_a_character_names_its_first_byte(size: int) -> None:
    for collect, body in ((csv_rows, b"to\n1\n2\xc5"), (json_rows, b'{"recipients": ["\xc5')):
        with pytest.raises(Invalid, match="the byte 0xc5 is not UTF-8"):
            collect(body, size)


def test_a_quotation_that_never_ends_is_read_in_one_pass() -> None:
    lines = b"\n" * 64_000
    started_s = time.process_time()
    with pytest.raises(Invalid, match="is not closed"):
        csv_rows(b'to,text\n"' + lines + lines, 16_384)
    assert time.process_time() - started_s < 0.2  # one look back for each line end took a second


def test_a_number_too_long_for_python_is_a_row_like_any_other() -> None:
    body = b'{"recipients": [{"to": ' + b"1" * 5_000 + b'}, {"to": "2", "expires_in_s": 60}]}'
    _, (too_long, good) = json_rows(body, 1_000)
    assert too_long == {"to": float("inf")}
    assert good == {"to": "2", "expires_in_s": 60}


def test_semicolons_part_where_the_first_line_has_them() -> None:
    assert csv_rows(b"to;text\n1;a, b\n", 100) == [{"to": "1", "text": "a, b"}]


@pytest.mark.parametrize(
    "body",
    [b"", b"text,key\n", b"to,colour\n", b"to,to\n", b"to\n\xff\n", b'to,text\n1,"' + b"a" * 70_000],
)
def test_what_is_no_csv_campaign_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        csv_rows(body, 1_000)


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("to,text,foo", "foo", "foo is not a column; known: to, text, key, expires_in_s"),
        ("to,", "", "a column without a name is not a column; known: to, text, key, expires_in_s"),
        ("to;text;text", "text", "the column text is named twice"),
        (
            "number",
            "to",
            "the first line must name the columns: to, and any others of to, text, key, expires_in_s",
        ),
    ],
)
def test_a_wrong_column_is_named(line: str, field: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        csv_rows(f"{line}\n1,2,3\n".encode(), 1_000)
    assert (refused.value.field, refused.value.message) == (field, message)
