"""Dead letters, messages that ended failed or expired: listed, filtered, and sent again as new messages."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from reference_sender.api.answers import json_answer
from reference_sender.api.bodies import read_message
from reference_sender.api.campaign_controls import read_body
from reference_sender.api.handlers import Handler
from reference_sender.api.intake import Intake, Invalid
from reference_sender.api.queries import Queries, shown
from reference_sender.api.query_strings import fields_of, limit_of, number_of
from reference_sender.api.rules import IntakeRules
from reference_sender.clock import now_ns
from reference_sender.dispatch.message_states import EXPIRED_NOWHERE, EXPIRED_UNCERTAIN, EXPIRED_UNREPORTED
from reference_sender.dispatch.values import Lane, Message, State
from reference_sender.runtime.driver import Driver
from reference_sender.store import DeadLetterFilter, Record

_MOST = 1_000  # in one page or replay
_LARGEST_ID = 2**63 - 1
# The provider may have delivered a message that ended for one of these reasons.
UNCERTAIN_REASONS = frozenset({EXPIRED_UNCERTAIN, EXPIRED_UNREPORTED, EXPIRED_NOWHERE})
_CLASSES = ", ".join(lane.value for lane in Lane)


class ReplayRequest(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/dead-letters/replay``: the ids that ``GET /v1/dead-letters`` showed."""

    ids: Annotated[list[str], Meta(min_length=1, max_length=_MOST)]
    allow_duplicate: bool = False


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
        fields = fields_of(
            request.raw_path.partition("?")[2], {"campaign", "reason", "class", "after", "limit"}
        )
        limit = limit_of(fields, _MOST)
        after_id = number_of(fields, "after", 0, 0, _LARGEST_ID)
        wanted = DeadLetterFilter(fields.get("campaign"), fields.get("reason"), _lane(fields.get("class")))
        found = await self._queries.dead_letters(wanted, after_id, limit)
        following = str(found[-1].message.message_id) if len(found) == limit else None
        return json_answer({"dead_letters": [shown(record) for record in found], "next": following})

    async def _replay(self, request: web.BaseRequest, _: str) -> web.Response:
        wanted = read_body(await read_message(request, self._patience_s), ReplayRequest)
        refused: list[NotReplayed] = []
        repeats: dict[str, Message] = {}  # by the id of the dead letter
        for text in dict.fromkeys(wanted.ids):
            try:
                repeats[text] = self._repeated(await self._record(text), wanted.allow_duplicate)
            except Invalid as error:
                refused.append(NotReplayed(text, error.code, error.message))
        done: list[Replayed] = []
        if repeats:
            known = await self._driver.take_many(list(repeats.values()))
            for text, message in repeats.items():
                existing = known.get(message.message_id)
                if existing is not None:
                    self._rules.undo(message)
                new_id = message.message_id if existing is None else existing.message_id
                done.append(Replayed(text, str(new_id), message.key, existing is not None))
        return json_answer({"replayed": done, "refused": refused}, 202 if done else 409)

    async def _record(self, text: str) -> Record:
        readable = text.isdecimal() and len(text) <= 19 and int(text) <= _LARGEST_ID
        record = await self._queries.record(int(text)) if readable else None
        if record is None:
            raise Invalid("not_found", "ids", "there is no such message")
        return record

    def _repeated(self, record: Record, allow_duplicate: bool) -> Message:
        """Raises ``Invalid``."""
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
        if not self._driver.has_room(1, record.message.lane):
            raise Invalid("queue_full", "", "the queue is full: send it again later")
        now = now_ns()
        message = self._intake.replay(record.message, now)
        self._rules.check(now, message)
        return message


def _lane(text: str | None) -> Lane | None:
    if text is None:
        return None
    try:
        return Lane(text)
    except ValueError as error:
        raise Invalid("invalid", "class", f"class must be one of {_CLASSES}") from error
