"""The report's tables as words: header and rows, for the HTML page and the Markdown summary alike."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.figures import (
    count_text,
    per_day_text,
    percentile_name,
    rate_text,
    seconds_text,
    share_text,
    significant,
)
from analysis.model import Check, CheckState, Objective, PartReport, Report, StageBreakdown, Verdict
from analysis.objectives.words import interval_text, quantile_text
from analysis.percentiles import needed
from analysis.quantile import Quantile
from analysis.throughput import too_few

VERDICT_WORDS: dict[Verdict, str] = {"met": "met", "missed": "MISSED", "undecided": "undecided"}
CHECK_WORDS: dict[CheckState, str] = {
    "ok": "ok",
    "warn": "warning",
    "invalid": "INVALID",
    "not_checked": "not checked",
}


@dataclass(frozen=True)
class Table:
    """``marks`` holds a word for each row (held, missed, warn …) by which a renderer may colour the cell
    of ``mark_column``.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...] = ()
    mark_column: int = 0
    numeric_from: int = 1  # columns from here on hold figures


def objectives(report: Report) -> Table:
    """Of a suite, a count objective that every part held is one row."""
    several = report.kind == "suite"
    header = ("objective", "limit", "measured", "verdict", "evidence")
    timed = [each for each in report.objectives if each.limit_s is not None]
    counts = [each for each in report.objectives if each.limit_s is None]
    shown = [(each.part, each) for each in timed]
    for name in dict.fromkeys(each.name for each in counts):
        same = [each for each in counts if each.name == name]
        if several and len(same) > 1 and len({(each.verdict, each.measured) for each in same}) == 1:
            shown.append((f"{len(same)} parts", same[0]))
        else:
            shown += [(each.part, each) for each in same]
    rows = tuple(
        (
            *((where,) if several else ()),
            *(each.name, each.limit, each.measured, VERDICT_WORDS[each.verdict]),
            "in each part" if where.endswith(" parts") else evidence_text(each),
        )
        for where, each in shown
    )
    return Table(
        header=("part", *header) if several else header,
        rows=rows,
        marks=tuple(each.verdict for _, each in shown),
        mark_column=4 if several else 3,
        numeric_from=99,
    )


def evidence_text(objective: Objective) -> str:
    """Why the verdict is what it is, and of an undecided one what would decide it."""
    return f"{objective.why}; it takes {objective.needs}" if objective.needs else objective.why


def checks(report: Report) -> Table:
    """Of a suite, a check that no part failed is one row, and words are not repeated."""
    several = report.kind == "suite"
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for name in dict.fromkeys(each.name for each in report.checks):
        same = [each for each in report.checks if each.name == name]
        notable = [each for each in same if each.state in ("warn", "invalid")]
        if several and not notable:
            rows.append(_passed(same))
            marks.append("ok" if any(each.state == "ok" for each in same) else "not_checked")
            continue
        for index, each in enumerate(notable or same):
            where = (each.part,) if several else ()
            advice = each.advice if notable else ""
            words = (each.limit, each.meaning, advice) if index == 0 else ("", "", "")
            rows.append((name if index == 0 else "", *where, CHECK_WORDS[each.state], each.value, *words))
            marks.append(str(each.state))
    header: tuple[str, ...] = ("state", "found", "limit", "what it means", "what to do")
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return Table(
        header=("check", *(("part",) if several else ()), *header),
        rows=tuple(rows),
        marks=tuple(marks),
        mark_column=2 if several else 1,
        numeric_from=99,
    )


def _passed(same: list[Check]) -> tuple[str, ...]:
    """The one row of a check that no part failed: how many passed, and in how many it could not be made."""
    passed = [each for each in same if each.state == "ok"]
    skipped = [each for each in same if each.state == "not_checked"]
    shown = passed[0] if passed else skipped[0]
    where = f"all {len(same)} parts" if not (passed and skipped) else f"{len(passed)} of {len(same)} parts"
    value = "passed" if passed else shown.value
    if passed and skipped:
        why = ", ".join(dict.fromkeys(each.value for each in skipped))
        value += f"; not checked in {len(skipped)}: {why}"
    return (shown.name, where, CHECK_WORDS[shown.state], value, shown.limit, shown.meaning, "")


