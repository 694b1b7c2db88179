"""All alerts of one sender: states of the dispatcher in, notices out."""

from __future__ import annotations

from collections import deque
from itertools import chain

from msgspec import Struct

from reference_sender.alerts.hysteresis import Hysteresis
from reference_sender.alerts.money import Money, money_values
from reference_sender.alerts.rules import AlertRules, FloorRule
from reference_sender.alerts.values import values
from reference_sender.dispatch import DispatchState

NO_MONEY = Money()


class Notice(Struct, frozen=True, omit_defaults=True):
    """An alert that begins or ends. The value passed ``limit``, which is a lower limit if ``floor``."""

    alert: str
    began: bool
    value: float
    limit: float
    said: str
    floor: bool = False

    @property
    def line(self) -> str:
        """One line for a person."""
        begins = f"{self.alert}: {self.said}: {self.value:.4g}"
        if self.began:
            return f"ALERT {begins}, {'below' if self.floor else 'above'} {self.limit:.4g}"
        return f"ALL CLEAR {begins}, {'at least' if self.floor else 'at most'} {self.limit:.4g}"


class Alerts:
    """Keeps the states of one window, and which alerts are active."""

    def __init__(self, rules: AlertRules) -> None:
        self._rules = rules
        self._samples: deque[tuple[float, DispatchState, Money]] = deque()
        self._alerts: dict[str, Hysteresis] = {}

    @property
    def active(self) -> list[str]:
        """Names of the alerts that began and have not ended."""
        return sorted(name for name, each in self._alerts.items() if each.active)

    def observe(self, at_s: float, state: DispatchState, money: Money = NO_MONEY) -> list[Notice]:
        """Take the states at ``at_s``, which never goes back. The alerts that begin or end with them."""
        samples = self._samples
        samples.append((at_s, state, money))
        # The oldest sample is the newest of those that are at least one window old.
        while len(samples) > 1 and samples[1][0] <= at_s - self._rules.window_s:
            samples.popleft()
        before_s, before, money_before = samples[0]
        if at_s <= before_s:
            return []
        notices = []
        of_dispatch = values(self._rules, before, state, at_s - before_s)
        for each in chain(of_dispatch, money_values(self._rules, money_before, money)):
            if not each.rule.enabled:
                continue
            alert = self._alerts.setdefault(each.name, Hysteresis())
            if alert.changed(each.rule, at_s, each.value):
                limit = each.rule.beyond if alert.active else each.rule.clear
                floor = isinstance(each.rule, FloorRule)
                notices.append(Notice(each.name, alert.active, each.value, limit, each.said, floor))
        return notices
