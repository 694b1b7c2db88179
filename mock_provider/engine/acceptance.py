"""Turns an admitted submit into messages and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.draws import id_of
from mock_provider.engine.lifecycle import ACCEPT, REFUSED, move
from mock_provider.engine.message import SubmitTerms, TrackedMessage
from mock_provider.engine.money import MICRO
from mock_provider.engine.segments import ucs2_for
from mock_provider.engine.values import (
    NO_REPORTS,
    Accepted,
    AcceptedMessage,
    Outbound,
    ReportsWanted,
    Submit,
)

if TYPE_CHECKING:
    from mock_provider.engine.admission import Admitted, AdmittedOne
    from mock_provider.engine.counters import Counters
    from mock_provider.engine.delivery import DeliveryPipeline
    from mock_provider.engine.draws import Draws
    from mock_provider.engine.message_store import MessageStore
    from mock_provider.engine.settings import EngineSettings

_DELAYED_FOR_HOURS = "delayed_quiet_hours"


class Acceptance:
    """Creates a message for each candidate that admission accepted."""

    def __init__(
        self,
        draws: Draws,
        counters: Counters,
        message_store: MessageStore,
        pipeline: DeliveryPipeline,
        remove: Callable[[int, str], bool],
    ) -> None:
        """``remove`` cancels a scheduled message: its arguments are the time and the provider id."""
        self._draws = draws
        self._counters = counters
        self._message_store = message_store
        self._pipeline = pipeline
        self._remove = remove

    def apply(self, settings: EngineSettings) -> None:
        """Use these settings from now on."""
        self._validity_ns = nanoseconds(settings.delivery.validity_s)
        self._account_url = settings.account.report_url
        self._id_styles = {name: each.id_style for name, each in settings.protocol.by_name().items()}

    def accept(
        self, now_ns: int, submit: Submit, seen: list[TrackedMessage], admitted: Admitted
    ) -> tuple[Accepted, tuple[TrackedMessage, ...]]:
        """The answer, and the messages that enter the queues when it has left."""
        counters = self._counters
        if submit.options.validate_only:
            counters.validated += 1
            return _validated(admitted), ()
        counters.requests_accepted += 1
        left_out = tuple(admitted.left_out)
        if left_out:
            counters.skipped += len(left_out)
            for index, reason in left_out:
                seen[index].reason = reason.value
                counters.refuse(reason.value, 1)
        messages, answered, segments = self._take(now_ns, submit, seen, admitted)
        if submit.scheduled_ns is not None and submit.scheduled_ns > now_ns:
            for message in messages:
                message.scheduled_ns = submit.scheduled_ns
        self._pipeline.reserve(messages, segments)
        if submit.replaces:
            self._remove(now_ns, submit.replaces)
        counters.accepted_segments += segments
        counters.accepted += len(messages)
        answer = Accepted(answered, admitted.invalid_numbers, left_out)
        changes = self._message_store.changes
        if changes is not None:
            changes.requests.append((submit, answer))
            for message in messages:
                message.due_ns = max(message.not_before_ns, submit.scheduled_ns or 0)
                changes.changed(message)
        return answer, messages

    def _take(
        self, now_ns: int, submit: Submit, seen: list[TrackedMessage], admitted: Admitted
    ) -> tuple[tuple[TrackedMessage, ...], tuple[AcceptedMessage, ...], int]:
        """The candidates as messages, as the answer lists them, and their number of segments."""
        id_style = submit.options.id_style or self._id_styles[submit.protocol]
        start_ns = now_ns if submit.scheduled_ns is None else max(now_ns, submit.scheduled_ns)
        expires_ns = start_ns + self._validity_ns if submit.expires_ns is None else submit.expires_ns
        reports = submit.reports if submit.reports.address else self._account_reports(submit.reports)
        terms = SubmitTerms(submit.sender_id, submit.options, reports, submit.memo, admitted.queue_first)
        protocol = submit.protocol
        store, draws, by_id = self._message_store, self._draws, self._message_store.by_id
        messages: list[TrackedMessage] = []
        answered: list[AcceptedMessage] = []
        total_segments, last_micro, price = 0, -1, 0.0  # mostly all cost the same
        last_text = odd = ""
        for candidate in admitted.candidates:
            outbound = candidate.outbound
            message = store.accept(seen[candidate.index], outbound, protocol, now_ns)
            message.chances = chances = draws.message(message.key, message.ordinal)
            message.provider_id = provider_id = id_of(chances, id_style)
            by_id[provider_id] = message
            msisdn, client_ref, segments = outbound.msisdn, outbound.client_ref, outbound.segments
            message.country = candidate.country
            message.carrier = candidate.carrier
            message.price_micro = micro = candidate.price_micro
            message.expires_ns = expires_ns
            message.terms = terms
            if candidate.magic is not None:
                message.magic = candidate.magic
            if candidate.not_before_ns > start_ns:
                self._delay(message, submit, candidate.not_before_ns)
            text = outbound.text
            if text is not last_text:  # mostly the same for all messages of a request
                last_text, odd = text, ucs2_for(text)
            if odd:
                message.ucs2_for = odd
            total_segments += segments
            if micro != last_micro:
                last_micro, price = micro, micro / MICRO
            messages.append(message)
            answered.append(
                AcceptedMessage(provider_id, msisdn, outbound.submitted_number, client_ref, segments, price)
            )
        return tuple(messages), tuple(answered), total_segments

    def accept_one(
        self, now_ns: int, submit: Submit, outbound: Outbound, admitted: AdmittedOne
    ) -> tuple[Accepted, TrackedMessage]:
        """``accept`` for a request of one message with a new key, which ``Admission.admit_one`` admitted."""
        country, carrier, price_micro, queue_first = admitted
        options, segments, counters = submit.options, outbound.segments, self._counters
        reports = submit.reports if submit.reports.address else self._account_reports(submit.reports)
        key, client_ref, msisdn = outbound.key, outbound.client_ref, outbound.msisdn
        chances = self._draws.message(key, 1)
        provider_id = id_of(chances, options.id_style or self._id_styles[submit.protocol])
        # By position: a field that is set later takes 36 ns more.
        message = TrackedMessage(
            key,
            submit.protocol,
            segments,
            now_ns,
            REFUSED,
            1,
            1,
            0,
            "",
            provider_id,
            client_ref,
            msisdn,
            SubmitTerms(submit.sender_id, options, reports, submit.memo, queue_first),
            country,
            carrier,
            price_micro,
            False,
            0,
            "",
            1,
            chances,
            None,
            now_ns,
            None,
            None,
            0,
            ucs2_for(outbound.text),
            now_ns + self._validity_ns if submit.expires_ns is None else submit.expires_ns,
        )
        move(message, ACCEPT)
        self._message_store.add_accepted(message)
        self._pipeline.reserve((message,), segments)
        counters.requests_accepted += 1
        counters.accepted_segments += segments
        counters.accepted += 1
        item = AcceptedMessage(
            provider_id,
            msisdn,
            outbound.submitted_number,
            client_ref,
            segments,
            price_micro / MICRO,
        )
        return Accepted((item,)), message

    def _account_reports(self, reports: ReportsWanted) -> ReportsWanted:
        return replace(reports, address=self._account_url) if self._account_url else NO_REPORTS

    def _delay(self, message: TrackedMessage, submit: Submit, until_ns: int) -> None:
        """A rule of its country keeps the message back. Its validity begins then, unless it names an end."""
        self._counters.delayed += 1
        message.not_before_ns = until_ns
        message.delayed_for = _DELAYED_FOR_HOURS
        if submit.expires_ns is None:
            message.expires_ns = until_ns + self._validity_ns


def _validated(admitted: Admitted) -> Accepted:
    """The answer to a submit that only validates: its messages have no id."""
    answered = (
        AcceptedMessage(
            provider_id="",
            msisdn=candidate.outbound.msisdn,
            submitted_number=candidate.outbound.submitted_number,
            client_ref=candidate.outbound.client_ref,
            segments=candidate.outbound.segments,
            price=candidate.price_micro / MICRO,
        )
        for candidate in admitted.candidates
    )
    return Accepted(tuple(answered), admitted.invalid_numbers, tuple(admitted.left_out))
