from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mock_provider.engine.segments import count_segments
from mock_provider.protocols.smsapi.normalizing import normalize

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "segments.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["segments"], ids=lambda v: v["name"])
def test_segments_are_counted_as_they_are_cut(vector: dict[str, Any]) -> None:
    text = "".join(run * times for run, times in vector["text"])
    counted = count_segments(text)
    assert (counted.encoding, counted.units, counted.segments) == (
        vector["encoding"],
        vector["units"],
        vector["segments"],
    )


@pytest.mark.parametrize("vector", VECTORS["normalize"], ids=lambda v: v["name"])
def test_normalised_text_keeps_to_gsm7_where_it_can(vector: dict[str, Any]) -> None:
    normalized = normalize(vector["text"])
    assert normalized == vector["normalized"]
    assert count_segments(normalized).encoding == vector["encoding"]


@pytest.mark.parametrize(
    ("segment", "encoding", "joined"),
    [("a" * 152 + "{" + "a", "gsm7", 153), ("a" * 66 + "\U0001f600", "ucs2", 67)],
)
def test_a_text_of_more_segments_than_a_header_can_number_is_counted_by_division(
    segment: str, encoding: str, joined: int
) -> None:
    text = segment * 1_000
    counted = count_segments(text)
    units = (joined + 2 if encoding == "gsm7" else joined + 1) * 1_000
    assert (counted.encoding, counted.units, counted.segments) == (encoding, units, -(-units // joined))
