"""All alerts of one sender: states of the dispatcher in, notices out."""

from __future__ import annotations

from collections import deque
from itertools import chain

from msgspec import Struct

from reference_sender.alerts.hysteresis import Hysteresis
from reference_sender.alerts.money import Money, money_values
from reference_sender.alerts.rules import AlertRules, FloorRule
from reference_sender.alerts.store import WORKS, StoreTrouble, store_values
from reference_sender.alerts.value import Value, beyond, limit_text
from reference_sender.alerts.values import values
from reference_sender.dispatch import DispatchState

NO_MONEY = Money()
_ENDED_KEPT = 10


class Notice(Struct, frozen=True, omit_defaults=True):
    """An alert that begins or ends. The value passed ``limit``, which is a lower limit if ``floor``."""

    alert: str
    began: bool
    value: float
    limit: float
    description: str
    floor: bool = False
    is_share: bool = False  # value and limit are parts of 1
    unit: str = ""  # of value and limit

    @property
    def line(self) -> str:
        """One line for a person."""
        begins = f"{self.alert}: {self.description}"
        limit = limit_text(self.limit, self.is_share, self.unit)
        if self.began:
            return f"ALERT {begins}, {beyond(limit, self.floor)}"
        least = "at least" if self.floor else "at most"
        return f"ALL CLEAR {begins}, {least} {limit}"


class ActiveAlert(Struct, frozen=True):
    """An alert that began at ``since_s``, with its latest value."""

    value: Value
    since_s: float


class EndedAlert(Struct, frozen=True):
    """An alert that has ended."""

    value: Value
    since_s: float
    ended_s: float


class Alerts:
    """Keeps the states of one window, and which alerts are active."""

    def __init__(self, rules: AlertRules) -> None:
        self.rules = rules
        self._samples: deque[tuple[float, DispatchState, Money]] = deque()
        self._alerts: dict[str, Hysteresis] = {}
        self._active: dict[str, ActiveAlert] = {}
        self._ended: deque[EndedAlert] = deque(maxlen=_ENDED_KEPT)

    @property
    def active(self) -> list[ActiveAlert]:
        """Alerts that began and have not ended, the oldest first."""
        return list(self._active.values())

    @property
    def ended(self) -> list[EndedAlert]:
        """The last alerts that ended, the newest first."""
        return list(reversed(self._ended))

    @property
    def window_start(self) -> tuple[float, DispatchState] | None:
        """The first state of the window, and when it was taken; None before the first ``observe``."""
        return self._samples[0][:2] if self._samples else None

    def observe(
        self, at_s: float, state: DispatchState, money: Money = NO_MONEY, store: StoreTrouble = WORKS
    ) -> list[Notice]:
        """Take the states at ``at_s``, which never goes back. The alerts that begin or end with them."""
        samples = self._samples
        samples.append((at_s, state, money))
        # The oldest sample is the newest of those that are at least one window old.
        while len(samples) > 1 and samples[1][0] <= at_s - self.rules.window_s:
            samples.popleft()
        before_s, before, money_before = samples[0]
        if at_s <= before_s:
            return []
        notices = []
        without_value = set(self._alerts)
        of_dispatch = values(self.rules, before, state, at_s - before_s)
        of_money = money_values(self.rules, money_before, money)
        for each in chain(of_dispatch, of_money, store_values(self.rules, store)):
            if not each.rule.enabled:
                continue
            without_value.discard(each.name)
            alert = self._alerts.setdefault(each.name, Hysteresis())
            if alert.changed(each.rule, at_s, each.value):
                limit = each.rule.begin_limit if alert.active else each.rule.clear
                notices.append(
                    Notice(
                        each.name,
                        alert.active,
                        each.value,
                        limit,
                        each.description,
                        isinstance(each.rule, FloorRule),
                        each.is_share,
                        each.unit,
                    )
                )
            self._keep(at_s, each, alert.active)
        for name in without_value:
            if self._alerts[name].active:
                self._alerts[name].no_value()
            else:  # the subject, such as a campaign, may be gone; a new one equals it
                del self._alerts[name]
        return notices

    def _keep(self, at_s: float, value: Value, is_active: bool) -> None:
        before = self._active.get(value.name)
        if is_active:
            self._active[value.name] = ActiveAlert(value, at_s if before is None else before.since_s)
        elif before is not None:
            del self._active[value.name]
            self._ended.append(EndedAlert(value, before.since_s, at_s))
