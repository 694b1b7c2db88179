"""What lower lanes may do while an OTP waits: use the shares that ``dispatch/shares.py`` grants them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import Lane, Message, SubmitAttempt, is_hedge
from reference_sender.store.protocol import Work


class LaneWatch:
    """For one process. ``passed`` counts segments of other lanes that were submitted while an OTP waited for
    its first attempt. ``allowed`` grows with the segments of OTPs that were sent. ``unstopped``: campaigns
    that are never stopped.
    """

    def __init__(self, settings: DispatchSettings, unstopped: frozenset[str]) -> None:
        shares = settings.transactional_share + settings.marketing_share
        self._earned_share = shares / (1 - shares)
        self._unstopped = unstopped
        self._waiting: dict[int, tuple[int, int]] = {}  # OTPs by id: since when, until when
        self._sent = 0  # segments of OTPs
        self.passed = 0

    @property
    def allowed(self) -> float:
        """The most segments that may have passed."""
        return self._earned_share * self._sent

    def offered(self, now_ns: int, work: Work, taken: Collection[int], ahead_ns: int) -> None:
        """The messages of ``work`` are durable. They wait, unless their attempt is durable too. Its instants
        are ``ahead_ns`` ahead of the process's clock.
        """
        begun = {number for attempt in work.attempts for number in attempt.message_ids}
        for message in work.messages:
            number = message.message_id
            # A second message waits for a route of its own; the others may be held by a rule.
            held = message.not_before_ns or message.keeps_hours
            waits = not held and message.campaign in self._unstopped and not is_hedge(message.key)
            if message.lane is Lane.OTP and waits and number not in taken and number not in begun:
                self._waiting[number] = now_ns, message.expires_ns - ahead_ns

    def begun(self, attempt: SubmitAttempt, messages: Mapping[int, Message], ahead_ns: int) -> None:
        """An attempt was decided. ``ahead_ns`` is as for ``offered``."""
        at_ns = attempt.at_ns - ahead_ns
        of_attempt = [messages[number] for number in attempt.message_ids]
        segments = sum(message.segments for message in of_attempt)
        if of_attempt[0].lane is Lane.OTP:
            self._sent += segments
            for number in attempt.message_ids:
                self._waiting.pop(number, None)
        elif any(since_ns < at_ns < until_ns for since_ns, until_ns in self._waiting.values()):
            self.passed += segments
