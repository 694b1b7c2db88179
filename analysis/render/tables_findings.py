"""Tables of conclusions: totals, capacity, comparisons, shares, bottlenecks, hints, handsets.

The first screen quotes them, so their cells are figures with the path of their field.
"""

from __future__ import annotations

import math

from analysis.capacity_record import Trial
from analysis.classes import class_text
from analysis.findings import ComparedTail, DelaySplit, Difference
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import within_text
from analysis.formatting import rate_text, round_seconds_text
from analysis.judge.sample_size import needs_text
from analysis.model import RunReport
from analysis.quantile import Quantile
from analysis.render.table import Cell, Column, Table, figure_columns, words_columns

_MODES = {"real": "live", "simulated": "simulated"}
_TOTAL_NAMES = {
    "failed_or_expired": "failed or expired",
    "still_open": "still open at the end",
    "unseen": "accepted, without provider rows",
    "given_up": "given up after a refusal",
    "to_repeat": "not yet repeated after a refusal",
    "still_held": "of the unaccounted: still in the sender",
    "without_key": "without their key",
    "delivered_unacknowledged": "delivered unacknowledged",
}


_RARE_SUMS = ("paid_per_delivered_low", "paid_for_other_keys")


def totals(report: RunReport) -> Table:
    """Sums over the deciding parts, by mode."""
    quote = Quote(report, plain=False)
    counts = (
        *("planned", "accepted", "delivered", "failed_or_expired", "still_open"),
        *("lost", "duplicates", "unaccounted", "unseen"),
    )
    others = any(each.paid_for_other_keys for each in report.totals)
    copies = " and those with other keys are no copies" if others else ""
    least = f"the same, if those still open arrive{copies}: at least"
    money = (
        ("paid", "paid"),
        ("paid_per_delivered", "paid per delivered SMS"),
        ("paid_per_delivered_low", least),
        ("paid_for_duplicates", "paid for duplicates"),
        ("paid_for_other_keys", "paid for messages with other keys, which may be copies"),
        ("paid_for_undelivered", "paid for failed or expired messages"),
    )
    rows: list[tuple[str | Sentence, ...]] = []
    rare = ("still_held", "given_up", "to_repeat", "without_key", "delivered_unacknowledged")
    for field in (*counts, *(each for each in rare if any(getattr(one, each) for one in report.totals))):
        rows.append(
            (
                _TOTAL_NAMES.get(field, field),
                *((quote.count(f"totals.{place}.{field}"),) for place, _ in enumerate(report.totals)),
            )
        )
    for field, name in money:
        if field in _RARE_SUMS and not any(getattr(each, field) for each in report.totals):
            continue
        cells: list[str | Sentence] = []
        for place, each in enumerate(report.totals):
            known = getattr(each, field) is not None
            cells.append((quote.amount(f"totals.{place}.{field}", each.currency),) if known else "-")
        rows.append((name, *cells))
    # Counterparts and what-ifs repeat messages of other parts.
    which = "parts" if all(part.decides_verdict for part in report.parts) else "parts that decide"
    modes = (f"{_MODES.get(each.mode, each.mode)} {which}" for each in report.totals)
    return Table((*words_columns(""), *figure_columns(*modes)), tuple(rows) if report.totals else ())


