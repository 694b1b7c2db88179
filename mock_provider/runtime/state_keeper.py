"""Delays each effect until the data that it depends on is in the state file.

Group commit: one transaction is written at a time, in a thread; the next one takes all changes made
meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec.structs import replace

from mock_provider.engine import Engine
from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import Disconnect, Effect, Reply
from mock_provider.runtime.health import Health
from mock_provider.state.file import StateFile, StoredChanges
from mock_provider.state.records import CapturedRequest, written


class StateKeeper:
    """``perform`` carries out an effect.

    No reply is sent before all earlier changes are durable. That includes refusals: the refusal of a repeat
    depends on the acceptance of the first message. If the changes cannot be written, the connections of the
    delayed replies are closed, since the outcome is unknown, and delayed reports are dropped.
    """

    def __init__(
        self,
        file: StateFile,
        engine: Engine,
        perform: Callable[[Effect], None],
        wall_offset_ns: Callable[[], int],
        health: Health,
    ) -> None:
        self._file = file
        self._engine = engine
        self._perform = perform
        self._wall_offset_ns = wall_offset_ns
        self._health = health
        self._changes = engine.keep_changes()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "provider-state")
        self._held: list[Effect] = []
        self._busy = False  # a transaction is due or being written
        self._failed = False  # nothing more is written: later records would hide the lost one

    def hold(self, effect: Effect) -> None:
        """Perform the effect as soon as all earlier changes are durable, in the order of the calls."""
        if self._failed:
            self._cut(effect)
            return
        if not (self._busy or self._changes):
            self._perform(effect)
            return
        self._held.append(effect)
        self.commit_soon()

    def commit_soon(self) -> None:
        """Begin a transaction in the next turn of the loop, if something changed and none is in progress."""
        if not (self._busy or self._failed) and (self._changes or self._held):
            self._busy = True
            self._loop.call_soon(self._begin)

    def close(self) -> None:
        """Write the remaining changes, and close the file."""
        self._thread.shutdown(wait=True)
        if not self._failed:
            try:
                self._file.write(self._taken())
            except Exception as error:
                self._health.fail("the state file", error, loses_records=True)
        self._file.close()

    def _begin(self) -> None:
        held, self._held = self._held, []
        writing = self._thread.submit(self._file.write, self._taken())
        writing.add_done_callback(lambda done: self._tell_loop(done, held))

    def _tell_loop(self, done: Future[None], held: list[Effect]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish, done, held)

    def _finish(self, done: Future[None], held: list[Effect]) -> None:
        self._busy = False
        error = done.exception()
        if error is None:
            for effect in held:
                self._perform(effect)
            self.commit_soon()
            return
        self._failed = True
        self._health.fail("the state file", error, loses_records=True)
        for effect in (*held, *self._held):
            self._cut(effect)
        self._held.clear()

    def _cut(self, effect: Effect) -> None:
        if isinstance(effect, Reply):
            self._perform(Disconnect(effect.request_id))

    def _taken(self) -> StoredChanges:
        """The changes so far, encoded now: the engine changes its messages."""
        taken = self._changes.take()
        offset_ns = self._wall_offset_ns()
        requests = []
        for submit, accepted in taken.requests:
            first = taken.messages.get(accepted.messages[0].provider_id) if accepted.messages else None
            if first is None:  # it is forgotten already
                continue
            unix_s = unix_seconds(first.t_accepted_ns, offset_ns)
            record = CapturedRequest(replace(submit, token=""), accepted, unix_s)
            requests.append((len(accepted.messages), written(record)))
        messages = [(name, written(message)) for name, message in taken.messages.items()]
        spending = self._engine.spending()
        return StoredChanges(messages, taken.forgotten, requests, spending, taken.reset)
