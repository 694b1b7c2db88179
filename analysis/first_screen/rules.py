"""Consistency rules between the first screen of a report and the tables below it.

Each function returns the contradictions that it found, as text. A contradiction is a defect of smsbench, and
the page says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from analysis.first_screen.advice import CAPACITY, faulty
from analysis.first_screen.below_questions import ASK
from analysis.first_screen.quoting import lookup, plain_text
from analysis.first_screen.rates import (
    NO_LIMIT,
    NO_LIMIT_OF_THE_RATE,
    delivered_more,
    limited,
    seen_by_provider,
)
from analysis.first_screen.values import Figure, FirstScreen, Sentence, as_text, figures, sentences
from analysis.first_screen.wording import (
    deciding,
    not_taken,
    objective_part,
    target_file,
    target_name,
    trusted,
    unsent,
)
from analysis.formatting import TIMES, rate_text
from analysis.judge.verdict import overall
from analysis.model import Objective, PartReport, RunReport

# "95 % within": a percentile is part of the question and not a figure of the run.
_NO_FIGURE = re.compile(rf"\d+(?:\.\d+)? %|\b10 {TIMES} ", re.ASCII)
# A reason's name is allowed in brackets, after its plain words.
_UNREADABLE = re.compile(
    r"\bp\d\d|% figure|event loop|\bSLO\b|\bslug\b|\bin[- ]flight\b|th percentile|\b(?:otp|OTP) messages?\b"
    r"|\breason(?: is|:) [^(]*_"
)


def contradictions(screen: FirstScreen, report: RunReport) -> tuple[str, ...]:
    """Every contradiction of the screen; empty if there is none."""
    rules = (
        _sources,
        _subjects,
        _word,
        _in_time,
        _ten_times,
        _differences,
        _lost,
        _sustained_volumes,
        _within_capacity,
        _shares_named,
        _accounted,
        _bottleneck,
        _advice,
        _search_ended_low,
    )
    found = [text for rule in rules for text in rule(screen, report)]
    return tuple(dict.fromkeys((*found, *_loose_figures(screen, report), *_readable(screen, report))))


def _sources(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """A figure equals the value of its field."""
    for figure in figures(screen):
        try:
            value = lookup(report, figure.source)
        except LookupError as error:
            yield f"{figure.text!r} is taken from a field that does not exist: {error}"
            continue
        if figure.number is not None and not _same(figure.number, value):
            yield f"{figure.text!r} is taken from {figure.source}, which is {value}"
        if figure.unit == "text" and figure.text not in plain_text(str(value)):
            yield f"{figure.text!r} is taken from {figure.source}, which is {value!r}"


def _same(number: float, value: object) -> bool:
    return isinstance(value, int | float) and math.isclose(number, value, rel_tol=1e-12)


def _subjects(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """Figures with the same subject have the same value."""
    by_subject: dict[str, Figure] = {}
    for figure in figures(screen):
        if not figure.subject or figure.subject == "difference":
            continue
        earlier = by_subject.setdefault(figure.subject, figure)
        if (earlier.number, earlier.text.lower()) != (figure.number, figure.text.lower()):
            yield f"{figure.subject}: {earlier.text!r} and {figure.text!r}"


def _word(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """The word follows from the objectives, and the report's verdict and exit code agree with it."""
    verdicts = [each.verdict for each in report.objectives if each.decides]
    verdicts += [report.no_rate] if report.no_rate is not None else []
    if screen.word == "YES" and (not verdicts or any(each != "met" for each in verdicts)):
        yield "YES, but not every objective is met"
    if screen.word == "YES" and report.validity == "invalid":
        yield "YES, but the run is invalid"
    if screen.word == "YES" and any(_above_limits(part, report) for _, part in deciding(report)):
        yield "YES, but more messages are lost or unaccounted than the objectives allow"
    if screen.word == "NO" and "missed" not in verdicts:
        yield "NO, but no objective is missed"
    if screen.word == "UNDECIDED" and "missed" in verdicts:
        yield "UNDECIDED, but an objective is missed"
    verdict = {"YES": "met", "NO": "missed", "UNDECIDED": "undecided"}.get(screen.word)
    if verdict is not None and report.verdict != verdict:
        yield f"{screen.word}, but the report's verdict is {report.verdict}"


