"""The alert file: defaults, changes in part, and errors that name the field."""

from __future__ import annotations

import pytest

from reference_sender.alerts.rules import AlertFileError, AlertSettings, parse_alerts


def test_an_empty_file_has_the_defaults() -> None:
    assert parse_alerts("") == AlertSettings()


def test_a_rule_changed_in_part_keeps_the_rest() -> None:
    rules = parse_alerts("[rules.delivery_time_s.otp]\nabove = 10\nclear = 5").rules
    assert rules.delivery_time_s.otp.above == 10
    assert rules.delivery_time_s.otp.for_s == AlertSettings().rules.delivery_time_s.otp.for_s
    assert rules.delivery_time_s.marketing == AlertSettings().rules.delivery_time_s.marketing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rules.error_rate]\nabove = 'x'", "rules.error_rate.above: must be a number"),
        ("[rules.error_rate]\nabove = 0.01", "rules.error_rate: clear must not be larger than above"),
        ("[rules.eror_rate]\nabove = 1", "rules.eror_rate: unknown key; known here: every_s, window_s"),
        ("[rules]\nevery_s = 0", "rules.every_s: must be more than 0"),
        ("[rules]\nevery_s = 600", "rules: every_s must not be larger than window_s"),
        (
            "[rules.delivery_time_s.otp]\nabove = 7200",
            "rules.delivery_time_s.otp.above: must be less than",
        ),
        ("[webhook]\nurl = 'ftp://x'", "webhook.url: must match"),
        ("[email]\nhost = 'x'\nmail_from = 'a@b'", "email.recipients: missing"),
        ("[email]\nhost = 'x'\nmail_from = 'a@b'\nrecipients = ['c']", "email.recipients.0: must"),
        ("rules = 1", "rules: must be a table of keys"),
        ("[rules", "Expected ']'"),
    ],
)
def test_an_error_names_the_field(text: str, expected: str) -> None:
    with pytest.raises(AlertFileError) as caught:
        parse_alerts(text)
    assert expected in str(caught.value)


def test_the_password_is_not_shown() -> None:
    text = "[email]\nhost = 'x'\nmail_from = 'a@b'\nrecipients = ['c@d']\npassword = 'hush'"
    assert "hush" not in repr(parse_alerts(text))
