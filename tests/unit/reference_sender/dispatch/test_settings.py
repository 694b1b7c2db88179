from __future__ import annotations

import pytest
from pydantic import ValidationError

from reference_sender.dispatch import DispatchSettings


def test_defaults_are_valid_and_frozen() -> None:
    settings = DispatchSettings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.max_attempts = 1


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_atempts": 3}, "max_atempts"),
        ({"defer_s": float("inf")}, "defer_s"),
        ({"max_backlog": 100, "otp_reserved_backlog": 100}, "bulk is never accepted"),
        ({"transactional_share": 0.6, "marketing_share": 0.4}, "below 1"),
        ({"backoff_base_s": 10.0, "otp_backoff_cap_s": 5.0}, "backoff_base_s must not exceed"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, float], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        DispatchSettings.model_validate(wrong)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        DispatchSettings(throttle_base_s=9, throttle_cap_s=1, breaker_open_s=9, breaker_cap_s=1)
    assert "throttle_base_s" in str(caught.value)
    assert "breaker_open_s" in str(caught.value)
