"""What happens when something goes wrong: what this run staged, and what it lost."""

from __future__ import annotations

from analysis.findings import ReportTotals
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, Figure, ScreenAnswer, Sentence
from analysis.first_screen.wording import live, trusted
from analysis.model import RunReport, State

QUESTION = "When something goes wrong?"
_NOT_STAGED = "No fault was staged in this run. To ask: smsbench run burst --profile bad-day"
_MOST_FAULTS = 3
_MODES = {"real": "live", "simulated": "simulated"}


def trouble_answer(quote: Quote) -> ScreenAnswer:
    """Lost, duplicated and unaccounted of all messages; then the faults that were staged."""
    report = quote.report
    rows = tuple(_losses(quote, place, each) for place, each in enumerate(report.totals) if each.accepted)
    state: State = "good" if rows else "unknown"
    if any(each.lost or each.duplicates for each in report.totals) or _unavailable(report):
        state = "bad"
    elif any(each.unaccounted or each.unseen for each in report.totals):
        state = "warn"
    if report.validity == "invalid":
        state = "untrusted"
    sentences = [*_sent_all_the_same(quote), *_staged(quote), *_availability(quote)]
    return ScreenAnswer(
        name="wrong",
        question=QUESTION,
        rows=rows,
        sentences=tuple(sentences),
        state=state,
    )


def _unavailable(report: RunReport) -> bool:
    """Whether the sender is shown to have failed to take what came."""
    return any(
        each.measure in ("not_taken", "availability") and each.verdict == "missed"
        for each in report.objectives
    )


def _losses(quote: Quote, place: int, each: ReportTotals) -> AnswerRow:
    """``0 lost`` only where every message is accounted for: else what nobody saw stands first."""
    path, mode = f"totals.{place}", _MODES.get(each.mode, each.mode)
    accepted = quote.count(f"{path}.accepted", subject=f"accepted {each.mode}")
    of: Sentence = ("of ", accepted, " accepted")
    duplicated = quote.count(f"{path}.duplicates", subject=f"duplicates {each.mode}")
    if each.unaccounted:
        unseen = quote.count(f"{path}.unaccounted", subject=f"unaccounted {each.mode}")
        value: list[str | Figure] = [unseen, " never seen by the provider"]
        if each.lost:
            value += [", ", quote.count(f"{path}.lost", subject=f"lost {each.mode}"), " lost"]
        return AnswerRow(label=mode, value=(*value, ", ", duplicated, " duplicated"), limit=of)
    if each.unseen:
        unseen = quote.count(f"{path}.unseen", subject=f"unseen {each.mode}")
        return AnswerRow(
            label=mode,
            value=(unseen, " without the provider's record: lost or duplicated is not known"),
            limit=of,
        )
    lost = quote.count(f"{path}.lost", subject=f"lost {each.mode}")
    return AnswerRow(label=mode, value=(lost, " lost, ", duplicated, " duplicated"), limit=of)


def _sent_all_the_same(quote: Quote) -> list[Sentence]:
    """Messages that arrived though the sender said no or nothing: whoever repeats them sends them twice."""
    return [
        (
            quote.count(f"totals.{place}.delivered_unacknowledged", subject=f"unacknowledged {each.mode}"),
            " messages more were delivered, and paid for, though the sender never said "
            "that it took them: a caller that repeats them sends them twice.",
        )
        for place, each in enumerate(quote.report.totals)
        if each.delivered_unacknowledged
    ]


def _staged(quote: Quote) -> list[Sentence]:
    found: list[Sentence] = []
    for place, part in enumerate(quote.report.parts):
        windows = [index for index, band in enumerate(part.faults) if band.from_s is not None]
        if not windows or not trusted(part):
            continue
        said: list[str | Figure] = ["Staged: "]
        for order, index in enumerate(windows[:_MOST_FAULTS]):
            said += ["; " if order else "", quote.text(f"parts.{place}.faults.{index}.title")]
        if len(windows) > _MOST_FAULTS:
            said.append("; and more (table Faults)")
        found.append((*said, "."))
    return found or [(_NOT_STAGED,)]


def _availability(quote: Quote) -> list[Sentence]:
    """Of the part with the worst availability, a live one before a simulated one."""
    known = [
        (each.available / each.windows, not live(part), place)
        for place, part in enumerate(quote.report.parts)
        if (each := part.availability) is not None and each.windows and trusted(part)
    ]
    if not known:
        return []
    share, simulated, place = min(known)
    path = f"parts.{place}.availability"
    said: Sentence = (
        "The sender took all that came in ",
        quote.count(f"{path}.available"),
        " of ",
        quote.count(f"{path}.windows"),
        " windows of ",
        quote.span(f"{path}.window_s"),
        *((" (in virtual time)",) if simulated else ()),
    )
    if share < 1.0:
        return [(*said, ": ", quote.text(f"{path}.why"), ".")]
    return [(*said, ".")]
