"""Balances are asked for again and again, and the last known one counts."""

from __future__ import annotations

import asyncio
import logging

import pytest
from dispatch_states import state_of
from waiting import eventually_in_loop

from reference_sender.alerts.money import Money
from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.watch import Notice
from reference_sender.notices.watcher import AlertWatcher
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.balances import Balances

ROUNDS = 3  # answers, of which the last ones have the new balance


class FixedBalance:
    """Answers with its balance; None: the provider does not answer."""

    def __init__(self, balance: float | None) -> None:
        self.balance = balance
        self.asked = 0

    async def ask(self) -> float | None:
        self.asked += 1
        return self.balance


def test_a_low_balance_is_one_alert_and_one_all_clear_for_the_channel() -> None:
    account, notices = FixedBalance(500.0), list[Notice]()

    async def keep(notice: Notice) -> None:
        notices.append(notice)

    async def steps() -> None:
        background = BackgroundTasks()
        balances = Balances({"main": account.ask}, 0.005, background)
        rules = AlertRules(every_s=0.005, window_s=0.05)
        looks = 0

        def money() -> Money:
            nonlocal looks
            looks += 1
            return Money(dict(balances.known))

        async def until_seen() -> None:
            asked = account.asked + ROUNDS
            await eventually_in_loop(lambda: account.asked >= asked)
            seen = looks
            await eventually_in_loop(lambda: looks > seen)

        watcher = AlertWatcher(rules, state_of, {"kept": keep}, background, money=money)
        await eventually_in_loop(lambda: balances.known == {"main": 500.0})
        for balance in (99.0, None, 110.0, 200.0):
            account.balance = balance
            await until_seen()
        await eventually_in_loop(lambda: len(notices) == 2)
        watcher.stop()
        balances.stop()
        assert not background.failed.is_set()

    asyncio.run(steps())
    assert [(each.alert, each.began, each.limit) for each in notices] == [
        ("balance.main", True, 100),
        ("balance.main", False, 120),
    ]


def test_a_provider_that_gives_no_balance_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reference_sender.runtime.balances")
    silent, other = FixedBalance(None), FixedBalance(7.0)

    async def steps() -> None:
        balances = Balances({"silent": silent.ask, "other": other.ask}, 0.001, BackgroundTasks())
        await eventually_in_loop(lambda: other.asked > ROUNDS)
        assert balances.known == {"other": 7.0}
        balances.stop()

    asyncio.run(steps())
    assert [record.getMessage() for record in caplog.records] == [
        "route silent: the provider gave no balance (not supported, no answer, or a wrong token)"
    ]


def test_a_defect_ends_the_sender_and_is_not_lost() -> None:
    async def broken() -> float | None:
        raise ValueError("defect")

    async def steps() -> None:
        background = BackgroundTasks()
        Balances({"main": broken}, 1.0, background)
        await asyncio.wait_for(background.failed.wait(), 10)
        assert background.reason == "the sender's balance queries failed: ValueError"

    asyncio.run(steps())
