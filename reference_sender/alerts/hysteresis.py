"""When an alert begins and ends: one problem, one alert, one all-clear."""

from __future__ import annotations

from reference_sender.alerts.rules import FloorRule, Rule


class Hysteresis:
    """Whether one value is in alert. It changes only after the value stayed beyond the other limit for
    ``Rule.for_s``; a value between the two limits changes nothing."""

    def __init__(self) -> None:
        self.active = False
        self._since_s: float | None = None  # from when on the value asks for the other state

    def changed(self, rule: Rule | FloorRule, at_s: float, value: float) -> bool:
        """Take the value at ``at_s``, which never goes back. True if the alert begins or ends now."""
        asks = rule.ends(value) if self.active else rule.begins(value)
        if not asks:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = at_s
        if at_s - self._since_s < rule.for_s:
            return False
        self.active = not self.active
        self._since_s = None
        return True

    def no_value(self) -> None:
        """There is no value now: the alert stays as it is, and ``Rule.for_s`` begins again."""
        self._since_s = None
