"""Texts of the first screen for parts, classes, targets and objectives of the report."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from datetime import datetime

import msgspec

from analysis.classes import class_text
from analysis.findings import NOT_FORWARDED, Bottleneck, acts_after_acceptance
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, Figure, Sentence
from analysis.judge.evidence import needs_lead
from analysis.judge.not_taken import many_not_taken, many_without_room
from analysis.judge.verdict import deciding_parts
from analysis.model import Objective, PartIdentity, PartReport, RunReport
from analysis.quantile import QuantileState

_REFERENCE = "reference_sender"
_MOST_EVIDENCE = 3  # sentences
NOT_ARRIVED = "had not arrived when the run ended"  # a message that counts as slower than any limit
_MOST_WORDS = 90  # characters of a profile's limits next to its name


def target_name(report: RunReport) -> str:
    """The target of the first part that names one."""
    for part in report.parts:
        name = part.identity.target.get("name")
        if name:
            return str(name)
    return "the sender"


def is_reference_sender(report: RunReport) -> bool:
    """Whether every live part ran against it."""
    targets = [part.identity.target for part in report.parts if live(part)]
    return bool(targets) and all(target.get("kind") == _REFERENCE for target in targets)


def command(report: RunReport, words: str) -> str:
    """A command as advice, for the sender of this run: without its target file it would test another one."""
    if is_reference_sender(report) or not any(live(part) for part in report.parts):
        return words
    file = next(filter(None, (target_file(part) for part in report.parts if live(part))), "FILE")
    return f"{words} --target {file}"


def target_file(part: PartReport) -> str:
    """The target file as a command's argument; "" if the part has none."""
    file = part.identity.target.get("file")
    return shlex.quote(str(file)) if file else ""


def leading(part: PartReport) -> int | None:
    """The position of the bottleneck to name first: the first one, or a stop of the sender that was seen in
    at least as large a share of the load. None without a bottleneck. If messages were not taken, a network
    that is slow or loses messages, and messages that were not forwarded, are left out.
    """
    found, left = part.bottlenecks, not_taken(part)
    others = [acts_after_acceptance(each) or each.kind in NOT_FORWARDED for each in found]
    places = [at for at, other in enumerate(others) if not (left and other)]
    stops = [place for place in places if found[place].kind == "sender_stopped"]
    if stops and found[stops[0]].share_of_load >= found[places[0]].share_of_load:
        return stops[0]
    return next(iter(places), None)


def deciding(report: RunReport) -> tuple[tuple[int, PartReport], ...]:
    """The parts whose objectives decide the verdict, with their positions; all parts if none decides."""
    found = {part.slug for part in deciding_parts(report.parts)}
    return tuple((place, part) for place, part in enumerate(report.parts) if part.slug in found)


def trusted(part: PartReport) -> bool:
    return part.validity != "invalid" and not part.bench_failure


def not_taken(part: PartReport) -> bool:
    """Whether messages were refused or not answered; few of them do not count."""
    return many_not_taken(part.accounting)


def unsent(part: PartReport) -> bool:
    """Whether the bench had no room to send some messages; few of them do not count."""
    return many_without_room(part.accounting)


def live(part: PartReport) -> bool:
    return part.identity.mode == "real"


def about_line(report: RunReport) -> str:
    """``28 Nov 2026 10:12 UTC · my-sender → mock provider, profile smsapi (100 requests/s) · seed 1``."""
    first = deciding(report)[0][1].identity
    every_limit = {part.identity.profile_limits for _, part in deciding(report)}
    names = dict.fromkeys(part.identity.profile or "unknown" for _, part in deciding(report))
    profiles = f"profile{'s' if len(names) > 1 else ''} {' and '.join(names)}"
    limits = first.profile_limits
    if len(every_limit) == 1 and limits != "unknown" and len(limits) <= _MOST_WORDS:
        profiles += f" ({limits})" if limits != "none" else " (no limits)"
    searched = report.capacity.profile if report.capacity else ""
    if searched and searched not in names:
        profiles += f"; capacity: profile {searched}"
    supposed = dict.fromkeys(part.identity.what_if for _, part in deciding(report) if part.identity.what_if)
    what_if = f"what if: {'; '.join(supposed)}" if supposed else ""
    items = (
        _date(first),
        f"{target_name(report)} → mock provider, {profiles}",
        what_if,
        _seed(report.seeds or first.seeds),
    )
    return " · ".join(each for each in items if each)


