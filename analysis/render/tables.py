"""Tables over the whole report: objectives, checks, ladder."""

from __future__ import annotations

import msgspec

from analysis.first_screen.quoting import Quote
from analysis.formatting import per_day_text
from analysis.judge.check_names import SCHEDULE_LAG
from analysis.judge.evidence import needs_lead
from analysis.model import Check, CheckState, Objective, RunReport, Verdict
from analysis.render.table import Cell, Column, Table, words_columns

VERDICT_WORDS: dict[Verdict, str] = {"met": "met", "missed": "MISSED", "undecided": "undecided"}
CHECK_WORDS: dict[CheckState, str] = {
    "ok": "ok",
    "warn": "warning",
    "invalid": "INVALID",
    "not_checked": "not checked",
}

_OBJECTIVE_COLUMNS = (
    *words_columns("objective", "limit", "measured"),
    Column("verdict", shows_state=True),
    *words_columns("evidence"),
)


def objectives(report: RunReport) -> Table:
    """In a suite, an objective without an interval that every part met equally is one row."""
    several = report.kind == "suite"
    places = range(len(report.objectives))
    shown: list[tuple[str, int]] = []
    counts: dict[str, list[int]] = {}
    for place in places:
        each = report.objectives[place]
        if each.limit_s is not None:
            shown.append((each.part, place))
        else:
            counts.setdefault(each.name, []).append(place)
    for same in counts.values():
        listed = [report.objectives[place] for place in same]
        if (
            several
            and len(same) > 1
            and {(each.verdict, each.measured) for each in listed} == {("met", listed[0].measured)}
        ):
            shown.append((f"{len(same)} parts", same[0]))
        else:
            shown += [(report.objectives[place].part, place) for place in same]
    quote = Quote(report, plain=False)
    rows = tuple(
        (*((where,) if several else ()), *_objective_cells(quote, f"objectives.{place}", where))
        for where, place in shown
    )
    return Table(
        columns=(*(words_columns("part") if several else ()), *_OBJECTIVE_COLUMNS),
        rows=rows,
        row_states=tuple(report.objectives[place].verdict for _, place in shown),
    )


def question(report: RunReport, place: int) -> Table:
    """The objectives of a part that does not decide."""
    quote, part = Quote(report, plain=False), report.parts[place]
    shown = () if part.decides_verdict else part.objectives
    return Table(
        columns=_OBJECTIVE_COLUMNS,
        rows=tuple(_objective_cells(quote, f"parts.{place}.objectives.{i}", "") for i, _ in enumerate(shown)),
        row_states=tuple(each.verdict for each in shown),
    )


def _objective_cells(quote: Quote, path: str, where: str) -> tuple[Cell, ...]:
    each: Objective = quote.value(path)
    measured: Cell = (quote.text(f"{path}.measured"),)
    limit: Cell = (quote.text(f"{path}.limit"),)
    limit_s = each.limit_s or each.limit_value
    if each.quantile is not None and each.quantile.value_s is not None:
        interval = quote.interval_ends(f"{path}.quantile", limit_s)
        measured = (
            quote.quantile(f"{path}.quantile", limit_s=limit_s),
            *(("\n", *interval) if interval else ()),
        )
    elif each.verdict == "missed" and each.quantile is not None and each.quantile.low_s is not None:
        measured = (quote.seconds(f"{path}.quantile.low_s", limit_s=limit_s), " or more")
    elif each.interval:
        measured = (quote.text(f"{path}.measured"), f"\n{each.interval}")
    if each.limit_s is not None:
        limit = (f"{each.limit.partition(' ')[0]} ", quote.limit(f"{path}.limit_s"))
    verdict = msgspec.structs.replace(quote.verdict(f"{path}.verdict"), text=VERDICT_WORDS[each.verdict])
    evidence: Cell = "in each part" if where.endswith(" parts") else _evidence(quote, path)
    return ((quote.text(f"{path}.name"),), limit, measured, (verdict,), evidence)


def _evidence(quote: Quote, path: str) -> Cell:
    """The evidence for the verdict, and for an undecided one what would decide it."""
    needs: Cell = ()
    if quote.value(f"{path}.needs"):
        needs = (needs_lead(quote.value(f"{path}.needs")), quote.text(f"{path}.needs"))
    reach: Cell = (". ", quote.text(f"{path}.reach")) if quote.value(f"{path}.reach") else ()
    return (quote.text(f"{path}.why"), *needs, *reach)


