"""Tables of one part: what was measured of it."""

from __future__ import annotations

from analysis.classes import GUARDED_CLASS, class_text, messages_of
from analysis.findings import MOST_REASONS, POINTS, FaultBand
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rates import factor_digits
from analysis.first_screen.values import Sentence
from analysis.formatting import (
    RATE_OF_DELIVERIES,
    count_text,
    fault_text,
    percentile_name,
    rate_text,
    seconds_text,
    share_text,
    significant,
)
from analysis.judge.rate_basis import too_few
from analysis.judge.sample_size import needs_text
from analysis.model import PartReport, RunReport
from analysis.objectives.objective_text import interval_text, quantile_text
from analysis.quantile import Quantile, needed
from analysis.render.table import Cell, Table, figure_columns, words_columns
from analysis.render.tables_findings import difference_cell
from analysis.stage_times import StageBreakdown, StageTimes


def delivery(report: RunReport, place: int) -> Table:
    """Percentiles of each class with their intervals."""
    part, quote = report.parts[place], Quote(report, plain=False)
    shown = part.delivery[0].quantiles if part.delivery else ()
    columns = (
        *words_columns("class"),
        *figure_columns("messages", "still open", "never", *(percentile_name(q.percentile) for q in shown)),
    )
    rows = tuple(
        (
            class_text(each.message_class),
            (quote.count(f"parts.{place}.delivery.{index}.count"),),
            count_text(each.open_count),
            count_text(each.never_count),
            *(
                _quantile_cell(quote, f"parts.{place}.delivery.{index}.quantiles.{i}")
                for i in range(len(shown))
            ),
        )
        for index, each in enumerate(part.delivery)
    )
    return Table(columns, rows)


def api(part: PartReport) -> Table:
    names = {"api_response": "from the intended instant", "api_service": "from the send"}
    shown = part.api[0].quantiles if part.api else ()
    columns = (
        *words_columns("sender's answer"),
        *figure_columns("requests", *(percentile_name(q.percentile) for q in shown)),
    )
    rows = tuple(
        (names[each.measure], count_text(each.count), *(_cell(quantile) for quantile in each.quantiles))
        for each in part.api
    )
    return Table(columns, rows)


def _cell(quantile: Quantile) -> str:
    text = quantile_text(quantile)
    if quantile.state == "withheld":
        return needs_text(quantile)
    return f"{text}\n{interval_text(quantile)}"


def _quantile_cell(quote: Quote, path: str) -> Cell:
    quantile: Quantile = quote.value(path)
    if quantile.state == "withheld" or quantile.value_s is None:
        return _cell(quantile)
    return (quote.quantile(path), "\n", *(quote.interval_ends(path) or (interval_text(quantile),)))


def stages(part: PartReport) -> Table:
    """One row per stage: its mean in each class, and percentiles over all classes."""
    return _stage_table(part.stages)


def stages_merged(part: PartReport) -> list[Table]:
    """The same for messages that lack a timestamp, one table for each set of timestamps."""
    return [_stage_table(group) for group in part.stages_merged]


# Why the mean of a stage can be negative.
_NEGATIVE = {
    "sender queue": "negative: messages were submitted before the load had the answer",
    "carrier queue": "negative: the carrier had messages before the provider's answer",
}


def _stage_name(stage: StageTimes) -> str:
    why = _NEGATIVE.get(stage.name, "") if stage.mean_s < 0 else ""
    return f"{stage.name} ({why})" if why else stage.name


