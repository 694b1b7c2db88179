"""The policy file: defaults, and errors that name every field."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from reference_sender.dispatch.values import Lane, RouteLimits
from reference_sender.policy.settings import NO_POLICY, PolicyError, read_policy


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return read_policy(path)


def test_an_empty_file_has_the_recommended_limits(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("")
    policy = read_policy(tmp_path / "policy.toml")
    assert policy.quiet_hours.classes == policy.opt_out.classes == {Lane.MARKETING}
    every, otp = policy.recipient_limits()
    assert every is not None and otp is not None
    assert (every.messages, every.window_ns, otp.messages, otp.window_ns) == (10, 60 * 10**9, 5, 600 * 10**9)
    assert (policy.keep_ns, policy.spending.has_prices) == (None, False)


def test_without_a_file_no_message_is_held_or_refused() -> None:
    assert NO_POLICY.recipient_limits() == (None, None)
    assert NO_POLICY.quiet_hours.classes == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[recipients]\nmessages = -1", "recipients.messages: must be at least 0"),
        ("[quiet_hours]\nclasses = ['sms']", "quiet_hours.classes"),
        ("[spending]\ncost_per_segment = true", "spending.cost_per_segment: must be a number"),
        ("[recipients]\nmessages = true", "recipients.messages: must be a number"),
        ("[spending]\ndaily_limit = 5", "spending: daily_limit needs cost_per_segment"),
        ("[spending]\ncost_per_segment = 1\ncost_per_segment_by_country = {XX = 2}", "XX not in the table"),
        ("[spending]\ncost_per_segment_by_country = {PL = 2}", "needs cost_per_segment, for the other"),
        ("[spending.routes.fast]\ncost_per_segment = 1", "spending: routes needs cost_per_segment"),
        (
            "[spending]\ncost_per_segment = 1\n[spending.routes.fast]\ncost_per_segment = 2\n"
            "cost_per_segment_by_country = {XX = 2}",
            "XX not in the table",
        ),
        ("[spending]\ntime_zone = 'Warsaw'", "'Warsaw' is not a time zone"),
        ("keep_days = 0", "keep_days: must be more than 0"),
        ("quiet = true", "quiet: unknown key; known here: quiet_hours, "),
        ("keep_days = ", "Invalid value"),
        (
            "[countries.PL]\nprefixes = ['48']\nzones = ['Mars']",
            "countries.PL.zones: 'Mars' is not a time zone",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, text)
    assert expected in str(caught.value) and "policy.toml" in str(caught.value)


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"keep_days.*recipients|recipients.*keep_days"):
        read(tmp_path, "keep_days = -1\n[recipients]\nmessages = -1")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="No such file"):
        read_policy(tmp_path / "none.toml")


def test_a_message_costs_at_most_the_highest_price_of_its_country(tmp_path: Path) -> None:
    text = (
        "[spending]\ncost_per_segment = 0.04\ncost_per_segment_by_country = {PL = 0.02}\n"
        "[spending.routes.fast]\ncost_per_segment = 0.03\ncost_per_segment_by_country = {DE = 0.09}"
    )
    (tmp_path / "policy.toml").write_text(text)
    spending = read_policy(tmp_path / "policy.toml").spending
    assert [spending.highest(code) for code in ("PL", "DE", "")] == [0.03, 0.09, 0.04]
    assert [spending.route_price(route) for route in ("fast", "other")] == [0.03, 0.04]
    assert NO_POLICY.spending.route_price("other") == 0.0


def test_a_route_has_a_price_for_each_prefix_if_its_prices_differ_by_country(tmp_path: Path) -> None:
    """Canada's numbers begin with the prefix of the United States, and have the price of other countries."""
    text = (
        "[spending]\ncost_per_segment = 0.04\n"
        "[spending.routes.fast]\ncost_per_segment = 0.03\ncost_per_segment_by_country = {US = 0.09}\n"
        "[countries.US]\nprefixes = ['1']\nzones = ['America/New_York']\n"
        "[countries.CA]\nprefixes = ['1204', '1416']\nzones = ['America/Toronto']\n"
    )
    (tmp_path / "policy.toml").write_text(text)
    policy = read_policy(tmp_path / "policy.toml")
    limits = RouteLimits("fast", 1, 1, 1, 1, 1, 1, 0)
    fast, other = policy.priced(limits), policy.priced(replace(limits, name="other"))
    assert (fast.cost_per_segment, other.cost_per_segment) == (0.03, 0.04)
    assert fast.cost_by_prefix == (("1", 0.09), ("1204", 0.03), ("1416", 0.03))
    assert other.cost_by_prefix == ()


def test_an_unknown_key_of_a_route_s_prices_comes_with_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[spending.routes.fast]\ncost_per_segment = 1\ncosts = 2\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read_policy(file)
    assert str(caught.value).endswith(
        "spending.routes.fast.costs: unknown key; known here: cost_per_segment, cost_per_segment_by_country"
    )
