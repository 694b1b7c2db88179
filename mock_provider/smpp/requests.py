"""Passes the requests of one connection to the provider, and their responses back."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Protocol

from mock_provider.protocols.actions import Instants, SubmitAction
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import MessageOperation, Replaced, Submitted
from mock_provider.protocols.smpp.requests import (
    ERRORS,
    BoundClient,
    CancelProgress,
    PduReply,
    RequestReader,
)
from mock_provider.protocols.smpp.session import Session
from mock_provider.protocols.smpp.submit import PROTOCOL_NAME, submit_keys
from mock_provider.smpp.smpp_provider import SmppActions


class Client(Protocol):
    """The connection that made the requests."""

    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...

    def answered(self) -> None:
        """A waiting request was answered."""


class Requests:
    """The requests of one connection. ``waiting`` holds the request ids of unanswered submits."""

    def __init__(self, actions: SmppActions, reader: RequestReader, session: Session, client: Client) -> None:
        self._actions = actions
        self._reader = reader
        self._session = session
        self._client = client
        self.waiting: set[int] = set()
        self.bound = BoundClient("", "")

    def forget(self) -> None:
        """The connection is closed: forget its unanswered submits."""
        for request_id in self.waiting:
            self._actions.forget(request_id)
        self.waiting.clear()

    def perform(self, at: Instants, request: MessageOperation) -> None:
        if isinstance(request, Replaced):
            self._actions.advance()  # see RequestReader.read: the engine must process due events first
        request_id = self._actions.next_request_id()
        action = self._reader.read(request, self.bound, request_id, at)
        command_id, sequence = request.command_id, request.sequence
        if not isinstance(action, SubmitAction):
            self._actions.query(at.now_ns, action, partial(self._respond, command_id, sequence), ERRORS)
            if isinstance(action, PduReply) and action.status and isinstance(request, Submitted):
                keys = submit_keys(request.message)
                self._actions.note_unread(at.now_ns, PROTOCOL_NAME, keys, unauthorized=False)
            return
        respond = partial(self._respond_to_submit, request_id, command_id, sequence)
        if self._actions.submit(at, action, respond, ERRORS) is not None:
            self.waiting.add(request_id)

    def _respond_to_submit(
        self, request_id: int, command_id: int, sequence: int, reply: PduReply | None
    ) -> None:
        self.waiting.discard(request_id)
        self._respond(command_id, sequence, reply)
        self._client.answered()

    def _respond(self, command_id: int, sequence: int, reply: PduReply | None) -> None:
        """None: cut the connection."""
        if reply is None:
            self._client.abort()
        elif reply.unfinished is not None:
            asyncio.get_running_loop().call_soon(self._continue_cancel, sequence, reply.unfinished)
        else:
            self._client.write(self._session.answer(command_id, sequence, reply.status, reply.body))

    def _continue_cancel(self, sequence: int, progress: CancelProgress) -> None:
        action = self._reader.cancel(progress, self.bound)
        respond = partial(self._respond, codes.CANCEL_SM, sequence)
        self._actions.query(time.monotonic_ns(), action, respond, ERRORS)
