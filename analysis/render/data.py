"""Output for programs: ``summary.json``, ``junit.xml`` and the CSV files."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from analysis.first_screen.screen import first_screen
from analysis.judge.evidence import needs_lead
from analysis.judge.validity import invalidating
from analysis.model import Check, Objective, RunReport


def write_json(report: RunReport, path: Path) -> None:
    """Every number except the series of ``timeline.csv``. Infinite values are ``null``."""
    plain = {"first_screen": msgspec.to_builtins(first_screen(report)), **msgspec.to_builtins(report)}
    for part in plain["parts"]:
        timeline = part["timeline"]
        for name in ("rates", "latency_p50", "latency_p95", "points", "backlog"):
            del timeline[name]
        for distribution in (*part["delivery"], *part["api"]):
            del distribution["curve"]
        if part["burst"]:
            del part["burst"]["offered"], part["burst"]["delivered"]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n")


def _number(value: float | None) -> str:
    """Nine significant digits; empty for unknown and infinite values."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.9g}"


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_safe(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run as a formula; numbers stay numbers.

    OWASP, CSV Injection.
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the rows, without cells that a spreadsheet would run as a formula."""
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(header)
        writer.writerows([spreadsheet_safe(value) for value in row] for row in rows)


def write_percentiles(report: RunReport, path: Path) -> None:
    header = (
        "part",
        "measure",
        "message_class",
        "count",
        "open",
        "never",
        "percentile",
        "state",
        "value_s",
        "low_s",
    )
    rows = (
        (
            part.slug,
            each.measure,
            each.message_class,
            each.count,
            each.open_count,
            each.never_count,
            f"{quantile.percentile:g}",
            quantile.state,
            _number(quantile.value_s),
            _number(quantile.low_s),
            _number(quantile.high_s),
        )
        for part in report.parts
        for each in (*part.delivery, *part.api)
        for quantile in each.quantiles
    )
    _write_csv(path, (*header, "high_s"), rows)


def write_ladder(report: RunReport, path: Path) -> None:
    header = (
        "messages_per_day",
        "profile",
        "fast_enough",
        "highest_sustained_per_day",
        "highest_tried_per_day",
        "ten_times",
        "why",
    )
    rows = (
        (
            level.messages_per_day,
            level.profile,
            level.fast_enough,
            _number(level.highest_sustained_per_day),
            _number(level.highest_tried_per_day),
            level.ten_times,
            level.ten_times_why,
        )
        for level in report.levels
    )
    _write_csv(path, header, rows)


def write_timeline(report: RunReport, path: Path) -> None:
    """Long format: one row per point."""
    rows = (
        (part.slug, kind, series.name, _number(at_s), _number(value))
        for part in report.parts
        for kind, group in (
            ("rate_per_s", part.timeline.rates),
            ("delivery_p50_s", part.timeline.latency_p50),
            ("delivery_p95_s", part.timeline.latency_p95),
            ("backlog_messages", part.timeline.backlog),
        )
        for series in group
        for at_s, value in zip(series.at_s, series.value, strict=True)
    )
    _write_csv(path, ("part", "kind", "series", "at_s", "value"), rows)


def write_junit(report: RunReport, path: Path) -> None:
    """One test case per objective and check. Missed is a failure; a check that makes the run invalid is an
    error.

    An undecided objective is an error, since build servers fail for it too. It is skipped if it is allowed or
    does not decide.

    One more test case is an error if the run was interrupted.
    """
    root = ElementTree.Element("testsuites", name=report.title)
    objectives = ElementTree.SubElement(root, "testsuite", name="objectives")
    for objective in report.objectives:
        _objective_case(objectives, objective, report.allow_undecided)
    if report.no_rate is not None:
        _no_rate_case(objectives, report)
    checks = ElementTree.SubElement(root, "testsuite", name="validity")
    invalidates = invalidating(report.checks, report.parts)
    for check in report.checks:
        _check_case(checks, check, check in invalidates)
    ending = ElementTree.SubElement(root, "testsuite", name="ending")
    case = ElementTree.SubElement(ending, "testcase", name="run is complete", classname="ending")
    if report.interrupted:
        words = "no verdict describes the whole run"
        ElementTree.SubElement(case, "error", message=report.interrupted).text = words
    for suite in (objectives, checks, ending):
        suite.set("tests", str(len(suite)))
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _objective_case(suite: ElementTree.Element, objective: Objective, allow_undecided: bool) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=objective.name, classname=_classname("objective", objective.part)
    )
    words = f"{objective.measured}, limit {objective.limit}: {objective.why}"
    if objective.verdict == "undecided":
        words += needs_lead(objective.needs) + objective.needs if objective.needs else ""
        tag = "skipped" if allow_undecided or not objective.decides else "error"
        ElementTree.SubElement(case, tag, message=f"undecided: {words}")
    elif objective.verdict == "missed":
        ElementTree.SubElement(case, "failure" if objective.decides else "skipped", message=words)


def _no_rate_case(suite: ElementTree.Element, report: RunReport) -> None:
    """A capacity search without a sustained rate; the shown trial alone may miss no objective."""
    case = ElementTree.SubElement(suite, "testcase", name="sustained rate", classname="objective")
    why = report.capacity.ended if report.capacity is not None else ""
    if report.no_rate == "missed":
        ElementTree.SubElement(case, "failure", message=f"no rate met every objective: {why}")
    else:
        tag = "skipped" if report.allow_undecided else "error"
        ElementTree.SubElement(case, tag, message=f"undecided: {why}")


def _check_case(suite: ElementTree.Element, check: Check, invalidates: bool) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=check.name, classname=_classname("validity", check.part)
    )
    if check.state == "invalid" and invalidates:
        ElementTree.SubElement(case, "error", message=f"{check.value} ({check.limit})").text = check.advice
    elif check.state == "not_checked":
        ElementTree.SubElement(case, "skipped", message=check.value)
    elif check.state in ("warn", "invalid"):  # invalid in a part that does not decide
        word = "warning" if check.state == "warn" else "invalid in a part that does not decide"
        ElementTree.SubElement(case, "system-out").text = f"{word}: {check.value} ({check.limit})"


def _classname(kind: str, part: str) -> str:
    return f"{kind}.{part}" if part else kind
