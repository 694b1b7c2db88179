"""Bugs in second messages that few storms find: their storms are given.

Each is what was left of a drawn storm when its other messages and faults were left out (seeds 5,209 and 1,984
of a version with 26 kinds of faults). A new kind of fault changes what a seed draws, and not these.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import pytest

from loadtests.storm import replay
from loadtests.storm.fault import Call
from loadtests.storm.faults.provider_crash import ProviderCrash
from loadtests.storm.faults.sender_crash_at_step import SenderCrashAtStep
from loadtests.storm.outcome import storm
from loadtests.storm.plan import StormPlan
from loadtests.storm.plan_parts import RoutePlan
from loadtests.storm.rules import StormRules
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.hedging import SecondMessages
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.values import Effect, Lane, Message

DAY_S = 86_400.0
# name, refuses_repeats, looks_up, carries_key, keeps_state, remembers_s, requests_per_s, segments_per_s,
# max_batch, max_in_flight, ask_ratio, reply_s, failing, answers_status
REPLAYED = StormPlan(
    seed=5_209,
    calls=(
        Call(3, 12.363, Lane.OTP, "c0", "Shop", places=(0, 2), valid_s=300.0, segments=4, together=False),
        Call(
            5,
            4.268,
            Lane.OTP,
            "c1",
            "Shop",
            (0, 1, 2),
            valid_s=300.0,
            segments=4,
            together=False,
            to_one=True,
        ),
    ),
    routes=(
        RoutePlan("a", True, False, True, True, DAY_S, 5, 10, 5, 1, 0.8, 0.02, failing=True),
        RoutePlan("b", True, False, True, True, 150.0, 100, 500, 5, 8, 2.0, 0.02, failing=True),
        RoutePlan("c", True, False, False, True, DAY_S, 5, 500, 5, 8, 0.8, 0.0, False, answers_status=True),
    ),
    faults=(),
    max_attempts=3,
    report_timeout_s=20.0,
    in_order=False,
    storm_s=90.0,
    hedge_otp_after_s=3.0,
    rules=StormRules(
        number_limit=2, keep_s=400.0, purges=(935.135, 1200.398, 988.455), replays=(227.327, 232.327)
    ),
)
STARTED_WITHOUT = StormPlan(
    seed=1_984,
    calls=(Call(1, 18.535, Lane.OTP, "", "", (0, 1), valid_s=20.0, segments=4, together=False, to_one=True),),
    routes=(
        RoutePlan("a", True, False, True, False, 150.0, 20, 10, 1, 8, 0.8, 0.0, True, answers_status=True),
        RoutePlan("b", True, False, False, True, 150.0, 5, 10, 5, 8, 0.8, 0.3, failing=False),
    ),
    faults=(
        ProviderCrash("b", at_s=7.546, down_s=30.0),
        SenderCrashAtStep("report", ordinal=2, down_s=2.0),
    ),
    max_attempts=3,
    report_timeout_s=20.0,
    in_order=False,
    storm_s=40.0,
    hours="closing",
    hedge_otp_after_s=3.0,
    rules=StormRules(daily_limit=40, number_limit=2),
    hedging_ends=True,
)


def test_an_otp_sent_again_while_its_second_message_is_in_flight_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(replay, "second_may_arrive", lambda _: False)
        assert storm(REPLAYED).invariants == {"replay"}
    assert not storm(REPLAYED).failed  # the bug fails, not the storm


def send_second_messages_as_ordinary_ones(patch: pytest.MonkeyPatch) -> None:
    """A process that makes no second messages sends those of an earlier one on any route."""
    made: WeakKeyDictionary[SecondMessages, tuple[Backlog, RouteChoice | None]] = WeakKeyDictionary()
    start, offer = SecondMessages.__init__, SecondMessages.offer

    def remember(
        seconds: SecondMessages, backlog: Backlog, states: MessageStates, choice: RouteChoice | None
    ) -> None:
        start(seconds, backlog, states, choice)
        made[seconds] = backlog, choice

    def ordinary(
        seconds: SecondMessages,
        now_ns: int,
        message: Message,
        closes: Mapping[int, int],
        effects: list[Effect],
    ) -> None:
        backlog, choice = made[seconds]
        if choice is not None:
            offer(seconds, now_ns, message, closes, effects)
        else:
            backlog.add(message, message.expires_ns)

    patch.setattr(SecondMessages, "__init__", remember)
    patch.setattr(SecondMessages, "offer", ordinary)


def test_a_second_message_sent_after_a_start_without_hedging_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must be held, or wait, when the process that made it ends."""
    with monkeypatch.context() as patch:
        send_second_messages_as_ordinary_ones(patch)
        assert storm(STARTED_WITHOUT).invariants == {"hedge"}
    assert not storm(STARTED_WITHOUT).failed  # the bug fails, not the storm