def capacity(report: RunReport) -> Table:
    """The search's result and its trials."""
    found = report.capacity
    columns = (
        *words_columns("rate"),
        Column("verdict", shows_state=True),
        *words_columns("delivered", "evidence", "bottleneck"),
    )
    if found is None:
        return Table(columns, rows=())
    quote = Quote(report, plain=False)
    rows: list[tuple[str | Sentence, ...]] = []
    if found.sustained_per_s is not None:
        interval: Sentence = ("interval ", quote.rate("capacity.low_per_s"), " or more")
        if found.high_per_s is not None:
            low, high = quote.rate_interval("capacity.low_per_s", "capacity.high_per_s")
            interval = ("interval ", low, " to ", high)
        wider: Sentence = ()
        if found.precision_missed is not None:
            why = "the search of the bench is brief, and " if found.brief else ""
            wider = (f"; wider than the precision asked for: {why}", quote.text("capacity.ended"))
        day: Sentence = ()
        if found.messages_per_day is not None:
            day = ("; ", quote.per_day("capacity.messages_per_day"), " a day")
        rows.append(
            (
                (quote.rate("capacity.sustained_per_s"),),
                "sustained",
                "",
                (*interval, *day, *wider),
                _above(quote),
            )
        )
    else:
        below: Sentence = ()
        if found.high_per_s is not None:
            lead = "; the capacity is below "
            if found.bottleneck_kinds[:1] == ("machine",):
                lead = "; with all cores in use, no rate was met below "
            below = (lead, quote.rate("capacity.high_per_s"))
        rows.append(("none", "sustained", "", (found.ended, *below), _above(quote)))
    row_states = ["met" if found.sustained_per_s is not None else "missed"]
    for place, trial in enumerate(found.trials):
        path = f"capacity.trials.{place}"
        rows.append(
            (
                (quote.rate(f"{path}.rate_per_s"),),
                trial.verdict,
                "-" if trial.verdict == "invalid" else (quote.rate(f"{path}.delivered_per_s"),),
                "; ".join(filter(None, (_load(trial), trial.why, _arrivals(trial)))),
                "; ".join(trial.bottlenecks),
            )
        )
        row_states.append(trial.verdict)
    return Table(columns, tuple(rows), row_states=tuple(row_states))


def _load(trial: Trial) -> str:
    """A rate can have several trials, which differ by the length of their load."""
    return "" if trial.load_s is None else f"load of {round_seconds_text(trial.load_s)}"


def _arrivals(trial: Trial) -> str:
    """Why a trial can deliver more than its rate, although each second has the same number of messages."""
    offered, delivered = rate_text(trial.rate_per_s), rate_text(trial.delivered_per_s)
    more = trial.delivered_per_s > trial.rate_per_s and delivered != offered
    return "the delivered rate is fitted to the steady part, and may exceed the offered one" if more else ""


def _above(quote: Quote) -> Sentence:
    found = quote.report.capacity
    places = range(len(found.bottlenecks)) if found else ()
    pieces: list[str | Figure] = []
    for place in places:
        pieces += ["; " if place else "", quote.text(f"capacity.bottlenecks.{place}")]
    return tuple(pieces)


def comparisons(report: RunReport) -> list[tuple[str, Table]]:
    """One table for each: differences of delivery times, message by message."""
    quote = Quote(report, plain=False)
    found = []
    for place, each in enumerate(report.comparisons):
        rows = []
        for index, one in enumerate(each.classes):
            path = f"comparisons.{place}.classes.{index}"
            interval: Sentence = (
                quote.seconds(f"{path}.p95_low_s"),
                " to ",
                quote.seconds(f"{path}.p95_high_s"),
            )
            rows.append(
                (
                    class_text(one.message_class),
                    (quote.count(f"{path}.pairs"),),
                    (quote.count(f"{path}.unpaired"),),
                    (quote.seconds(f"{path}.mean_s"),),
                    (quote.seconds(f"{path}.median_s"),),
                    (quote.seconds(f"{path}.p99_abs_s"),),
                    (quote.seconds(f"{path}.part_p95_s"),),
                    (quote.seconds(f"{path}.counterpart_p95_s"),),
                    (quote.seconds(f"{path}.p95_difference_s"), "\n", *interval),
                    _by_stage(quote, f"{path}.by_stage_s"),
                    _tail(quote, f"{path}.tail", one.tail),
                )
            )
        columns = (
            *words_columns("class"),
            *figure_columns("pairs", "unpaired", "mean", "median", "99 % within ±"),
            *figure_columns("p95 of the pairs", "counterpart's p95 of the pairs", "their difference"),
            *words_columns("mean of each stage", "the pairs that differ most"),
        )
        found.append((each.title, Table(columns, tuple(rows))))
    return found


def _by_stage(quote: Quote, path: str) -> Sentence:
    """The stages that make up a mean difference."""
    pieces: list[str | Figure] = []
    for number, (stage, _) in enumerate(quote.value(path)):
        pieces += [f"{', ' if number else ''}{stage} ", quote.seconds(f"{path}.{number}.1")]
    return tuple(pieces) or ("-",)


