"""Connections to PostgreSQL. They run on an event loop in a separate thread, so that any thread can make
blocking calls.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
import uvloop

from reference_sender.store.protocol import StoreError

_Answer = TypeVar("_Answer")

_CONNECT_S = 5.0
# A node that is stopped between two statements of a transaction must not keep its locks.
_IDLE_IN_TRANSACTION_MS = 2_000
_SESSION = {
    "search_path": "smsbench",
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",  # planning the statement of a commit costs more than to run it
    "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
}
# Errors of the connection: whether a statement in progress was carried out is not known.
_BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server is stopped or started
)


class Unanswered(StoreError):
    """The connection broke: what was asked for may have been done."""


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Run ``work`` and wait for its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class PostgresLink:
    """One connection, made again after it broke. Calls of several threads follow one another."""

    def __init__(self, loop: Loop, url: str) -> None:
        self._loop = loop
        self._url = url
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None

    def call(self, work: Callable[[asyncpg.Connection[Any]], Awaitable[_Answer]]) -> _Answer:
        """What ``work`` makes of the connection. Raises ``StoreError``; ``Unanswered`` if the connection
        broke.
        """
        return self._loop.call(self._run(work))

    def close(self) -> None:
        """Close the connection."""
        self._loop.call(self._drop())

    async def _run(self, work: Callable[[asyncpg.Connection[Any]], Awaitable[_Answer]]) -> _Answer:
        async with self._turn:
            connection = await self._connected()
            try:
                return await work(connection)
            except StoreError:
                raise
            except _BROKEN as error:
                await self._drop()
                raise Unanswered(f"PostgreSQL: {error_text(error)}") from error
            except Exception as error:  # the server's, and those of values that cannot be encoded
                raise StoreError(f"PostgreSQL: {error_text(error)}") from error

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(
                    self._url, timeout=_CONNECT_S, server_settings=_SESSION
                )
            except (
                OSError,
                TimeoutError,
                ValueError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
            ) as error:
                raise StoreError(f"PostgreSQL cannot be reached: {error_text(error)}") from error
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=_CONNECT_S)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()


def error_text(error: Exception) -> str:
    """What an error says, as text and without its details, which may hold keys."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None:
        # A negative number is of the name service, and the text of a positive one repeats the address.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    text = str(error.args[0]) if error.args else ""
    return text or type(error).__name__
