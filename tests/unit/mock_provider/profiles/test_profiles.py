from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from mock_provider.engine import Engine
from mock_provider.engine.faults import FAULT_KINDS
from mock_provider.engine.faults.kinds.added_latency import AddedLatency
from mock_provider.inbox.admin.fault_windows import fault_kinds
from mock_provider.profiles import (
    Profile,
    ProfileError,
    load_profile,
    parse_profile,
    profile_names,
    renamed_keys,
    scale_profile,
    with_token,
)
from mock_provider.settings.distributions import AbsentSubscriber, Empirical, Lognormal

MINIMAL = {"name": "x", "carriers": [{"name": "a", "country": "*"}]}


def test_a_profile_on_a_base_has_the_keys_of_the_base_and_its_own() -> None:
    base, faulty = load_profile("smsapi"), load_profile("smsapi-faults")
    assert [fault.kind for fault in faulty.faults] == [
        "outage",
        "cut_after_accept",
        "rate_reduction",
        "report_duplicate",
    ]
    own = {"name": base.name, "title": base.title, "faults": base.faults}
    assert faulty.model_copy(update=own) == base


def test_a_file_on_a_base_changes_single_keys(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "smsapi"\nname = "mine"\n[throttle.requests]\nrate_per_s = 20.0\n')
    requests = load_profile(path).throttle.requests
    assert requests is not None
    assert (requests.rate_per_s, requests.burst) == (20.0, 100)
    path.write_text('base = "nowhere"\nname = "mine"\n')
    with pytest.raises(ProfileError, match=r"base: 'nowhere': not a ready-made profile \(allowed: bad"):
        load_profile(path)


def test_ready_made_profiles_load_and_run() -> None:
    names = "bad-day fading fast flaky lab outage poland smsapi smsapi-faults throttled twilio world"
    assert profile_names() == tuple(names.split())
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.title
        assert Engine(profile, 1).next_due() is None


def test_smsapi_profile_has_the_numbers_of_the_sources() -> None:
    """docs/sources.md: SMSAPI, carriers and countries, delivery delay."""
    profile = load_profile("smsapi")
    assert profile.throttle.requests.rate_per_s == 100
    assert profile.account.price_per_segment == 0.165
    shares = {c.name: (c.mcc + c.mnc, c.share) for c in profile.carriers if c.country == "PL"}
    assert shares["Play"] == ("26006", 30.2)
    assert shares["Orange"] == ("26003", 26.6)
    assert sum(share for _, share in shares.values()) == pytest.approx(99.9)
    assert sum(f.share for f in profile.delivery.failures) == pytest.approx(0.05)
    assert profile.reports.loss_share == 0


def test_all_errors_are_listed_at_once_with_path_and_allowed_range() -> None:
    values = {
        "name": "x",
        "typo": 1,
        "carriers": [{"name": "a", "country": "pl"}, {"name": "b", "country": "*", "shard": 2}],
        "throttle": {"requests": {"rate_per_s": 0, "burst": 0.5}},
        "reply": {
            "latency": {"kind": "lognormal", "median_s": 2, "p99_s": 1},
            "errors": [{"refusal": "internal_error", "share": 0.7}, {"refusal": "queue_full", "share": 0.6}],
        },
        "faults": [{"kind": "hang", "share": 2}, {"kind": "earthquake"}, {"kind": "outage", "start_s": -1}],
        "protocol": {"smsapi": {"throttle_answer": "error_42"}},
    }
    with pytest.raises(ProfileError) as raised:
        parse_profile(values)
    found = dict(line.split(": ", 1) for line in raised.value.errors)
    assert set(found) == {
        "typo",
        "carriers[0].country",
        "carriers[1].shard",
        "throttle.requests.rate_per_s",
        "throttle.requests.burst",
        "reply.latency",
        "reply.errors",
        "faults[0].share",
        "faults[1].kind",
        "faults[2].start_s",
        "protocol.smsapi.throttle_answer",
    }
    assert "at least 0.000001 and at most 10000000" in found["throttle.requests.rate_per_s"]
    assert "at least 0 and at most 1" in found["faults[0].share"]
    assert "error_202, http_429" in found["protocol.smsapi.throttle_answer"]
    assert "median_s must not exceed p99_s" in found["reply.latency"]
    assert "unknown key; known here: country, failures" in found["carriers[1].shard"]
    assert "1.3" in found["reply.errors"]
    assert "tuple" not in str(raised.value) and "dictionary" not in str(raised.value)
    assert all(line in str(raised.value) for line in raised.value.errors)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"carriers": []}, "carriers"),
        ({"carriers": [{"name": "a", "country": "*"}] * 2}, "carriers"),
        ({"reports": {"retry_after_s": []}}, "reports.retry_after_s"),
        ({"faults": [{"kind": "outage", "start_s": 5, "end_s": 5}]}, "faults[0]"),
        ({"reply": {"latency": {"kind": "empirical", "percentiles_s": [[50, 2], [40, 3]]}}}, "reply.latency"),
        ({"delivery": {"latency": {"kind": "fixed", "value_s": float("nan")}}}, "delivery.latency.value_s"),
        ({"account": {"balance_points": "lots"}}, "account.balance_points"),
        ({"account": 5}, "account: 5: must be a table of keys"),
        ({"faults": {}}, "faults: {}: must be a list"),
        ({"faults": [{}]}, f"faults[0].kind: missing (allowed: {', '.join(FAULT_KINDS)})"),
        (
            {"traffic": {"default_message_class": "x"}},
            "traffic.default_message_class: 'x': is not one of these (allowed: otp, ",
        ),
        (
            {"account": {"countries": ["UK"]}},
            "account.countries[0]: 'UK': not a country of the numbering plan",
        ),
        ({"carriers": [{"name": "a", "country": "XX"}]}, "carriers[0].country: 'XX': not a country"),
        ({"faults": [{"kind": "country_down", "countries": ["XX"]}]}, "faults[0].countries[0]: 'XX': not"),
    ],
)
def test_bad_value_is_named_by_its_path_in_plain_words(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        parse_profile(MINIMAL | change)
    (line,) = raised.value.errors
    assert line.startswith(path)


def test_profile_from_files(tmp_path: Path) -> None:
    text = (resources.files("mock_provider.profiles") / "flaky.toml").read_text("utf-8")
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "mine.json").write_text(json.dumps(tomllib.loads(text)))
    assert load_profile(tmp_path / "mine.toml") == load_profile(str(tmp_path / "mine.json"))
    assert load_profile(tmp_path / "mine.json") == load_profile("flaky")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("nonsense", None, "ready-made profile (bad-day, fading, fast, flaky, lab"),
        ("absent.toml", None, "cannot be read"),
        ("bad.toml", "name = ", "not TOML"),
        ("bad.json", "{", "not JSON"),
        ("list.json", "[]", "(top)"),
    ],
)
def test_file_that_is_no_profile(tmp_path: Path, name: str, text: str | None, complaint: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ProfileError) as raised:
        load_profile(path)
    assert complaint in str(raised.value)


