"""The requests of a bound client about messages: submit, query, cancel, replace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct, structs

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, Answer, Submit
from mock_provider.protocols.actions import Instants, OnAnswer
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import (
    Cancelled,
    MultiSubmitted,
    Queried,
    Replaced,
    Submitted,
)
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.message_pdus import Address, MessageName, write_multi_response
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.queries import is_named_by, query_answer
from mock_provider.protocols.smpp.refusals import STATUS_OF, multi_answer
from mock_provider.protocols.smpp.replacing import (
    Replaceable,
    as_scheduled,
    replacing_message,
    with_times_of,
)
from mock_provider.protocols.smpp.session import Session
from mock_provider.protocols.smpp.submit import PROTOCOL_NAME, SubmitReader
from mock_provider.smpp.provider import SmppProvider

_CANCELLED_AT_ONCE = 500
_SUBMIT_SM = codes.SUBMIT_SM


class Memory(Struct, frozen=True):
    """State that the requests of all connections share."""

    replaceable: Replaceable
    groups: GroupIds

    def clear(self) -> None:
        self.replaceable.clear()
        self.groups.clear()


class Client(Protocol):
    """The connection that made the requests."""

    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...

    def answered(self) -> None:
        """A waiting request has its answer."""


class Requests:
    """The requests of one connection. ``waiting`` holds the request ids of unanswered submits."""

    def __init__(
        self, provider: SmppProvider, reader: SubmitReader, memory: Memory, session: Session, client: Client
    ) -> None:
        self._provider = provider
        self._submissions = provider.submissions
        self._lookups = provider.lookups
        self._reader = reader
        self._replaceable = memory.replaceable
        self._groups = memory.groups
        self._session = session
        self._client = client
        self.waiting: set[int] = set()
        self.token = ""
        self.system_id = ""

    def forget(self) -> None:
        """The connection is closed: forget its unanswered submits."""
        for request_id in self.waiting:
            self._submissions.forget(request_id)
        self.waiting.clear()

    def submit(self, now_ns: int, wall_s: float, effect: Submitted) -> None:
        message, command_id, sequence = effect.message, effect.command_id, effect.sequence
        submit = self._read(now_ns, wall_s, command_id, sequence, message)
        if submit is None:
            return
        on_answer: OnAnswer = partial(self._answer, command_id, sequence, submit)
        if submit.scheduled_ns is not None or message.replace_if_present:
            on_answer = partial(self._note_scheduled, message, submit, on_answer)
        self._ask(now_ns, wall_s, submit, on_answer)

    def submit_multi(self, now_ns: int, wall_s: float, effect: MultiSubmitted) -> None:
        destinations = effect.destinations
        numbers = [to for to in destinations if not to.is_list]
        if not numbers:
            self._write(codes.SUBMIT_MULTI, effect.sequence, codes.ESME_RINVDLNAME)
            return
        submit = self._read(now_ns, wall_s, codes.SUBMIT_MULTI, effect.sequence, effect.message, numbers)
        if submit is None:
            return
        on_answer: OnAnswer = partial(self._answer_multi, effect.sequence, submit, destinations)
        if submit.scheduled_ns is not None or effect.message.replace_if_present:
            on_answer = partial(self._note_scheduled, effect.message, submit, on_answer)
        self._ask(now_ns, wall_s, submit, on_answer)

    def query(self, effect: Queried, wall_offset_ns: int) -> None:
        name = effect.name
        views = self._views(name.message_id)
        if views and not any(is_named_by(view, name) for view in views):
            status, body = codes.ESME_RQUERYFAIL, b""
        else:
            status, body = query_answer(name.message_id, views, wall_offset_ns)
        self._write(codes.QUERY_SM, effect.sequence, status, body)

    def cancel(self, effect: Cancelled) -> None:
        name, sequence = effect.name, effect.sequence
        if not name.message_id:
            self._cancel_in_turns(sequence, name, self._between(name), 0)
            return
        views = self._views(name.message_id)
        if views:
            self._answer_cancel(sequence, self._remove(name, views) > 0)
        else:
            self._write(codes.CANCEL_SM, sequence, codes.ESME_RINVMSGID)

    def _cancel_in_turns(self, sequence: int, name: MessageName, ids: Sequence[str], removed: int) -> None:
        """There may be a hundred thousand between two addresses: other clients come in between."""
        removed += self._remove(name, self._found(ids[:_CANCELLED_AT_ONCE]))
        rest = ids[_CANCELLED_AT_ONCE:]
        if rest:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._cancel_in_turns, sequence, name, rest, removed)
        else:
            self._answer_cancel(sequence, removed > 0)

    def _remove(self, name: MessageName, views: Sequence[MessageView]) -> int:
        """How many of these could be cancelled, by what the request names them by."""
        ids = [view.provider_id for view in views if self._is_cancelled_by(view, name)]
        removed = self._lookups.cancel(self.token, ids)
        for provider_id in removed:
            self._replaceable.forget(provider_id)
        return len(removed)

    def _answer_cancel(self, sequence: int, cancelled: bool) -> None:
        self._write(codes.CANCEL_SM, sequence, codes.ESME_ROK if cancelled else codes.ESME_RCANCELFAIL)

    def replace(self, now_ns: int, wall_s: float, effect: Replaced) -> None:
        replacement, sequence = effect.replacement, effect.sequence
        # What is due goes first: the engine then finds what is still scheduled here, and takes it out in the
        # step in which it accepts the other, so that never both are sent.
        self._submissions.advance()
        views = self._views(replacement.name.message_id)
        if not views:
            self._write(codes.REPLACE_SM, sequence, codes.ESME_RINVMSGID)
            return
        old = self._replaceable.find(views[0].provider_id) if len(views) == 1 else None
        if old is None or views[0].stage != "SCHEDULED" or not is_named_by(views[0], replacement.name):
            self._write(codes.REPLACE_SM, sequence, codes.ESME_RREPLACEFAIL)
            return
        message = replacing_message(old.message, replacement)
        submit = self._read(now_ns, wall_s, codes.REPLACE_SM, sequence, message)
        if submit is None:
            return
        try:
            submit = with_times_of(old, replacement, submit, self._provider.wall_offset_ns)
        except PduError as error:
            self._write(codes.REPLACE_SM, sequence, error.status)
            return
        submit = structs.replace(submit, replaces=views[0].provider_id)
        ids = replacement.name.message_id, views[0].provider_id
        self._ask(now_ns, wall_s, submit, partial(self._answer_replace, sequence, submit, message, ids))

    # answers

    def _answer(self, command_id: int, sequence: int, submit: Submit, answer: Answer | None) -> None:
        if isinstance(answer, Accepted):
            message_id = answer.messages[0].provider_id
            if command_id == _SUBMIT_SM:
                self._client.write(self._session.answer_submit(sequence, message_id))
            else:
                self._write(command_id, sequence, codes.ESME_ROK, message_id.encode() + b"\0")
        self._end(command_id, sequence, submit, answer)

    def _answer_multi(
        self,
        sequence: int,
        submit: Submit,
        destinations: Sequence[Address],
        answer: Answer | None,
    ) -> None:
        if isinstance(answer, Accepted):
            ids = [message.provider_id for message in answer.messages]
            if len(ids) > 1:
                self._groups.keep(ids[0], ids)
            refused = multi_answer(destinations, answer, self._reader.msisdn)
            self._write(codes.SUBMIT_MULTI, sequence, codes.ESME_ROK, write_multi_response(ids[0], refused))
        self._end(codes.SUBMIT_MULTI, sequence, submit, answer)

    def _answer_replace(
        self,
        sequence: int,
        submit: Submit,
        message: ShortMessage,
        ids: tuple[str, str],
        answer: Answer | None,
    ) -> None:
        """``ids``: the id by which the client knows the message, and the message's own id."""
        if isinstance(answer, Accepted):
            self._take_place(submit, message, ids, answer)
            self._write(codes.REPLACE_SM, sequence, codes.ESME_ROK)
        self._end(codes.REPLACE_SM, sequence, submit, answer)

    def _end(self, command_id: int, sequence: int, submit: Submit, answer: Answer | None) -> None:
        """The request is over. Answer a refusal; without an answer, cut the connection."""
        self.waiting.discard(submit.request_id)
        if answer is None:
            self._client.abort()
        elif not isinstance(answer, Accepted):
            self._write(command_id, sequence, STATUS_OF[answer.reason])
        self._client.answered()

    def _take_place(
        self, submit: Submit, message: ShortMessage, ids: tuple[str, str], answer: Accepted
    ) -> None:
        (known_as, old_id), new_id = ids, answer.messages[0].provider_id
        self._replaceable.forget(old_id)
        self._keep_scheduled(message, submit, new_id)
        self._groups.replace(known_as, old_id, new_id)

    def _note_scheduled(
        self, message: ShortMessage, submit: Submit, on_answer: OnAnswer, answer: Answer | None
    ) -> None:
        if isinstance(answer, Accepted):
            for accepted in answer.messages:
                one = structs.replace(message, dest=accepted.submitted_number)
                replaced = self._replaceable.replaced_by(self.system_id, one)
                if replaced:
                    self._replaceable.forget(replaced)
                    self._lookups.cancel(self.token, [replaced])
                self._keep_scheduled(one, submit, accepted.provider_id)
        on_answer(answer)

    def _keep_scheduled(self, message: ShortMessage, submit: Submit, provider_id: str) -> None:
        kept = as_scheduled(self.system_id, message, submit, self._provider.wall_offset_ns)
        if kept is not None:
            self._replaceable.keep(provider_id, kept)

    # parts of the above

    def _read(
        self,
        now_ns: int,
        wall_s: float,
        command_id: int,
        sequence: int,
        message: ShortMessage,
        destinations: Sequence[Address] | None = None,
    ) -> Submit | None:
        """The request as the engine's Submit; None: it cannot be read, and the refusal is written."""
        request_id = self._submissions.next_request_id()
        at = Instants(now_ns, wall_s)
        try:
            return self._reader.read(message, request_id, self.token, self.system_id, at, destinations)
        except PduError as error:
            self._write(command_id, sequence, error.status)
            return None

    def _ask(self, now_ns: int, wall_s: float, submit: Submit, on_answer: OnAnswer) -> None:
        waiting = self._submissions.submit(now_ns, wall_s, submit, on_answer)
        if waiting is not None:
            self.waiting.add(waiting)

    def _write(self, command_id: int, sequence: int, status: int, body: bytes = b"") -> None:
        self._client.write(self._session.answer(command_id, sequence, status, body))

    def _views(self, message_id: str) -> list[MessageView]:
        """The messages that came by SMPP and that the client means by this id."""
        return self._found(self._groups.members(message_id))

    def _found(self, provider_ids: Sequence[str]) -> list[MessageView]:
        find = self._lookups.view
        views = (find(provider_id) for provider_id in provider_ids)
        return [view for view in views if view is not None and view.wire == PROTOCOL_NAME]

    def _is_cancelled_by(self, view: MessageView, name: MessageName) -> bool:
        """§4.9.1: what the request names besides the id must be the message's."""
        if not is_named_by(view, name):
            return False
        return not name.dest.address or self._reader.msisdn(name.dest) == view.msisdn

    def _between(self, name: MessageName) -> list[str]:
        """The scheduled messages from one address to another, of a service_type if one is given (§4.9)."""
        if not name.dest.address:
            return []
        return self._replaceable.of_route(
            self.system_id, name.source.address, name.dest.address, name.service_type or None
        )
