"""How many per second: the sustained rate of a capacity search, or the best seconds of a part."""

from __future__ import annotations

from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Answer, Figure, Row, Sentence
from analysis.first_screen.wording import live, part_title, trusted
from analysis.model import Pace, PartReport, Report, State
from analysis.throughput import too_few


def rate_answer(quote: Quote) -> Answer:
    """The sustained rate of a capacity search; without one the best seconds of a part."""
    report = quote.report
    rows, sentences = [], []
    if report.capacity is not None:
        row, said = _capacity(quote)
        rows.append(row)
        sentences += said
    best = _best_part(report)
    if best is not None and (report.capacity is None or _profile(report, best) != report.capacity.profile):
        row, said = _best_seconds(quote, best)
        rows.append(row)
        sentences += said
    state: State = "good" if rows else "unknown"
    if report.validity == "invalid":
        state = "untrusted"
    if not rows:
        sentences = [("No rate was measured.",)]
    return Answer(
        name="rate",
        question="How many per second?",
        rows=tuple(rows),
        sentences=tuple(sentences),
        state=state,
    )


def _profile(report: Report, place: int) -> str:
    return report.parts[place].identity.profile


def _capacity(quote: Quote) -> tuple[Row, list[Sentence]]:
    found = quote.report.capacity
    assert found is not None
    label = f"profile {found.profile}"
    sentences: list[Sentence] = []
    if found.culprits:
        sentences.append(("Above it gave way: ", quote.text("capacity.culprits.0"), "."))
    if found.sustained_per_s is None:
        missed = any(each.verdict == "missed" for each in found.trials)
        said = "no rate was sustained within the objectives" if missed else "not measured"
        row = Row(label=label, value=(said,))
        return row, sentences
    if found.messages_per_day is not None:
        day = quote.per_day("capacity.messages_per_day")
        sentences.insert(0, ("At the peak of a business day that is ", day, " SMS a day."))
    low = quote.rate("capacity.low_per_s")
    high: str | Figure = "open"
    if found.high_per_s is not None:
        high = quote.rate("capacity.high_per_s")
    sustained = quote.rate("capacity.sustained_per_s", subject="sustained rate")
    return Row(
        label=label, value=(sustained, " sustained"), interval=("(", low, " to ", high, ")")
    ), sentences


def _best_part(report: Report) -> int | None:
    """The place of the trusted part that carried most: live before simulated, few messages last."""
    found = [
        (place, part) for place, part in enumerate(report.parts) if trusted(part) and _pace(part) is not None
    ]
    if not found:
        return None

    def rank(item: tuple[int, PartReport]) -> tuple[bool, bool, float]:
        pace = _pace(item[1])
        return live(item[1]), not too_few(pace), pace.per_s if pace else 0.0

    return max(found, key=rank)[0]


def _pace(part: PartReport) -> Pace | None:
    return part.throughput.delivered_best or part.throughput.accepted_best


def _best_seconds(quote: Quote, place: int) -> tuple[Row, list[Sentence]]:
    part, path = quote.report.parts[place], f"parts.{place}.throughput"
    field = "delivered_best" if part.throughput.delivered_best else "accepted_best"
    done = "delivered" if part.throughput.delivered_best else "accepted"
    label = f"profile {part.identity.profile or 'unknown'}"
    title = part_title(quote, place)
    if too_few(_pace(part)):
        return Row(label=label, value=("too few messages for a rate",)), [("Most came in: ", title, ".")]
    lead = "" if part.throughput.limit else "at least "
    window = quote.span(f"{path}.{field}.window_s")
    row = Row(
        label=label,
        value=(
            lead,
            quote.rate(f"{path}.{field}.per_s", subject=f"best rate {place}"),
            f" {done} in the best ",
            window,
        ),
        interval=(
            "(offered ",
            quote.rate(f"{path}.offered_mean_per_s", subject=f"offered mean {place}"),
            ")",
        ),
    )
    if part.throughput.limit:
        return row, [("In: ", title, ". The limit: ", quote.text(f"{path}.limit"), ".")]
    return row, [("In: ", title, ". Nothing gave way, so it may carry more.")]
