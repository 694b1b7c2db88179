"""The standard set of measurements, and the reduced profile for each measurement of a user's profile."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.profiles import Profile, parse_profile
from mock_provider.settings.distributions import Fixed
from mock_provider.settings.sections import (
    AcceptQueue,
    Delivery,
    Flood,
    Limit,
    Numbers,
    ReplySettings,
    ReportSettings,
    Throttle,
)

RATES_PER_S = (100, 500, 1_000)
_ANY = [{"name": "any", "country": "*", "mcc": "260", "mnc": "01"}]
LATENCIES = {
    "fixed 50 ms": {"kind": "fixed", "value_s": 0.05},
    "uniform 20 to 80 ms": {"kind": "uniform", "low_s": 0.02, "high_s": 0.08},
    "lognormal 50 ms, p99 127 ms": {"kind": "lognormal", "median_s": 0.05, "p99_s": 0.1268},
}
SHARED_LATENCY = "fixed 50 ms"  # for the measurement with one client reference
LIMITS_PER_S = (100, 1_000)
CARRIER_DELAY = {"kind": "lognormal", "median_s": 0.4, "p99_s": 1.5}
ERRORS = [{"refusal": "internal_error", "share": 0.05}, {"refusal": "unavailable", "share": 0.02}]
FAILURES = [
    {"state": "undelivered", "reason": "absent_subscriber", "share": 0.06},
    {"state": "rejected", "reason": "blocked_by_operator", "share": 0.02},
    {"state": "unknown", "reason": "no_report_from_operator", "share": 0.01},
    {"state": "expired", "reason": "handset_off", "share": 0.01},
]
_NO_QUEUE = {"segments_per_s": None, "queue_segments": None}
NO_DELAY = Fixed(kind="fixed", value_s=0.0)


class Durations(Struct, frozen=True):
    """Seconds of load for each measurement of a kind."""

    latency_s: float
    throttle_s: float
    failures_s: float
    carriers_s: float
    windows_s: float


FULL = Durations(latency_s=12.0, throttle_s=30.0, failures_s=12.0, carriers_s=12.0, windows_s=6.0)
QUICK = Durations(latency_s=1.0, throttle_s=2.5, failures_s=1.5, carriers_s=1.5, windows_s=1.5)


def plain(**sections: object) -> Profile:
    """A profile without limits and delays, except these sections."""
    return parse_profile({"name": "calibrate", "carriers": _ANY} | sections)


def replies_only(profile: Profile) -> Profile:
    """Only its reply latency, without limits, faults and simulated errors."""
    return _undisturbed(profile).model_copy(
        update={
            "reply": ReplySettings(latency=profile.reply.latency),
            "delivery": Delivery(),
            "reports": _prompt(profile),
        }
    )


def limit_only(profile: Profile, what: str, limit: Limit) -> Profile:
    """Only one of its limits, without latency."""
    return _undisturbed(profile).model_copy(
        update={
            "reply": ReplySettings(),
            "throttle": Throttle().model_copy(update={what: limit}),
            "delivery": Delivery(),
        }
    )


def failures_only(profile: Profile, validity_s: float) -> Profile:
    """The profile's shares of refused and failed messages, without its delays. An ``expired`` message ends
    after ``validity_s``.
    """
    carriers = tuple(
        c.model_copy(update={"latency": None, "priority_latency": None, **_NO_QUEUE})
        for c in profile.carriers
    )
    delivery = Delivery(validity_s=validity_s, failures=profile.delivery.failures)
    return _undisturbed(profile).model_copy(
        update={
            "reply": ReplySettings(errors=profile.reply.errors),
            "delivery": delivery,
            "carriers": carriers,
            "reports": _prompt(profile),
        }
    )


def delays_only(profile: Profile) -> Profile:
    """Its carriers' delays and that of its reports, without queues; one report per call."""
    carriers = tuple(c.model_copy(update=_NO_QUEUE) for c in profile.carriers)
    reports = _prompt(profile).model_copy(update={"delay": profile.reports.delay})
    return _undisturbed(profile).model_copy(
        update={"reply": ReplySettings(), "carriers": carriers, "reports": reports}
    )


def faults_only(profile: Profile) -> Profile:
    """The profile with its faults and without any other setting that refuses or delays."""
    return _undisturbed(profile).model_copy(
        update={"reply": ReplySettings(), "delivery": Delivery(), "reports": _prompt(profile)}
    )


def _undisturbed(profile: Profile) -> Profile:
    """Without limits, queues, rules and faults; its carriers already include the tables of countries."""
    account = profile.account.model_copy(
        update={
            "balance_points": None,
            "suspended": False,
            "sender_names": (),
            "countries": (),
            "daily_messages": None,
            "route_segments_per_s": None,
        }
    )
    return profile.model_copy(
        update={
            "account": account,
            "throttle": Throttle(),
            "accept_queue": AcceptQueue(),
            "flood": Flood(),
            "numbers": Numbers(),
            "countries": (),
            "rules": (),
            "faults": (),
        }
    )


def _prompt(profile: Profile) -> ReportSettings:
    return profile.reports.model_copy(
        update={"delay": NO_DELAY, "max_per_call": 1, "linger_s": 0.0, "loss_share": 0.0}
    )
