"""From a fault as a profile writes it to the fault that acts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from mock_provider.engine.distributions import nanoseconds, sampler
from mock_provider.engine.faults.accept_then_lose import AcceptThenLose
from mock_provider.engine.faults.added_latency import AddedLatency
from mock_provider.engine.faults.error_rate import ErrorRate
from mock_provider.engine.faults.hang import Hang
from mock_provider.engine.faults.network_down import NetworkDown
from mock_provider.engine.faults.outage import Outage
from mock_provider.engine.faults.reports import (
    ReportDelay,
    ReportDuplicate,
    ReportLoss,
    ReportReorder,
    ReportStorm,
)
from mock_provider.engine.faults.throttle_drop import ThrottleDrop
from mock_provider.engine.throttle import unit_ns

ActingFault = (
    Outage
    | ErrorRate
    | AddedLatency
    | Hang
    | ThrottleDrop
    | AcceptThenLose
    | ReportLoss
    | ReportDuplicate
    | ReportDelay
    | ReportReorder
    | ReportStorm
    | NetworkDown
)


def build(name: str, section: Any, start_ns: int, end_ns: int) -> ActingFault:
    """``section`` is a fault of ``mock_provider.engine.faults.settings``, ``name`` what its draws hang on."""
    if section.kind == "added_latency":
        plus_ns, ramp_ns = nanoseconds(section.plus_s), nanoseconds(section.ramp_s)
        return AddedLatency(name, section.factor, plus_ns, start_ns, end_ns, ramp_ns)
    return _BUILDERS[section.kind](name, section)


def _outage(name: str, section: Any) -> Outage:
    return Outage(name, section.answer == "disconnect", section.answer == "hang", section.host)


def _error_rate(name: str, section: Any) -> ErrorRate:
    codes = section.codes or (section,)
    return ErrorRate(name, tuple(accumulate(c.share for c in codes)), tuple(c.refusal for c in codes))


def _throttle_drop(name: str, section: Any) -> ThrottleDrop:
    return ThrottleDrop(name, section.limit, section.share, section.rate_per_s, section.burst)


def _report_duplicate(name: str, section: Any) -> ReportDuplicate:
    return ReportDuplicate(name, section.share, nanoseconds(section.after_s))


def _report_reorder(name: str, section: Any) -> ReportReorder:
    return ReportReorder(name, section.share, nanoseconds(section.within_s))


def _carrier_down(name: str, section: Any) -> NetworkDown:
    carriers = frozenset(section.carriers)
    return NetworkDown(name, carriers, frozenset(), section.behaviour, "carrier_down", section.refusal)


def _country_down(name: str, section: Any) -> NetworkDown:
    countries = frozenset(section.countries)
    return NetworkDown(name, frozenset(), countries, section.behaviour, "country_down", section.refusal)


_BUILDERS: dict[str, Callable[[str, Any], ActingFault]] = {
    "outage": _outage,
    "error_rate": _error_rate,
    "hang": lambda name, s: Hang(name, s.share, s.accepted, s.disconnect),
    "lost_reply": lambda name, s: Hang(name, s.share, True, False),
    "cut_after_accept": lambda name, s: Hang(name, s.share, True, True),
    "throttle_drop": _throttle_drop,
    "accept_then_lose": lambda name, s: AcceptThenLose(name, s.share),
    "report_loss": lambda name, s: ReportLoss(name, s.share),
    "report_duplicate": _report_duplicate,
    "report_delay": lambda name, s: ReportDelay(name, s.share, sampler(s.delay)),
    "report_reorder": _report_reorder,
    "report_storm": lambda name, s: ReportStorm(name, unit_ns(s.release_per_s)),
    "carrier_down": _carrier_down,
    "country_down": _country_down,
}