def test_resolved_profile_is_plain_data_that_loads_again() -> None:
    for name in profile_names():
        profile = load_profile(name)
        document = json.loads(json.dumps(profile.model_dump(mode="json")))
        assert parse_profile(document) == profile


def test_scaled_profile_has_faster_rates_and_shorter_delays() -> None:
    profile = parse_profile(
        MINIMAL
        | {
            "carriers": [{"name": "a", "country": "*", "segments_per_s": 50, "share": 3}],
            "throttle": {"requests": {"rate_per_s": 10, "burst": 7}},
            "accept_queue": {"drain_segments_per_s": 5, "capacity_segments": 100},
            "reply": {"latency": {"kind": "lognormal", "median_s": 1, "p99_s": 8}},
            "flood": {"limit": 10, "window_s": 60},
            "delivery": {
                "validity_s": 600,
                "latency": {
                    "kind": "absent_subscriber",
                    "absent_share": 0.1,
                    "body": {"kind": "empirical", "percentiles_s": [[10, 2], [90, 4]]},
                    "retries": [{"every_s": 60, "times": 5}],
                },
                "failures": [{"state": "rejected", "reason": "r", "share": 0.2}],
            },
            "reports": {"linger_s": 1, "max_per_call": 9, "retry_after_s": [2, 4], "give_up_after_s": 8},
            "faults": [
                {"kind": "added_latency", "plus_s": 2, "factor": 3, "start_s": 20, "end_s": 40},
                {"kind": "outage", "clock": "absolute", "start_s": 20, "end_s": 40},
            ],
        }
    )
    scaled = scale_profile(profile, 2.0)
    assert scaled.throttle.requests.rate_per_s == 20
    assert scaled.throttle.requests.burst == 7
    assert scaled.accept_queue.drain_segments_per_s == 10
    assert scaled.accept_queue.capacity_segments == 100
    assert (scaled.carriers[0].segments_per_s, scaled.carriers[0].share) == (100, 3)
    assert isinstance(scaled.reply.latency, Lognormal)
    assert (scaled.reply.latency.median_s, scaled.reply.latency.p99_s) == (0.5, 4)
    assert scaled.flood.window_s == 30
    assert scaled.delivery.validity_s == 300
    latency = scaled.delivery.latency
    assert isinstance(latency, AbsentSubscriber) and isinstance(latency.body, Empirical)
    assert latency.body.percentiles_s == ((10, 1), (90, 2))
    assert latency.retries[0].every_s == 30
    assert latency.absent_share == 0.1
    assert scaled.delivery.failures == profile.delivery.failures
    assert scaled.reports.retry_after_s == (1, 2)
    assert (scaled.reports.linger_s, scaled.reports.give_up_after_s) == (0.5, 4)
    assert scaled.reports.max_per_call == 9
    slow, outage = scaled.faults
    assert isinstance(slow, AddedLatency)
    assert (slow.plus_s, slow.factor, slow.start_s, slow.end_s) == (1, 3, 10, 20)
    assert (outage.start_s, outage.end_s) == (20, 40)
    assert scaled.duplicates == profile.duplicates
    assert Profile.model_validate(scaled.model_dump()) == scaled
    assert scale_profile(profile, 1.0) == profile
    with pytest.raises(ValueError, match="positive"):
        scale_profile(profile, 0)


