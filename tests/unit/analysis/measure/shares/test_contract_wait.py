"""The ideal sender at the contract's limits, with waits worked out by hand. Times in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nanoseconds import S

from analysis.measure.contract_limits import (
    CARRIER,
    CONCURRENT,
    DRAIN,
    REQUESTS,
    SEGMENTS,
    ContractLimits,
    read_limits,
)
from analysis.measure.shares.contract_wait import wait_for_contract
from analysis.measure.shares.ideal import OfferedMessages, ideal_wait
from analysis.measure.shares.queueing import served

NO_CAUSE = -1


def limits_of(wire_batch: int = 1, **profile: Any) -> ContractLimits:
    protocol = {"smsapi": {"max_recipients_per_request": wire_batch}}
    return read_limits({"protocol": protocol, **profile}, "smsapi")


def ns(seconds: list[float]) -> Any:
    return np.array([round(each * S) for each in seconds], dtype=np.int64)


def passes(
    at_s: list[float],
    limits: ContractLimits,
    rank: list[int] | None = None,
    turn: list[int] | None = None,
    segments: list[int] | None = None,
    reply_s: float = 0.0,
) -> tuple[list[float], list[int]]:
    count = len(at_s)
    found = wait_for_contract(
        ns(at_s),
        np.array(rank or [0] * count, dtype=np.int64),
        np.array(turn or range(count), dtype=np.int64),
        np.array(segments or [1] * count, dtype=np.int64),
        ns([reply_s] * count),
        limits,
    )
    return [float(each) / S for each in found.at_ns], causes(found.waits_ns)


def causes(waits_ns: Any) -> list[int]:
    """The limit with the longest part of each message's wait; NO_CAUSE: none."""
    return [int(each.argmax()) if each.any() else NO_CAUSE for each in waits_ns]


def requests(rate: float, burst: int) -> dict[str, Any]:
    return {"throttle": {"requests": {"rate_per_s": rate, "burst": burst}}}


def test_without_limits_nobody_waits() -> None:
    at_s = [0.0, 0.0, 0.0, 5.0]
    assert passes(at_s, limits_of()) == (at_s, [NO_CAUSE] * 4)
    assert passes(at_s, read_limits({}, "")) == (at_s, [NO_CAUSE] * 4)


def test_a_burst_of_requests_passes_and_the_rest_follows_at_the_rate() -> None:
    at_s, cause = passes([0.0] * 5, limits_of(**requests(2.0, 2)))
    assert at_s == [0.0, 0.0, 0.5, 1.0, 1.5]
    assert cause == [NO_CAUSE, NO_CAUSE, REQUESTS, REQUESTS, REQUESTS]


def test_the_order_of_the_arguments_does_not_matter() -> None:
    at_s, _ = passes([3.0, 0.0, 0.0, 0.0], limits_of(**requests(1.0, 1)))
    assert at_s == [3.0, 0.0, 1.0, 2.0]


def test_a_request_holds_what_waits_when_its_turn_comes() -> None:
    at_s, _ = passes([0.0, 0.1, 0.2, 0.3, 1.5], limits_of(100, **requests(1.0, 1)))
    assert at_s == [0.0, 1.0, 1.0, 1.0, 2.0]


def test_a_request_holds_no_more_than_the_wire_allows() -> None:
    at_s, _ = passes([0.0, 0.1, 0.2, 0.3], limits_of(2, **requests(1.0, 1)))
    assert at_s == [0.0, 1.0, 1.0, 2.0]


def test_a_higher_class_that_came_later_goes_first() -> None:
    at_s, _ = passes([0.0, 0.0, 0.0, 0.5], limits_of(**requests(1.0, 1)), rank=[2, 2, 2, 0])
    assert at_s == [0.0, 2.0, 3.0, 1.0]


