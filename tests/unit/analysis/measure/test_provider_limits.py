"""The limits of a profile as text."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.measure.provider_limits import limits_text

SEGMENTS = {"segments": {"rate_per_s": 50.0, "burst": 50}}
QUEUE = {"drain_segments_per_s": 40.0}


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({}, "unknown"),
        ({"throttle": {}}, "none"),
        ({"throttle": SEGMENTS}, "50 segments/s"),
        ({"accept_queue": QUEUE}, "40 segments/s"),
        (
            {"throttle": SEGMENTS, "accept_queue": QUEUE},
            "50 segments/s, 40 segments/s out of the accept queue",
        ),
    ],
)
def test_two_limits_of_segments_have_different_words(profile: dict[str, Any], expected: str) -> None:
    assert limits_text(profile) == expected
