"""What happens when something goes wrong: the faults of this run, and the messages that it lost."""

from __future__ import annotations

from analysis.findings import ReportTotals
from analysis.first_screen.other_keys import without_key
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, Figure, ScreenAnswer, Sentence
from analysis.first_screen.wording import command, deciding, in_part, live, trusted, windows_of
from analysis.model import Accounting, AnswerState, PartReport, RunReport

QUESTION = "What happens when something goes wrong?"
_NONE_INJECTED = "No fault was injected in this run. To test it: "
_WITH_FAULTS = "smsbench run burst --profile bad-day"
_MOST_FAULTS = 4
_MODES = {"real": "live", "simulated": "simulated"}


def trouble_answer(quote: Quote, headline: Sentence) -> ScreenAnswer:
    """Lost, duplicated and unaccounted messages; then the injected faults. What the headline says of the
    availability is not repeated.
    """
    report = quote.report
    rows = tuple(_losses(quote, place, each) for place, each in enumerate(report.totals) if each.accepted)
    # Without a fault the losses of this run do not answer the question.
    state: AnswerState = "good" if rows and report.faults_injected else "unknown"
    if any(each.lost or each.duplicates for each in report.totals) or _unavailable(report):
        state = "bad"
    elif any(_missing(each) or each.unseen or each.with_other_keys for each in report.totals):
        state = "warn"
    if report.validity == "invalid":
        state = "untrusted"
    sentences = [
        *_without_key(quote, headline),
        *_refused_recipients(quote),
        *_sent_without_acceptance(quote),
        *_injected(quote),
        *_backlog(quote),
        *_availability(quote, headline),
    ]
    return ScreenAnswer(
        name="wrong",
        question=QUESTION,
        rows=rows,
        sentences=tuple(sentences),
        state=state,
    )


def _missing(counted: ReportTotals | Accounting) -> int:
    return counted.unaccounted + counted.given_up + counted.to_repeat + counted.without_key


def _unavailable(report: RunReport) -> bool:
    """Whether the sender failed to accept messages."""
    return any(
        each.measure in ("not_taken", "availability") and each.verdict == "missed"
        for each in report.objectives
    )


def _losses(quote: Quote, place: int, each: ReportTotals) -> AnswerRow:
    """``0 lost`` only if every message is accounted for; otherwise the unaccounted messages come first."""
    path, mode = f"totals.{place}", _MODES.get(each.mode, each.mode)
    accepted = quote.count(f"{path}.accepted", subject=f"accepted {each.mode}")
    of: Sentence = ("of ", accepted, " accepted")
    duplicated = quote.count(f"{path}.duplicates", subject=f"duplicates {each.mode}")
    copies: Sentence = (duplicated, " duplicated")
    if each.copies > each.duplicates:
        copies = (*copies, " (", quote.count(f"{path}.copies", subject=f"copies {each.mode}"), " copies)")
    if each.with_other_keys:
        others = quote.count(f"{path}.with_other_keys", subject=f"with_other_keys {each.mode}")
        copies = (*copies, ", ", others, " at the provider with other keys: these may be copies")
    # Some of those with other keys may be these.
    under_their_keys = " under their keys" if each.with_other_keys else ""
    missing = [
        (field, text)
        for field, text in (
            ("unaccounted", f"never seen by the provider{under_their_keys}"),
            ("given_up", "given up after a refusal"),
            ("to_repeat", "not yet repeated after a refusal"),
            ("without_key", "at the provider without their key"),
        )
        if getattr(each, field)
    ]
    if missing:
        value: list[str | Figure] = []
        for field, text in (*missing, *((("lost", "lost"),) if each.lost else ())):
            figure = quote.count(f"{path}.{field}", subject=f"{field} {each.mode}")
            most = "up to " if field == "lost" and each.with_other_keys else ""
            value += [f", {most}" if value else "", figure, f" {text}"]
            if field == "unaccounted" and each.still_held:
                held = quote.count(f"{path}.still_held", subject=f"still_held {each.mode}")
                held_by_it = "still in the sender when the wait ended"
                every = each.still_held == each.unaccounted
                value += [f": {held_by_it}"] if every else [" (", held, f" of them {held_by_it})"]
        return AnswerRow(label=mode, value=(*value, ", ", *copies), limit=of)
    if each.unseen:
        unseen = quote.count(f"{path}.unseen", subject=f"unseen {each.mode}")
        return AnswerRow(
            label=mode,
            value=(
                unseen,
                " without records of the provider: whether they were lost or duplicated is unknown",
            ),
            limit=of,
        )
    lost = quote.count(f"{path}.lost", subject=f"lost {each.mode}")
    return AnswerRow(label=mode, value=(lost, " lost, ", *copies), limit=of)


def _without_key(quote: Quote, headline: Sentence) -> list[Sentence]:
    """The cause, unless the headline has it."""
    named = {piece.source for piece in headline if isinstance(piece, Figure)}
    return [
        (*in_part(quote, place), *without_key(quote, place))
        for place, part in deciding(quote.report)
        if part.accounting.without_key and f"parts.{place}.accounting.without_key" not in named
    ]


def _refused_recipients(quote: Quote) -> list[Sentence]:
    """Of the deciding parts, those with messages that the sender refused because the provider did."""
    return [
        (
            *in_part(quote, place),
            quote.count(f"parts.{place}.accounting.refused_recipients"),
            " message was" if part.accounting.refused_recipients == 1 else " messages were",
            " refused because the provider refuses the phone number: not counted as a failure of the sender.",
        )
        for place, part in deciding(quote.report)
        if part.accounting.refused_recipients and trusted(part)
    ]


