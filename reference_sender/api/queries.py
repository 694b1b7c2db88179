"""Queries of the store, in a separate thread, so the event loop does not wait for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from reference_sender.api.replay import keys_of_seconds
from reference_sender.dispatch.values import State, key_of_first
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.store import DeadLetterFilter, Record, Store, StoreError
from reference_sender.store.campaign_reports import StoredReport

_PAGE = 2_000
_Answer = TypeVar("_Answer")
_encode_lines = msgspec.json.Encoder().encode_lines


class UnreadError(StoreError):
    """The store could not answer a question. Nothing was to be changed."""


class ShownMessage(Struct, frozen=True):
    """A message as ``GET /v1/messages/ID`` shows it; its text is not shown."""

    id: str
    key: str
    message_class: str
    campaign: str
    to: str
    sender_id: str = field(name="from")
    segments: int
    state: str
    reason: str
    attempts: int
    route: str | None
    provider_id: str | None
    created_at: str
    changed_at: str
    expires_at: str
    send_at: str | None = None  # not before; None: as soon as possible, or only with a higher spending limit
    held: dict[str, str | None] | None = None  # reason, and until when; None: not held


class Exported(Struct, frozen=True, gc=False):
    """A line of the export: what a run directory's ``sender.arrow`` holds."""

    key: str
    message_class: str
    state: str
    reason: str
    attempts: int


class Queries:
    """Reads what is on disk. It does not see changes that wait for their commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="queries")

    async def campaign(self, campaign: str) -> dict[State, int]:
        """Messages of ``campaign`` by state."""
        return await self.ask(lambda: self._store.counts(campaign))

    async def controls(self, campaign: str) -> Campaign | None:
        """The controls of ``campaign``, also if another node changed them just now; None: it has none."""
        found = await self.ask(lambda: self._store.campaigns(campaign))
        return found[0] if found else None

    async def spent(self, campaign: str) -> int:
        """What ``campaign`` costs so far, in millionths."""
        return await self.ask(lambda: self._store.spent(campaign))

    async def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        """As ``CampaignStore.opt_outs``."""
        return await self.ask(lambda: self._store.opt_outs(after, limit))

    async def campaign_report(self, campaign: str) -> StoredReport | None:
        """As ``ReportStore.campaign_report``."""
        return await self.ask(lambda: self._store.campaign_report(campaign))

    async def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        """As ``MessageArchive.dead_letters``."""
        return await self.ask(lambda: self._store.dead_letters(wanted, after_id, limit))

    async def count_dead_letters(self, wanted: DeadLetterFilter) -> dict[str, int]:
        """As ``MessageArchive.count_dead_letters``."""
        return await self.ask(lambda: self._store.count_dead_letters(wanted))

    async def record(self, message_id: int) -> Record | None:
        """The message with its text, if there is one."""
        records = await self.ask(lambda: self._store.records(message_id - 1, 1))
        return records[0] if records and records[0].message.message_id == message_id else None

    async def seconds_of(self, records: Sequence[Record]) -> dict[str, Record]:
        """The second messages of ``records``, by the keys of these."""
        keys = keys_of_seconds(records)
        found = await self.ask(lambda: self._store.with_keys(keys)) if keys else []
        return {key_of_first(each.message.key): each for each in found}

    async def with_keys(self, keys: Sequence[str]) -> list[Record]:
        """As ``MessageArchive.with_keys``."""
        return await self.ask(lambda: self._store.with_keys(keys))

    async def export(self) -> AsyncIterator[bytes]:
        """Every message, oldest first, as lines of JSON, a page at a time."""
        after_id = 0
        while True:
            page, after_id = await self.ask(partial(self._page, after_id))
            if not page:
                return
            yield page

    def close(self) -> None:
        self._thread.shutdown()

    def _page(self, after_id: int) -> tuple[bytes, int]:
        records = self._store.records(after_id, _PAGE)
        if not records:
            return b"", after_id
        return _encode_lines([_exported(record) for record in records]), records[-1].message.message_id

    async def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """The answer to a question to the store, in the thread that reads it. Raises ``UnreadError``."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, question)
        except StoreError as error:
            raise UnreadError(str(error)) from error


def shown(record: Record) -> ShownMessage:
    """``record`` as the API shows it."""
    message = record.message
    return ShownMessage(
        id=str(message.message_id),
        key=message.key,
        message_class=message.lane.value,
        campaign=message.campaign,
        to=message.to,
        sender_id=message.sender_id,
        segments=message.segments,
        state=record.state.value,
        reason=record.reason,
        attempts=record.attempts,
        route=record.route,
        provider_id=record.provider_id,
        created_at=instant(message.created_ns),
        changed_at=instant(record.changed_ns),
        expires_at=instant(message.expires_ns),
        send_at=instant(message.not_before_ns) if 0 < message.not_before_ns < FOREVER else None,
    )


def _exported(record: Record) -> Exported:
    message = record.message
    return Exported(message.key, message.lane.value, record.state.value, record.reason, record.attempts)


def instant(at_ns: int) -> str:
    """An instant in Unix time, as text."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds")
