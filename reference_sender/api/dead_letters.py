"""Dead letters, messages that ended failed or expired: listed, filtered, and sent again as new messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct, structs

from reference_sender.api.answers import json_answer
from reference_sender.api.bodies import read_message
from reference_sender.api.campaign_controls import read_body
from reference_sender.api.handlers import Handler
from reference_sender.api.intake import Intake, Invalid, plus_hint
from reference_sender.api.queries import Queries, instant, shown
from reference_sender.api.query_strings import (
    LARGEST_ID,
    fields_of,
    filter_of,
    limit_of,
    number_of,
    whole_number,
)
from reference_sender.api.replay import second_may_arrive
from reference_sender.api.rules import IntakeRules
from reference_sender.clock import now_ns, wall_ns
from reference_sender.dispatch.message_states import UNCERTAIN_REASONS
from reference_sender.dispatch.values import Lane, Message, State, is_hedge
from reference_sender.runtime.driver import Driver
from reference_sender.store import DeadLetterFilter, Record, StoreError

_MOST = 1_000  # in one page or replay
_STEP = 500  # of a replay by filter
_QUEUE_FULL = "queue_full"
_FILTERS = ("campaign", "reason", "message_class", "route", "since", "until")
_LAST_NS = 2**63 - 1  # the largest instant in a store, in the year 2262
_EXAMPLE = "2026-12-01T09:00:00+01:00"
_CLASSES = ", ".join(lane.value for lane in Lane)


class DeadLetterQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Which dead letters, as the query and the body name them. Instants have an offset."""

    campaign: str | None = None
    reason: str | None = None
    message_class: Lane | None = None
    route: str | None = None
    since: str | None = None
    until: str | None = None


class ReplayRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """The body of ``POST /v1/dead-letters/replay``: the ids that ``GET /v1/dead-letters`` showed, or a
    ``filter``, of which at most ``limit`` are sent again, those with an id above ``after``.
    """

    ids: Annotated[list[str], Meta(min_length=1, max_length=_MOST)] | None = None
    filter: DeadLetterQuery | None = None
    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=_MOST)] | None = None
    dry_run: bool | None = False
    allow_duplicate: bool | None = False


class Replayed(Struct, frozen=True):
    """A dead letter and the new message that repeats it. ``again``: an earlier call made it."""

    id: str
    new_id: str
    key: str
    again: bool


class NotReplayed(Struct, frozen=True):
    """Why a message was not sent again."""

    id: str
    reason: str
    message: str


