"""Connections to PostgreSQL. They run on an event loop in a separate thread, so that any thread can make
blocking calls.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import uvloop

from reference_sender.store.protocol import StoreError

_Answer = TypeVar("_Answer")

CONNECT_S = 5.0
CHECK_S = 5.0  # for a connection to show that the server answers, before a call that may take long
_GOODBYE_S = 1.0
_TRY_LOCK_EVERY_S = 0.1
# A node that is stopped between two statements of a transaction must not keep its locks.
_IDLE_IN_TRANSACTION_MS = 2_000
_SESSION = {
    "search_path": "smsbench",
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",  # planning the statement of a commit costs more than to run it
    "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
    # The server ends the session of a node that it does not reach. It does nothing on a Unix socket.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# The number of an advisory lock is in two halves there.
END_EARLIER = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND (classid::bigint << 32) + objid::bigint = $1
"""
_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
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


class LoopThread:
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
    """One connection, made again after it broke. Calls of several threads follow one another.

    A connection can become silent without an error: an address moves to another server, or a firewall forgets
    the connection. So each call has a limit. asyncpg's own limits would first ask the server to cancel the
    statement, and wait for that without a limit.

    Each session holds a lock of the link. A new one first ends the earlier one, which may still work for a
    call that was given up: whatever that call did is on disk before the next one begins.
    """

    def __init__(self, loop: LoopThread, url: str, limit_s: float, checked: bool = False) -> None:
        """A call takes ``limit_s`` at most. If calls may take long, the connection is ``checked`` before
        each.
        """
        self._loop = loop
        self._url = url
        self._limit_s = limit_s
        self._checked = checked
        self._lock = secrets.randbits(62)
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None

    def call(
        self,
        work: Callable[[asyncpg.Connection[Any]], Awaitable[_Answer]],
        limit_s: float | None = None,
    ) -> _Answer:
        """What ``work`` makes of the connection, within ``limit_s`` if given. Raises ``StoreError``;
        ``Unanswered`` if the connection broke.
        """
        return self._loop.call(self._run(work, self._limit_s if limit_s is None else limit_s))

    def close(self) -> None:
        """Close the connection, also in the middle of a call."""
        self._loop.call(self._close())

    async def _run(
        self, work: Callable[[asyncpg.Connection[Any]], Awaitable[_Answer]], limit_s: float
    ) -> _Answer:
        async with self._turn:
            connection = await self._connected()
            try:
                if self._checked:
                    with _within(CHECK_S, connection):
                        await connection.execute("SELECT 1")
                with _within(limit_s, connection):
                    return await work(connection)
            except StoreError:
                raise
            except _BROKEN as error:
                self._drop()
                raise Unanswered(f"PostgreSQL: {error_text(error)}") from error
            except Exception as error:  # the server's, and those of values that cannot be encoded
                raise StoreError(f"PostgreSQL: {error_text(error)}") from error

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(
                    self._url, timeout=CONNECT_S, server_settings=_SESSION
                )
                with _within(CONNECT_S, self._connection):
                    await self._take_lock(self._connection)
            except (
                OSError,
                TimeoutError,
                ValueError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
            ) as error:
                self._drop()
                raise StoreError(f"PostgreSQL cannot be reached: {error_text(error)}") from error
        return self._connection

    async def _take_lock(self, connection: asyncpg.Connection[Any]) -> None:
        """Not by a statement that waits: if the server hangs, each attempt would leave a session that waits
        there.
        """
        while not await connection.fetchval(_TRY_LOCK, self._lock):
            await connection.execute(END_EARLIER, self._lock)
            await asyncio.sleep(_TRY_LOCK_EVERY_S)

    async def _close(self) -> None:
        if self._connection is not None and not self._turn.locked():
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._connection.close(timeout=_GOODBYE_S)
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


@contextmanager
def _within(limit_s: float, connection: asyncpg.Connection[Any]) -> Iterator[None]:
    """Give up what is done with ``connection`` after ``limit_s``: raises ``TimeoutError``, and the connection
    is closed.
    """
    given_up = False

    def give_up() -> None:
        nonlocal given_up
        given_up = True
        connection.terminate()  # what waits for an answer fails

    timer = asyncio.get_running_loop().call_later(limit_s, give_up)
    try:
        yield
    except Exception as error:
        if given_up:
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def error_text(error: Exception) -> str:
    """What an error says, as text and without its details, which may hold keys."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None:
        # A negative number is of the name service, and the text of a positive one repeats the address.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    text = str(error.args[0]) if error.args else ""
    return text or type(error).__name__