def _date(identity: PartIdentity) -> str:
    try:
        started = datetime.fromisoformat(identity.started)
    except ValueError:
        return identity.started
    return f"{started.day} {started:%b %Y %H:%M} UTC"


def _seed(seeds: Mapping[str, int]) -> str:
    if "plan" in seeds:
        return f"seed {seeds['plan']}"
    named = ", ".join(f"{name} {value}" for name, value in seeds.items())
    return f"seeds {named}" if named else ""


def with_evidence(quote: Quote, path: str, found: Bottleneck) -> Sentence:
    """``text (first sentence; second sentence)``, of the bottleneck at that path."""
    return in_brackets(quote.text(f"{path}.text"), evidence_of(quote, path, found))


def evidence_of(quote: Quote, path: str, found: Bottleneck, without: str = "") -> Sentence:
    """``first sentence; second sentence``; the sentence ``without`` is left out."""
    places = [n for n, each in enumerate(found.evidence) if each != without]
    shown: list[str | Figure] = []
    for order, place in enumerate(places[:_MOST_EVIDENCE]):
        shown += ["; " if order else "", quote.text(f"{path}.evidence.{place}")]
    return tuple(shown)


def in_brackets(lead: Figure, inside: Sentence) -> Sentence:
    """``lead (inside)``; with a lead that ends with brackets of its own, ``lead (its own; inside)``."""
    if not inside:
        return (lead,)
    if lead.text.endswith(")"):
        return (msgspec.structs.replace(lead, text=lead.text.removesuffix(")")), "; ", *inside, ")")
    return (lead, " (", *inside, ")")


def part_title(quote: Quote, place: int) -> Figure:
    return quote.text(f"parts.{place}.identity.title")


def in_part(quote: Quote, place: int) -> Sentence:
    """The name of the part, if there are several."""
    return ("Part: ", part_title(quote, place), ". ") if len(quote.report.parts) > 1 else ()


def windows_of(quote: Quote, path: str, field: str) -> Sentence:
    """``2 of 9 windows of 10 s``: a count of the availability at that path."""
    return (
        quote.count(f"{path}.{field}"),
        " of ",
        quote.count(f"{path}.windows"),
        " window of " if quote.value(f"{path}.windows") == 1 else " windows of ",
        quote.span(f"{path}.window_s"),
    )


def place_of(report: RunReport, slug: str) -> int | None:
    return next((place for place, part in enumerate(report.parts) if part.slug == slug), None)


def objective_part(report: RunReport, objective: Objective) -> int:
    """The position of its part; 0 in a report of one run."""
    return place_of(report, objective.part) or 0


def is_delivery_time(objective: Objective) -> bool:
    return objective.measure == "delivery_time"


def within_text(percentile: float) -> str:
    return f"{percentile:g} % within "


def objective_sentence(quote: Quote, place: int) -> Sentence:
    """What an objective asks for: ``OTP: 95 % within 10 s``, ``The objective for availability``."""
    path = f"objectives.{place}"
    objective: Objective = quote.value(path)
    if is_delivery_time(objective):
        share = f"{class_text(objective.message_class)}: {within_text(objective.percentile or 0.0)}"
        return (share, quote.limit(f"{path}.limit_s"))
    if objective.measure == "api_response":
        share = f"Answers of {target_name(quote.report)}: {within_text(objective.percentile or 0.0)}"
        return (share, limit_without_relation(quote, path))
    return ("The objective for ", quote.text(f"{path}.name"))


