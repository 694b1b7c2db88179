"""What the messages cost, for one line below the five questions."""

from __future__ import annotations

from analysis.findings import ReportTotals
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Sentence
from analysis.model import Objective, PartReport


def cost(quote: Quote) -> tuple[Sentence, ...]:
    """Live parts before simulated ones. The unit is a currency only if the profile has one."""
    for place, each in enumerate(quote.report.totals):
        path, unit = f"totals.{place}", each.currency
        if each.paid and not each.paid_per_delivered:
            return ((quote.amount(f"{path}.paid", unit), " paid, and no message was delivered."),)
        if not each.paid_per_delivered:
            continue
        lead = (
            "" if len(quote.report.totals) == 1 else "Live: " if each.mode == "real" else "In virtual time: "
        )
        explained = " (the provider's unit of charge)" if unit == "points" else ""
        return (
            (
                lead,
                quote.amount(f"{path}.paid_per_delivered", unit),
                f" per delivered SMS{explained}",
                *_of_how_many(quote, place, each),
                *_if_open_arrive(quote, place, each),
                "; ",
                quote.amount(f"{path}.paid_for_duplicates", unit),
                " for duplicates",
                *_for_other_keys(quote, place, each),
                " and ",
                quote.amount(f"{path}.paid_for_undelivered", unit),
                " for messages that failed or expired",
                " (those still open at the end are not counted)" if each.still_open else "",
                ", of ",
                quote.amount(f"{path}.paid", unit),
                " paid",
                *_paid_without_key(quote, place),
                ".",
            ),
        )
    return ()


def _if_open_arrive(quote: Quote, place: int, each: ReportTotals) -> Sentence:
    """The other end: messages that are still open are paid for, and some of them arrive later. Messages with
    other keys may be those of another program.
    """
    if not each.paid_per_delivered_low:
        return ()
    low = quote.amount(f"totals.{place}.paid_per_delivered_low", each.currency)
    if low.text == quote.amount(f"totals.{place}.paid_per_delivered", each.currency).text:
        return ()
    arrive = "those still open arrive" if each.still_open else ""
    copies = "those with other keys are no copies" if each.paid_for_other_keys else ""
    return (" (at least ", low, f" if {' and '.join(filter(None, (arrive, copies)))})")


def _for_other_keys(quote: Quote, place: int, each: ReportTotals) -> Sentence:
    if not each.paid_for_other_keys:
        return ()
    paid = quote.amount(f"totals.{place}.paid_for_other_keys", each.currency)
    return (", ", paid, " for messages with other keys, which may be copies,")


def _of_how_many(quote: Quote, place: int, each: ReportTotals) -> Sentence:
    """The messages that the price is divided by, where they are more than the accepted and delivered ones."""
    if not each.delivered_unacknowledged:
        return ()
    return (
        " (",
        quote.count(f"totals.{place}.delivered", subject=f"delivered {each.mode}"),
        " accepted, and ",
        quote.count(f"totals.{place}.delivered_unacknowledged", subject=f"unacknowledged {each.mode}"),
        " that the sender did not acknowledge)",
    )


def _paid_without_key(quote: Quote, place: int) -> Sentence:
    if not quote.report.totals[place].without_key:
        return ()
    return (
        "; ",
        quote.count(f"totals.{place}.without_key"),
        " without their key are paid too and not counted",
    )


def missed_by_duplicates(part: PartReport, objective: Objective) -> bool:
    """Whether a missed objective on the cost would be met without the copies that were paid for.

    The copies change what was paid, and not the number of delivered messages.
    """
    paid = part.cost
    if not paid.duplicates_points or objective.low is None:
        return False
    certain = paid.points - paid.other_keys_points
    return objective.low * (1.0 - paid.duplicates_points / certain) < objective.limit_value
