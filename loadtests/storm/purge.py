"""The passes of a purge in a storm: old final messages, then controls, reports and costs of old campaigns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from loadtests.storm.draws import chance
from loadtests.storm.state import StormState
from loadtests.storm.store import ModelStore
from reference_sender.node.node import Node
from reference_sender.policy.spending import Spent
from reference_sender.runtime.purging import purged_before_ns
from reference_sender.store.protocol import Record, StoreError
from reference_sender.store.rule_purge import OldRules, RulePlace

_BETWEEN_STEPS_NS = 50_000_000
_MESSAGES_PER_STEP = 3
_RULES_PER_STEP = 2
RULES_AFTER_NS = 2_500_000_000  # from the beginning of a pass, for any number of messages
_LONGEST_ANSWER_S = 1.0  # of the store, to the question which campaigns have controls
_NO_DAY = 0  # before which no cost is old


class RemovedRules(Struct, frozen=True):
    """Campaigns whose controls, and costs that, a step removed from the store."""

    campaigns: Sequence[str]
    costs: Sequence[Spent]


class PurgingProcess(Protocol):
    """A process of the sender."""

    number: int
    stopping: bool
    store: ModelStore
    node: Node
    keep_ns: int

    def now_ns(self) -> int:
        """The process's own clock."""

    def input(self, act: Callable[[], None]) -> None:
        """Something reaches the process."""

    def messages_removed(self, gone: Sequence[Record]) -> None:
        """By a step."""

    def rules_removed(self, gone: RemovedRules) -> None:
        """By a step."""

    def rules_forgotten(self) -> None:
        """The process may have forgotten campaigns and costs."""


class PurgePass:
    """One pass, as ``runtime/purging.py`` makes it, and if ``of_rules`` as ``runtime/rule_purging.py`` does
    afterwards.
    """

    def __init__(self, state: StormState, process: PurgingProcess, of_rules: bool) -> None:
        self._state = state
        self._process = process
        self._of_rules = of_rules
        self._began_ns = state.now_ns
        self._before_ns = purged_before_ns(process.now_ns(), process.keep_ns, process.node.gate.wall)

    def begin(self) -> None:
        """Make the first step."""
        self._remove_messages(0)

    def _later(self, act: Callable[[], None], delay_ns: int = _BETWEEN_STEPS_NS) -> None:
        process = self._process
        self._state.later(delay_ns, lambda: process.input(lambda: None if process.stopping else act()))

    def _remove_messages(self, after_id: int) -> None:
        store, messages = self._process.store, self._state.disk.messages
        page = store.records(after_id, _MESSAGES_PER_STEP)
        try:
            step = store.purge(self._before_ns, after_id, _MESSAGES_PER_STEP)
        except StoreError:
            return
        self._process.messages_removed([each for each in page if each.message.message_id not in messages])
        last_id = step.last_id
        if last_id is not None:
            self._later(lambda: self._remove_messages(last_id))
        elif self._of_rules:
            wait_ns = max(0, self._began_ns + RULES_AFTER_NS - self._state.now_ns)
            self._later(self._begin_rules, wait_ns)

    def _begin_rules(self) -> None:
        self._remove_rules(OldRules(self._before_ns, self._first_day()), RulePlace())

    def _first_day(self) -> int:
        """The first day whose costs are not old. The sender keeps costs for eight days longer than messages,
        so that none of them can be returned. A storm lasts for a few hours: costs are old from the next day
        on, if no message is open.
        """
        process, spending = self._process, self._process.node.gate.spending
        assert spending is not None, "a storm has prices"
        is_open = process.node.waiting or process.store.unfinished() or process.store.sent_ids()
        return _NO_DAY if is_open else spending.day(process.now_ns())

    def _remove_rules(self, old: OldRules, place: RulePlace) -> None:
        disk = self._state.disk
        campaigns, spent = list(disk.campaigns), dict(disk.spent)
        try:
            following = self._process.store.purge_rules(old, place, _RULES_PER_STEP)
        except StoreError:
            return
        self._process.rules_removed(
            RemovedRules(
                [name for name in campaigns if name not in disk.campaigns],
                [Spent(*each, spent[each]) for each in spent if each not in disk.spent],
            )
        )
        if following is not None:
            self._later(lambda: self._remove_rules(old, following))
        else:
            self._later(lambda: self._forget(old.day, list(self._process.node.gate.campaigns)))

    def _forget(self, day: int, names: Sequence[str]) -> None:
        """Ask the store about some of the campaigns that the process knows. Its answer takes a while, and is
        of an instant between.
        """
        if not names:
            self._forget_costs(day)
            return
        rules = self._process.node.rules
        page, left = names[:_RULES_PER_STEP], names[_RULES_PER_STEP:]
        asked = rules.stored_campaigns(page)

        def read() -> None:
            controlled = self._process.store.controlled([each.name for each in asked])

            def answered() -> None:
                rules.forget([each for each in asked if each.name not in controlled], day)
                self._process.rules_forgotten()
                self._later(lambda: self._forget(day, left))

            self._later(answered, self._takes_ns("answer", len(left)))

        self._later(read, self._takes_ns("question", len(left)))

    def _forget_costs(self, day: int) -> None:
        gate = self._process.node.gate
        assert gate.spending is not None, "a storm has prices"
        known = [(gate.campaign(place[0]), place) for place in gate.spending.places() if place[1] < day]
        gate.spending.forget_days(
            [place for campaign, place in known if campaign is None or campaign.spending_limit is None]
        )
        self._process.rules_forgotten()

    def _takes_ns(self, what: str, left: int) -> int:
        drawn = chance(self._state.seed, what, self._process.number, left)
        return int(drawn * _LONGEST_ANSWER_S * 1e9)
