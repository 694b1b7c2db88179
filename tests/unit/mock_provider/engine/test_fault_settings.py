"""Names, words, times and complaints of faults: what stays the same when others come and go."""

from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.profiles import ProfileError
from mock_provider.testing import VirtualProvider, plain_profile


def outcomes(p: VirtualProvider) -> list[tuple[str, str, str]]:
    return [(row.key, row.fault, row.state) for row in p.rows().values()]


def test_adding_or_removing_a_fault_does_not_change_the_draws_of_others() -> None:
    mine = {"kind": "accept_then_lose", "share": 0.3}
    other = {"kind": "report_loss", "share": 0.0}
    found = []
    for faults in ([mine], [other, mine], [{"kind": "accept_then_lose", "name": "x", "share": 0.0}, mine]):
        p = virtual_provider(faults=faults)
        for n in range(50):
            p.send(0, f"k{n}")
        p.run()
        found.append(outcomes(p))
    assert found[0] == found[1] == found[2]


def test_removing_a_fault_at_run_time_does_not_rename_the_others() -> None:
    p = virtual_provider(faults=[{"kind": "hang", "share": 0.5}, {"kind": "hang", "share": 0.5}])
    p.send(0, "k")
    first, second = (span.name for span in p.engine.fault_log(0))
    kept = p.profile.faults[1:]
    profile = plain_profile().model_copy(update={"faults": kept})
    p.carry_out(p.engine.reconfigure(5 * S, profile))
    log = p.engine.fault_log(6 * S)
    assert [(span.name, span.phase, span.end_ns) for span in log] == [
        (first, "ended", 5 * S),
        (second, "active", None),
    ]


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "error_rate"}, "share or codes is missing"),
        ({"kind": "rate_reduction"}, "share or rate_per_s is missing"),
        ({"kind": "rate_reduction", "share": 0.5}, "faults[0].share: throttle.requests sets no limit"),
        ({"kind": "carrier_down", "carriers": ["x"]}, "faults[0].carriers: no carrier x (allowed: any)"),
        ({"kind": "carrier_down", "carriers": []}, "faults[0].carriers"),
        ({"kind": "country_down", "countries": ["Poland"]}, "faults[0].countries[0]"),
        ({"kind": "outage", "name": "a,b"}, "faults[0].name"),
    ],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused_with_the_field(fault: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ProfileError) as raised:
        plain_profile(faults=[fault])
    assert complaint in str(raised.value)


def test_names_are_given_and_kept_apart() -> None:
    faults = [{"kind": "hang"}, {"kind": "outage"}, {"kind": "hang"}, {"kind": "hang", "name": "hang-2"}]
    assert [fault.name for fault in plain_profile(faults=faults).faults] == [
        "hang",
        "outage",
        "hang-3",
        "hang-2",
    ]
    with pytest.raises(ProfileError, match="repeated: x"):
        plain_profile(faults=[{"kind": "hang", "name": "x"}, {"kind": "outage", "name": "x"}])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "report_delay", "delay": fixed(30.0)}, "late reports: 100 % by 30 s"),
        (
            {"kind": "report_delay", "share": 0.1, "delay": {"kind": "uniform", "low_s": 1.5, "high_s": 60}},
            "late reports: 10 % by 1.5 to 60 s",
        ),
        (
            {"kind": "error_rate", "codes": [{"refusal": "no_credit", "share": 0.005}]},
            "errors: 0.5 % no_credit",
        ),
        (
            {"kind": "rate_reduction", "limit": "segments", "rate_per_s": 20, "burst": 5},
            "rate reduction: segments to 20/s, burst 5",
        ),
        (
            {"kind": "country_down", "countries": ["PL", "DE"], "behaviour": "refuse"},
            "country down: PL, DE, their messages refused",
        ),
        ({"kind": "added_latency", "stage": "carrier", "plus_s": 2}, "brown-out: carriers + 2 s"),
    ],
)
def test_the_log_describes_what_a_fault_does(fault: dict[str, Any], words: str) -> None:
    p = virtual_provider(faults=[fault])
    p.send(0, "k")
    (span,) = p.engine.fault_log(0)
    assert (span.title, span.phase, span.end_ns) == (words, "active", None)


def test_reconfiguring_before_the_first_request_starts_no_relative_window() -> None:
    own = {"kind": "hang", "start_s": 10, "end_s": 20}
    added = {"kind": "outage", "clock": "absolute", "start_s": 5, "end_s": 6}
    p = virtual_provider(faults=[own])
    p.engine.reconfigure(5 * S, plain_profile(faults=[own, added]))
    assert p.engine.origin_ns is None
    assert [(span.name, span.start_ns) for span in p.engine.fault_log(5 * S)] == [("outage", 5 * S)]
    assert p.engine.outage(5 * S) is not None
    p.engine.reconfigure(6 * S, plain_profile(faults=[own]))
    p.send(100, "k")
    # What was taken away is still known; the profile's own begins with the request.
    assert [(span.name, span.start_ns, span.end_ns) for span in p.engine.fault_log(100 * S)] == [
        ("outage", 5 * S, 6 * S),
        ("hang", 110 * S, 120 * S),
    ]
