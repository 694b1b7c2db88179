"""Sums over the parts of a report, separately for live and simulated parts: losses and cost."""

from __future__ import annotations

from analysis.findings import POINTS, ReportTotals
from analysis.measure.outcomes import with_other_keys
from analysis.model import PartReport


def totals(parts: tuple[PartReport, ...]) -> tuple[ReportTotals, ...]:
    """One for each mode that has a part. ``parts`` are the deciding parts without bench failures."""
    found = []
    for mode in ("real", "simulated"):
        among = [part for part in parts if part.identity.mode == mode]
        if among:
            found.append(_sum(mode, among))
    return tuple(found)


def _sum(mode: str, parts: list[PartReport]) -> ReportTotals:
    accountings = [part.accounting for part in parts]
    delivered = sum(each.delivered for each in accountings)
    unacknowledged = sum(each.delivered_unacknowledged for each in accountings)
    arrived = delivered + unacknowledged
    still_open = sum(each.open for each in accountings)
    paid = sum(part.cost.points for part in parts)
    others = sum(part.cost.other_keys_points for part in parts)
    currencies = {part.cost.currency for part in parts}
    unsure = still_open or others
    lost = sum(each.lost for each in accountings)
    # A message that the provider has not accepted is unpaid, so it cannot make the others cheaper. One that
    # it never saw is open without the sender's rows, and lost with them.
    unpaid = sum(each.to_repeat + (0 if each.lost else each.unaccounted) for each in accountings)
    paid_open = max(0, still_open - unpaid)
    least = (paid - others) / (arrived + paid_open) if arrived and unsure else None
    return ReportTotals(
        mode=mode,
        parts=len(parts),
        planned=sum(each.planned for each in accountings),
        accepted=sum(each.accepted for each in accountings),
        delivered=delivered,
        failed_or_expired=sum(each.failed + each.expired for each in accountings),
        still_open=still_open,
        lost=lost,
        duplicates=sum(each.duplicates for each in accountings),
        copies=sum(each.copies for each in accountings),
        with_other_keys=sum(map(with_other_keys, accountings)),
        unaccounted=sum(each.unaccounted for each in accountings),
        without_key=sum(each.without_key for each in accountings),
        given_up=sum(each.given_up for each in accountings),
        still_held=sum(each.still_held for each in accountings),
        to_repeat=sum(each.to_repeat for each in accountings),
        delivered_unacknowledged=unacknowledged,
        unseen=sum(part.accounting.accepted for part in parts if not (part.delivery or part.handsets)),
        paid=paid,
        paid_for_duplicates=sum(part.cost.duplicates_points for part in parts),
        paid_for_other_keys=others,
        paid_for_undelivered=sum(part.cost.undelivered_points for part in parts),
        paid_per_delivered=paid / arrived if arrived else None,
        paid_per_delivered_low=least,
        currency=(currencies.pop() if len(currencies) == 1 else "") or POINTS,
    )