def _stage_table(group: tuple[StageBreakdown, ...]) -> Table:
    whole = group[-1] if group else None
    classes = [each for each in group if each is not whole]
    rows = [
        (
            _stage_name(stage),
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
    name = class_text(whole.message_class) if whole else ""
    means = (f"{class_text(each.message_class)} mean" for each in classes)
    spread = (f"{name} {word}" for word in ("mean", "p50", "p95", "p99"))
    return Table((*words_columns("stage"), *figure_columns(*means, *spread)), tuple(rows))


def _mean_of(breakdown: StageBreakdown, name: str) -> str:
    listed = (*breakdown.stages, breakdown.end_to_end)
    return next((seconds_text(stage.mean_s) for stage in listed if stage.name == name), "-")


def stage_coverage(part: PartReport) -> Table:
    """Which messages the stages cover; no rows if they cover all."""
    partly = any(each.elsewhere or each.left_out or each.unreachable for each in part.stage_coverage)
    rows = tuple(
        (
            class_text(each.message_class),
            *map(count_text, (each.delivered, each.covered, each.elsewhere, each.left_out, each.unreachable)),
        )
        for each in part.stage_coverage
        if partly
    )
    columns = (
        *words_columns("class"),
        *figure_columns("delivered", "in Stages", "in Stages of messages that lack a timestamp"),
        *figure_columns("in neither: first or last timestamp missing", "in neither: waited for the phone"),
    )
    return Table(columns, rows)


def burst(report: RunReport, place: int) -> Table:
    found, quote, path = report.parts[place].burst, Quote(report, plain=False), f"parts.{place}.burst"
    columns = (*words_columns(""), *figure_columns("value"))
    if found is None:
        return Table(columns, rows=())
    guarded = class_text(found.guarded_class or GUARDED_CLASS)
    size: Sentence = (
        quote.count(f"{path}.messages"),
        f" {messages_of(found.message_class)} at ",
        quote.rate(f"{path}.rate_per_s"),
    )
    mostly = seconds_text(found.mostly_delivered_after_s)
    rows: list[tuple[Cell, ...]] = [
        ("burst", size),
        ("from, to", f"{seconds_text(found.from_s)} to {seconds_text(found.to_s)} after the load's start"),
        ("accepted", count_text(found.accepted)),
        ("peak backlog, accepted and not yet submitted", count_text(found.peak_unsubmitted)),
        ("peak backlog, accepted and not yet delivered", count_text(found.peak_undelivered)),
        ("last accepted message submitted, after its end", seconds_text(found.submitted_after_s)),
        ("95 % of the accepted delivered or failed, after its end", mostly),
        ("last accepted message delivered or failed, after its end", seconds_text(found.delivered_after_s)),
        ("accepted and still open at the end", count_text(found.still_open)),
    ]
    for words, quantiles, count in (
        ("before", found.guarded_before, found.guarded_before_count),
        ("during", found.guarded_during, found.guarded_during_count),
    ):
        for index, quantile in enumerate(quantiles):
            shown = _quantile_cell(quote, f"{path}.guarded_{words}.{index}")
            name = percentile_name(quantile.percentile)
            rows.append((f"{guarded} {name} {words} (of {count_text(count)})", shown))
    if found.guarded_difference is not None:
        name = percentile_name(found.guarded_difference.percentile)
        rows.append(
            (f"{guarded} {name} during minus before", difference_cell(quote, f"{path}.guarded_difference"))
        )
    return Table(columns, tuple(rows))


# Field of the accounting, its name, what it means.
_ACCOUNTING = (
    ("planned", "planned", "arrivals that came due"),
    ("sent", "sent", "requests begun"),
    ("dropped", "dropped", "not sent: the in-flight limit was reached, or the bench was late"),
    ("dropped_by_bench", "dropped by the bench", "of these, because the bench was late"),
    (
        "dropped_at_machine_limit",
        "dropped at the machine's limit",
        "of these, because the machine of the bench could hold no more unanswered requests",
    ),
    ("answered", "answered", "replies read, or the connection failed"),
    ("unfinished", "unfinished", "no reply when the load stopped"),
    ("accepted", "accepted", "acknowledged by the sender"),
    ("refused", "refused", "refused by the sender's API"),
    ("refused_recipients", "refused recipients", "of these, with a phone number that the provider refused"),
    ("failed_at_api", "failed at the API", "no usable reply"),
    ("delivered", "delivered", "reached the handset"),
    ("failed", "failed", "final failure, at the provider or in the sender"),
    ("expired", "expired", "too late to be sent or delivered"),
    ("open", "open", "not final when observation ended"),
    (
        "lost",
        "lost",
        "the provider has no row of it, and the sender has no row either, or a row that says sent",
    ),
    (
        "given_up",
        "given up after a refusal",
        "refused by the provider, and not submitted again: failed",
    ),
    (
        "to_repeat",
        "not yet repeated after a refusal",
        "among the open: refused for the time being, and the run ended while a repeat could follow",
    ),
    (
        "without_key",
        "without their key",
        "among the open: at the provider with a key that the load did not send",
    ),
    ("unaccounted", "unaccounted", "accepted by the sender and never seen by the provider"),
    ("duplicates", "duplicate deliveries", "accepted by the provider more than once"),
    ("resubmitted", "submitted again", ""),
    ("delivered_unacknowledged", "delivered unacknowledged", "the load did not read an acceptance"),
)


def accounting(report: RunReport, place: int) -> Table:
    counted, quote = report.parts[place].accounting, Quote(report, plain=False)
    beside = {"resubmitted": f"of {count_text(counted.submits)} submits in all"}
    if counted.copies:
        beside["duplicates"] = f"; copies in all: {count_text(counted.copies)}"
    rows = tuple(
        (
            name,
            (quote.count(f"parts.{place}.accounting.{field}"),),
            share_text(getattr(counted, field), counted.planned),
            f"{meaning}{beside.get(field, '')}",
        )
        for field, name, meaning in _ACCOUNTING
    )
    columns = (*words_columns(""), *figure_columns("messages", "of planned"), *words_columns("meaning"))
    return Table(columns, rows)


def reasons(report: RunReport, place: int) -> Table:
    quote, path = Quote(report, plain=False), f"parts.{place}.reasons"
    rows = tuple(
        (
            (quote.text(f"{path}.{index}.source"),),
            (quote.text(f"{path}.{index}.reason"),),
            (quote.count(f"{path}.{index}.count"),),
            (quote.count(f"{path}.{index}.accepted"),),
        )
        for index in range(min(len(report.parts[place].reasons), MOST_REASONS))
    )
    return Table((*words_columns("source", "reason"), *figure_columns("messages", "of them accepted")), rows)


def faults(report: RunReport, place: int) -> Table:
    """Times are seconds after the load's start."""
    quote = Quote(report, plain=False)
    rows = tuple(
        (
            fault_text(band.name, band.kind, band.title),
            (quote.text(f"parts.{place}.faults.{index}.title"),),
            "-" if band.from_s is None else seconds_text(max(band.from_s, 0.0)),
            "-" if band.from_s is None else "no end" if band.to_s is None else seconds_text(band.to_s),
            count_text(band.messages),
            _backlog_after(quote, f"parts.{place}.faults.{index}.backlog", band),
        )
        for index, band in enumerate(report.parts[place].faults)
    )
    columns = (
        *words_columns("fault", "effect"),
        *figure_columns("from", "to", "messages affected", "sender's backlog gone, after its end"),
    )
    return Table(columns, rows)


def _backlog_after(quote: Quote, path: str, band: FaultBand) -> Cell:
    if band.backlog is None:
        return "-"
    if band.backlog.gone_s is not None:
        return (quote.seconds(f"{path}.gone_s"),)
    return ("not in ", quote.seconds(f"{path}.watched_s"), ": ", quote.count(f"{path}.left"), " left")


def rates(report: RunReport, place: int) -> Table:
    """Measured rates; for a compressed day also the rates of the day itself."""
    part, quote, path = report.parts[place], Quote(report, plain=False), f"parts.{place}"
    through, factor = part.throughput, part.identity.speedup
    best_rates = (
        ("offered", "offered_peak", through.offered_peak),
        ("accepted", "accepted_best", through.accepted_best),
        (RATE_OF_DELIVERIES, "delivered_best", through.delivered_best),
    )
    found: list[tuple[str, Cell, float | None]] = [
        ("offered, mean", (quote.rate(f"{path}.throughput.offered_mean_per_s"),), through.offered_mean_per_s)
    ]
    for name, field, best in best_rates:
        few = " (too few messages for a rate)" if too_few(best) else ""
        shown: Cell = "-"
        if best is not None:
            window = quote.span(f"{path}.throughput.{field}.window_s")
            shown = (quote.rate(f"{path}.throughput.{field}.per_s"), "\nin ", window)
        found.append((f"{name}, best window{few}", shown, best.per_s if best else None))
    compressed = factor != 1.0
    rows: list[tuple[Cell, ...]] = [
        (name, shown, *((rate_text(None if value is None else value / factor),) if compressed else ()))
        for name, shown, value in found
    ]
    blank = ("",) if compressed else ()
    if through.contract_per_s is not None:
        digits = factor_digits(through.contract_segments_per_s or 0.0, part.cost.segments_per_message or 0.0)
        allowed = (
            *(quote.rate(f"{path}.throughput.contract_per_s"), "\n"),
            *(quote.number(f"{path}.throughput.contract_segments_per_s"), " segments/s at "),
            *(quote.number(f"{path}.cost.segments_per_message", digits=digits), " segments per message"),
        )
        rows.append(("contract limit", allowed, *blank))
    if through.limit:
        rows.append(("limit reached", (quote.text(f"{path}.throughput.limit"),), *blank))
    rows += [(name, shown, *blank) for name, shown in _load_rows(quote, place)]
    day = (f"at the day's own rate (÷ {factor:g})",) if compressed else ()
    return Table((*words_columns("rate"), *figure_columns("measured", *day)), tuple(rows))


def _load_rows(quote: Quote, place: int) -> list[tuple[str, Cell]]:
    """The volume and length of the load."""
    identity, path = quote.report.parts[place].identity, f"parts.{place}.identity"
    rows: list[tuple[str, Cell]] = [("length of the load", (quote.seconds(f"{path}.load_s"),))]
    if identity.messages_per_day is not None:
        rows.append(("level, messages a day", (quote.per_day(f"{path}.messages_per_day"),)))
    if quote.report.parts[place].equivalent_per_day is not None:
        equivalent = quote.per_day(f"parts.{place}.equivalent_per_day")
        rows.append(("equivalent messages a day", (equivalent,)))
    if quote.report.parts[place].backlog_gone_s is not None:
        rows.append(
            ("sender's queue empty, after the load", (quote.seconds(f"parts.{place}.backlog_gone_s"),))
        )
    rows.append(("ended", (quote.text(f"{path}.exit_reason"),)))
    if identity.speedup != 1.0:
        rows.append(("times the day's rate", (quote.number(f"{path}.speedup"),)))
    return rows


def cost(report: RunReport, place: int) -> Table:
    paid, quote, path = report.parts[place].cost, Quote(report, plain=False), f"parts.{place}.cost"
    per_1000, unit = paid.per_1000_delivered_points, paid.currency or POINTS
    segments: list[tuple[str, Sentence]] = [("segments", (quote.count(f"{path}.segments"),))]
    if paid.duplicates_segments:
        once = ("segments, without duplicates", segments[0][1])
        segments = [once, ("segments of duplicates", (quote.count(f"{path}.duplicates_segments"),))]
    rows = (
        (
            "paid" if paid.currency else "paid, in the provider's unit of charge",
            (quote.amount(f"{path}.points", unit),),
        ),
        ("per 1,000 delivered", "-" if per_1000 is None else f"{significant(per_1000)} {unit}"),
        ("for duplicates", (quote.amount(f"{path}.duplicates_points", unit),)),
        *(
            (("for messages with other keys", (quote.amount(f"{path}.other_keys_points", unit),)),)
            if paid.other_keys_points
            else ()
        ),
        ("for failed or expired messages", (quote.amount(f"{path}.undelivered_points", unit),)),
        *segments,
    )
    return Table((*words_columns(""), *figure_columns("amount")), rows)