def ladder(report: Report) -> Table:
    words = {"yes": "yes", "no": "no", "undecided": "not proven"}
    rows = tuple(
        (
            per_day_text(level.messages_per_day),
            VERDICT_WORDS[level.fast_enough],
            per_day_text(level.highest_held_per_day),
            per_day_text(level.highest_tried_per_day),
            words[level.ten_times],
            level.profile,
            f"{level.fast_enough_why}; {level.ten_times_why}",
        )
        for level in report.levels
    )
    header = (
        "messages a day",
        "fast enough at its peak",
        "highest carried, a day",
        "highest tried, a day",
        "ten times holds",
        "profiles",
        "evidence",
    )
    return Table(
        header=header,
        rows=rows,
        marks=tuple(level.fast_enough for level in report.levels),
        mark_column=1,
        numeric_from=99,
    )


def delivery(part: PartReport) -> Table:
    """Percentiles of each class with their intervals."""
    shown = part.delivery[0].quantiles if part.delivery else ()
    header = ("class", "messages", "still open", "never", *(percentile_name(q.percentile) for q in shown))
    rows = tuple(
        (
            each.message_class,
            count_text(each.count),
            count_text(each.open_count),
            count_text(each.never_count),
            *(_cell(each.quantiles[i]) for i in range(len(shown))),
        )
        for each in part.delivery
    )
    return Table(header=header, rows=rows)


def api(part: PartReport) -> Table:
    names = {"api_response": "from the intended instant", "api_service": "from the send"}
    shown = part.api[0].quantiles if part.api else ()
    header = ("sender's answer", "requests", *(percentile_name(q.percentile) for q in shown))
    rows = tuple(
        (names[each.measure], count_text(each.count), *(_cell(quantile) for quantile in each.quantiles))
        for each in part.api
    )
    return Table(header=header, rows=rows)


def _cell(quantile: Quantile) -> str:
    text = quantile_text(quantile)
    if quantile.state == "withheld":
        return f"needs {count_text(quantile.needed)}"
    return f"{text}\n{interval_text(quantile)}"


def stages(part: PartReport) -> Table:
    """One row a stage: its mean in each class, and the spread over all."""
    return _stage_table(part.stages)


def stages_merged(part: PartReport) -> list[Table]:
    """The same for messages that lack a mark, one table for each set of marks."""
    return [_stage_table(group) for group in part.stages_merged]


def _stage_table(group: tuple[StageBreakdown, ...]) -> Table:
    whole = group[-1] if group else None
    classes = [each for each in group if each is not whole]
    rows = [
        (
            stage.name,
            *(_mean_of(each, stage.name) for each in classes),
            seconds_text(stage.mean_s),
            *(
                seconds_text(value) if value is not None else f"needs {count_text(needed(percentile))}"
                for percentile, value in ((50.0, stage.p50_s), (95.0, stage.p95_s), (99.0, stage.p99_s))
            ),
        )
        for stage in ((*whole.stages, whole.end_to_end) if whole else ())
    ]
    if whole:
        rows.append(("messages", *(count_text(each.count) for each in (*classes, whole)), "", "", ""))
    name = whole.message_class if whole else ""
    return Table(
        header=(
            "stage",
            *(f"{each.message_class} mean" for each in classes),
            *(f"{name} {word}" for word in ("mean", "p50", "p95", "p99")),
        ),
        rows=tuple(rows),
    )


def _mean_of(breakdown: StageBreakdown, name: str) -> str:
    listed = (*breakdown.stages, breakdown.end_to_end)
    return next((seconds_text(stage.mean_s) for stage in listed if stage.name == name), "-")


def stage_coverage(part: PartReport) -> Table:
    """Which messages the stages cover; no rows if they cover all."""
    partly = any(each.elsewhere or each.left_out or each.unreachable for each in part.stage_coverage)
    rows = tuple(
        (
            each.message_class,
            *map(count_text, (each.delivered, each.covered, each.elsewhere, each.left_out, each.unreachable)),
        )
        for each in part.stage_coverage
        if partly
    )
    header = (
        *("class", "delivered", "in Stages", "in Stages of messages that lack a mark"),
        *("in neither: a mark is missing", "in neither: waited for the phone"),
    )
    return Table(header=header, rows=rows)


