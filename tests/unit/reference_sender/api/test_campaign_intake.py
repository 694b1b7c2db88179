"""How a campaign is taken in: steps between two turns of the event loop, and an end at its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
import pytest

from reference_sender.api import campaign_intake
from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.campaign_answer import CampaignAnswer, RefusedRows, encoded
from reference_sender.api.campaign_intake import TURN_ROWS, CampaignIntake, wait_limit_s
from reference_sender.api.csv_rows import CsvRows
from reference_sender.api.intake import Intake, Invalid
from reference_sender.api.json_rows import JsonRows, Rows
from reference_sender.api.rules import IntakeRules
from reference_sender.api.turns import Turns
from reference_sender.api.unpacking import SLICE_BYTES, Plain
from reference_sender.dispatch.values import Message
from reference_sender.policy.gate import open_gate
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.runtime.driver import Driver
from reference_sender.store import Existing, Record

HEAD = b'{"message_class": "marketing", "duplicates": "allow", "text": "hi", "recipients": ['
ROW = b'{"to": "48500100200"}'


class StepCounter(Turns):
    """Counts what is done between two turns."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = self.content = self.most_rows = self.most_content = 0

    async def pause(self) -> None:
        self.most_rows = max(self.most_rows, self.rows)
        self.most_content = max(self.most_content, self.content)
        self.rows = self.content = 0
        await super().pause()


class CountedRows:
    def __init__(self, rows: Rows, steps: StepCounter) -> None:
        self._rows, self._steps = rows, steps
        self.head = rows.head
        self.given = 0

    def feed(self, data: bytes) -> Iterator[Any]:
        self._steps.content += len(data)
        return self._counted(self._rows.feed(data))

    def finish(self) -> Iterator[Any]:
        return self._counted(self._rows.finish())

    def _counted(self, rows: Iterator[Any]) -> Iterator[Any]:
        for row in rows:
            self._steps.rows += 1
            self.given += 1
            yield row


class KeepingDriver:
    """A driver that keeps all it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.gate = open_gate()

    def has_room(self, *_: object) -> bool:
        return True

    async def take_many(self, messages: Sequence[Message]) -> Mapping[int, Existing]:
        self.messages += messages
        return {}


def take(rows: Rows, *pieces: bytes) -> tuple[CampaignAnswer | Invalid, StepCounter, int]:
    """The result of a campaign of ``pieces``, the steps it took, and the rows that were read of it."""

    async def run() -> tuple[CampaignAnswer | Invalid, StepCounter, int]:
        steps, coming = StepCounter(), iter([*pieces, b""])
        counted = CountedRows(rows, steps)
        strict = isinstance(rows, JsonRows)
        driver = KeepingDriver()
        rules = IntakeRules(driver.gate, RecipientLimits(None, None))
        campaign = CampaignIntake(
            Intake("t", "1", 0, 6), rules, cast(Driver, driver), ApiCounters(), steps, strict
        )

        async def read_piece() -> bytes:
            return next(coming)

        async def read_keys(keys: Sequence[str]) -> list[Record]:
            return []

        try:
            taken: CampaignAnswer | Invalid = await campaign.read(counted, Plain(), read_piece, read_keys)
        except Invalid as error:
            taken = error
        await steps.pause()
        return taken, steps, counted.given

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("rows", "body"),
    [
        (JsonRows(), HEAD + b"1," * 20_000 + ROW + b"]}"),
        (JsonRows(), HEAD + b"{}," * 20_000 + ROW + b"]}"),
        (JsonRows(), HEAD + (ROW + b",") * 20_000 + ROW + b"]}"),
        (JsonRows(), HEAD + b" " * 200_000 + ROW + b"]}"),
        (CsvRows({"message_class": "otp", "text": "hi"}), b"to\n" + b"1\n" * 20_000),
        (CsvRows({"message_class": "otp", "text": "hi"}), b"to\n" + b"\n" * 20_000 + b"48500100200\n"),
        (CsvRows({"message_class": "otp", "text": "hi"}), b"to\n" + b'"1"\n' * 20_000),
    ],
    ids=["digits", "empty", "good", "space", "csv", "csv lines", "csv quoted"],
)
def test_little_is_done_between_two_turns_of_the_loop(rows: Rows, body: bytes) -> None:
    taken, steps, _ = take(rows, body)
    assert isinstance(taken, CampaignAnswer) and taken.error is None
    assert 0 < steps.most_rows <= TURN_ROWS
    assert 0 < steps.most_content <= SLICE_BYTES


def test_reading_ends_at_the_row_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_intake, "MAX_ROWS", 1_000)
    taken, _, _ = take(JsonRows(), HEAD + b",".join([ROW] * 1_000) + b"]}")
    assert isinstance(taken, CampaignAnswer)
    assert (taken.accepted, taken.error) == (1_000, None)
    taken, _, read = take(JsonRows(), HEAD + b",".join([ROW] * 50_000), b"no JSON, and it is never looked at")
    assert isinstance(taken, CampaignAnswer) and taken.error is not None
    assert (taken.accepted, taken.error["code"], read) == (1_000, "too_many_rows", 1_001)
    for refused in (b"1", b"{}"):
        error, _, read = take(JsonRows(), HEAD + b",".join([refused] * 50_000) + b"]}")
        assert isinstance(error, Invalid)
        assert (error.code, read) == ("too_many_rows", 1_001)


def test_a_body_of_exactly_the_size_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    body = HEAD + ROW + b"]}"
    monkeypatch.setattr(campaign_intake, "MAX_BODY_BYTES", len(body))
    taken, _, _ = take(JsonRows(), body)
    assert isinstance(taken, CampaignAnswer) and taken.error is None
    error, _, _ = take(JsonRows(), body, b" ")
    assert isinstance(error, CampaignAnswer) and error.error is not None
    assert error.error["code"] == "too_large"


def test_a_slow_body_is_waited_for_while_bytes_arrive() -> None:
    assert wait_limit_s(30.0, 0, 0.0) == 30.0
    assert wait_limit_s(30.0, 0, 20.0) == 10.0
    assert wait_limit_s(30.0, 1_000_000, 900.0) == 30.0  # at more than 1,000 bytes per second, without end
    assert wait_limit_s(30.0, 10_000, 39.0) == 1.0
    assert wait_limit_s(30.0, 10_000, 41.0) < 0.0


@pytest.mark.parametrize(("count", "turns_taken"), [(0, 0), (1, 1), (2_000, 1), (2_001, 2), (10_000, 5)])
def test_an_answer_is_made_in_parts_of_one_turn_each(count: int, turns_taken: int) -> None:
    async def run() -> tuple[list[bytes], bytes, int]:
        taken = CampaignAnswer("c", 1, 2, refused_count=3, error={"message": '"refused":['})
        taken.refused = [RefusedRows(n, n, f"reason {n}", "to", "no") for n in range(1, count + 1)]
        whole = msgspec.json.encode(taken)
        turns = StepCounter()
        paused = 0

        async def pause() -> None:
            nonlocal paused
            paused += 1

        turns.pause = pause  # type: ignore[method-assign]
        return await encoded(taken, turns), whole, paused

    parts, at_once, paused = asyncio.run(run())
    assert b"".join(parts) == at_once
    assert paused == turns_taken
    assert len(parts) == turns_taken + 2
