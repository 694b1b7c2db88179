"""A text cut as a phone gets it: held to the engine's count and to the shared vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_provider.engine.segments import GSM7_BASIC, GSM7_EXTENSION, count_segments
from mock_provider.inbox.inspection import inspect

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "segments.json").read_text())["segments"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors(vector: dict[str, Any]) -> None:
    text = "".join(part * times for part, times in vector["text"])
    seen = inspect(text)
    assert (seen.encoding, seen.units, len(seen.segments)) == (
        vector["encoding"],
        vector["units"],
        vector["segments"],
    )


@given(st.text(st.sampled_from(GSM7_BASIC[:20] + GSM7_EXTENSION + "ł🙂"), max_size=500))
def test_segments_are_the_text_whole_and_each_within_its_room(text: str) -> None:
    seen = inspect(text)
    counted = count_segments(text)
    assert "".join(segment.text for segment in seen.segments) == text
    assert len(seen.segments) == counted.segments
    assert all(segment.units <= seen.units_per_segment for segment in seen.segments)
    assert sum(segment.units for segment in seen.segments) == counted.units


def test_the_characters_that_forced_ucs2_each_once_in_order() -> None:
    seen = inspect("zażółć ż €")
    assert [(f.character, f.code_point, f.position, f.count) for f in seen.forced_by] == [
        ("ż", "U+017C", 2, 2),
        ("ó", "U+00F3", 3, 1),
        ("ł", "U+0142", 4, 1),
        ("ć", "U+0107", 5, 1),
    ]
    assert seen.forced_by[0].name == "LATIN SMALL LETTER Z WITH DOT ABOVE"
    assert inspect("plain €").forced_by == []
