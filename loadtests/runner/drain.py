"""Decides when the wait for open messages ends. The runner does the waiting.

An open message is in one of these places: in the sender, in the provider's queues, on its way to a handset,
at a phone that is off, or in a report that is not confirmed. The drain ends if

- nothing is open; or
- the sender has nothing left to send and the provider's queues are empty, and open messages wait only for
  phones that are off or for reports that are not confirmed: a longer wait would show nothing about the
  service; or
- the sender has nothing left to send, and the outcome of the messages in the provider's queues and on their
  way to handsets cannot change a verdict (``verdicts_final``) for ``FINAL_FOR_S``.

Loss, duplicates and unaccounted messages can be counted only when each message has reached the provider, so
both cases require that. The drain timeout and the user end it in any case.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from analysis.refusals import PERMANENT, REPEATED_WITHIN_S
from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot

QUIET_S = 5.0
_REFUSED = "messages_refused_"
FINAL_FOR_S = 1.0  # its rows are flushed four times per second


class OpenMessages(Struct, frozen=True):
    """Where the open messages are. ``unsent`` None: the sender has no state API.

    ``on_air`` are on their way to reachable phones; ``reports`` are final, and their report is not confirmed.
    """

    accepted: int  # by the provider, of this load
    unsent: int | None
    queued: int
    on_air: int
    phones: int
    reports: int
    sender_open: int = 0
    refused: int = 0  # messages that the provider refused; one that is refused twice counts twice
    refused_permanently: int = 0  # of these, for a reason that a repeat would meet again

    @property
    def at_provider(self) -> int:
        return self.queued + self.on_air + self.phones + self.reports


class DrainDecision(Struct, frozen=True):
    """``text``: the messages that are awaited; after the drain, those left open ("" for none)."""

    over: bool
    text: str = ""


def standing(provider: ServiceState, sender: ServiceState | None, provider_before: int = 0) -> OpenMessages:
    """``provider_before``: number of messages that the provider had accepted before this load."""
    gauges = provider.gauges
    phones = min(provider.open, round(gauges.get("waiting_for_handset", 0.0)))
    on_air = max(0, round(gauges.get("on_air", 0.0)) - phones)
    reports = round(gauges.get("reports_waiting", 0.0) + gauges.get("reports_unconfirmed", 0.0))
    refusals = {
        name.removeprefix(_REFUSED): each
        for name, each in provider.counters.items()
        if name.startswith(_REFUSED)
    }
    unsent = None
    if sender is not None:
        unsent = max(0, sender.open - round(sender.gauges.get("awaiting_report", 0.0)))
    return OpenMessages(
        accepted=provider.accepted - provider_before,
        unsent=unsent,
        queued=max(0, provider.open - phones - on_air - reports),
        on_air=on_air,
        phones=phones,
        reports=reports,
        sender_open=0 if sender is None else sender.open,
        refused=round(sum(refusals.values())),
        refused_permanently=round(sum(refusals.get(reason, 0.0) for reason in PERMANENT)),
    )


class Drain:
    """Decides from each snapshot whether to wait longer.

    A sender without a state API counts as having sent everything if the provider has as many messages as
    the sender accepted from the load. Not every sender resubmits refused messages. So the drain also ends if
    the refusals can explain all missing messages and no new message came for ``QUIET_S``, unless the user
    gave its limit (``patient``). After a temporary refusal (a limit, an error of the provider) the sender may
    try again: then the drain ends after ``REPEATED_WITHIN_S``. ``accepted_before`` messages were accepted in
    earlier rounds of the load; the snapshots do not count them.
    """

    def __init__(
        self,
        sender_answers: bool,
        provider_answers: bool,
        accepted_before: int = 0,
        provider_before: int = 0,
        verdicts_final: Callable[[], bool] | None = None,
        patient: bool = False,
    ) -> None:
        """``verdicts_final`` is called only when the sender has nothing left to send and the provider has
        messages in its queues or on their way to handsets.
        """
        self._sender_answers = sender_answers
        self._provider_answers = provider_answers
        self._accepted_before = accepted_before
        self._provider_before = provider_before
        self._verdicts_final = verdicts_final
        self._patient = patient
        self._final_since_s: float | None = None
        self._accepted: object = None
        self._accepted_since_s = 0.0
        self._reports: object = None
        self._reports_since_s = 0.0

    def judge(self, now_s: float, snapshot: Snapshot) -> DrainDecision:
        if snapshot.provider is None:
            # Unknown: wait for the whole drain timeout.
            return DrainDecision(
                False,
                "the provider's answer" if self._provider_answers else "messages that cannot be observed",
            )
        if self._sender_answers and snapshot.sender is None:
            return DrainDecision(False, "the sender's answer")
        found = standing(snapshot.provider, snapshot.sender, self._provider_before)
        self._note(now_s, found)
        if found.unsent:
            return DrainDecision(False, f"{found.unsent:,} in the sender")
        if found.unsent is None and not self._all_came(now_s, found, snapshot.load.accepted):
            missing = self._accepted_before + snapshot.load.accepted - found.accepted
            return DrainDecision(False, _not_accepted(missing, found.refused))
        if not found.at_provider:
            return self._without_provider(now_s, found)
        if found.queued or found.on_air:
            return self._until_verdicts_are_final(now_s, found)
        if found.reports and now_s - self._reports_since_s < QUIET_S:
            return DrainDecision(False, _reports(found.reports))
        return DrainDecision(True, _left(found))

    def _note(self, now_s: float, found: OpenMessages) -> None:
        if found.accepted != self._accepted:
            self._accepted, self._accepted_since_s = found.accepted, now_s
        reports = (found.reports, found.phones, found.sender_open)
        if reports != self._reports:
            self._reports, self._reports_since_s = reports, now_s

    def _all_came(self, now_s: float, found: OpenMessages, accepted: int) -> bool:
        wanted = self._accepted_before + accepted
        if found.accepted >= wanted:
            return True
        missing = wanted - found.accepted
        if self._patient or found.refused < missing:
            return False
        wait_s = QUIET_S if found.refused_permanently >= missing else REPEATED_WITHIN_S
        return now_s - self._accepted_since_s >= wait_s

    def _without_provider(self, now_s: float, found: OpenMessages) -> DrainDecision:
        """The sender may await reports that were lost and do not come."""
        if found.sender_open and now_s - self._reports_since_s < QUIET_S:
            return DrainDecision(False, _reports(found.sender_open))
        left = f"{found.sender_open:,} without a delivery report" if found.sender_open else ""
        return DrainDecision(True, left)

    def _until_verdicts_are_final(self, now_s: float, found: OpenMessages) -> DrainDecision:
        if self._verdicts_final is None or not self._verdicts_final():
            self._final_since_s = None
        elif self._final_since_s is None:
            self._final_since_s = now_s
        since_s = self._final_since_s
        if since_s is not None and now_s - since_s >= FINAL_FOR_S:
            return DrainDecision(True, f"{_left(found)}; their outcome cannot change a verdict")
        return DrainDecision(False, _joined(_in_transit(found)))


def _reports(count: int) -> str:
    return f"{count:,} delivery report{'' if count == 1 else 's'}"


def _not_accepted(missing: int, refused: int) -> str:
    """The missing messages. It is not known which of them were refused."""
    if not refused:
        return f"{missing:,} that the provider has not seen"
    if refused >= missing:
        return f"{missing:,} that the provider has not accepted ({refused:,} refused)"
    return f"{missing:,} that the provider has not accepted (it refused {refused:,} messages)"


def _in_transit(found: OpenMessages) -> list[tuple[int, str]]:
    return [(found.queued, "in the provider's queues"), (found.on_air, "on their way to handsets")]


def _left(found: OpenMessages) -> str:
    return _joined(
        [
            *_in_transit(found),
            (found.phones, "for phones that are off or out of coverage"),
            (found.reports, "whose delivery report is not confirmed"),
        ]
    )


def _joined(counts: list[tuple[int, str]]) -> str:
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)
