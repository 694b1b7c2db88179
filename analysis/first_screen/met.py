"""The sentence of a YES: the volumes or the rate that the sender sustains."""

from __future__ import annotations

from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import deciding, live, not_taken, target_name, trusted, unsent
from analysis.judge.levels import sustains
from analysis.judge.not_taken import LOST_WHY
from analysis.model import PartReport, RunReport


def met_sentence(quote: Quote) -> Sentence:
    """The volumes that the sender sustains, as the parts show; live parts before simulated ones."""
    report = quote.report
    name = target_name(report)
    parts = [(place, part) for place, part in deciding(report) if trusted(part)]
    taken = [item for item in parts if not (not_taken(item[1]) or unsent(item[1]))]
    sustained = [item for item in taken if item[1].sustained is not False]
    leveled = [
        (place, part)
        for place, part in sustained
        if part.identity.messages_per_day and sustains(part) == "met"
    ]
    live_ones = [item for item in leveled if live(item[1])]
    prefix = "" if any(live(part) for _, part in parts) else "In virtual time "
    rows = sorted(live_ones or leveled, key=lambda item: item[1].identity.messages_per_day or 0)
    levels = {part.identity.messages_per_day: place for place, part in rows}
    if not levels:
        place, fastest = max(sustained or parts, key=lambda item: item[1].throughput.offered_mean_per_s)
        if _searched(report, fastest):
            rate = quote.rate("capacity.sustained_per_s", subject="sustained rate")
            return (f"{prefix}{name} met every objective at ", rate, ".")
        rate = quote.rate(f"parts.{place}.throughput.offered_mean_per_s", subject=f"offered mean {place}")
        closing: Sentence = (".",)
        if not sustained and not_taken(fastest):
            path = f"parts.{place}.accounting"
            took, due = quote.count(f"{path}.accepted"), quote.count(f"{path}.planned")
            closing = (", but it took ", took, " of ", due, " messages: it does not sustain that rate.")
        elif not sustained and unsent(fastest):
            path = f"parts.{place}.accounting"
            left, due = quote.count(f"{path}.dropped_at_machine_limit"), quote.count(f"{path}.planned")
            closing = (", but the bench had no room to send ", left, " of ", due, " messages.")
        elif not sustained:
            grew = fastest.backlog_grew is not False
            closing = (f", but {'its queue grew' if grew else LOST_WHY}: it does not sustain that rate.",)
        return (f"{prefix}{name} met every objective at ", rate, *closing)
    shown = list(levels.values())[-2:]
    sentence: list[str | Figure] = [f"{prefix}{name} sustains "]
    for index, place in enumerate(shown):
        figure = quote.per_day(f"parts.{place}.identity.messages_per_day")
        sentence += [", and " if index else "", figure, "" if index else " SMS a day"]
    return (*sentence, ", with every objective met.")


def _searched(report: RunReport, part: PartReport) -> bool:
    """Whether the part is a trial of a search that found a rate: the mean of its arrivals differs from it."""
    found = report.capacity
    return found is not None and found.sustained_per_s is not None and part.identity.profile == found.profile