def _sent_without_acceptance(quote: Quote) -> list[Sentence]:
    """Messages that arrived although the sender refused them or did not answer. A repeat is a duplicate."""
    return [
        (
            quote.count(f"totals.{place}.delivered_unacknowledged", subject=f"unacknowledged {each.mode}"),
            f"{' other' if each.accepted else ''} messages were delivered and paid for, although the "
            "sender did not acknowledge them. A caller that repeats them sends them twice.",
        )
        for place, each in enumerate(quote.report.totals)
        if each.delivered_unacknowledged
    ]


def _injected(quote: Quote) -> list[Sentence]:
    """One sentence per set of faults: parts of a suite often have the same."""
    found: list[Sentence] = []
    named: set[tuple[str, ...]] = set()
    for place, part in enumerate(quote.report.parts):
        windows = [index for index, band in enumerate(part.faults) if band.from_s is not None]
        titles = tuple(part.faults[index].title for index in windows)
        if not titles or titles in named or not trusted(part):
            continue
        named.add(titles)
        sentence: list[str | Figure] = [*in_part(quote, place), "Faults injected: "]
        for order, index in enumerate(windows[:_MOST_FAULTS]):
            sentence += ["; " if order else "", quote.text(f"parts.{place}.faults.{index}.title")]
        if len(windows) > _MOST_FAULTS:
            sentence.append("; and more (table Faults of the provider)")
        found.append((*sentence, ".", *_losses_with_faults(quote, place)))
    return found or [(_NONE_INJECTED + command(quote.report, _WITH_FAULTS),)]


def _backlog(quote: Quote) -> list[Sentence]:
    """How long the sender's backlog lasted after an outage: of all outages the worst, live parts first."""
    found = [
        (
            live(part),
            each.gone_s is None,
            each.watched_s if each.gone_s is None else each.gone_s,
            -place,
            -index,
        )
        for place, part in enumerate(quote.report.parts)
        for index, band in enumerate(part.faults)
        if (each := band.backlog) is not None and trusted(part)
    ]
    if not found:
        return []
    _, lasting, _, place, index = max(found)
    path = f"parts.{-place}.faults.{-index}.backlog"
    lead = in_part(quote, -place)
    if lasting:
        left, span = quote.count(f"{path}.left"), quote.seconds(f"{path}.watched_s")
        waited = f" message{'' if left.text == '1' else 's'} waited in the sender "
        closing = " after the outage's end, when the run ended."
        return [(*lead, "The backlog of the outage was not gone: ", left, waited, span, closing)]
    if not quote.value(f"{path}.gone_s"):
        return [(*lead, "The outage left no backlog in the sender.")]
    return [(*lead, "Backlog gone ", quote.seconds(f"{path}.gone_s"), " after the end of the outage.")]


def _losses_with_faults(quote: Quote, place: int) -> Sentence:
    """The losses of one part of a suite. Those of a single run are in the answer's row."""
    counted, path = quote.report.parts[place].accounting, f"parts.{place}.accounting"
    if quote.report.kind != "suite" or _missing(counted) or counted.unknown_to_both or counted.open:
        return ()
    return (
        " With them: ",
        quote.count(f"{path}.lost", subject=f"lost {place}"),
        " lost, ",
        quote.count(f"{path}.duplicates", subject=f"duplicates {place}"),
        " duplicated, of ",
        quote.count(f"{path}.accepted", subject=f"accepted {place}"),
        " accepted.",
    )


def _availability(quote: Quote, headline: Sentence) -> list[Sentence]:
    """The availability of the worst part; a live part before a simulated one: the windows in which it was not
    available, or else those in which it was. Windows that are not judged are not counted as bad. Refused
    phone numbers do not count: the sentence names them where there are some.
    """
    known = [
        ((each.available + each.unknown) / each.windows, -each.unknown / each.windows, not live(part), place)
        for place, part in enumerate(quote.report.parts)
        if (each := part.availability) is not None and each.windows and trusted(part)
    ]
    if not known:
        return []
    judged, unknown, simulated, place = min(known)
    path = f"parts.{place}.availability"
    if unknown == -1.0:
        return [(*in_part(quote, place), "Availability is unknown: ", quote.text(f"{path}.why"), ".")]
    lead, field = _accepted(quote.report.parts[place]), "available"
    if judged < 1.0:
        lead, field = "The sender was not available", "unavailable"
    sentence: Sentence = (
        *in_part(quote, place),
        f"{lead} in ",
        *windows_of(quote, path, field),
        *((" (in virtual time)",) if simulated else ()),
    )
    if unknown:
        sentence = (*sentence, ", and ", quote.count(f"{path}.unknown"), " unknown")
    in_headline = {piece.source for piece in headline if isinstance(piece, Figure)}
    if (unknown or judged < 1.0) and f"{path}.why" not in in_headline:
        return [(*sentence, ": ", quote.text(f"{path}.why"), ".")]
    return [(*sentence, ".")]


def _accepted(part: PartReport) -> str:
    refused = part.accounting.refused_recipients
    but = " except those with a phone number that the provider refuses" if refused else ""
    stopped = any({"paused", "quota"} & set(each.signs) for each in part.bottlenecks)
    until = "except while it forwarded nothing" if stopped else "until the end of the load"
    return f"The sender accepted every message{but}, and no backlog grew {until},"