def test_within_a_class_the_given_order_is_kept_as_far_as_messages_are_there() -> None:
    at_s, _ = passes([0.0, 0.0, 0.0, 0.5], limits_of(**requests(1.0, 1)), turn=[3, 2, 1, 0])
    assert at_s == [3.0, 2.0, 0.0, 1.0]


def test_classes_do_not_share_a_request() -> None:
    at_s, _ = passes([0.0, 0.1, 0.1], limits_of(100, **requests(1.0, 1)), rank=[0, 1, 0])
    assert at_s == [0.0, 2.0, 1.0]


def test_segments_take_tokens_each() -> None:
    limits = limits_of(throttle={"segments": {"rate_per_s": 2.0, "burst": 4}})
    at_s, cause = passes([0.0, 0.0, 0.0], limits, segments=[3, 3, 1])
    assert at_s == [0.0, 1.0, 1.5]
    assert cause == [NO_CAUSE, SEGMENTS, SEGMENTS]


def test_a_request_of_several_takes_no_more_segments_than_there_are() -> None:
    throttle = {"requests": {"rate_per_s": 1.0, "burst": 1}, "segments": {"rate_per_s": 1.0, "burst": 2}}
    at_s, _ = passes([0.0, 0.0, 0.0, 0.0], limits_of(10, throttle=throttle))
    # The first request takes the two for which there are tokens.
    assert at_s == [0.0, 0.0, 1.0, 2.0]


def test_the_drain_lets_one_segment_after_the_other_pass() -> None:
    limits = limits_of(10, accept_queue={"drain_segments_per_s": 2.0})
    at_s, cause = passes([0.0, 0.0, 0.0], limits, segments=[2, 1, 1])
    assert at_s == [0.0, 1.0, 1.5]
    assert cause == [NO_CAUSE, DRAIN, DRAIN]


def test_an_otp_overtakes_what_the_drain_holds_back() -> None:
    limits = limits_of(10_000, accept_queue={"drain_segments_per_s": 1.0})
    at_s, _ = passes([0.0] * 4 + [1.5], limits, rank=[2] * 4 + [0])
    assert at_s == [0.0, 1.0, 3.0, 4.0, 2.0]


def test_requests_at_once_wait_for_an_answer() -> None:
    limits = limits_of(throttle={"concurrent_requests": 2})
    at_s, cause = passes([0.0] * 5, limits, reply_s=1.0)
    assert at_s == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert cause[2:] == [CONCURRENT] * 3


def test_a_limit_that_is_idle_again_is_as_it_was_at_first() -> None:
    once = passes([0.0, 0.0, 0.0], limits_of(**requests(1.0, 2)))[0]
    twice = passes([0.0, 0.0, 0.0, 100.0, 100.0, 100.0], limits_of(**requests(1.0, 2)))[0]
    assert twice == [*once, *(100.0 + each for each in once)]


def test_a_message_larger_than_the_bucket_takes_all_of_it() -> None:
    limits = limits_of(throttle={"segments": {"rate_per_s": 1.0, "burst": 2}})
    assert passes([0.0, 0.0], limits, segments=[5, 1])[0] == [0.0, 1.0]


def test_a_server_takes_the_lowest_rank_first_and_interrupts_nobody() -> None:
    begun = served(ns([0.0, 0.0, 0.5, 10.0]), np.array([1, 1, 0, 1]), ns([2.0, 2.0, 1.0, 1.0]))
    assert [each / S for each in begun.tolist()] == [0.0, 3.0, 2.0, 10.0]


def test_each_carrier_has_a_queue_of_its_own() -> None:
    carriers = [{"name": "slow", "segments_per_s": 1.0}, {"name": "quick", "segments_per_s": None}]
    offered = OfferedMessages(
        at_ns=ns([0.0, 0.0, 0.0, 0.0]),
        rank=np.zeros(4, dtype=np.int64),
        turn=np.arange(4, dtype=np.int64),
        segments=np.ones(4, dtype=np.int64),
        reply_ns=ns([0.5, 0.5, 0.5, 0.5]),
        carrier=np.array([0, 1, 0, 0], dtype=np.int64),
        carrier_names=("slow", "quick"),
    )
    found = ideal_wait(offered, limits_of(carriers=carriers))
    assert [each / S for each in found.wait_ns.tolist()] == [0.0, 0.0, 1.0, 2.0]
    assert causes(found.by_limit_ns) == [NO_CAUSE, NO_CAUSE, CARRIER, CARRIER]