def checks(report: RunReport) -> Table:
    """In a suite, a check that no part failed is one row. Texts are not repeated."""
    several = report.kind == "suite"
    quote = Quote(report, plain=False)
    rows: list[tuple[Cell, ...]] = []
    row_states: list[str] = []
    for name in dict.fromkeys(each.name for each in report.checks):
        same = [place for place, each in enumerate(report.checks) if each.name == name]
        notable = [place for place in same if report.checks[place].state in ("warn", "invalid")]
        if several and not notable:
            rows.append(_passed(quote, same))
            row_states.append(
                "ok" if any(report.checks[place].state == "ok" for place in same) else "not_checked"
            )
            continue
        shown: set[str] = {""}
        for index, place in enumerate(notable or same):
            each = report.checks[place]
            where = (each.part,) if several else ()
            new = bool(notable) and each.advice not in shown
            advice: Cell = (quote.text(f"checks.{place}.advice"),) if new else ""
            shown.add(each.advice)
            words = (each.limit, each.meaning, advice) if index == 0 else ("", "", advice)
            value = _check_value(quote, place)
            rows.append((name if index == 0 else "", *where, CHECK_WORDS[each.state], value, *words))
            row_states.append(str(each.state))
    advice_columns = words_columns("what to do")
    if not any(row[-1] for row in rows):
        advice_columns, rows = (), [row[:-1] for row in rows]
    return Table(
        columns=(
            *words_columns("check", *(("part",) if several else ())),
            Column("state", shows_state=True),
            *words_columns("found", "limit", "what it means"),
            *advice_columns,
        ),
        rows=tuple(rows),
        row_states=tuple(row_states),
    )


def _check_value(quote: Quote, place: int) -> Cell:
    """The finding; for the schedule lag the time itself, which the first screen quotes."""
    path = f"checks.{place}"
    each: Check = quote.value(path)
    if each.name == SCHEDULE_LAG and each.state == "ok" and each.value_number is not None:
        return ("99 % within ", quote.seconds(f"{path}.value_number"))
    return (quote.text(f"{path}.value"),)


def _passed(quote: Quote, same: list[int]) -> tuple[Cell, ...]:
    """The row of a check that no part failed: how many parts passed, and how many have no data."""
    checked: list[tuple[int, Check]] = [(place, quote.value(f"checks.{place}")) for place in same]
    passed = [each for _, each in checked if each.state == "ok"]
    skipped = [each for _, each in checked if each.state == "not_checked"]
    shown = passed[0] if passed else skipped[0]
    counted = len(passed) if passed else len(same)
    total = len(quote.report.parts)
    where = f"all {total} parts" if counted == total else f"{counted} of {total} parts"
    if total == 1:
        where = quote.report.parts[0].slug
    value: Cell = "passed" if passed else shown.value
    if passed and skipped:
        why = ", ".join(dict.fromkeys(each.value for each in skipped))
        value = f"passed; not checked in {len(skipped)}: {why}"
    late = [
        (each.value_number, place)
        for place, each in checked
        if each.state == "ok" and each.value_number is not None
    ]
    if shown.name == SCHEDULE_LAG and late:
        value = ("worst part: ", *_check_value(quote, max(late)[1]))
    return (shown.name, where, CHECK_WORDS[shown.state], value, shown.limit, shown.meaning, "")


def ladder(report: RunReport) -> Table:
    words = {"yes": "Yes", "no": "No", "undecided": "Not proven"}
    quote = Quote(report, plain=False)
    rows = tuple(
        (
            (quote.per_day(f"levels.{place}.messages_per_day"),),
            VERDICT_WORDS[level.fast_enough],
            per_day_text(level.highest_sustained_per_day),
            per_day_text(level.highest_tried_per_day),
            (
                msgspec.structs.replace(
                    quote.verdict(f"levels.{place}.ten_times"), text=words[level.ten_times]
                ),
            ),
            level.profile,
            f"{level.fast_enough_why}; {level.ten_times_why}",
        )
        for place, level in enumerate(report.levels)
    )
    columns = (
        *words_columns("messages a day"),
        Column("objectives met at its peak", shows_state=True),
        *words_columns("highest sustained, a day", "highest tested, a day", "ten times sustained"),
        *words_columns("profiles", "evidence"),
    )
    return Table(columns, rows, row_states=tuple(level.fast_enough for level in report.levels))