def _tail(quote: Quote, path: str, tail: ComparedTail) -> Sentence:
    """How many pairs differ most, and the stages that make up the mean size of their differences."""
    counts: Sentence = (
        *(quote.count(f"{path}.pairs"), " (", quote.count(f"{path}.later"), " slower)"),
        *("; with every timestamp: ", quote.count(f"{path}.split")),
    )
    if tail.size_s is None:
        return counts
    stages = _by_stage(quote, f"{path}.by_stage_s")
    return (
        *(*counts, "; by ", quote.seconds(f"{path}.size_s"), " on average: ", *stages),
        *("; another drawn reply: ", quote.count(f"{path}.other_reply")),
    )


def bottlenecks(report: RunReport, place: int) -> Table:
    """The bottlenecks in order of weight."""
    quote = Quote(report, plain=False)
    rows = []
    for index, each in enumerate(report.parts[place].bottlenecks):
        path = f"parts.{place}.bottlenecks.{index}"
        evidence: list[str | Figure] = []
        for number, _ in enumerate(each.evidence):
            evidence += ["; " if number else "", quote.text(f"{path}.evidence.{number}")]
        span: Sentence = (quote.seconds(f"{path}.from_s"), " to ", quote.seconds(f"{path}.to_s"))
        share = f"{100 * each.share_of_load:.0f} %"
        rows.append(((quote.text(f"{path}.text"),), tuple(evidence), span, share))
    columns = words_columns("bottleneck", "evidence", "seen in windows from, to", "share of the windows")
    return Table(columns, tuple(rows))


def hints(report: RunReport, place: int) -> Table:
    quote = Quote(report, plain=False)
    rows = tuple(
        (
            (quote.text(f"parts.{place}.hints.{index}.text"),),
            (quote.count(f"parts.{place}.hints.{index}.count"),),
        )
        for index, _ in enumerate(report.parts[place].hints)
    )
    return Table((*words_columns("hint"), *figure_columns("messages")), rows)


def delay_splits(report: RunReport, place: int) -> list[tuple[str, Table]]:
    """One table per class: its shares, and its percentiles without each share."""
    return [
        (
            f"Shares of the delay: {class_text(each.message_class)}",
            _split(Quote(report, plain=False), f"parts.{place}.delay_splits.{index}", each),
        )
        for index, each in enumerate(report.parts[place].delay_splits)
    ]


def _split(quote: Quote, path: str, split: DelaySplit) -> Table:
    names = (within_text(each.percentile).strip() for each in split.total)
    rows: list[tuple[str | Sentence, ...]] = [
        (
            "total",
            (quote.seconds(f"{path}.total_mean_s"),),
            *(_known(quote, f"{path}.total.{nth}") for nth, _ in enumerate(split.total)),
        )
    ]
    for number, share in enumerate(split.shares):
        here = f"{path}.shares.{number}"
        own = (share.p50_s, share.p95_s, share.p99_s)
        fields = ("p50_s", "p95_s", "p99_s")
        rows.append(
            (
                share.name,
                (quote.seconds(f"{here}.mean_s"),),
                *(
                    (quote.seconds(f"{here}.{field}"),) if value is not None else "too few"
                    for field, value in zip(fields, own, strict=True)
                ),
            )
        )
    for number, share in enumerate(split.shares):
        cells = (
            _known(quote, f"{path}.shares.{number}.without.{nth}") for nth, _ in enumerate(share.without)
        )
        rows.append((f"total without {share.name}", "", *cells))
    ideal = (_known(quote, f"{path}.network_only.{nth}") for nth, _ in enumerate(split.network_only))
    rows.append(("ideal sender without contract limits", "", *ideal))
    if split.limit:
        limit: Sentence = (quote.text(f"{path}.limit"),)
        rows.append(("limit with the longest waits", limit, *("" for _ in split.total)))
    excluded: Sentence = (", excluded: ", quote.count(f"{path}.left_out"))
    if split.still_open:
        waiting: Sentence = (quote.count(f"{path}.still_open"), " still open")
        lacking: Sentence = (", ", quote.count(f"{path}.left_out"), " without a timestamp")
        excluded = (", excluded: ", *waiting, *(lacking if split.left_out else ()))
    counts: Sentence = (quote.count(f"{path}.count"), *excluded)
    rows.append(("messages", counts, *("" for _ in split.total)))
    return Table((*words_columns(""), *figure_columns("mean", *names)), tuple(rows))