def _above_limits(part: PartReport, report: RunReport) -> bool:
    """Whether messages are missing of which the objectives on losses allow fewer. Without such an objective,
    they allow none.
    """
    allowed = dict.fromkeys(("loss", "unaccounted"), 0.0)
    for each in report.objectives:
        if each.measure in allowed:
            allowed[each.measure] = max(allowed[each.measure], each.limit_value)
    counted = part.accounting
    given_up = counted.given_up + counted.to_repeat
    unseen = counted.unaccounted + counted.without_key
    return given_up > allowed["loss"] or unseen > allowed["unaccounted"]


def _missing(part: PartReport) -> int:
    counted = part.accounting
    return counted.unaccounted + counted.given_up + counted.to_repeat + counted.without_key


def _in_time(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """If the objective of a class is met, no table shows a percentile of it (up to the objective's) over the
    limit.
    """
    answer = next((each for each in screen.answers if each.name == "delivery"), None)
    for row in answer.rows if answer else ():
        if row.verdict is None or row.verdict.text != "met":
            continue
        shown: Objective = lookup(report, row.verdict.source.removesuffix(".verdict"))
        for _, part in deciding(report):
            if trusted(part):
                yield from _over_limit(part, shown)


def _over_limit(part: PartReport, objective: Objective) -> Iterator[str]:
    limit_s, upto = objective.limit_s or math.inf, objective.percentile or 0.0
    name = objective.message_class
    for each in part.delivery:
        for quantile in each.quantiles if each.message_class == name else ():
            if quantile.percentile <= upto and (quantile.value_s or 0.0) > limit_s:
                yield f"{name} is met, but the table Delivery time of {part.slug} shows {quantile.value_s} s"
    for split in part.delay_splits:
        for quantile in split.total if split.message_class == name else ():
            if quantile.percentile <= upto and (quantile.value_s or 0.0) > limit_s:
                yield f"{name} is met, but the shares of {part.slug} show {quantile.value_s} s"
        if split.message_class == name and split.total_mean_s > limit_s:
            yield f"{name} is met, but the shares of {part.slug} show a mean of {split.total_mean_s} s"
    for stages in part.stages:
        if stages.message_class != name:
            continue
        whole = stages.end_to_end
        high = {50.0: whole.p50_s, 95.0: whole.p95_s, 99.0: whole.p99_s}
        if any(percentile <= upto and (value or 0.0) > limit_s for percentile, value in high.items()):
            yield f"{name} is met, but the stages of {part.slug} show more than {limit_s} s"
        if whole.mean_s > limit_s:
            yield f"{name} is met, but the stages of {part.slug} show a mean of {whole.mean_s} s"


def _ten_times(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """Yes requires a valid part at ten times the level or more with every objective met."""
    answer = next((each for each in screen.answers if each.name == "ten_times"), None)
    pieces = [piece for row in answer.rows for piece in row.value] if answer else []
    figures = [piece for piece in pieces if isinstance(piece, Figure) and piece.source.endswith(".ten_times")]
    for figure in figures:
        level = lookup(report, figure.source.removesuffix(".ten_times"))
        if (figure.text == "Yes") != (level.ten_times == "yes"):
            yield f"ten times: {figure.text}, but the table Levels says {level.ten_times}"
        part = next((each for each in report.parts if each.slug == level.ten_times_part), None)
        if figure.text != "Yes":
            continue
        if part is None or not trusted(part) or overall(part.objectives) != "met":
            yield "ten times: Yes, without a valid part at that rate with every objective met"
        elif (part.equivalent_per_day or 0.0) < 10.0 * level.messages_per_day:
            yield f"ten times: Yes, but {part.slug} is equivalent to {part.equivalent_per_day} a day"


def _differences(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """A difference is claimed only where its interval excludes zero."""
    for figure in figures(screen):
        if figure.subject != "difference":
            continue
        place, _, field = figure.source.rpartition(".")
        prefix = "p95_" if field.startswith("p95_") else ""
        low, high = lookup(report, f"{place}.{prefix}low_s"), lookup(report, f"{place}.{prefix}high_s")
        if low <= 0.0 <= high:
            yield f"a difference of {figure.text} is claimed, but its interval is {low} to {high}"


def _lost(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """``0 lost`` is shown only if every message was seen and no part lost one."""
    for figure in figures(screen):
        if figure.number == 0 and figure.source.endswith(".lost"):
            among = _counted_in(figure.source, report)
            gone = any(_missing(part) or part.accounting.lost for part in among)
            if gone or not all(seen_by_provider(part) for part in among):
                yield f"0 lost ({figure.source}), but a part has lost, unaccounted or unseen messages"


def _counted_in(source: str, report: RunReport) -> list[PartReport]:
    """The parts whose losses the figure at ``source`` counts: one, or all that decide and have a mode."""
    place, _, _ = source.rpartition(".")
    if source.startswith("parts."):
        return [lookup(report, place.removesuffix(".accounting"))]
    mode = lookup(report, f"{place}.mode")
    return [part for _, part in deciding(report) if part.identity.mode == mode and trusted(part)]


def _sustained_volumes(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """A YES names only volumes of valid parts with every objective met."""
    for piece in screen.why if screen.word == "YES" else ():
        if isinstance(piece, Figure) and piece.source.endswith(".identity.messages_per_day"):
            part = lookup(report, piece.source.removesuffix(".identity.messages_per_day"))
            met = trusted(part) and overall(part.objectives) == "met"
            if not met or part.sustained is False or not_taken(part) or unsent(part):
                yield f"{piece.text} a day is called sustained, but {part.slug} does not show it"
            for level in report.levels:
                if level.ten_times_part == part.slug and level.ten_times != "yes":
                    yield f"{piece.text} a day is called sustained, but ten times: {level.ten_times}"


def _within_capacity(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """A YES names no rate above the upper end of the searched capacity."""
    found = report.capacity
    if screen.word != "YES" or found is None or found.high_per_s is None:
        return
    for piece in screen.why:
        if (
            not isinstance(piece, Figure)
            or piece.unit != "/s"
            or not _on_profile(piece, report, found.profile)
        ):
            continue
        if (piece.number or 0.0) > found.high_per_s:
            yield f"YES names {piece.text}, but the capacity is at most {rate_text(found.high_per_s)}"


def _on_profile(figure: Figure, report: RunReport, profile: str) -> bool:
    """Whether a rate was measured on this profile: another profile has another capacity."""
    place = re.match(r"parts\.(\d+)\.", figure.source)
    return place is None or report.parts[int(place[1])].identity.profile == profile


def _shares_named(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """The time with an ideal sender is followed by what sender or contract add to it, if they add any."""
    sources = [figure.source for figure in figures(screen)]
    for sentence in sentences(screen):
        for figure in [each for each in sentence if isinstance(each, Figure)]:
            place, of_ideal, _ = figure.source.partition(".network_only.")
            if not of_ideal or any(each.startswith(f"{place}.shares.") for each in sources):
                continue
            split = lookup(report, place)
            if any(share.name in ("sender", "contract") and share.mean_s > 0 for share in split.shares):
                yield f"{as_text(sentence)!r} does not say what sender and contract add, which the table does"


def _bottleneck(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """``No limit was reached`` is shown only if neither the screen nor the part names a bottleneck."""
    answer = next((each for each in screen.answers if each.name == "rate"), None)
    if answer is None or not any(NO_LIMIT in as_text(each) for each in answer.sentences):
        return
    paces = [piece for row in answer.rows for piece in row.value if isinstance(piece, Figure)]
    for place in {piece.source.split(".")[1] for piece in paces if piece.source.startswith("parts.")}:
        part = report.parts[int(place)]
        if part.bottlenecks or limited(part):
            yield f"no limit is said to be reached, but {part.slug} names a bottleneck"


def _advice(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """The contract is called sufficient, or its extension is advised, and not both. Neither if a fault caused
    the wait, or if no limit was reached.
    """
    every = sentences(screen)
    more = [
        each for each in every if any(advice in as_text(each) for advice in (ASK, CAPACITY, "to negotiate"))
    ]
    enough = [each for each in every if _says_sufficient(each, report)]
    if enough and more:
        yield f"the contract is said to be sufficient, but also: {as_text(more[0])!r}"
    for place in _parts_of(enough, report):
        if report.parts[place].backlog_grew:
            yield f"the contract is said to be sufficient, but the backlog of {report.parts[place].slug} grew"
    rate = next((each.sentences for each in screen.answers if each.name == "rate"), ())
    free = any(said in as_text(each) for each in rate for said in (NO_LIMIT, NO_LIMIT_OF_THE_RATE))
    rows = [row.value for each in screen.answers if each.name == "rate" for row in each.rows]
    shown = _parts_of(rows, report) if free else set()
    for place in _parts_of(more, report):
        if faulty(report.parts[place]):
            yield f"more capacity is asked for, but {report.parts[place].slug} had a fault window"
        if place in shown:
            yield f"more capacity is asked for, but {report.parts[place].slug} is said to have met no limit"


def _says_sufficient(found: Sentence, report: RunReport) -> bool:
    """Whether the sentence quotes an objective's text that the contract is sufficient."""
    quoted = (piece.source.split(".") for piece in found if isinstance(piece, Figure))
    reached = (names for names in quoted if names[0] == "objectives" and names[2:] == ["reach"])
    return any(report.objectives[int(names[1])].reach_kind == "sufficient" for names in reached)


def _parts_of(found: Sequence[Sentence], report: RunReport) -> set[int]:
    """The positions of the parts whose fields these sentences quote."""
    places: set[int] = set()
    for piece in (piece for sentence in found for piece in sentence if isinstance(piece, Figure)):
        kind, number = piece.source.split(".")[:2]
        if kind == "parts":
            places.add(int(number))
        elif kind == "objectives":
            places.add(objective_part(report, report.objectives[int(number)]))
    return places


def _search_ended_low(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """If a part delivered more than the sustained rate, the screen says so."""
    more = delivered_more(report)
    answer = next((each for each in screen.answers if each.name == "rate"), None)
    if more is None or answer is None:
        return
    figures = [piece for sentence in answer.sentences for piece in sentence if isinstance(piece, Figure)]
    if not any(piece.source.startswith(f"parts.{more}.throughput.delivered_best") for piece in figures):
        yield f"a sustained rate is named, but {report.parts[more].slug} delivered more"


def _accounted(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    if "accounted for" not in as_text(screen.trust):
        return
    if any(_missing(part) for part in report.parts):
        yield "every message is said to be accounted for, but some are not"


def _loose_figures(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """Every number of a sentence is a figure with a source; names that the user chose may have digits."""
    names = _names(report)
    for sentence in sentences(screen):
        for piece in sentence:
            if isinstance(piece, str) and re.search(r"\d", _NO_FIGURE.sub("", _without(piece, names))):
                yield f"{piece!r} has a number without a source"


def _names(report: RunReport) -> set[str]:
    """Names in sentences that the user chose, or that the run has: they may have any characters."""
    names = {target_name(report), *(part.identity.profile for part in report.parts)}
    names |= {target_file(part) for part in report.parts}
    return names | {each.message_class for part in report.parts for each in part.delivery}


def _without(text: str, names: set[str]) -> str:
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, "")
    return text


def _readable(screen: FirstScreen, report: RunReport) -> Iterator[str]:
    """The first screen has no technical terms and no directory names."""
    slugs = [part.slug for part in report.parts] if report.kind == "suite" else []
    files = set(map(target_file, report.parts))
    for sentence in sentences(screen):
        text = _without(as_text(sentence), files)
        unreadable = _UNREADABLE.search(text)
        if unreadable:
            yield f"{text!r} has the technical term {unreadable[0]!r}"
        yield from (f"{text!r} has the name {slug!r}" for slug in slugs if _as_word(slug, text))


def _as_word(slug: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(slug)}(?![\w-])", text) is not None and "-" in slug
