"""The alert file: defaults, changes in part, and errors that name the field."""

from __future__ import annotations

import pytest

from reference_sender.alerts.rules import AlertFileError, AlertSettings, Email, Webhook, parse_alerts

MAIL = "[email]\nhost = 'x'\nmail_from = 'a@b'\nrecipients = ['c@d']\n"


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
        ("[rules.error_rate]\nabove = true", "rules.error_rate.above: must be a number"),
        (
            "[rules.balance_by_route.a]\nbelow = true\nclear = 2",
            "rules.balance_by_route.a.below: must be a number",
        ),
        ("[rules.error_rate]\nabove = 0.01", "rules.error_rate: clear must not be larger than above"),
        ("[rules.eror_rate]\nabove = 1", "rules.eror_rate: unknown key; known here: every_s, window_s"),
        ("[rules]\nevery_s = 0", "rules.every_s: must be more than 0"),
        ("[rules]\nevery_s = 600", "rules: every_s must not be larger than window_s"),
        (
            "[rules.delivery_time_s.otp]\nabove = 7200",
            "rules.delivery_time_s.otp.above: must be less than",
        ),
        ("[webhook]\nurl = 'ftp://x'", "webhook.url: must be a URL"),
        (
            "[webhook]\nurl = 'http://127.0.0.1:99999/'",
            "webhook.url: must be a URL: Port out of range 0-65535",
        ),
        ("[webhook]\nurl = 'http://a b/'", "webhook.url: must be a URL"),
        (
            f"{MAIL}username = \"a\\u0000b\"\npassword = 'x'",
            "email.username: must be one line without control",
        ),
        (
            f"{MAIL}username = 'a'\npassword = \"x\\u0000y\"",
            "email.password: must be one line without control",
        ),
        (f"{MAIL}username = 'a'\npassword = ''", "email.password: must have a visible character"),
        (f"{MAIL}password = 'x'", "email: give username and password, or neither"),
        (
            "[webhook]\nurl = 'http://hooks.example.org/a?k=#b'",
            "webhook.url: must be a URL without a fragment",
        ),
        ("[webhook]\nurl = 'http://[::1/'", "webhook.url: must be a URL"),
        ("[webhook]\nurl = 'http://:80/'", "webhook.url: must be a URL"),
        ('[webhook]\nurl = "https://hooks.example.org/a\\u0000"', "webhook.url: must be a URL"),
        (
            '[email]\nhost = "a\\u0000b"\nmail_from = "a@b"\nrecipients = ["c@d"]',
            "email.host: must be the name",
        ),
        (
            '[email]\nhost = "x"\nmail_from = "a\\u0000@b"\nrecipients = ["c@d"]',
            "email.mail_from: must be a mail",
        ),
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
    text = "[email]\nhost = 'x'\nmail_from = 'a@b'\nrecipients = ['c@d']\nusername = 'a'\npassword = 'hush'"
    assert "hush" not in repr(parse_alerts(text))


def test_the_addresses_of_the_manual_are_accepted() -> None:
    for url in ("https://hooks.example.org/sms", "http://127.0.0.1:8080", "http://u:p@[::1]:80/a?b=c"):
        assert parse_alerts(f"[webhook]\nurl = '{url}'").webhook == Webhook(url=url)
    for host in ("mail.example.org", "127.0.0.1", "::1", "localhost"):
        text = f"[email]\nhost = '{host}'\nmail_from = 'a@b'\nrecipients = ['c@d']"
        assert parse_alerts(text).email == Email(host=host, mail_from="a@b", recipients=("c@d",))