def test_a_dedicated_route_has_its_own_rate_to_every_carrier() -> None:
    account = {"tier": "dedicated", "route_segments_per_s": 4.0}
    limits = limits_of(account=account, carriers=[{"name": "a", "segments_per_s": 1.0}])
    assert limits.carrier_ns == {"a": S // 4}


@pytest.mark.parametrize("rate", [3.0, 7.5, 0.3, 1_000_000.0])
def test_units_are_rounded_as_the_provider_rounds_them(rate: float) -> None:
    from mock_provider.engine.throttle import unit_ns

    limits = limits_of(**requests(rate, 1))
    assert limits.requests is not None and limits.requests.unit_ns == unit_ns(rate)


@pytest.mark.parametrize(
    "profile",
    [
        {"throttle": None, "accept_queue": 3, "carriers": "none", "protocol": []},
        {"throttle": {"requests": {"rate_per_s": "fast", "burst": 2}, "concurrent_requests": "some"}},
        {"carriers": [None, {"name": "a", "segments_per_s": 0}]},
    ],
)
def test_what_is_not_of_its_kind_is_no_limit(profile: dict[str, Any]) -> None:
    limits = read_limits(profile, "smsapi")
    assert not limits.delay_sends and not limits.carrier_ns and limits.texts == ("", "", "", "", "")


def test_limits_have_names() -> None:
    throttle = {
        "requests": {"rate_per_s": 100, "burst": 1},
        "segments": {"rate_per_s": 50, "burst": 1},
        "concurrent_requests": 4,
    }
    carriers = [{"name": "a", "segments_per_s": 150}, {"name": "b", "segments_per_s": 200}]
    limits = limits_of(throttle=throttle, accept_queue={"drain_segments_per_s": 500.0}, carriers=carriers)
    assert limits.texts == (
        *("100 requests/s", "50 segments/s", "4 concurrent requests"),
        *("500 segments/s out of the accept queue", "150 to 200 segments/s per carrier"),
    )


def test_a_message_of_a_batch_waits_for_what_held_the_request() -> None:
    """One request per second, and an accept queue that passes 500 segments per second: it adds 2 ms."""
    limits = limits_of(100, **requests(1.0, 1), accept_queue={"drain_segments_per_s": 500})
    count = 20
    at_ns = np.arange(count) * (S // 10)
    zeros = np.zeros(count, dtype=np.int64)
    found = wait_for_contract(at_ns, zeros, np.arange(count), zeros + 1, zeros, limits)
    assert (found.waits_ns.sum(axis=1) == found.at_ns - at_ns).all()
    by_limit = found.waits_ns.sum(axis=0)
    # Ten messages in the request at 1 s, nine in that at 2 s.
    assert by_limit[DRAIN] == (sum(range(10)) + sum(range(9))) * S // 500
    assert by_limit[REQUESTS] > 50 * by_limit[DRAIN]


def test_a_wait_for_two_limits_is_divided() -> None:
    """Two requests per second, and then three segments that the accept queue passes in a second each."""
    limits = limits_of(**requests(2.0, 1), accept_queue={"drain_segments_per_s": 1.0})
    zeros = np.zeros(3, dtype=np.int64)
    found = wait_for_contract(ns([0.0, 0.0, 0.0]), zeros, np.arange(3), zeros + 1, zeros, limits)
    assert (found.waits_ns.sum(axis=1) == found.at_ns).all()
    assert found.waits_ns[2][DRAIN] == 2 * S
