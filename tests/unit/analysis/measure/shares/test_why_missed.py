"""What the shares of the delay say of a missed objective."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analysis.findings import DelaySplit, Reach, Share
from analysis.measure.shares.why_missed import out_of_reach, to_negotiate, why_missed
from analysis.quantile import Quantile


def quantile(value_s: float, low_s: float, high_s: float | None, percentile: float = 95.0) -> Quantile:
    return Quantile(percentile, "exact", value_s, low_s, high_s, 72)


def made_split(total: Quantile, without_contract: Quantile, network: Quantile, limit: str = "") -> DelaySplit:
    def share(name: Any) -> Share:
        without = without_contract if name == "contract" else total
        return Share(name=name, mean_s=0.0, p50_s=None, p95_s=None, p99_s=None, without=(without,))

    return DelaySplit(
        message_class="otp",
        count=400,
        left_out=0,
        total_mean_s=1.0,
        total=(total,),
        shares=tuple(share(name) for name in ("network", "contract", "sender", "bench")),
        network_only=(network,),
        limit=limit,
    )


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (quantile(26.0, 24.0, 28.0), True),
        (quantile(10.5, 10.1, None), True),
        (quantile(10.5, 9.9, 11.0), False),  # the interval contains the limit
        (quantile(10.5, 10.0, 11.0), False),
        (quantile(26.0, 24.0, 28.0, 99.0), False),  # another percentile
    ],
)
def test_unreachable_is_claimed_only_if_the_network_is_certainly_too_slow(
    network: Quantile, expected: bool
) -> None:
    slow = quantile(30.0, 29.0, 31.0)
    splits = [made_split(slow, slow, network)]
    reach = out_of_reach(splits, "otp", 95.0, 10.0)
    assert reach.kind == ("network_alone" if expected else "")
    if expected:
        assert "No sender can meet" in reach.text and "the limit" not in reach.text  # which is beside it
    assert out_of_reach(splits, "marketing", 95.0, 10.0) == Reach()
    assert why_missed(splits, "otp", 95.0, 10.0) == reach


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"without_flag": 400}, "Without the provider's priority flag (400 of 400 messages)"),
        ({"without_flag": 20, "routes": 2}, "Without the provider's priority flag (20 of 400 messages)"),
        ({"routes": 2}, "On the routes that the messages took"),
    ],
)
def test_a_network_that_an_ideal_sender_would_not_have_had_is_not_called_unreachable(
    changes: dict[str, int], expected: str
) -> None:
    slow = quantile(30.0, 29.0, 31.0)
    split = msgspec.structs.replace(made_split(slow, slow, quantile(26.0, 24.0, 28.0)), **changes)
    text = out_of_reach([split], "otp", 95.0, 10.0).text
    assert text.startswith(expected) and "No sender" not in text and "out of reach: the network" in text


def test_a_class_that_needs_no_flag_is_not_said_to_lack_it() -> None:
    slow = quantile(30.0, 29.0, 31.0)
    split = made_split(slow, slow, quantile(26.0, 24.0, 28.0))
    split = msgspec.structs.replace(split, message_class="marketing", without_flag=400)
    text = out_of_reach([split], "marketing", 95.0, 10.0).text
    only = "No sender that sets the provider's priority flag only on OTPs can meet this objective"
    assert text.startswith(f"{only} on this profile:")


@pytest.mark.parametrize("changes", [{}, {"without_flag": 400}, {"routes": 2}])
def test_the_network_of_a_run_with_faults_includes_them(changes: dict[str, int]) -> None:
    slow = quantile(30.0, 29.0, 31.0)
    split = msgspec.structs.replace(made_split(slow, slow, quantile(26.0, 24.0, 28.0)), **changes)
    calm, faulty = (why_missed([split], "otp", 95.0, 10.0, faults=faults).text for faults in (False, True))
    assert "faults" not in calm
    assert faulty == calm.replace(": the network", " with the injected faults: the network")


def test_a_network_time_close_to_the_limit_differs_from_it() -> None:
    slow = quantile(30.0, 29.0, 31.0)
    text = out_of_reach([made_split(slow, slow, quantile(10.004, 10.001, 10.02))], "otp", 95.0, 10.0).text
    assert "takes 10.004 s (10.001 s to 10.02 s)" in text


@pytest.mark.parametrize(
    ("total", "without", "expected"),
    [
        (quantile(14.0, 13.0, 15.0), quantile(8.0, 7.5, 8.5), True),
        (quantile(14.0, 13.0, 15.0), quantile(9.8, 9.5, 10.2), False),
        (quantile(10.1, 9.8, 10.4), quantile(8.0, 7.5, 8.5), False),  # not surely missed
        (quantile(14.0, 13.0, 15.0), quantile(8.0, 7.5, None), False),
    ],
)
def test_the_limit_to_negotiate_is_named_where_the_contract_makes_the_difference(
    total: Quantile, without: Quantile, expected: bool
) -> None:
    splits = [made_split(total, without, quantile(2.0, 1.9, 2.1), "40 segments/s out of the accept queue")]
    reach = to_negotiate(splits, "otp", 95.0, 10.0)
    assert reach.kind == ("negotiate" if expected else "") and reach == why_missed(splits, "otp", 95.0, 10.0)
    assert not expected or "40 segments/s out of the accept queue" in reach.text
    assert to_negotiate(splits, "marketing", 95.0, 10.0) == Reach()


def test_a_percentile_that_the_objective_withholds_is_not_given_with_the_contract() -> None:
    """The objective counts dependent messages as fewer, so that its percentile is withheld."""
    splits = [made_split(quantile(14.0, 13.0, 15.0), quantile(8.0, 7.5, 8.5), quantile(2.0, 1.9, 2.1), "40")]
    withheld = Quantile(95.0, "withheld", None, 12.0, None, 72)
    text = why_missed(splits, "otp", 95.0, 10.0, measured=withheld).text
    assert "would arrive within 8.00 s (7.50 s to 8.50 s). The sender's share is still in this time." in text
    assert "The limit to negotiate: 40" in text
    assert "not 14.0 s (13.0 s to 15.0 s)." in why_missed(splits, "otp", 95.0, 10.0).text