def _known(quote: Quote, path: str) -> Sentence | str:
    quantile: Quantile = quote.value(path)
    if quantile.state == "withheld":
        return needs_text(quantile)
    return (quote.quantile(path),)


def handsets(report: RunReport, place: int) -> Table:
    quote = Quote(report, plain=False)
    fields = ("accepted", "unreachable", "came_later", "given_up_by_network", "still_waiting")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            class_text(each.message_class),
            *((quote.count(f"parts.{place}.handsets.{index}.{field}"),) for field in fields),
        )
        for index, each in enumerate(report.parts[place].handsets)
    )
    counts = (
        "accepted",
        "phone off or without coverage",
        "arrived later",
        "given up by the network",
        "still waiting",
    )
    return Table((*words_columns("class"), *figure_columns(*counts)), rows)


def availability(report: RunReport, place: int) -> Table:
    found = report.parts[place].availability
    counts = ("available", "unavailable", "unknown")
    columns = words_columns("windows", *counts, "length", "first unavailable", "why")
    if found is None:
        return Table(columns, rows=())
    quote, path = Quote(report, plain=False), f"parts.{place}.availability"
    first: str | Sentence = "-"
    if found.first_bad_at_s is not None:
        first = (quote.seconds(f"{path}.first_bad_at_s"),)
    row: tuple[str | Sentence, ...] = (
        (quote.count(f"{path}.windows"),),
        *((quote.count(f"{path}.{field}"),) for field in counts),
        (quote.span(f"{path}.window_s"),),
        first,
        (quote.text(f"{path}.why"),) if found.why else "-",
    )
    return Table(columns, (row,))


def fairness(report: RunReport, place: int) -> Table:
    """Concurrent campaigns; then Jain's index of their rates."""
    found = report.parts[place].fairness
    columns = (
        *words_columns("campaign"),
        *figure_columns("messages", "delivered", "per second, until 95 % delivered", "95 % within"),
        *(figure_columns("minus one campaign alone") if found is not None and found.alone_part else ()),
    )
    if found is None:
        return Table(columns, rows=())
    quote, path = Quote(report, plain=False), f"parts.{place}.fairness"
    rows: list[tuple[str | Sentence, ...]] = []
    for index, each in enumerate(found.campaigns):
        here = f"{path}.campaigns.{index}"
        known = each.p95 is not None and each.p95.value_s is not None and math.isfinite(each.p95.value_s)
        rows.append(
            (
                (quote.text(f"{here}.name"),),
                (quote.count(f"{here}.messages"),),
                (quote.count(f"{here}.delivered"),),
                (quote.rate(f"{here}.per_s"),),
                (quote.quantile(f"{here}.p95"),) if known else "too few",
                *((difference_cell(quote, f"{here}.alone"),) if found.alone_part else ()),
            )
        )
    if found.jain is not None:
        blank = ("",) if found.alone_part else ()
        rows.append(("Jain's index", "", "", (quote.number(f"{path}.jain"),), "", *blank))
    return Table(columns, tuple(rows))


def difference_cell(quote: Quote, path: str) -> Sentence:
    """A difference and its interval; ``-`` without one."""
    found: Difference | None = quote.value(path)
    if found is None or found.value_s is None:
        return ("-",)
    value = quote.seconds(f"{path}.value_s")
    if not (math.isfinite(found.low_s) and math.isfinite(found.high_s)):
        return (value, "\nno interval")
    return (value, "\n", quote.seconds(f"{path}.low_s"), " to ", quote.seconds(f"{path}.high_s"))


def ending(report: RunReport) -> Table:
    """When a run was interrupted; no rows for a complete run."""
    rows = (("interrupted", (Quote(report, plain=False).text("interrupted"),)),) if report.interrupted else ()
    return Table(words_columns("", ""), rows)