def limit_without_relation(quote: Quote, path: str) -> Figure:
    """The limit, quoted from the objective's text."""
    limit = quote.text(f"{path}.limit")
    return Figure(text=limit.text.lstrip("<>≤≥ "), source=limit.source, unit="text")


def objective_row(quote: Quote, path: str, label: str) -> AnswerRow:
    """The objective at that path as figure, interval, limit and verdict."""
    objective: Objective = quote.value(path)
    verdict = quote.verdict(f"{path}.verdict", subject=f"verdict {path}")
    if objective.limit_s is None or objective.quantile is None:
        return AnswerRow(
            label=label,
            value=(quote.text(f"{path}.measured"),),
            limit=("limit ", _limit(quote, path, objective)),
            verdict=verdict,
        )
    return AnswerRow(
        label=label,
        value=measured_text(quote, path, objective),
        interval=_interval(quote, path, objective, objective.quantile.state),
        limit=("limit ", quote.limit(f"{path}.limit_s")),
        verdict=verdict,
    )


def _interval(quote: Quote, path: str, objective: Objective, state: QuantileState) -> Sentence:
    """Beside a lower bound it is called an interval: its lower end is below that bound."""
    if state == "withheld":
        return ()
    if state == "at_least" and (ends := quote.interval_ends(f"{path}.quantile", objective.limit_s)):
        return ("(95 % interval: ", *ends, ")")
    return quote.interval(f"{path}.quantile", objective.limit_s)


def _limit(quote: Quote, path: str, objective: Objective) -> Figure:
    return quote.text(f"{path}.limit") if objective.limit_s is None else quote.limit(f"{path}.limit_s")


def measured_text(quote: Quote, path: str, objective: Objective) -> Sentence:
    """The figure of an objective on times: ``95 % within 8.53 s``."""
    share, rest = within_text(objective.percentile or 0.0), f"{100 - (objective.percentile or 0.0):g} %"
    if objective.quantile is None:
        return ("not measured",)
    if objective.quantile.state == "withheld":
        if not objective.count:
            return ("no message delivered",)
        if objective.verdict == "missed" and objective.quantile.low_s is not None:
            return (
                f"more than {rest} take over ",
                quote.seconds(f"{path}.quantile.low_s", limit_s=objective.limit_s),
            )
        return (quote.text(f"{path}.measured"),)
    if objective.quantile.state == "never":
        return (f"{rest} or more never arrive",)
    if objective.quantile.state == "at_least":
        over = quote.seconds(f"{path}.quantile.value_s", f"delivery {path}", objective.limit_s)
        return (f"{rest} need more than ", over, f" or {NOT_ARRIVED}")
    return (share, quote.quantile(f"{path}.quantile", f"delivery {path}", objective.limit_s))


def worst_first(objective: Objective) -> tuple[int, float, float]:
    """Sort key: missed, then undecided, then met; then by the figure as a multiple of the limit (an unknown
    one is the highest), then by the upper end of the interval.
    """
    rank = {"missed": 0, "undecided": 1, "met": 2}[objective.verdict]
    found, limit = objective.quantile, objective.limit_s or objective.limit_value or 1.0
    if found is None:
        return rank, -math.inf, 0.0
    value, high = (math.inf if each is None else each / limit for each in (found.value_s, found.high_s))
    return rank, -value, -high


def worst_objective(report: RunReport, verdict: str) -> int | None:
    """The position of the objective to show: delivery times first, then the worst."""
    found = [
        (place, each)
        for place, each in enumerate(report.objectives)
        if each.decides and each.verdict == verdict
    ]
    if not found:
        return None
    return min(found, key=lambda item: (not is_delivery_time(item[1]), worst_first(item[1])))[0]


def undecided_sentence(quote: Quote, place: int) -> Sentence:
    """Why an objective is undecided, and what would decide it."""
    path = f"objectives.{place}"
    needs: Sentence = ()
    if quote.value(f"{path}.needs"):
        needs = (needs_lead(quote.value(f"{path}.needs")), quote.text(f"{path}.needs"))
    return (quote.text(f"{path}.why"), *needs)