def test_with_token_adds_to_the_tokens() -> None:
    profile = with_token(load_profile("fast"), "a", "b", "a")
    assert profile.account.tokens == ("a", "b")


def keys_of(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield f"{path}{name}"
            yield from keys_of(entry, f"{path}{name}.")
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from keys_of(entry, path)


def test_reference_in_the_documentation_loads_and_has_every_key() -> None:
    text = (Path(__file__).parents[4] / "docs" / "profiles.md").read_text("utf-8")
    reference = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    profile = parse_profile(reference)
    assert {fault.kind for fault in profile.faults} == set(fault_kinds())
    resolved = set(keys_of(profile.model_dump(mode="json")))
    assert resolved - set(keys_of(reference)) == set()


@pytest.mark.parametrize(
    ("sections", "error"),
    [
        ({"wire": {}}, "wire: unknown key; it is now protocol"),
        (
            {"traffic": {"unsaid": "otp"}},
            "traffic.unsaid: unknown key; it is now traffic.default_message_class",
        ),
        (
            {"carriers": [{"name": "a", "country": "*", "fast_latency": {"kind": "fixed", "value_s": 1}}]},
            "carriers[0].fast_latency: unknown key; it is now carriers.priority_latency",
        ),
        (
            {"faults": [{"kind": "outage"}, {"kind": "throttle_drop", "share": 0.1}]},
            "faults[1].kind: 'throttle_drop': it is now 'rate_reduction'",
        ),
        ({"faults": [{"kind": "outage", "host": "second"}]}, "faults[0].host: 'second': it is now 'backup'"),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(sections: dict[str, Any], error: str) -> None:
    with pytest.raises(ProfileError) as raised:
        parse_profile(MINIMAL | sections)
    assert error in str(raised.value)


def test_new_names_of_keys_exist() -> None:
    schema = json.dumps(Profile.model_json_schema())
    for new in renamed_keys.KEYS.values():
        assert f'"{new.partition(" ")[0].rpartition(".")[2]}"' in schema
    assert set(renamed_keys.VALUES.values()) <= {*FAULT_KINDS, "backup"}


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "Europe", "../passwd", "a" * 5_000, "a\0b"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: object) -> None:
    with pytest.raises(ProfileError, match=r"protocol\.smsapi\.timezone: .*not a time zone"):
        parse_profile(MINIMAL | {"protocol": {"smsapi": {"timezone": zone}}})


@pytest.mark.parametrize("window", [{"start_s": 1e300}, {"end_s": 1e300}, {"start_s": 1e9 + 1}])
def test_a_fault_window_beyond_all_clocks_is_refused(window: dict[str, Any]) -> None:
    with pytest.raises(ProfileError, match=r"faults\[0\]\..*at most 1000000000"):
        parse_profile(MINIMAL | {"faults": [{"kind": "outage"} | window]})


MARKED = {
    "toml": 'name = "marked"\ncarriers = [{name = "any", country = "*"}]\n',
    "json": '{"name": "marked", "carriers": [{"name": "any", "country": "*"}]}',
}


@pytest.mark.parametrize("kind", MARKED)
def test_a_byte_order_mark_is_read_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"p.{kind}"
    path.write_bytes(MARKED[kind].encode("utf-8-sig"))
    assert load_profile(path).name == "marked"


@pytest.mark.parametrize("kind", MARKED)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_another_encoding_is_named(tmp_path: Path, kind: str, encoding: str) -> None:
    path = tmp_path / f"p.{kind}"
    path.write_bytes(f"\ufeff{MARKED[kind]}".encode(encoding))
    with pytest.raises(ProfileError, match="it is in UTF-16; save it as UTF-8"):
        load_profile(path)


def test_a_byte_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b'name = "\xb3"\n')
    with pytest.raises(ProfileError, match="byte 8 is not UTF-8"):
        load_profile(path)


def test_tokens_of_a_profile_can_be_sent_and_are_not_shown() -> None:
    carriers = [{"name": "any", "country": "*"}]
    kept = parse_profile({"name": "x", "carriers": carriers, "account": {"tokens": ["a\n", "b"]}})
    assert kept.account.tokens == ("a", "b")
    for token in ("hush\x01", "hush hush", ""):
        with pytest.raises(ProfileError, match=r"account\.tokens\[0\]: it ") as refused:
            parse_profile({"name": "x", "carriers": carriers, "account": {"tokens": [token]}})
        assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        (
            {"throttle": {"requests": {"rate_per_s": "5", "burst": True}}},
            [
                "throttle.requests.rate_per_s: '5': must be a number, without quotation marks",
                "throttle.requests.burst: true: must be a number, not true or false",
            ],
        ),
        ({"account": {"suspended": "yes"}}, ["account.suspended: 'yes': must be true or false"]),
        ({"account": {"suspended": 1}}, ["account.suspended: 1: must be true or false"]),
        ({"account": {"balance_points": "9"}}, ["account.balance_points: '9': must be a number"]),
        ({"reports": {"retry_after_s": [60, True]}}, ["reports.retry_after_s: [60, true]: must be a number"]),
        (
            {"protocol": {"smsapi": {"send_status": "200"}}},
            ["protocol.smsapi.send_status: '200': must be a number"],
        ),
        ({"faults": [{"kind": "outage", "end_s": "3"}]}, ["faults[0].end_s: '3': must be a number"]),
    ],
)
def test_a_text_is_no_number_and_a_number_no_truth_value(section: dict[str, Any], wrong: list[str]) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile({"name": "x", "carriers": [{"name": "any", "country": "*"}]} | section)
    assert len(refused.value.errors) == len(wrong)
    for line, start in zip(refused.value.errors, wrong, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("name", profile_names())
def test_a_ready_made_profile_is_read_back_from_json(name: str) -> None:
    profile = load_profile(name)
    assert parse_profile(profile.model_dump(mode="json")) == profile


@pytest.mark.parametrize(
    ("value", "shown"),
    [({"x": None}, '{"x": null}'), ([True, "ł"], '[true, "ł"]'), (None, "null"), (["\ud800"], '["\\ud800"]')],
)
def test_a_wrong_value_is_shown_as_json_and_not_as_python(value: object, shown: str) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(MINIMAL | {"title": value})
    (line,) = refused.value.errors
    assert line.startswith(f"title: {shown}: ")
    line.encode()
