"""The line on concurrent campaigns below the five questions."""

from __future__ import annotations

import math

from analysis.findings import CampaignFigures
from analysis.first_screen.differences import difference_sentence, ends_known
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import live, trusted, within_text


def campaigns(quote: Quote) -> tuple[Sentence, ...]:
    """The part with the most concurrent campaigns."""
    found = [
        (len(part.fairness.campaigns), place)
        for place, part in enumerate(quote.report.parts)
        if part.fairness is not None and len(part.fairness.campaigns) > 1 and trusted(part)
    ]
    if not found:
        return ()
    place = max(found)[1]
    path = f"parts.{place}.fairness"
    fairness = quote.report.parts[place].fairness
    assert fairness is not None
    sentence: list[str | Figure] = [] if live(quote.report.parts[place]) else ["In virtual time: "]
    for index, each in enumerate(fairness.campaigns):
        lead: Sentence = ("; " if index else "", quote.text(f"{path}.campaigns.{index}.name"), ": ")
        sentence += [*lead, quote.rate(f"{path}.campaigns.{index}.per_s")]
        if each.p95 is not None and each.p95.value_s is not None and math.isfinite(each.p95.value_s):
            sentence += [
                f", {within_text(each.p95.percentile)}",
                quote.quantile(f"{path}.campaigns.{index}.p95"),
            ]
    counted: Sentence = (
        "Each rate is counted from the first arrival to the instant at which 95 % are delivered.",
    )
    if fairness.jain is None:
        return ((*sentence, "."), counted)
    even = ("Fairness of their rates (Jain's index; one means equal): ", quote.number(f"{path}.jain"), ".")
    if not fairness.alone_part:
        return ((*sentence, "."), counted, even)
    return ((*sentence, "."), counted, even, _against_one_alone(quote, f"{path}.campaigns"))


def _against_one_alone(quote: Quote, path: str) -> Sentence:
    """The campaign that became slowest, if its difference may be claimed."""
    lead = "Compared with one campaign alone, by the time within which 95 % arrive: "
    figures: tuple[CampaignFigures, ...] = quote.value(path)
    slower = [
        (each.alone.value_s, index)
        for index, each in enumerate(figures)
        if each.alone is not None and each.alone.value_s is not None
        if each.alone.claimed and each.alone.low_s > 0.0 and ends_known(each.alone)
    ]
    if not slower:
        return (f"{lead}none of them is shown to be slower.",)
    worst = f"{path}.{max(slower)[1]}"
    name = quote.text(f"{worst}.name")
    return (f"{lead}the slowest is ", name, ", with ", *difference_sentence(quote, f"{worst}.alone"), ".")
