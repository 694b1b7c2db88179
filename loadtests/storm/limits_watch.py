"""Whether the limits of a policy hold in a storm: spending of campaigns and days, messages to one number."""

from __future__ import annotations

from collections.abc import Iterator

from reference_sender.dispatch.values import Message
from reference_sender.policy.gate import Gate
from reference_sender.policy.settings import PolicySettings, amount


class LimitsWatch:
    """``most``: what may be reserved for a campaign, since its limit was acknowledged."""

    def __init__(self, policy: PolicySettings) -> None:
        self._number, _ = policy.recipient_limits()
        limit = policy.spending.daily_limit
        self.daily_limit = None if limit is None else amount(limit)
        self.most: dict[str, int] = {}
        self._raised: dict[str, int] = {}
        self._counted: dict[tuple[int, str], list[int]] = {}  # by process and number: when

    def limited(self, campaign: str, most: int) -> None:
        """That a campaign has a limit was acknowledged; more may have been reserved before."""
        self.most[campaign] = max(most, self._raised.get(campaign, 0))

    def raised(self, campaign: str, most: int) -> None:
        """The limit of a campaign is about to be raised."""
        self._raised[campaign] = most
        if campaign in self.most:
            self.most[campaign] = max(most, self.most[campaign])

    def forgotten(self, campaign: str) -> None:
        """The controls of a campaign were removed. Its limit is no longer checked here."""
        self.most.pop(campaign, None)
        self._raised.pop(campaign, None)

    def counted(self, process: int, message: Message) -> Iterator[str]:
        """A process took a message. Yields what it violates."""
        limit = self._number
        if limit is None:
            return
        times = self._counted.setdefault((process, message.to), [])
        times.append(message.created_ns)
        times.sort()
        for first, last in zip(times, times[limit.messages :], strict=False):
            if last - first < limit.window_ns:
                within_s = (last - first) / 1e9
                yield f"{limit.messages + 1} messages to {message.to} were taken in {within_s:.3f} s"

    def exceeded(self, gate: Gate) -> Iterator[str]:
        """Limits that the counters of a process exceed."""
        spending = gate.spending
        assert spending is not None, "a storm has prices"
        for campaign, most in self.most.items():
            spent = spending.spent.get(campaign, 0)
            if spent > most:
                yield f"{spent} are reserved for {campaign}, whose limit is {most}"
        if self.daily_limit is not None:
            for day in spending.days():
                if spending.on_day(day) > self.daily_limit:
                    yield f"{spending.on_day(day)} are reserved on day {day}; the limit is {self.daily_limit}"
