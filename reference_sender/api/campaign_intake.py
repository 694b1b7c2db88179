"""Intake of a campaign: rows are checked, stored and sent as they arrive. Each row is accepted or refused."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.campaign_answer import CampaignAnswer, RefusedRows
from reference_sender.api.intake import Intake, Invalid, Shared, read_defaults, read_recipient
from reference_sender.api.json_rows import Rows
from reference_sender.api.rules import DUPLICATE, POLICY_CODES, DuplicateRows, IntakeRules
from reference_sender.api.turns import Turns
from reference_sender.api.unpacking import Unpacking
from reference_sender.clock import now_ns, wall_ns
from reference_sender.dispatch.values import Message
from reference_sender.runtime.driver import Driver
from reference_sender.store import Record, StoreError
from reference_sender.store.campaign_reports import ReportOrder
from reference_sender.store.protocol import is_same

MAX_ROWS = 100_000
MAX_BODY_BYTES = 128 * 1024 * 1024  # unpacked
COMMIT_ROWS = 500
# Rows read between two turns of the event loop, one or two milliseconds of work.
TURN_ROWS = 100
# Longest pause of a client, and its lowest average rate; otherwise the campaign is ended.
PATIENCE_S = 30.0
LEAST_BYTES_PER_S = 1_000

_RETRY_FULL_S = 1
_QUEUE_FULL = Invalid("queue_full", "", "the queue is full: send the row again later")
_STORE_FAILED = Invalid("store_failed", "", "the store could not keep the row: send it again later")
_STOPPING = Invalid("stopping", "", "the sender is stopping: send the row again later")
_STOPPED = Invalid("stopping", "", "the sender is stopping: send the rows that were not accepted again later")
_TOO_SLOW = Invalid(
    "too_slow",
    "",
    f"the body arrived too slowly: the minimum is {LEAST_BYTES_PER_S} bytes per second",
)
_CONFLICT = Invalid(
    "key_conflict", "key", "another message, to another number or of another text or class, has this key"
)


ReadPiece = Callable[[], Awaitable[bytes]]  # the body's next bytes; none at its end
# Those of the messages with these keys that are stored. Raises ``StoreError``.
ReadKeys = Callable[[Sequence[str]], Awaitable[Sequence[Record]]]


def wait_limit_s(patience_s: float, came_bytes: int, waited_s: float) -> float:
    """How long to wait for the next bytes of a body. So far ``came_bytes`` arrived in ``waited_s``."""
    return min(patience_s, patience_s + came_bytes / LEAST_BYTES_PER_S - waited_s)


class CampaignIntake:
    """Reads one campaign body and accepts its rows."""

    def __init__(
        self,
        intake: Intake,
        rules: IntakeRules,
        driver: Driver,
        tally: ApiCounters,
        turns: Turns,
        strict: bool,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.answer = CampaignAnswer()
        self._intake = intake
        self._rules = rules
        self._duplicates: DuplicateRows | None = DuplicateRows()  # None: allowed
        self._driver = driver
        self._tally = tally
        self._turns = turns
        self._patience_s = patience_s
        self._came_bytes = 0
        self._waited_s = 0.0  # for the client
        self._strict = strict  # False for CSV, in which numbers are text
        self._shared: Shared | None = None
        self._lacks_field = False  # a required shared field did not come before the rows
        self._order: ReportOrder | None = None
        self._rows_seen = 0
        self._numbers: list[int] = []  # the row number of each message of the batch
        self._batch: list[Message] = []
        self._has_keys = False  # clients' keys in the batch: some may be in use
        # Duplicates of rows in such a batch: the row number, the message, and the key that the client gave.
        self._doubles: list[tuple[int, Message, str | None]] = []
        # Duplicates of other rows, with keys of their own: an earlier request may have had them.
        self._keyed: list[tuple[int, Message]] = []
        self._read_keys: ReadKeys
        # By everything that describes a row's refusal.
        self._last_refusals: dict[tuple[str, str, str], RefusedRows] = {}
        self._last_refused = 0  # the row of the newest entry
        self._unordered = False
        self._stopping = False
        self._waiting: asyncio.Timeout | None = None  # for the body's next bytes

    def stop(self) -> None:
        """Accept no further rows, and stop waiting for the rest of the body."""
        if not self._stopping and self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())
        self._stopping = True

    async def read(
        self, rows: Rows, unpacking: Unpacking, read_piece: ReadPiece, read_keys: ReadKeys
    ) -> CampaignAnswer:
        """Raises ``Invalid`` if the body is not a campaign and no row was accepted. If rows were accepted,
        ``CampaignAnswer.error`` has the error."""
        self._read_keys = read_keys
        try:
            await self._read_body(rows, unpacking, read_piece)
        except ConnectionError:  # the client has gone
            self._uncount(self._batch)
            raise
        except Invalid as error:
            await self._commit_rest()
            if not (self.answer.accepted or self.answer.repeated):
                raise
            self.answer.error = {"code": error.code, "field": error.field, "message": error.message}
        await self._commit_rest()
        if self._order is not None and self.answer.accepted:
            # Rows may have arrived after a pause in which the campaign seemed to have ended.
            self._driver.keep([replace(self._order, at_ns=wall_ns())])
        self.answer.held = self._driver.gate.held(self.answer.id)
        if self._unordered:  # a key that is in use is found later than other errors
            self.answer.refused.sort(key=attrgetter("row"))
        return self.answer

    async def _read_body(self, rows: Rows, unpacking: Unpacking, read_piece: ReadPiece) -> None:
        unpacked_bytes = 0
        while piece := await self._next(read_piece):
            for content in unpacking.slices(piece):
                unpacked_bytes += len(content)
                if unpacked_bytes > MAX_BODY_BYTES:
                    raise Invalid("too_large", "", f"a campaign's body has at most {MAX_BODY_BYTES} bytes")
                await self._take(rows.head, rows.feed(content))
                await self._turns.pause()
        unpacking.finish()
        await self._take(rows.head, rows.finish())
        self._share(rows.head, now_ns())  # a campaign without rows is checked too

    async def _next(self, read_piece: ReadPiece) -> bytes:
        if self._stopping:
            raise _STOPPED
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        limit_s = wait_limit_s(self._patience_s, self._came_bytes, self._waited_s)
        try:
            async with asyncio.timeout(limit_s) as self._waiting:
                piece = await read_piece()
        except TimeoutError:
            raise (_STOPPED if self._stopping else _TOO_SLOW) from None
        finally:
            self._waiting = None
            self._waited_s += loop.time() - began_s
        self._came_bytes += len(piece)
        return piece

    async def _take(self, head: dict[str, Any], rows: Iterable[Any]) -> None:
        """Raises ``Invalid`` at the first row beyond the limit; nothing after it is read."""
        now = now_ns()
        message_of, strict = self._intake.row, self._strict
        for row in rows:
            shared = self._shared or self._share_before_rows(head, now)
            seen = self._rows_seen
            if seen == MAX_ROWS:
                raise Invalid(
                    "too_many_rows",
                    "recipients",
                    f"a campaign has at most {MAX_ROWS} rows: send the rest in another campaign",
                )
            self._rows_seen = seen = seen + 1
            if seen % TURN_ROWS == 0:
                await self._turns.pause()
            if shared is None:
                continue
            try:
                if isinstance(row, Invalid):
                    raise row
                recipient = read_recipient(row, strict)
                message = message_of(recipient, shared, now)
            except Invalid as error:
                self._refuse_counted(seen, error)
                continue
            self._add(now, seen, message, recipient.key)
            while (
                len(self._batch) >= COMMIT_ROWS
                or len(self._doubles) >= COMMIT_ROWS
                or len(self._keyed) >= COMMIT_ROWS
            ):
                await self._commit()

    def _add(self, now: int, number: int, message: Message, key: str | None) -> None:
        """Add the message of a row to the batch, or refuse it. ``key`` is the row's own."""
        duplicates = self._duplicates
        try:
            if duplicates is not None:
                duplicates.check(message, key)
            self._rules.check(now, message)
        except Invalid as error:
            if error is DUPLICATE and (self._has_keys or self._doubles):
                # The first row may be refused, since its key may be in use: then this one counts.
                self._doubles.append((number, message, key))
                return
            if error is DUPLICATE and key is not None:
                self._keyed.append((number, message))
                return
            # Of a row that the client is asked to send again, a repeat here would be a second message.
            if duplicates is not None and error is not DUPLICATE and error.retry_after_s is None:
                duplicates.forget(message)
            self._refuse_counted(number, error)
            return
        self._numbers.append(number)
        self._batch.append(message)
        if key is not None:
            self._has_keys = True

    def _share_before_rows(self, head: dict[str, Any], now: int) -> Shared | None:
        """None if a required field is missing and may come after the rows: these are then read, and not
        kept, so that the error is that the field is misplaced.
        """
        if self._lacks_field:
            return None
        try:
            return self._share(head, now)
        except Invalid as error:
            if error.code != "missing" or not self._strict:
                raise
            self._lacks_field = True
            return None

    def _share(self, head: dict[str, Any], now: int) -> Shared:
        if self._shared is None:
            defaults = read_defaults(head, self._strict)
            campaign = defaults.campaign or self._intake.campaign_id()
            shared = self._intake.shared_part(defaults, campaign, now)
            if not self._driver.has_room(1, defaults.message_class):
                self._tally.queue_full += 1
                raise Invalid("queue_full", "", "the queue is full: try again", _RETRY_FULL_S)
            controls = self._rules.campaign(campaign, defaults)
            self._order = self._rules.report_order(wall_ns(), campaign, defaults)
            if controls is not None:
                self._driver.change_campaign(controls)
            if self._order is not None:
                self._driver.keep([self._order])
            if defaults.duplicates == "allow":
                self._duplicates = None
            self._shared = shared
            self.answer.id = campaign
        return self._shared

    async def _commit(self) -> None:
        """Store the batch. Duplicates of its rows that were refused permanently are the next one."""
        await self._store()
        self._has_keys = False
        doubles, self._doubles = self._doubles, []
        now = now_ns()
        for number, message, key in doubles:
            self._add(now, number, message, key)
        await self._count_repeated()

    async def _commit_rest(self) -> None:
        while self._batch or self._keyed:
            await self._commit()

    async def _count_repeated(self) -> None:
        """Count the duplicates that repeat an earlier message with its key, and refuse the others."""
        keyed, self._keyed = self._keyed, []
        if not keyed:
            return
        if self._stopping:
            for number, _ in keyed:
                self._refuse(number, _STOPPING)
            return
        try:
            known = {each.message.key: each for each in await self._read_keys([m.key for _, m in keyed])}
            again = [
                each for _, each in keyed if (found := known.get(each.key)) and is_same(found.message, each)
            ]
            # What was read may be of a commit that failed, and be removed: only a commit says that it stays.
            taken = await self._driver.take_many(again) if again else {}
        except StoreError:
            self._tally.store_failed += len(keyed)
            for number, _ in keyed:
                self._refuse(number, _STORE_FAILED)
            return
        came = {each.message_id for each in again}
        for number, message in keyed:
            existing = taken.get(message.message_id)
            if message.message_id in came and existing is None:  # it was removed, and is stored now
                self.answer.accepted += 1
                self._tally.accepted += 1
            elif existing is not None and not existing.is_duplicate and existing.is_repeated_by(message):
                self.answer.repeated += 1
                self._tally.repeated += 1
            else:
                self._refuse_counted(number, DUPLICATE)

    async def _store(self) -> None:
        batch, self._batch = self._batch, []
        numbers, self._numbers = self._numbers, []
        if not batch:
            return
        if self._stopping:
            return self._refuse_all(numbers, batch, _STOPPING)
        if (room := self._room(batch)) < len(batch):
            self._tally.queue_full += len(batch) - room
            self._refuse_all(numbers[room:], batch[room:], _QUEUE_FULL)
            numbers, batch = numbers[:room], batch[:room]
            if not batch:
                return
        try:
            known = await self._driver.take_many(batch)
        except StoreError:
            self._tally.store_failed += len(batch)
            return self._refuse_all(numbers, batch, _STORE_FAILED)
        repeated = conflicts = duplicates = 0
        if known:
            for number, message in zip(numbers, batch, strict=True):
                existing = known.get(message.message_id)
                if existing is None:
                    continue
                self._rules.undo(message)
                if existing.is_duplicate:
                    duplicates += 1
                    self._refuse_counted(number, DUPLICATE)
                elif existing.is_repeated_by(message):
                    repeated += 1
                else:
                    conflicts += 1
                    if self._duplicates is not None:
                        self._duplicates.forget(message)
                    self._refuse(number, _CONFLICT)
        accepted = len(batch) - repeated - conflicts - duplicates
        self.answer.accepted += accepted
        self.answer.repeated += repeated
        self._tally.accepted += accepted
        self._tally.repeated += repeated
        self._tally.conflicts += conflicts

    def _room(self, batch: Sequence[Message]) -> int:
        """How many messages of ``batch`` the queue takes."""
        has_room, lane = self._driver.has_room, batch[0].lane
        if has_room(len(batch), lane):
            return len(batch)
        return bisect_left(range(1, len(batch)), True, key=lambda count: not has_room(count, lane))

    def _refuse_all(self, numbers: list[int], batch: list[Message], why: Invalid) -> None:
        self._uncount(batch)
        for number in numbers:
            self._refuse(number, why)

    def _uncount(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._rules.undo(message)

    def _refuse_counted(self, row: int, why: Invalid) -> None:
        if why.code in POLICY_CODES:
            self._tally.refused_by_policy += 1
        else:
            self._tally.invalid += 1
        self._refuse(row, why)

    def _refuse(self, row: int, why: Invalid) -> None:
        self.answer.refused_count += 1
        reason = (why.code, why.field, why.message)
        last = self._last_refusals.get(reason)
        if last is not None and last.to_row == row - 1:
            last.to_row = row
            return
        self._unordered = self._unordered or row < self._last_refused
        self._last_refused = row
        self._last_refusals[reason] = refusal = RefusedRows(row, row, *reason)
        self.answer.refused.append(refusal)
