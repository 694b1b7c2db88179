"""A capacity search that found no sustained rate: what is known, which trial shows why, what to do next."""

from __future__ import annotations

from analysis.capacity_record import CapacityResult
from analysis.first_screen.advice import first_shown
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, ScreenAnswer, Sentence
from analysis.judge.search import search_verdict, telling_trial

_SEARCH_AGAIN = "end the other programs of this machine and search again"


def profile_label(found: CapacityResult) -> str:
    """``profile fast (no limits)``: a reader must not take the rate for one that a contract allows."""
    return f"profile {found.profile}" + (" (no limits)" if found.profile_limits == "none" else "")


def no_rate_row(quote: Quote, label: str) -> AnswerRow:
    """``no rate met every objective (the capacity is below 50.0/s)``; ``undecided (tried: 20.0/s)``."""
    found = quote.report.capacity
    assert found is not None
    outcomes = {"missed": "no rate met every objective", "undecided": "undecided"}
    outcome = outcomes.get(search_verdict(found) or "", "not measured")
    interval: Sentence = ()
    if found.high_per_s is not None:
        below = quote.rate("capacity.high_per_s")
        interval = ("(the capacity is below ", below, ")")
        if found.bottleneck_kinds[:1] == ("machine",):
            interval = ("(below ", below, " here, with all cores in use)")
    elif outcome == "undecided":
        tried = [(each.rate_per_s, at) for at, each in enumerate(found.trials)]
        low, high = (quote.rate(f"capacity.trials.{at}.rate_per_s") for _, at in (min(tried), max(tried)))
        interval = ("(tried: ", low, ")") if low.text == high.text else ("(tried: ", low, " to ", high, ")")
    return AnswerRow(label=label, value=(outcome,), interval=interval)


def no_rate_sentences(quote: Quote) -> list[Sentence]:
    """The trial that shows why. The headline of a search's own page says it of a missed or undecided one."""
    found = quote.report.capacity
    assert found is not None
    at = telling_trial(found)
    if at is None:
        return _failed(quote)
    if quote.report.no_rate is not None:
        return []
    path = f"capacity.trials.{at}"
    return [("At ", quote.rate(f"{path}.rate_per_s"), ": ", quote.text(f"{path}.why"), ".")]


def unknown_capacity(quote: Quote) -> tuple[ScreenAnswer, ...]:
    """The answer of an invalid search; empty if there was no search, or if a trial was judged."""
    found = quote.report.capacity
    if found is None or found.sustained_per_s is not None or telling_trial(found) is not None:
        return ()
    answer = ScreenAnswer(
        name="rate",
        question="How many messages per second are possible?",
        rows=(no_rate_row(quote, profile_label(found)),),
        sentences=tuple(_failed(quote)),
        state="untrusted",
    )
    return (answer,)


def _failed(quote: Quote) -> list[Sentence]:
    """Of the last trial in which the bench failed."""
    found, report = quote.report.capacity, quote.report
    assert found is not None
    at = max((at for at, each in enumerate(found.trials) if each.verdict == "invalid"), default=None)
    if at is None:
        return []
    path = f"capacity.trials.{at}"
    why: Sentence = (" (", quote.text(f"{path}.why"), ")") if found.trials[at].why else ()
    failed = next(
        (place for place, each in enumerate(report.checks) if each.state == "invalid" and each.advice), None
    )
    advice: Sentence = (_SEARCH_AGAIN,)
    if failed is not None:
        advice = (quote.text(f"checks.{first_shown(report, failed)}.advice"),)
    return [
        (
            "The sustained rate is not known, since the bench failed in the trial at ",
            *(quote.rate(f"{path}.rate_per_s"), *why),
            *("; what to do next: ", *advice, "."),
        )
    ]
