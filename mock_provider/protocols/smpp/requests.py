"""The requests of a bound client about messages, read as actions: submit, query, cancel, replace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct, structs

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, Answer, Submit
from mock_provider.protocols.actions import ErrorReplies, Instants, QueryAction, RefusalText, SubmitAction
from mock_provider.protocols.lookups import Lookups
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import (
    Cancelled,
    MessageOperation,
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
from mock_provider.protocols.smpp.submit import PROTOCOL_NAME, SubmitReader

CANCELLED_AT_ONCE = 500


class CancelProgress(Struct, frozen=True, gc=False):
    """A cancel_sm of many messages, to be continued with ``rest`` (``RequestReader.cancel``)."""

    name: MessageName
    rest: Sequence[str]
    cancelled: int


class PduReply(Struct, frozen=True, gc=False):
    """Status and body of a response. With ``unfinished`` it is not the response yet."""

    status: int = codes.ESME_ROK
    body: bytes = b""
    unfinished: CancelProgress | None = None


SmppAction = PduReply | SubmitAction[PduReply] | QueryAction[PduReply]
RenderPdu = Callable[[Answer], PduReply]


def _refusal_text(reply: PduReply) -> RefusalText | None:
    return RefusalText(str(reply.status)) if reply.status else None


ERRORS = ErrorReplies(PduReply(codes.ESME_RSYSERR), PduReply(codes.ESME_RSYSERR), _refusal_text)


class Memory(Struct, frozen=True):
    """State that the requests of all connections share."""

    replaceable: Replaceable
    groups: GroupIds

    def clear(self) -> None:
        self.replaceable.clear()
        self.groups.clear()


class BoundClient(Struct, frozen=True):
    """``token`` is that of the account whose password the bind gave."""

    system_id: str
    token: str


class RequestReader:
    """Reads requests by a profile's settings."""

    def __init__(self, submits: SubmitReader, memory: Memory, lookups: Lookups) -> None:
        self._submits = submits
        self._replaceable = memory.replaceable
        self._groups = memory.groups
        self._lookups = lookups

    def read(
        self, request: MessageOperation, client: BoundClient, request_id: int, at: Instants
    ) -> SmppAction:
        """The action that the request asks for."""
        try:
            if isinstance(request, Submitted):
                submit = self._read(request.message, client, request_id, at)
                return SubmitAction(submit, self._noting(request.message, client, submit, render_submit))
            if isinstance(request, MultiSubmitted):
                return self._submit_multi(request, client, request_id, at)
            if isinstance(request, Queried):
                return QueryAction(partial(self._answer_query, request.name))
            if isinstance(request, Cancelled):
                return self._cancel(request.name, client)
            return self._replace(request, client, request_id, at)
        except PduError as error:
            return PduReply(error.status)

    def cancel(self, progress: CancelProgress, client: BoundClient) -> QueryAction[PduReply]:
        """Cancel further messages. There may be 100,000, so other clients are served in between."""
        ids, rest = progress.rest[:CANCELLED_AT_ONCE], progress.rest[CANCELLED_AT_ONCE:]

        def answer(_lookups: Lookups) -> PduReply:
            removed = self._remove(progress.name, client, self._found(ids))
            cancelled = progress.cancelled + removed
            if rest:
                return PduReply(unfinished=CancelProgress(progress.name, rest, cancelled))
            return _cancel_reply(cancelled)

        return QueryAction(answer)

    # actions

    def _submit_multi(
        self, request: MultiSubmitted, client: BoundClient, request_id: int, at: Instants
    ) -> SmppAction:
        destinations = request.destinations
        numbers = [to for to in destinations if not to.is_list]
        if not numbers:
            return PduReply(codes.ESME_RINVDLNAME)
        submit = self._read(request.message, client, request_id, at, numbers)
        render = partial(self._render_multi, destinations)
        return SubmitAction(submit, self._noting(request.message, client, submit, render))

    def _answer_query(self, name: MessageName, _lookups: Lookups) -> PduReply:
        views = self._views(name.message_id)
        if views and not any(is_named_by(view, name) for view in views):
            return PduReply(codes.ESME_RQUERYFAIL)
        return PduReply(*query_answer(name.message_id, views, self._lookups.wall_offset_ns))

    def _cancel(self, name: MessageName, client: BoundClient) -> SmppAction:
        if not name.message_id:
            return self.cancel(CancelProgress(name, self._between(name, client), 0), client)

        def answer(_lookups: Lookups) -> PduReply:
            views = self._views(name.message_id)
            if not views:
                return PduReply(codes.ESME_RINVMSGID)
            return _cancel_reply(self._remove(name, client, views))

        return QueryAction(answer)

    def _replace(self, request: Replaced, client: BoundClient, request_id: int, at: Instants) -> SmppAction:
        """Let the engine process due events first, so that a message found here is still scheduled. The
        engine replaces the message in the step in which it accepts the other, so they are never both sent.
        """
        replacement = request.replacement
        views = self._views(replacement.name.message_id)
        if not views:
            return PduReply(codes.ESME_RINVMSGID)
        old = self._replaceable.find(views[0].provider_id) if len(views) == 1 else None
        if old is None or views[0].stage != "SCHEDULED" or not is_named_by(views[0], replacement.name):
            return PduReply(codes.ESME_RREPLACEFAIL)
        message = replacing_message(old.message, replacement)
        submit = self._read(message, client, request_id, at)
        submit = with_times_of(old, replacement, submit, self._lookups.wall_offset_ns)
        submit = structs.replace(submit, replaces=views[0].provider_id)
        ids = replacement.name.message_id, views[0].provider_id
        return SubmitAction(submit, partial(self._render_replace, client, message, submit, ids))

    # replies

    def _render_multi(self, destinations: Sequence[Address], answer: Answer) -> PduReply:
        if not isinstance(answer, Accepted):
            return PduReply(STATUS_OF[answer.reason])
        ids = [message.provider_id for message in answer.messages]
        if len(ids) > 1:
            self._groups.keep(ids[0], ids)
        refused = multi_answer(destinations, answer, self._submits.msisdn)
        return PduReply(body=write_multi_response(ids[0], refused))

    def _render_replace(
        self,
        client: BoundClient,
        message: ShortMessage,
        submit: Submit,
        ids: tuple[str, str],
        answer: Answer,
    ) -> PduReply:
        """``ids``: the id by which the client knows the message, and the message's own id."""
        if not isinstance(answer, Accepted):
            return PduReply(STATUS_OF[answer.reason])
        (known_as, old_id), new_id = ids, answer.messages[0].provider_id
        self._replaceable.forget(old_id)
        self._keep_scheduled(client, message, submit, new_id)
        self._groups.replace(known_as, old_id, new_id)
        return PduReply()

    def _noting(
        self, message: ShortMessage, client: BoundClient, submit: Submit, render: RenderPdu
    ) -> RenderPdu:
        """``render``, after noting scheduled messages and cancelling the ones they replace."""
        if submit.scheduled_ns is None and not message.replace_if_present:
            return render

        def noted(answer: Answer) -> PduReply:
            if isinstance(answer, Accepted):
                for accepted in answer.messages:
                    one = structs.replace(message, dest=accepted.submitted_number)
                    replaced = self._replaceable.replaced_by(client.system_id, one)
                    if replaced:
                        self._replaceable.forget(replaced)
                        self._lookups.cancel(client.token, [replaced])
                    self._keep_scheduled(client, one, submit, accepted.provider_id)
            return render(answer)

        return noted

    # parts of the above

    def _read(
        self,
        message: ShortMessage,
        client: BoundClient,
        request_id: int,
        at: Instants,
        destinations: Sequence[Address] | None = None,
    ) -> Submit:
        return self._submits.read(message, request_id, client.token, client.system_id, at, destinations)

    def _keep_scheduled(
        self, client: BoundClient, message: ShortMessage, submit: Submit, provider_id: str
    ) -> None:
        kept = as_scheduled(client.system_id, message, submit, self._lookups.wall_offset_ns)
        if kept is not None:
            self._replaceable.keep(provider_id, kept)

    def _remove(self, name: MessageName, client: BoundClient, views: Sequence[MessageView]) -> int:
        """The number of cancelled messages: those that match the request and are scheduled."""
        ids = [view.provider_id for view in views if self._is_cancelled_by(view, name)]
        removed = self._lookups.cancel(client.token, ids)
        for provider_id in removed:
            self._replaceable.forget(provider_id)
        return len(removed)

    def _views(self, message_id: str) -> list[MessageView]:
        """The SMPP messages that have this id for the client."""
        return self._found(self._groups.members(message_id))

    def _found(self, provider_ids: Sequence[str]) -> list[MessageView]:
        views = (self._lookups.view(provider_id) for provider_id in provider_ids)
        return [view for view in views if view is not None and view.protocol == PROTOCOL_NAME]

    def _is_cancelled_by(self, view: MessageView, name: MessageName) -> bool:
        """§4.9.1: the other fields that the request names must match the message."""
        if not is_named_by(view, name):
            return False
        return not name.dest.address or self._submits.msisdn(name.dest) == view.msisdn

    def _between(self, name: MessageName, client: BoundClient) -> list[str]:
        """The scheduled messages from one address to another, of a service_type if one is given (§4.9)."""
        if not name.dest.address:
            return []
        return self._replaceable.of_route(
            client.system_id, name.source.address, name.dest.address, name.service_type or None
        )


def render_submit(answer: Answer) -> PduReply:
    """The reply to a submit_sm or data_sm."""
    if isinstance(answer, Accepted):
        return PduReply(body=answer.messages[0].provider_id.encode() + b"\0")
    return PduReply(STATUS_OF[answer.reason])


def _cancel_reply(cancelled: int) -> PduReply:
    return PduReply(codes.ESME_ROK if cancelled else codes.ESME_RCANCELFAIL)
