"""SMSAPI's values without its bytes.

It maps numbers, keys and texts that the protocol does not change: nearly all requests have only these. Other
requests, and the first refusal of each kind, are passed as bytes (``ByteExchange``). Both ways give equal
results: ``tests/property/test_mapping.py``, for every refusal, every state and every kind of reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from loadtests.arrivals import NS_PER_S
from loadtests.simulate.exchange import REPORT_URL, ByteExchange, Exchange, Render, as_read
from mock_provider.engine.values import (
    Accepted,
    Answer,
    MessageState,
    Outbound,
    Refused,
    ReportsWanted,
    SendReports,
    Submit,
    SubmitOptions,
)
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smsapi.answers import STATUS_CODES
from mock_provider.protocols.smsapi.dates import engine_time
from mock_provider.protocols.smsapi.errors import refusal_reply, retry_after
from mock_provider.protocols.smsapi.limits import PROTOCOL_NAME
from mock_provider.protocols.smsapi.numbers import is_msisdn
from mock_provider.protocols.smsapi.send import shared_sender
from mock_provider.settings.values import Refusal
from reference_sender.dispatch.values import Lane, Message, Outcome, Report, Result, State
from reference_sender.routes.smsapi import DEFINITION
from reference_sender.routes.smsapi.replies import results as read_results
from reference_sender.routes.smsapi.reports import reports as read_reports
from reference_sender.routes.smsapi.requests import expiration_date, in_one_request

_ACCEPTED = Outcome.ACCEPTED
_OTP = Lane.OTP
_REPORTS = ReportsWanted(REPORT_URL)
_OPTIONS = SubmitOptions(refuse_duplicates=True)
_OPTIONS_OF_OTP = SubmitOptions(priority=True, refuse_duplicates=True)
_SENDER_ID = DEFINITION.sender_id or ""
_REPORTED: dict[MessageState, tuple[State, str]] = {
    state: (read.state, read.reason)
    for state in MessageState
    for read in read_reports(f"MsgId=1&status={STATUS_CODES[state.value][0]}")
}


def exchange(profile: Profile, token: str, through_bytes: ByteExchange) -> Exchange:
    """See ``exchanges.DirectExchange``."""
    return DirectSmsapi(profile, token, through_bytes)


class DirectSmsapi(Exchange):
    """As the exchange with bytes. It takes 2 us of processor time in place of 16 us for a request of one
    message and its answer, and 52 us in place of 174 us for 100 messages.
    """

    def __init__(self, profile: Profile, token: str, through_bytes: ByteExchange) -> None:
        self._through_bytes = through_bytes
        self._settings = settings = profile.protocol.smsapi
        self._most_messages, self._most_parts = settings.max_recipients_per_request, settings.max_parts
        self._token = token
        self._sender_ids: dict[str, str | None] = {}  # as the protocol reads them; None: invalid
        self._refusals: dict[tuple[Refusal, bool, bool, str | None], Result] = {}

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """As ``Exchange``."""
        outbound = self._outbound(messages)
        first = messages[0]
        sender_id = self._sender_ids.get(first.sender_id)
        if sender_id is None:
            sender_id = self._sender_ids[first.sender_id] = shared_sender(first.sender_id or _SENDER_ID)
        if outbound is None or sender_id is None:
            return self._through_bytes.request(now_ns, batch_id, messages)
        expires_ns = None
        if (expiry_s := expiration_date(messages, now_ns)) is not None:
            expires_ns = engine_time(float(expiry_s), Instants(now_ns, now_ns / NS_PER_S))
        options = _OPTIONS_OF_OTP if first.lane is _OTP else _OPTIONS
        # By position: keywords take longer. ``tests/property/test_mapping.py`` has the order.
        submit = Submit(
            batch_id, PROTOCOL_NAME, self._token, sender_id, outbound, (), options, _REPORTS, None, expires_ns
        )
        return submit, partial(self._results, messages)

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """As ``Exchange``."""
        return self._through_bytes.unanswered(messages)

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """As ``Exchange``."""
        reported = _REPORTED
        return [Report(r.provider_id, r.client_ref or None, *reported[r.state]) for r in effect.reports]

    def _outbound(self, messages: tuple[Message, ...]) -> tuple[Outbound, ...] | None:
        """None if the protocol would change one of them."""
        count, most_parts = len(messages), self._most_parts
        if count > self._most_messages or (count > 1 and len(in_one_request(messages)) != count):
            return None
        found: list[Outbound] = []
        for message in messages:
            to, text, key = message.to, message.text, message.key
            # "#K" may be a journey key, which only the protocol looks for.
            if message.segments > most_parts or "#K" in text or not is_msisdn(to):
                return None
            found.append(Outbound(to, to, text, message.segments, key, key))
        return tuple(found)

    def _results(self, messages: tuple[Message, ...], answer: Answer) -> Sequence[Result]:
        if not isinstance(answer, Accepted):
            return [self._refusal(answer, len(messages))] * len(messages)
        taken = answer.messages
        if len(taken) == len(messages):
            return [Result(_ACCEPTED, each.provider_id) for each in taken]
        return self._of_some(messages, answer)

    def _of_some(self, messages: tuple[Message, ...], accepted: Accepted) -> list[Result]:
        """The results if not all were accepted."""
        taken = {each.client_ref: each.provider_id for each in accepted.messages}
        invalid = set(accepted.invalid_numbers)
        found = []
        for message in messages:
            provider_id = taken.get(message.key)
            if provider_id is not None:
                found.append(Result(_ACCEPTED, provider_id))
            elif message.to in invalid:
                found.append(_INVALID)
            else:
                found.append(_MISSING)
        return found

    def _refusal(self, refused: Refused, count: int) -> Result:
        alone, invalid = count == 1, bool(refused.invalid_numbers)
        wait = retry_after(refused, self._settings)
        kind = refused.reason, alone, invalid, wait[0][1] if wait else None
        known = self._refusals.get(kind)
        if known is None:
            reply = as_read(refusal_reply(refused, True, self._settings))
            placeholder = (_PLACEHOLDER,) * (1 if alone else 2)
            known = self._refusals[kind] = read_results(placeholder, reply)[0]
        return known


_INVALID = Result(Outcome.PERMANENT, reason="invalid_number")
_MISSING = Result(Outcome.UNKNOWN, reason="missing_in_reply")
_PLACEHOLDER = Message(
    message_id=0,
    key="",
    to="",
    text="",
    lane=Lane.OTP,
    sender_id="",
    campaign="",
    segments=1,
    created_ns=0,
    expires_ns=0,
)
