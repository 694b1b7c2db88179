"""All alerts of one sender: states of the dispatcher in, notices out."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from reference_sender.alerts.hysteresis import Hysteresis
from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.values import values
from reference_sender.dispatch import DispatchState


class Notice(Struct, frozen=True):
    """An alert that begins or ends. ``limit`` is the one that the value passed."""

    alert: str
    began: bool
    value: float
    limit: float
    said: str

    @property
    def line(self) -> str:
        """One line for a person."""
        if self.began:
            return f"ALERT {self.alert}: {self.said}: {self.value:.4g}, above {self.limit:.4g}"
        return f"ALL CLEAR {self.alert}: {self.said}: {self.value:.4g}, at most {self.limit:.4g}"


class Alerts:
    """Keeps the states of one window, and which alerts are active."""

    def __init__(self, rules: AlertRules) -> None:
        self._rules = rules
        self._samples: deque[tuple[float, DispatchState]] = deque()
        self._alerts: dict[str, Hysteresis] = {}

    @property
    def active(self) -> list[str]:
        """Names of the alerts that began and have not ended."""
        return sorted(name for name, each in self._alerts.items() if each.active)

    def observe(self, at_s: float, state: DispatchState) -> list[Notice]:
        """Take the state at ``at_s``, which never goes back. The alerts that begin or end with it."""
        samples = self._samples
        samples.append((at_s, state))
        # The oldest sample is the newest of those that are at least one window old.
        while len(samples) > 1 and samples[1][0] <= at_s - self._rules.window_s:
            samples.popleft()
        before_s, before = samples[0]
        if at_s <= before_s:
            return []
        notices = []
        for each in values(self._rules, before, state, at_s - before_s):
            alert = self._alerts.setdefault(each.name, Hysteresis())
            if alert.changed(each.rule, at_s, each.value):
                limit = each.rule.above if alert.active else each.rule.clear
                notices.append(Notice(each.name, alert.active, each.value, limit, each.said))
        return notices
