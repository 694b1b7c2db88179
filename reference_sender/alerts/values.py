"""The values that rules compare, from two states of the dispatcher: now and a window earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.value import Value
from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.figures import BOUNDS_S, ClassSnapshot
from reference_sender.dispatch.message_states import EXPIRED_UNREPORTED, NOT_NEEDED
from reference_sender.policy.gate import CANCELLED, OPTED_OUT

_QUANTILE = 0.95
# Not counted as failures: a person or the recipient ended the message, or another route delivered it.
_ENDED_ON_PURPOSE = (CANCELLED, OPTED_OUT, NOT_NEEDED)


def values(rules: AlertRules, before: DispatchState, now: DispatchState, spent_s: float) -> Iterator[Value]:
    """The values of the dispatcher, for the ``spent_s`` seconds between the two states. Too few messages give
    no value: they show neither that a problem begins nor that it has ended.
    """
    error_rate = _error_rate(rules.least_messages, before, now)
    if error_rate is not None:
        text = "{} of the ended messages failed or expired"
        yield Value("error_rate", rules.error_rate, error_rate, text, is_share=True)
    for earlier, later in zip(before.classes, now.classes, strict=True):
        name = later.message_class
        delivery_s = _delivery_s(rules.least_messages, earlier, later)
        if delivery_s is not None:
            text = f"the p95 delivery time of {name} is {{}} s"
            yield Value(
                f"delivery_time_s.{name}", getattr(rules.delivery_time_s, name), delivery_s, text, "s"
            )
    throttles = {route.name: route.throttles for route in before.routes}
    for route in now.routes:
        yield Value(
            f"throttling.{route.name}",
            rules.throttling,
            (route.throttles - throttles.get(route.name, 0)) / spent_s,
            "{} requests per second are refused because of a rate limit by the provider of route "
            + route.name,
            "requests/s",
        )
        reason = f": {route.trouble}" if route.trouble else ""
        text = f"route {route.name} has not been usable for {{}} s{reason}"
        yield Value(f"unusable_route.{route.name}", rules.unusable_route, route.unusable_s, text, "s")
    missing = _missing_reports(now) - _missing_reports(before)
    text = "{} delivery reports are missing"
    yield Value("missing_reports", rules.missing_reports, missing, text, "reports")
    growth = _queued(now) - _queued(before)
    yield Value("backlog_growth", rules.backlog_growth, growth, "the queues grew by {} messages", "messages")


def _missing_reports(state: DispatchState) -> int:
    """Messages without a report. Messages to phones that are off are not among them: a status query shows
    that they are not final.
    """
    return state.totals["ended_by_query"] + state.reasons.get(EXPIRED_UNREPORTED, 0)


def _queued(state: DispatchState) -> int:
    """Waiting messages. Those of an earlier process count from the start, although they are read in pages."""
    return state.queue_otp + state.queue_transactional + state.queue_marketing + state.untried


def _error_rate(least: int, before: DispatchState, now: DispatchState) -> float | None:
    ended = {name: now.totals[name] - before.totals[name] for name in ("delivered", "failed", "expired")}
    wanted = sum(now.reasons.get(reason, 0) - before.reasons.get(reason, 0) for reason in _ENDED_ON_PURPOSE)
    count = sum(ended.values()) - wanted
    return 1 - ended["delivered"] / count if count >= least else None


def _delivery_s(least: int, before: ClassSnapshot, now: ClassSnapshot) -> float | None:
    pairs = zip(now.delivery.counts, before.delivery.counts, strict=True)
    counts = [later - earlier for later, earlier in pairs]
    return quantile_s(counts, _QUANTILE, now.delivery.longest_s) if sum(counts) >= least else None


def quantile_s(counts: Sequence[int], share: float, longest_s: float = BOUNDS_S[-1]) -> float:
    """A quantile of a histogram over ``BOUNDS_S``, linear within a bucket. It is at most the last
    bound and at most ``longest_s``, the longest measured duration: a bucket's bound may be far above it.
    """
    wanted, below, lower_s = share * sum(counts), 0, 0.0
    for bound_s, count in zip(BOUNDS_S, counts, strict=False):
        if count and below + count >= wanted:
            bound_s = max(lower_s, min(bound_s, longest_s))
            return lower_s + (bound_s - lower_s) * (wanted - below) / count
        below += count
        lower_s = bound_s
    return lower_s