def burst(part: PartReport) -> Table:
    found = part.burst
    if found is None:
        return Table(header=("", "value"), rows=())
    guarded = found.guarded_class or "otp"
    rows = [
        ("burst", f"{count_text(found.messages)} {found.message_class} at {rate_text(found.rate_per_s)}"),
        ("from, to", f"{seconds_text(found.from_s)} to {seconds_text(found.to_s)} after the load's start"),
        ("peak backlog, not yet submitted", count_text(found.peak_unsubmitted)),
        ("peak backlog, not yet delivered", count_text(found.peak_undelivered)),
        ("last one submitted, after its end", seconds_text(found.submitted_after_s)),
        ("95 % delivered or failed, after its end", seconds_text(found.mostly_delivered_after_s)),
        ("last one delivered or failed, after its end", seconds_text(found.delivered_after_s)),
        ("still open at the end", count_text(found.still_open)),
    ]
    for words, quantiles, count in (
        ("before", found.guarded_before, found.guarded_before_count),
        ("during", found.guarded_during, found.guarded_during_count),
    ):
        for quantile in quantiles:
            shown = _cell(quantile).replace("\n", ", interval ")
            name = percentile_name(quantile.percentile)
            rows.append((f"{guarded} {name} {words} (of {count_text(count)})", shown))
    return Table(header=("", "value"), rows=tuple(rows))


def ledger(part: PartReport) -> Table:
    counted = part.ledger
    rows = (
        ("planned", counted.planned, "arrivals that came due"),
        ("sent", counted.sent, "requests begun"),
        ("dropped", counted.dropped, "no free slot in the load generator"),
        ("answered", counted.answered, "replies read, or the connection failed"),
        ("unfinished", counted.unfinished, "no reply when the load stopped"),
        ("accepted", counted.accepted, "acknowledged by the sender"),
        ("refused", counted.refused, "turned away by the sender"),
        ("failed at the API", counted.failed_at_api, "no usable reply"),
        ("delivered", counted.delivered, "reached the handset"),
        ("failed", counted.failed, "final failure, at the provider or in the sender"),
        ("expired", counted.expired, "too late to be sent or delivered"),
        ("open", counted.open, "not final when observation ended"),
        ("lost", counted.lost, "accepted, then unknown to all, or sent and unknown to the provider"),
        ("double deliveries", counted.doubles, "taken by the provider more than once"),
        ("submitted again", counted.resubmitted, f"of {count_text(counted.submits)} submits in all"),
        ("delivered unacknowledged", counted.delivered_unacknowledged, "the load never read an acceptance"),
    )
    whole = counted.planned
    return Table(
        header=("", "messages", "of planned", "meaning"),
        rows=tuple((name, count_text(n), share_text(n, whole), meaning) for name, n, meaning in rows),
    )


def reasons(part: PartReport) -> Table:
    rows = tuple((each.source, each.reason, count_text(each.count)) for each in part.reasons[:12])
    return Table(header=("who said so", "reason", "messages"), rows=rows, numeric_from=2)


def faults(part: PartReport) -> Table:
    """Times are seconds after the load's start."""
    rows = tuple(
        (
            band.name,
            band.title,
            "-" if band.from_s is None else seconds_text(max(band.from_s, 0.0)),
            "-" if band.from_s is None else "no end" if band.to_s is None else seconds_text(band.to_s),
            count_text(band.messages),
        )
        for band in part.faults
    )
    return Table(header=("fault", "what it did", "from", "to", "messages touched"), rows=rows, numeric_from=2)


def rates(part: PartReport) -> Table:
    """Measured rates, and what they would be on the day itself where the day was compressed."""
    through, factor = part.throughput, part.identity.compress
    paces = (
        ("offered", through.offered_peak),
        ("accepted", through.accepted_best),
        ("delivered", through.delivered_best),
    )
    found: list[tuple[str, float | None]] = [("offered, mean", through.offered_mean_per_s)]
    for name, pace in paces:
        few = " (too few messages for a rate)" if too_few(pace) else ""
        found.append((f"{name}, best window{few}", pace.per_s if pace else None))
    if factor == 1.0:
        return Table(
            header=("rate", "measured"), rows=tuple((name, rate_text(value)) for name, value in found)
        )
    rows = tuple(
        (name, rate_text(value), rate_text(None if value is None else value / factor))
        for name, value in found
    )
    return Table(header=("rate", "measured", f"on the day itself (÷ {factor:g})"), rows=rows)


def cost(part: PartReport) -> Table:
    paid = part.cost
    per_1000 = paid.per_1000_delivered_points
    rows = (
        ("paid", f"{significant(paid.points)} points"),
        ("per 1,000 delivered", "-" if per_1000 is None else f"{significant(per_1000)} points"),
        ("for second copies", f"{significant(paid.doubles_points)} points"),
        ("for messages that did not arrive", f"{significant(paid.undelivered_points)} points"),
        ("segments", count_text(paid.segments)),
    )
    return Table(header=("", "amount"), rows=rows)
