"""A message that is sent at once, without the queues: the same effects and states as by way of the queues."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from messages import made_message
from msgspec.structs import replace
from nanoseconds import S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.at_once import AtOnce
from reference_sender.dispatch.values import (
    Change,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    SetAside,
    State,
    SubmitBatch,
    key_of_second,
)

SEEDS, STEPS = 12, 400
# Wide limits, at which nearly all messages go at once, and narrow ones, at which most wait.
WIDE = RouteLimits("a", 100.0, 20.0, 500.0, 100.0, 50, 20, 86_400.0)
NARROW = RouteLimits("a", 2.0, 2.0, 5.0, 4.0, 3, 2, 86_400.0)
UNSAFE = RouteLimits("a", 20.0, 5.0, 50.0, 20.0, 5, 3, 0.0, lookup_window_s=30.0)
OTHER = RouteLimits("b", 5.0, 2.0, 20.0, 10.0, 5, 2, 86_400.0)
OUTCOMES = [Outcome.ACCEPTED] * 60 + [each for each in Outcome if each is not Outcome.ACCEPTED]

CASES: dict[str, tuple[tuple[RouteLimits, ...], dict[str, Any]]] = {
    "wide": ((WIDE,), {}),
    "narrow": ((NARROW,), {}),
    "narrow in order of arrival": ((NARROW,), {"order": "arrival"}),
    "repeats are not refused": ((UNSAFE,), {"report_timeout_s": 20.0, "report_query_s": 10.0}),
    "linger": ((WIDE,), {"marketing_linger_s": 0.5}),
    "second messages of another sender": ((WIDE,), {"hedge_otp_after_s": 5.0}),
    "prices": ((replace(WIDE, cost_per_segment=0.25),), {}),
    "two routes": ((WIDE, OTHER), {"hedge_otp_after_s": 5.0}),
    "price list": ((WIDE,), {}),
    "sent messages follow": ((WIDE,), {"report_timeout_s": 20.0}),
}
PAGES, PAGE = 4, 5


class Script:
    """Random inputs. They depend on the seed and on the effects so far, and on nothing else."""

    def __init__(self, case: str, seed: int) -> None:
        routes, settings = CASES[case]
        self.random = Random(seed)
        self.core = Dispatcher(DispatchSettings.model_validate(settings), routes, seed)
        self.now_ns = 100 * S
        self.made: list[Message] = []
        self.in_flight: list[SubmitBatch] = []
        self.sent: list[Change] = []
        self.aside: list[Message] = []
        self.trace: list[object] = []
        self.left: list[Recovered] = []  # of an earlier process
        if case == "price list":
            self.core.campaigns.price_by(lambda message: 7 * message.segments, 5)
        if case == "sent messages follow":
            self.core.expect_sent()
            self.left = [self.sent_before(number) for number in range(PAGES * PAGE)]

    def sent_before(self, number: int) -> Recovered:
        sent_ns = self.now_ns - 10 * S + number
        key, expires_ns = f"before{number}", self.now_ns + 3600 * S
        message = made_message(
            -1 - number,
            key=key,
            text="",
            sender_id="X",
            campaign="c",
            created_ns=sent_ns,
            expires_ns=expires_ns,
        )
        self.sent.append(Change(message.message_id, key, State.SENT, "", f"p-{key}", 1, sent_ns, "a"))
        return Recovered(message, State.SENT, 1, f"p-{key}", sent_ns, "a", sent_ns)

    def recover(self) -> None:
        page, self.left = self.left[:PAGE], self.left[PAGE:]
        self.took(self.core.recover_sent(self.now_ns, page, len(self.left)))

    def run(self) -> list[object]:
        """What came out, and the state after each input."""
        for _ in range(STEPS):
            self.now_ns += self.random.choice([0, 1, S // 100, S // 3, 2 * S])
            deadline_ns = self.core.next_deadline()
            if deadline_ns is not None and deadline_ns <= self.now_ns and self.random.random() < 0.7:
                self.took(self.core.advance(self.now_ns))
            self.random.choice([self.offer, self.offer, self.answer, self.answer, self.answer, self.report])()
        return self.trace

    def offer(self) -> None:
        draw = self.random
        offered = [self.message() for _ in range(draw.choice([1, 1, 1, 1, 2, 5]))]
        closes = {}
        if draw.random() < 0.15:
            closes[offered[0].message_id] = self.now_ns + draw.choice([-1, 0, S // 10, S])
        if self.aside and draw.random() < 0.3:
            offered = [self.aside.pop()]
        elif self.made and draw.random() < 0.05:
            offered = [draw.choice(self.made)]
        elif self.made and draw.random() < 0.05:
            first = draw.choice(self.made)
            offered = [
                replace(first, message_id=-first.message_id, key=key_of_second(first.key), lane=Lane.OTP)
            ]
        self.made += offered
        self.took(self.core.offer(self.now_ns, tuple(offered), closes))

    def message(self) -> Message:
        draw, number = (
            self.random,
            len(self.made) + len(self.trace) * 10 + self.random.randrange(10**6) * 10**6,
        )
        lasts_ns = draw.choice([0, S, 30 * S, 3600 * S, 3600 * S, 3600 * S])
        return made_message(
            number,
            key=f"k{number}",
            lane=draw.choice(list(Lane)),
            sender_id=draw.choice("XY"),
            campaign=draw.choice(["", "c"]),
            segments=draw.choice([1, 1, 1, 2, 5]),
            created_ns=self.now_ns,
            expires_ns=self.now_ns + lasts_ns,
        )

    def answer(self) -> None:
        if not self.in_flight:
            return
        draw = self.random
        batch = self.in_flight.pop(draw.randrange(len(self.in_flight)))
        if draw.random() < 0.05:
            self.took(self.core.withdrawn(self.now_ns, batch.batch_id))
            return
        outcome = draw.choice(OUTCOMES)
        wait_s = draw.choice([None, 0.5])
        results = [
            Result(outcome, f"p-{each.key}" if outcome is Outcome.ACCEPTED else None, "why", wait_s)
            for each in batch.messages
        ]
        self.took(self.core.answered(self.now_ns, batch.batch_id, results))

    def report(self) -> None:
        if self.left:
            if self.random.random() < 0.05:
                self.recover()
            return
        if not self.sent:
            return
        draw = self.random
        about = draw.choice(self.sent)
        state = draw.choice([State.DELIVERED, State.DELIVERED, State.FAILED, State.SENT])
        self.took(self.core.reported(self.now_ns, [Report(about.provider_id or "", about.key, state, "")]))

    def took(self, effects: Any) -> None:
        for effect in effects:
            if isinstance(effect, SubmitBatch):
                self.in_flight.append(effect)
            elif isinstance(effect, Change) and effect.state is State.SENT:
                self.sent.append(effect)
            elif isinstance(effect, SetAside):
                self.aside.append(effect.message)
        core = self.core
        counts = core.campaigns.total, core.campaigns.newest(5)
        self.trace.append(
            (self.now_ns, list(effects), core.state(self.now_ns), core.kept(), core.next_deadline(), counts)
        )


def by_way_of_the_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AtOnce, "try_submit", lambda *_: False)
    monkeypatch.setattr(AtOnce, "try_accept", lambda *_: False)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("case", CASES)
def test_the_queues_give_the_same(case: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = Script(case, seed).run()
    by_way_of_the_queues(monkeypatch)
    queued = Script(case, seed).run()
    for number, (one, other) in enumerate(zip(at_once, queued, strict=True)):
        assert one == other, f"step {number}"


@pytest.mark.parametrize("name", ["try_submit", "try_accept"])
def test_messages_are_sent_and_accepted_in_both_ways(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Otherwise the test above compares nothing."""
    at_once, taken = getattr(AtOnce, name), {True: 0, False: 0}

    def counted(*arguments: Any) -> bool:
        found = at_once(*arguments)
        taken[found] += 1
        return bool(found)

    monkeypatch.setattr(AtOnce, name, counted)
    for seed in range(SEEDS):
        Script("wide", seed).run()
    assert min(taken.values()) > 200, taken
