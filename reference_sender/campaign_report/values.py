"""The summary of a campaign: all that its report shows. It is stored, so new fields need defaults."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class CampaignOutcome(Enum):
    """How a message ended, for the one who ordered it."""

    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"  # not delivered within its validity
    CANCELLED = "cancelled"  # not sent: the campaign was cancelled, or the recipient opted out
    UNKNOWN = "unknown"  # a provider has it or may have it, and no report says what happened


class DeliveryTimes(Struct, frozen=True):
    """Percentiles of the delivery time in seconds, with an error of at most 0.5 %."""

    count: int
    p50_s: float
    p90_s: float
    p95_s: float
    p99_s: float
    longest_s: float


class OutcomeCount(Struct, frozen=True):
    """Messages of one carrier with one outcome. ``reason`` is the sender's code, "" for deliveries."""

    outcome: CampaignOutcome
    reason: str
    messages: int
    segments: int


class CarrierSummary(Struct, frozen=True):
    """One carrier. ``name`` is "" if the number ranges of the country have none. ``country``: the ISO code,
    the calling code (+44) if several countries share it, or "".
    """

    name: str
    country: str
    outcomes: tuple[OutcomeCount, ...]
    times: DeliveryTimes | None  # None without a delivery

    @property
    def messages(self) -> int:
        return sum(each.messages for each in self.outcomes)

    @property
    def segments(self) -> int:
        return sum(each.segments for each in self.outcomes)

    def with_outcome(self, outcome: CampaignOutcome) -> int:
        """Messages with ``outcome``."""
        return sum(each.messages for each in self.outcomes if each.outcome is outcome)


class CampaignSummary(Struct, frozen=True):
    """A campaign. Instants are Unix time in nanoseconds, amounts millionths of the currency."""

    campaign: str
    made_ns: int
    first_ns: int  # when the first message was accepted
    last_ns: int  # when the last message ended
    accepted_by_provider: int  # messages that a provider accepted, as far as known
    carriers: tuple[CarrierSummary, ...]  # largest first
    times: DeliveryTimes | None
    cost: int | None = None  # None: no prices are known
    currency: str = ""
    time_zone: str = "UTC"

    @property
    def messages(self) -> int:
        return sum(each.messages for each in self.carriers)

    @property
    def segments(self) -> int:
        return sum(each.segments for each in self.carriers)

    def with_outcome(self, outcome: CampaignOutcome) -> int:
        """Messages with ``outcome``."""
        return sum(each.with_outcome(outcome) for each in self.carriers)

    def failures(self) -> list[OutcomeCount]:
        """What was not delivered, by reason, of all carriers together; the most frequent first."""
        sums: dict[tuple[CampaignOutcome, str], tuple[int, int]] = {}
        for carrier in self.carriers:
            for each in carrier.outcomes:
                if each.outcome is not CampaignOutcome.DELIVERED:
                    place = each.outcome, each.reason
                    messages, segments = sums.get(place, (0, 0))
                    sums[place] = messages + each.messages, segments + each.segments
        found = [OutcomeCount(*place, *counts) for place, counts in sums.items()]
        return sorted(found, key=lambda each: (-each.messages, each.outcome.value, each.reason))
