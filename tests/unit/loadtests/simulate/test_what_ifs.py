"""What-ifs of a simulated run: how they are read, what they change, and what they are called."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, read_rows
from loadtests import catalogue
from loadtests.parts import Adjustment
from loadtests.scenario import ScenarioError
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.what_ifs import WhatIf, WhatIfError, read_carriers, read_rate_limits, read_scale
from mock_provider.profiles import load_profile, parse_profile, profile_names


@pytest.mark.parametrize("name", profile_names())
def test_no_what_if_changes_nothing(name: str) -> None:
    profile = load_profile(name)
    assert WhatIf().profile(profile) == profile
    assert WhatIf().text() == ""
    assert WhatIf().dispatch_settings().order == "priority"


def test_rates_are_read() -> None:
    assert read_rate_limits(["200/s"]) == {"segments": 200.0}
    assert read_rate_limits(["requests=0.5/s, segments=none"]) == {"requests": 0.5, "segments": None}
    assert read_rate_limits(["requests=7/s", "9/s"]) == {"requests": 7.0, "segments": 9.0}
    assert read_carriers(["Plus=50/s,T-Mobile=none"]) == {"Plus": 50.0, "T-Mobile": None}


@pytest.mark.parametrize(
    "text", ["", "200", "200/m", "-1/s", "0/s", "nan/s", "1e3/s", "bytes=3/s", "=3/s", "1/s,2/s"]
)
def test_a_bad_rate_limit_says_what_is_allowed(text: str) -> None:
    with pytest.raises(WhatIfError, match="--rate-limit"):
        read_rate_limits([text])


@pytest.mark.parametrize(
    ("text", "number"),
    [("5,5/s", "5.5"), ("requests=0,25/s,segments=9/s", "0.25"), ("9/s,requests=1,5/s", "1.5")],
)
def test_a_decimal_comma_in_a_rate_limit_is_named(text: str, number: str) -> None:
    with pytest.raises(WhatIfError) as caught:
        read_rate_limits([text])
    assert str(caught.value) == f"--rate-limit: write {number}: a number has a decimal point"


def test_a_decimal_comma_in_a_carriers_rate_is_named() -> None:
    with pytest.raises(WhatIfError, match=r"--carriers: write 2\.5: a number has a decimal point"):
        read_carriers(["Plus=2,5/s"])
    assert read_carriers(["Net1=2/s,2Net=3/s"]) == {"Net1": 2.0, "2Net": 3.0}


@pytest.mark.parametrize("text", ["0/s", "0.0/s", "requests=0/s"])
def test_a_rate_of_zero_is_no_rate(text: str) -> None:
    with pytest.raises(
        WhatIfError, match=r"a rate is a number above 0 and /s \(200/s\), or none for no limit"
    ):
        read_rate_limits([text])


@pytest.mark.parametrize("text", ["", "Plus", "50/s", "=50/s", "Plus=50", "Plus=0/s", "Plus=1/s,Plus=2/s"])
def test_a_bad_carrier_says_what_is_allowed(text: str) -> None:
    with pytest.raises(WhatIfError, match="--carriers"):
        read_carriers([text])


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1_001.0])
def test_a_bad_scale_says_what_is_allowed(scale: float) -> None:
    with pytest.raises(WhatIfError, match="above 0 and at most 1000"):
        read_scale(scale)


def test_a_contracts_limit_changes_where_the_profile_has_it() -> None:
    smsapi = WhatIf(rate_limits={"segments": 200.0, "requests": 50.0}).profile(load_profile("smsapi"))
    # It queues segments and refuses requests, and continues to do so.
    assert smsapi.accept_queue.drain_segments_per_s == 200.0 and smsapi.throttle.segments is None
    assert smsapi.throttle.requests is not None
    assert (smsapi.throttle.requests.rate_per_s, smsapi.throttle.requests.burst) == (50.0, 50)
    fast = WhatIf(rate_limits={"segments": 3.0}).profile(load_profile("fast"))
    assert fast.throttle.segments is not None
    # Six segments of one message must fit.
    assert (fast.throttle.segments.rate_per_s, fast.throttle.segments.burst) == (3.0, 10)
    free = WhatIf(rate_limits={"segments": None, "requests": None}).profile(load_profile("throttled"))
    assert free.throttle.requests is None and free.throttle.segments is None
    assert free.accept_queue.drain_segments_per_s is None


def test_a_carriers_rate_changes_that_carriers_alone() -> None:
    usual = load_profile("smsapi")
    slow = WhatIf(carriers={"Plus": 5.0}).profile(usual)
    rates = {carrier.name: carrier.segments_per_s for carrier in slow.carriers}
    assert rates == {c.name: c.segments_per_s for c in usual.carriers} | {"Plus": 5.0}
    with pytest.raises(WhatIfError, match=r"no carrier 'Minus'; it has: Plus, T-Mobile, Orange"):
        WhatIf(carriers={"Minus": 5.0}).profile(usual)


def test_a_what_if_that_contradicts_the_profile_is_refused() -> None:
    values = {
        "name": "drop",
        "carriers": [{"name": "a", "country": "*"}],
        "throttle": {"requests": {"rate_per_s": 10, "burst": 10}},
        "faults": [
            {
                "name": "d",
                "kind": "rate_reduction",
                "start_s": 1,
                "end_s": 2,
                "limit": "requests",
                "share": 0.5,
            }
        ],
    }
    profile = parse_profile(values)
    with pytest.raises(WhatIfError, match="does not fit the profile"):
        WhatIf(rate_limits={"requests": None}).profile(profile)


def test_the_words_name_everything_that_differs() -> None:
    what_if = WhatIf(scale=10, fifo=True, rate_limits={"segments": 200.0}, carriers={"Plus": None})
    assert what_if.text() == (
        "10 times the day's messages; "
        "no priorities (one queue in order of arrival, no priority flag at the provider); "
        "contract: 200 segments/s; carrier Plus: no limit of segments per second"
    )
    assert what_if.dispatch_settings().order == "arrival"


def test_a_scaled_day() -> None:
    (part,) = catalogue.scenario("day-500k", Adjustment(1.0, "day", scale=10)).parts
    assert (part.role, part.messages_per_day, part.speedup) == ("whole_day", 5_000_000, 1.0)
    (slice_,) = catalogue.scenario("day-500k", Adjustment(1.0, duration_s=600, scale=10)).parts
    assert (slice_.role, slice_.messages_per_day) == ("peak_slice", 5_000_000)
    with pytest.raises(ScenarioError, match="leaves no message"):
        catalogue.scenario("day-5k", Adjustment(scale=1e-9))
    with pytest.raises(ScenarioError, match="--scale belongs to day-5k"):
        catalogue.scenario("burst", Adjustment(scale=2))


def test_a_sender_keeps_to_a_limit_that_the_provider_queues(tmp_path: Path) -> None:
    """``smsapi`` queues segments. Of 12.5 messages per second at 5 segments per second, marketing must wait,
    and the messages that go first must not wait behind it in the provider's queue.
    """
    (part,) = catalogue.scenario("day-50k", Adjustment(1.0, duration_s=300, scale=10)).parts
    simulate_part("day-50k", part, 3, tmp_path, Choices(what_if=WhatIf(rate_limits={"segments": 5.0})))
    rows = read_rows(tmp_path / "provider.arrow", PROVIDER_SCHEMA).to_pylist()
    load = read_rows(tmp_path / "load.arrow", LOAD_SCHEMA).to_pylist()
    classes = {row["key"]: row["message_class"] for row in load}
    queued: dict[str, list[float]] = {}
    for row in rows:
        if row["t_carrier_ns"] is not None:
            wait_s = (row["t_carrier_ns"] - row["t_submitted_ns"]) / 1e9
            queued.setdefault(classes[row["key"]], []).append(wait_s)
    assert set(queued) == {"otp", "transactional", "marketing"}
    assert max(median(waits) for waits in queued.values()) < 5.0, queued.keys()
