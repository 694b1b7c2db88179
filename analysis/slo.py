"""Objectives and their verdicts.

Three ways: **held**, **missed**, **cannot tell**. Where the sample carries the percentile, its point
estimate decides, and ``certain`` says whether the whole 95 % interval lies on the same side of the limit.
Where it does not, the verdict is withheld, unless even the interval's lower end is over the limit: ten
messages cannot prove a p95 good, but they can prove it bad.
"""

from __future__ import annotations

import math

import msgspec

from analysis.figures import count_text, limit_text, percentile_name, seconds_text, share_text, times_text
from analysis.model import Distribution, Ledger, Objective, Verdict
from analysis.quantile import Quantile
from analysis.records import Slo

DEFAULT_SLOS = (
    Slo(message_class="otp", percentile=95.0, limit_s=10.0),
    Slo(message_class="transactional", percentile=95.0, limit_s=30.0),
    Slo(message_class="marketing", percentile=95.0, limit_s=600.0),
)
API_ERROR_SHARE = 0.001
LOST, DOUBLES = "lost messages", "double deliveries"
# No load excuses these: they decide even where being too slow would be an answer and no fault.
ALWAYS_DECISIVE = (LOST, DOUBLES)


def judge_quantile(quantile: Quantile, limit_s: float) -> tuple[Verdict, bool]:
    """(verdict, certain) of one percentile against its limit."""
    if quantile.low_s is not None and quantile.low_s > limit_s:
        return "missed", True
    if quantile.state == "withheld" or quantile.value_s is None:
        return "undecided", False
    if quantile.high_s is not None and quantile.high_s <= limit_s:
        return "met", True
    if quantile.value_s > limit_s:
        return "missed", False
    # Still open at an age below the limit: it may yet become either.
    return ("met", False) if quantile.state == "exact" else ("undecided", False)


def quantile_text(quantile: Quantile) -> str:
    """``4.21 s``, ``> 31.0 s``, ``never``, ``withheld``."""
    if quantile.state == "withheld":
        return "withheld"
    if quantile.state == "never":
        return "never"
    return ("> " if quantile.state == "at_least" else "") + seconds_text(quantile.value_s)


def interval_text(quantile: Quantile) -> str:
    """``3.9 s to 4.6 s``; an open end is said in words."""
    if quantile.low_s is None or quantile.high_s is None:
        return "none"
    if math.isinf(quantile.low_s):
        return "never"
    high = "open" if math.isinf(quantile.high_s) else seconds_text(quantile.high_s)
    return f"{seconds_text(quantile.low_s)} to {high}"


def delivery_objectives(
    delivery: tuple[Distribution, ...], slos: tuple[Slo, ...], blocked_why: str
) -> tuple[Objective, ...]:
    """One for each SLO whose class has messages. ``blocked_why``, if set, withholds every verdict."""
    found = []
    by_class = {each.message_class: each for each in delivery}
    for slo in slos:
        distribution = by_class.get(slo.message_class)
        if distribution is None:
            continue
        quantile = _of(distribution, slo.percentile)
        verdict, certain = judge_quantile(quantile, slo.limit_s)
        why = _why(distribution, quantile, slo, verdict, certain)
        if blocked_why:
            verdict, certain, why = "undecided", False, blocked_why
        found.append(
            Objective(
                name=f"{slo.message_class} {percentile_name(slo.percentile)} delivery time",
                message_class=slo.message_class,
                limit=f"≤ {limit_text(slo.limit_s)}",
                measured=quantile_text(quantile),
                verdict=verdict,
                certain=certain,
                why=why,
                limit_s=slo.limit_s,
                percentile=slo.percentile,
                quantile=quantile,
                count=distribution.count,
            )
        )
    return tuple(found)


def _of(distribution: Distribution, percentile: float) -> Quantile:
    for quantile in distribution.quantiles:
        if quantile.percentile == percentile:
            return quantile
    raise LookupError(f"p{percentile:g} of {distribution.message_class} was not computed")


def _why(distribution: Distribution, quantile: Quantile, slo: Slo, verdict: Verdict, certain: bool) -> str:
    if quantile.state == "withheld":
        n = times_text(distribution.count)
        if verdict == "missed":
            return f"only {n}, but so many were late that the verdict is certain"
        slowest = distribution.max_s
        if slowest is not None and slowest <= slo.limit_s and not _undone(distribution):
            seen = f"{n}, the slowest {seconds_text(slowest)}: within the limit"
        else:
            seen = n
        return f"{seen}; {percentile_name(slo.percentile)} needs {quantile.needed}"
    interval = f"95 % interval {interval_text(quantile)}"
    if verdict == "undecided":
        return f"messages still open at the end could decide it either way; {interval}"
    if quantile.state == "at_least":
        return f"messages still open at the end count as at least as old as they were then; {interval}"
    if certain:
        return interval
    if verdict == "met" and quantile.high_s == math.inf:
        return f"messages still open at the end leave the interval open: {interval}"
    return f"near the limit: {interval}"


def _undone(distribution: Distribution) -> int:
    return distribution.open_count + distribution.never_count


def count_objectives(ledger: Ledger, has_sender_rows: bool, journal: bool) -> tuple[Objective, ...]:
    """Nothing lost, nothing doubled, nothing turned away."""
    not_taken = ledger.refused + ledger.failed_at_api
    unseen = 0 if has_sender_rows else ledger.unclaimed
    lost_verdict: Verdict = "missed" if ledger.lost else ("undecided" if unseen else "met")
    lost_why = (
        f"{times_text(unseen)} never reached the provider, and without sender rows nobody knows why"
        if unseen
        else f"of {count_text(ledger.accepted)} accepted; lost: then unknown to provider and sender, or "
        "sent by the sender's word and unknown to the provider"
    )
    share = not_taken / ledger.sent if ledger.sent else 0.0
    doubles_verdict: Verdict = "missed" if ledger.doubles else ("met" if journal else "undecided")
    return (
        _count(LOST, "0", ledger.lost, lost_verdict if ledger.accepted else "undecided", lost_why),
        _count(
            DOUBLES,
            "0",
            ledger.doubles,
            doubles_verdict if ledger.accepted else "undecided",
            f"of {count_text(ledger.accepted)} accepted; double: taken by the provider more than once",
        ),
        Objective(
            name="messages not taken by the sender",
            message_class="all",
            limit=f"≤ {100 * API_ERROR_SHARE:g} %",
            measured=share_text(not_taken, ledger.sent),
            verdict="undecided" if not ledger.sent else ("missed" if share > API_ERROR_SHARE else "met"),
            certain=True,
            why=f"{count_text(ledger.refused)} refused, {count_text(ledger.failed_at_api)} failed, "
            f"of {count_text(ledger.sent)} sent",
            count=ledger.sent,
        ),
    )


def withheld(objectives: tuple[Objective, ...], why: str) -> tuple[Objective, ...]:
    """All objectives unjudged, since the bench failed."""
    return tuple(
        msgspec.structs.replace(each, verdict="undecided", certain=False, why=why) for each in objectives
    )


def _count(name: str, limit: str, found: int, verdict: Verdict, why: str) -> Objective:
    return Objective(
        name=name,
        message_class="all",
        limit=limit,
        measured=count_text(found),
        verdict=verdict,
        certain=verdict != "undecided",
        why=why,
        count=found,
    )


def overall(objectives: tuple[Objective, ...]) -> Verdict:
    """Missed if any is; held only if all are."""
    if any(each.verdict == "missed" for each in objectives):
        return "missed"
    if objectives and all(each.verdict == "met" for each in objectives):
        return "met"
    return "undecided"