class DeadLetters:
    """The handlers of these paths."""

    def __init__(
        self, driver: Driver, queries: Queries, intake: Intake, rules: IntakeRules, patience_s: float
    ) -> None:
        self._driver = driver
        self._queries = queries
        self._intake = intake
        self._rules = rules
        self._patience_s = patience_s

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """By method and path."""
        return {
            ("GET", "/v1/dead-letters"): self._list,
            ("POST", "/v1/dead-letters/replay"): self._replay,
        }

    async def _list(self, request: web.BaseRequest, _: str) -> web.Response:
        fields = fields_of(request.raw_path.partition("?")[2], {*_FILTERS, "after", "limit"})
        limit = limit_of(fields, _MOST)
        after_id = number_of(fields, "after", 0, 0, LARGEST_ID)
        wanted = _store_filter(
            DeadLetterQuery(
                fields.get("campaign"),
                fields.get("reason"),
                _lane(fields.get("message_class")),
                fields.get("route"),
                fields.get("since"),
                fields.get("until"),
            )
        )
        found = await self._queries.dead_letters(wanted, after_id, limit)
        following = str(found[-1].message.message_id) if len(found) == limit else None
        return json_answer({"dead_letters": [shown(record) for record in found], "next": following})

    async def _replay(self, request: web.BaseRequest, _: str) -> web.Response:
        wanted = read_body(await read_message(request, self._patience_s), ReplayRequest)
        _check(wanted)
        if wanted.filter is not None:
            return await self._replay_matching(wanted, wanted.filter)
        refused: list[NotReplayed] = []
        repeats: dict[str, Message] = {}  # by the id of the dead letter
        for text in dict.fromkeys(wanted.ids or ()):
            try:
                record = await self._record(text)
                seconds = {} if wanted.allow_duplicate else await self._queries.seconds_of([record])
                repeats[text] = self._repeated(record, seconds, bool(wanted.allow_duplicate), len(repeats))
            except Invalid as error:
                refused.append(NotReplayed(text, error.code, error.message))
            except StoreError:
                self._uncount(repeats)
                raise
        done = await self._send(repeats)
        return json_answer({"replayed": done, "refused": refused}, 202 if done else 409)

    async def _replay_matching(self, wanted: ReplayRequest, which: DeadLetterQuery) -> web.Response:
        """One step. The next one leaves out what ended after the first began: a message that was sent again
        and failed again is not sent a third time.
        """
        after_id = number_of({"after": wanted.after or "0"}, "after", 0, 0, LARGEST_ID)
        limit = wanted.limit or _STEP
        if which.until is None:
            which = structs.replace(which, until=instant(wall_ns()))
        matching = _store_filter(which, "filter.")
        if wanted.dry_run:
            reasons = await self._queries.count_dead_letters(matching)
            uncertain = sum(count for reason, count in reasons.items() if reason in UNCERTAIN_REASONS)
            counted = {"matched": sum(reasons.values()), "uncertain": uncertain, "reasons": reasons}
            return json_answer(counted)
        found = await self._queries.dead_letters(matching, after_id, limit)
        seconds = {} if wanted.allow_duplicate else await self._queries.seconds_of(found)
        refused: list[NotReplayed] = []
        repeats: dict[str, Message] = {}
        last_id, is_full = after_id, False
        for record in found:
            text = str(record.message.message_id)
            try:
                repeats[text] = self._repeated(record, seconds, bool(wanted.allow_duplicate), len(repeats))
            except Invalid as error:
                is_full = error.code == _QUEUE_FULL
                if is_full:  # the next step begins with this one
                    break
                refused.append(NotReplayed(text, error.code, error.message))
            last_id = record.message.message_id
        done = await self._send(repeats)
        step = structs.replace(wanted, filter=which, after=str(last_id), limit=limit)
        is_last = len(found) < limit and not is_full
        answer = {"replayed": done, "refused": refused, "next": None if is_last else structs.asdict(step)}
        if is_full and not (done or refused):
            raise Invalid(_QUEUE_FULL, "", "the queue is full: send the same step again later", 1)
        return json_answer(answer, 202)

    async def _send(self, repeats: dict[str, Message]) -> list[Replayed]:
        """Store and send the new messages, by the id of the dead letter."""
        done: list[Replayed] = []
        if repeats:
            try:
                known = await self._driver.take_many(list(repeats.values()))
            except StoreError:
                self._uncount(repeats)
                raise
            for text, message in repeats.items():
                existing = known.get(message.message_id)
                if existing is not None:
                    self._rules.undo(message)
                new_id = message.message_id if existing is None else existing.message_id
                done.append(Replayed(text, str(new_id), message.key, existing is not None))
        return done

    def _uncount(self, repeats: Mapping[str, Message]) -> None:
        for message in repeats.values():
            self._rules.undo(message)

    async def _record(self, text: str) -> Record:
        row_id = whole_number(text)
        record = None if row_id is None else await self._queries.record(row_id)
        if record is None:
            raise Invalid("not_found", "ids", "there is no such message")
        return record

    def _repeated(
        self, record: Record, seconds: Mapping[str, Record], allow_duplicate: bool, before: int
    ) -> Message:
        """The new message, which comes after ``before`` others. Raises ``Invalid``."""
        if is_hedge(record.message.key):
            raise Invalid(
                "second_message", "ids", "it is the second message of an OTP: only the first is sent again"
            )
        if record.state not in (State.FAILED, State.EXPIRED):
            raise Invalid(
                "not_dead",
                "ids",
                f"the message is {record.state.value}: only failed and expired ones are sent again",
            )
        if record.reason in UNCERTAIN_REASONS and not allow_duplicate:
            raise Invalid(
                record.reason,
                "allow_duplicate",
                "the provider may have delivered it: give allow_duplicate=true if a duplicate is acceptable",
            )
        if not allow_duplicate and second_may_arrive(seconds.get(record.message.key)):
            raise Invalid(
                "second_uncertain",
                "allow_duplicate",
                "its second message may arrive: give allow_duplicate=true if a duplicate is acceptable",
            )
        if not self._driver.has_room(before + 1, record.message.lane):
            raise Invalid(_QUEUE_FULL, "", "the queue is full: send it again later")
        now = now_ns()
        message = self._intake.replay(record.message, now)
        self._rules.check(now, message)
        return message


def _check(wanted: ReplayRequest) -> None:
    """Raises ``Invalid`` for fields that do not go together."""
    if wanted.ids is None and wanted.filter is None:
        raise Invalid("missing", "ids", "give ids or filter; null counts as not given")
    if wanted.ids is not None and wanted.filter is not None:
        raise Invalid("invalid", "filter", "give either ids or filter, not both")
    steps = {"after": wanted.after, "limit": wanted.limit}
    given = [name for name, value in steps.items() if value is not None]
    if wanted.ids is not None:
        given += ["dry_run"] if wanted.dry_run else []
        if given:
            raise Invalid("invalid", given[0], f"{given[0]} needs filter")
    elif wanted.dry_run and given:
        raise Invalid("invalid", given[0], f"dry_run counts all that match: leave out {given[0]}")


def _store_filter(wanted: DeadLetterQuery, within: str = "") -> DeadLetterFilter:
    """``within`` comes before the names of its fields. Raises ``Invalid``."""
    return DeadLetterFilter(
        filter_of(f"{within}campaign", wanted.campaign),
        filter_of(f"{within}reason", wanted.reason),
        wanted.message_class,
        filter_of(f"{within}route", wanted.route),
        _instant_ns(f"{within}since", wanted.since),
        _instant_ns(f"{within}until", wanted.until),
    )


def _instant_ns(name: str, text: str | None) -> int | None:
    """An instant as the store has it; the nearest one that it can have. Raises ``Invalid``."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        rule = f"{name} must be an instant with its offset, such as {_EXAMPLE}{plus_hint(text)}"
        raise Invalid("invalid", name, rule)
    return min(max(round(at.timestamp() * 1e6) * 1_000, 0), _LAST_NS)


def _lane(text: str | None) -> Lane | None:
    if text is None:
        return None
    try:
        return Lane(text)
    except ValueError as error:
        raise Invalid("invalid", "message_class", f"message_class must be one of {_CLASSES}") from error
