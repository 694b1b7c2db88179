"""Adds up the messages of a campaign that has ended."""

from __future__ import annotations

from collections.abc import Iterable

from reference_sender.campaign_report.carriers import NumberCarrier, carrier_finder
from reference_sender.campaign_report.durations import DurationBuckets
from reference_sender.campaign_report.values import (
    CampaignOutcome,
    CampaignSummary,
    CarrierSummary,
    OutcomeCount,
)
from reference_sender.dispatch.message_states import EXPIRED_UNREPORTED, UNCERTAIN_REASONS
from reference_sender.dispatch.values import FINAL_STATES, State, is_hedge
from reference_sender.policy.gate import CANCELLED, OPTED_OUT
from reference_sender.store.campaign_reports import CampaignRow

_NOT_SENT = (CANCELLED, OPTED_OUT)
_OUTCOMES = {
    State.DELIVERED: CampaignOutcome.DELIVERED,
    State.FAILED: CampaignOutcome.FAILED,
    State.EXPIRED: CampaignOutcome.EXPIRED,
}
_MOST_REASONS = 200  # a provider may invent reasons; further ones count together
OTHER_REASONS = "other"


class _CarrierTally:
    def __init__(self) -> None:
        self.counts: dict[tuple[CampaignOutcome, str], list[int]] = {}
        self.durations = DurationBuckets()


class CampaignTally:
    """Takes rows in any order. Second messages of OTPs are not counted: the first ones have their outcome."""

    def __init__(self) -> None:
        self.messages = 0
        self.first_ns = 0
        self.last_ns = 0
        self._newest_ns = 0  # when the last message was accepted
        self.open_id: int | None = None  # the first message that is not final, if there was one
        self._accepted = 0
        self._carrier_of = carrier_finder()
        self._durations = DurationBuckets()
        self._carriers: dict[NumberCarrier, _CarrierTally] = {}
        self._reasons: set[str] = set()

    def add(self, rows: Iterable[CampaignRow]) -> None:
        """Count ``rows``, up to the first one that is not final."""
        for row in rows:
            if row.state not in FINAL_STATES:
                self.open_id = row.message_id
                return
            if not is_hedge(row.key):
                self._add(row)

    def is_new_since(self, before: CampaignSummary | None) -> bool:
        """Whether a message was accepted since the report ``before``. The number alone does not show it: as
        many may have been removed meanwhile.
        """
        if before is None:
            return self.messages > 0
        return self.messages > before.messages or self._newest_ns > before.made_ns

    def summary(
        self, campaign: str, made_ns: int, cost: int | None, currency: str = "", time_zone: str = "UTC"
    ) -> CampaignSummary:
        """What was counted. ``cost`` in millionths."""
        carriers = [
            CarrierSummary(
                carrier.name,
                carrier.country,
                tuple(
                    OutcomeCount(outcome, reason, messages, segments)
                    for (outcome, reason), (messages, segments) in sorted(
                        tally.counts.items(), key=lambda item: (-item[1][0], item[0][0].value, item[0][1])
                    )
                ),
                tally.durations.times(),
            )
            for carrier, tally in self._carriers.items()
        ]
        carriers.sort(key=lambda each: (-each.messages, each.country, each.name))
        return CampaignSummary(
            campaign=campaign,
            made_ns=made_ns,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            accepted_by_provider=self._accepted,
            carriers=tuple(carriers),
            times=self._durations.times(),
            cost=cost,
            currency=currency,
            time_zone=time_zone,
        )

    def _add(self, row: CampaignRow) -> None:
        if not self.messages or row.created_ns < self.first_ns:
            self.first_ns = row.created_ns
        self.messages += 1
        self._newest_ns = max(self._newest_ns, row.created_ns)
        self.last_ns = max(self.last_ns, row.created_ns, row.changed_ns)
        outcome = _outcome_of(row)
        self._accepted += (
            row.provider_id is not None
            or outcome is CampaignOutcome.DELIVERED
            or row.reason == EXPIRED_UNREPORTED
        )
        carrier = self._carrier_of(row.to)
        tally = self._carriers.get(carrier)
        if tally is None:
            tally = self._carriers[carrier] = _CarrierTally()
        reason = ""
        if outcome is CampaignOutcome.DELIVERED:
            spent_ns = max(0, row.changed_ns - _begun_ns(row))
            tally.durations.add(spent_ns)
            self._durations.add(spent_ns)
        else:
            reason = self._known(row.reason)
        counts = tally.counts.setdefault((outcome, reason), [0, 0])
        counts[0] += 1
        counts[1] += row.segments

    def _known(self, reason: str) -> str:
        if reason not in self._reasons:
            if len(self._reasons) >= _MOST_REASONS:
                return OTHER_REASONS
            self._reasons.add(reason)
        return reason


def _outcome_of(row: CampaignRow) -> CampaignOutcome:
    if row.state is State.FAILED and row.reason in _NOT_SENT:
        return CampaignOutcome.CANCELLED
    if row.state is not State.DELIVERED and row.reason in UNCERTAIN_REASONS:
        return CampaignOutcome.UNKNOWN
    return _OUTCOMES[row.state]


def _begun_ns(row: CampaignRow) -> int:
    """As ``dispatch.figures.begun_ns``: the acceptance, or the scheduled time if it is later."""
    if row.created_ns < row.not_before_ns <= row.changed_ns:
        return row.not_before_ns
    return row.created_ns
