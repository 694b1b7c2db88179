"""Profiles that take up ready tables of countries: what they become, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mock_provider.engine.prefixes import PrefixTable
from mock_provider.profiles import Profile, ProfileError, load_profile, parse_profile, scale_profile
from mock_provider.profiles.countries import country_table, table_names

ANY = [{"name": "any", "country": "*"}]


def profile_of(**values: Any) -> Profile:
    return parse_profile({"name": "x", "carriers": ANY} | values)


def test_ready_tables_are_whole_and_go_together() -> None:
    assert table_names() == ("DE", "GB", "PL", "US")
    profile = profile_of(countries=table_names())
    for country in table_names():
        carriers = [c for c in profile.carriers if c.country == country]
        assert sum(c.share for c in carriers) == pytest.approx(100, abs=0.2)
        assert all(c.mcc and c.mnc and c.queue_segments and c.segments_per_s and c.failures for c in carriers)
        assert all(c.latency and c.priority_latency for c in carriers)
        assert [rules.country for rules in profile.rules].count(country) == 1


def test_poland_has_the_shares_of_the_sources() -> None:
    """docs/sources.md, as in the profile smsapi."""
    table = {c["name"]: (c["mcc"] + c["mnc"], c["share"]) for c in country_table("PL")["carriers"]}
    facts = {c.name: (c.mcc + c.mnc, c.share) for c in load_profile("smsapi").carriers if c.country == "PL"}
    assert table == facts


@pytest.mark.parametrize("country", ["DE", "GB", "PL"])
def test_prefix_names_are_those_of_the_numbering_plan(country: str) -> None:
    for carrier in country_table(country)["carriers"]:
        for name in carrier.get("prefix_names", ()):
            assert PrefixTable(country, {name: "found"}).carriers, (country, name)


def test_a_country_of_the_profile_overrides_the_table() -> None:
    own = [{"name": "mine", "country": "PL"}, *ANY]
    profile = profile_of(carriers=own, countries=["PL", "DE"], rules=[{"country": "PL", "max_segments": 3}])
    assert [c.name for c in profile.carriers if c.country == "PL"] == ["mine"]
    assert len([c for c in profile.carriers if c.country == "DE"]) == 4
    assert {r.country: r.max_segments for r in profile.rules} == {"PL": 3, "DE": None}


@pytest.mark.parametrize("name", ["poland", "world", "lab"])
def test_a_profile_written_out_whole_is_the_same_again(name: str) -> None:
    profile = load_profile(name)
    assert parse_profile(json.loads(json.dumps(profile.model_dump(mode="json")))) == profile


def test_all_that_is_wrong_with_a_network_is_said_by_its_path() -> None:
    hours = {"timezone": "Europe/Warsaw", "start": "20:00", "end": "08:00"}
    values = {
        "countries": ["PL", "XX"],
        "account": {"tier": "gold", "timezone": "Nowhere", "daily_messages": 0, "countries": ["Poland"]},
        "rules": [
            {"country": "FR", "marketing_hours": hours},
            {"country": "pl", "max_segments": 0, "sender": "names"},
            {"country": "US", "marketing_hours": {"timezone": "UTC", "end": "25:00", "days": ["monday"]}},
        ],
        "throttle": {"concurrent_requests": 0, "per_sender": {"long_code": {"queue_segments": 5}}},
        "numbers": {"validity": "hard", "ported_share": 2, "magic": "sometimes"},
        "traffic": {"default_message_class": "ads"},
    }
    with pytest.raises(ProfileError) as raised:
        profile_of(**values)
    assert {line.split(": ")[0] for line in raised.value.errors} == {
        "countries[1]",
        "account.tier",
        "account.timezone",
        "account.daily_messages",
        "account.countries[0]",
        "rules[0].marketing_hours",
        "rules[1].country",
        "rules[1].max_segments",
        "rules[1].sender",
        "rules[2].marketing_hours.end",
        "rules[2].marketing_hours.days[0]",
        "throttle.concurrent_requests",
        "throttle.per_sender.long_code.segments_per_s",
        "numbers.validity",
        "numbers.ported_share",
        "numbers.magic",
        "traffic.default_message_class",
    }
    assert "allowed: DE, GB, PL, US" in str(raised.value)


def test_a_country_has_rules_once() -> None:
    with pytest.raises(ProfileError, match=r"rules: .*repeated: PL"):
        profile_of(rules=[{"country": "PL"}, {"country": "PL"}])


def test_a_faster_time_axis_leaves_hours_and_days_alone() -> None:
    scaled, world = scale_profile(load_profile("world"), 10.0), load_profile("world")
    assert scaled.rules == world.rules
    long_code = scaled.throttle.per_sender.long_code
    assert long_code is not None
    assert (long_code.segments_per_s, long_code.queue_segments) == (10.0, 36_000)
    rates = [each.carriers[1].segments_per_s or 0.0 for each in (world, scaled)]
    assert rates[1] == rates[0] * 10 > 0


def test_a_faster_time_axis_shortens_whole_seconds_and_no_timer_of_connections() -> None:
    profile = load_profile("twilio")
    scaled = scale_profile(profile, 1000.0)
    twilio = scaled.protocol.twilio
    assert (twilio.default_validity_s, twilio.schedule_min_s, twilio.schedule_max_s) == (36, 1, 3024)
    assert scaled.protocol.smpp == profile.protocol.smpp
    assert parse_profile(scaled.model_dump(mode="json", exclude_none=True)) == scaled
