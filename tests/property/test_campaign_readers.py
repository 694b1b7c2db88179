"""Campaign bodies against the readers of whole documents: the same rows, whatever pieces a body comes in."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference_sender.api.csv_rows import CsvRows
from reference_sender.api.intake import Invalid
from reference_sender.api.json_rows import JsonRows, Rows

TEXT = st.text(max_size=20) | st.sampled_from(["é", "😀", "\u2028", '"', "\\", "],[", "}{", ",", "\x7f"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
HEADS = st.dictionaries(TEXT.filter(lambda name: name != "recipients"), VALUES, max_size=3)
LAYOUTS = st.sampled_from(
    [{"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (" ,\r\n", "\t: ")}]
)
# What a hand or a broken program changes in a body.
SCRAPS = st.sampled_from(
    [
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        '"',
        "\\",
        ".",
        "-",
        "0",
        "1",
        "e",
        "[,",
        ",,",
        "{}",
        "tru",
        "NaN",
        "-Infinity",
        '"a',
        "\\u12",
        "01",
        "[[[[",
        "/*x*/",
    ]
) | (
    st.sampled_from([" ", "\n", "\x00", "\x1f", "\u00a0", "\ufeff", "1 2", "'a'"])
    | st.sampled_from(['"recipients":[]', '"recipients": 5,', ', "text": 1'])
)


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    return [body[a:b] for a, b in pairwise([0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)])]


def read(rows: Rows, parts: list[bytes]) -> tuple[list[Any], str]:
    """The rows, and the code of the error at their end."""
    found: list[Any] = []
    try:
        for part in parts:
            for row in rows.feed(part):
                found.append(row)
        for row in rows.finish():
            found.append(row)
    except Invalid as error:
        return found, error.code
    return found, ""


def strictly(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def whole_json(body: bytes) -> dict[str, Any] | None:
    """What ``json.loads`` makes of it; None where it is no object."""
    try:
        whole = json.loads(body.decode("utf-8-sig"), parse_constant=strictly)
    except ValueError:
        return None
    return whole if isinstance(whole, dict) else None


@settings(max_examples=300)
@example({"n": 1.5}, [1.5], {"separators": (",", ":")}, [7, 27])
@given(HEADS, st.lists(VALUES, max_size=8), LAYOUTS, st.lists(st.integers(0, 10_000), max_size=12))
def test_a_campaign_is_read_as_json_loads_reads_it(
    head: dict[str, Any], recipients: list[Any], layout: dict[str, Any], cuts: list[int]
) -> None:
    body = json.dumps(head | {"recipients": recipients}, **layout).encode("utf-8", "surrogatepass")
    rows = JsonRows()
    found = read(rows, pieces(body, cuts))
    if (whole := whole_json(body)) is None:  # a lone surrogate, written as such
        assert found[1] == "malformed"
    else:
        assert found == (recipients, "")
        assert rows.head | {"recipients": recipients} == whole


@given(
    st.lists(VALUES, max_size=4),
    st.integers(0, 200),
    st.integers(0, 3),
    SCRAPS,
    st.lists(st.integers(0, 10_000), max_size=8),
)
@example([], 32, 0, ",,,{}{}", [])
@example([{}], 34, 0, "{}", [])
@example([{}], 34, 0, ",", [])
@example([{}], 35, 0, ', "recipients": [{}]', [])
@example([1], 33, 0, "1", [33])
def test_what_json_loads_refuses_is_refused_wherever_it_is_cut(
    recipients: list[Any], at: int, cut_out: int, scrap: str, cuts: list[int]
) -> None:
    good = json.dumps({"message_class": "otp", "recipients": recipients}, ensure_ascii=False)
    at %= len(good) + 1
    body = (good[:at] + scrap + good[at + cut_out :]).encode("utf-8", "surrogatepass")
    rows = JsonRows()
    found, error = read(rows, pieces(body, cuts))
    whole = whole_json(body)
    if error == "":
        assert whole is not None
        assert (whole["recipients"], {k: v for k, v in whole.items() if k != "recipients"}) == (
            found,
            rows.head,
        )
    elif whole is not None:  # JSON, but no campaign: said so, and not by chance of the cuts
        is_list = isinstance(whole.get("recipients"), list)
        assert error in ("misplaced", "missing") or not is_list or body.count(b'"recipients"') > 1
    assert read(JsonRows(), [body]) == (found, error)


CELLS = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS), max_size=8),
    st.sampled_from(",;"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_a_csv_is_read_as_the_csv_module_writes_it(
    lines: list[tuple[str, str]], delimiter: str, line_end: str, quote_all: bool, cuts: list[int]
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(
        written,
        delimiter=delimiter,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    written.write(f"to{delimiter}text{line_end}")
    writer.writerows(lines)
    found = read(CsvRows({}), pieces(written.getvalue().encode(), cuts))
    expected = [
        {name: cell for name, cell in zip(("to", "text"), line, strict=True) if cell} for line in lines
    ]
    assert found == (expected, "")


@given(st.text('"1,;a\n\r ', max_size=40), st.lists(st.integers(0, 100), max_size=12))
@example('1,"a\n2,b\n', [])
@example('1,5" pipe\n2,"b"\n', [])
@example('1,"a"b\n', [])
def test_a_csv_gives_the_same_rows_and_the_same_error_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    body = f"to,text\n{text}".encode()

    def comparable(found: tuple[list[Any], str]) -> tuple[list[Any], str]:
        return [row.message if isinstance(row, Invalid) else row for row in found[0]], found[1]

    at_once = comparable(read(CsvRows({}), [body]))
    assert comparable(read(CsvRows({}), pieces(body, cuts))) == at_once
    if text.count('"') % 2:
        assert at_once[1] == "malformed"
