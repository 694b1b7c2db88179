"""The sender's own segment counter against the vectors it shares with the provider's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference_sender.api.segments import count_segments

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "segments.json").read_text())["segments"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_segments_follow_the_vectors(vector: dict[str, Any]) -> None:
    text = "".join(piece * times for piece, times in vector["text"])
    assert count_segments(text) == vector["segments"]
