"""Figures that are read from the report by the path of their field, so that they cannot differ from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from analysis.first_screen.values import Figure, Sentence
from analysis.formatting import (
    count_text,
    limit_text,
    per_day_text,
    rate_interval_text,
    rate_text,
    round_seconds_text,
    seconds_beside_limit,
    seconds_interval_text,
    significant,
)
from analysis.model import RunReport
from analysis.objectives.objective_text import quantile_text

_P = r"\bp(\d+(?:\.\d+)?)"
# Terms of the report and their plain words, in the order of replacement.
_PLAIN = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (rf"(all messages|[\w-]+) {_P} delivery time:? (?=\d)", r"\1: \2 % within "),
        (rf"(all messages|[\w-]+) {_P} delivery time", r"\1: the time within which \2 % arrive"),
        (rf"{_P} of the sender's answer:? (?=\d)", r"\1 % of the sender's answers within "),
        (rf"{_P} of the sender's answer", r"the time within which \1 % of the sender's answers come"),
        (rf"\bfor {_P}\b", r"to show how long \1 % take"),
        (rf"\bat {_P}\b", r"for \1 %"),
        (rf"{_P} (?=\d)", r"\1 % within "),
        (
            r"\bthe in-flight limit of ([\d,]+) requests was reached",
            r"too many requests were unanswered at the same time (limit \1)",
        ),
        (r"\bthe in-flight limit was reached", "too many requests were unanswered at the same time"),
        (r"\bin flight\b", "unanswered"),
    )
)


def lookup(report: Any, path: str) -> Any:
    """The value of a field by its path, in a report or in the dicts of ``summary.json``.

    Raises ``LookupError``.
    """
    value = report
    for step in path.split("."):
        try:
            if isinstance(value, tuple | list):
                value = value[int(step)]
            elif isinstance(value, Mapping):
                value = value[step]
            else:
                value = getattr(value, step)
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise LookupError(f"{path}: there is no {step!r}") from error
    return value


def plain_text(text: str) -> str:
    """A text of the report without abbreviations such as p95, and without terms of the bench."""
    text = text.strip()
    for pattern, words in _PLAIN:
        text = pattern.sub(words, text)
    return text


class Quote:
    """Makes figures of one report."""

    def __init__(self, report: RunReport, plain: bool = True) -> None:
        """``plain``: texts are in plain words (``plain_text``)."""
        self.report = report
        self._plain = plain

    def value(self, path: str) -> Any:
        return lookup(self.report, path)

    def _figure(self, path: str, text: str, unit: str, subject: str) -> Figure:
        value = self.value(path)
        number = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
        return Figure(text=text, source=path, number=number, unit=unit, subject=subject)

    def seconds(self, path: str, subject: str = "", limit_s: float | None = None) -> Figure:
        """``limit_s``: the limit that it is next to."""
        return self._figure(path, seconds_beside_limit(self.value(path), limit_s), "s", subject)

    def span(self, path: str) -> Figure:
        """A round number of seconds, such as a window: 10 s."""
        return self._figure(path, round_seconds_text(self.value(path)), "s", "")

    def limit(self, path: str) -> Figure:
        """A configured limit: 10 s, 10 min."""
        return self._figure(path, limit_text(self.value(path)), "s", "")

    def count(self, path: str, subject: str = "") -> Figure:
        return self._figure(path, count_text(self.value(path)), "messages", subject)

    def rate(self, path: str, subject: str = "") -> Figure:
        return self._figure(path, rate_text(self.value(path)), "/s", subject)

    def rate_interval(self, low_path: str, high_path: str) -> tuple[Figure, Figure]:
        low, high = rate_interval_text(self.value(low_path), self.value(high_path))
        return self._figure(low_path, low, "/s", ""), self._figure(high_path, high, "/s", "")

    def per_day(self, path: str, subject: str = "") -> Figure:
        return self._figure(path, per_day_text(self.value(path)), "/day", subject)

    def amount(self, path: str, unit: str, subject: str = "") -> Figure:
        """Money or points."""
        return self._figure(path, f"{significant(self.value(path))} {unit}", unit, subject)

    def number(self, path: str, subject: str = "", digits: int = 3) -> Figure:
        return self._figure(path, significant(self.value(path), digits), "", subject)

    def text(self, path: str, subject: str = "") -> Figure:
        """A sentence of the report, quoted without its full stop."""
        text = str(self.value(path)).strip()
        text = (plain_text(text) if self._plain else text).rstrip(".")
        return Figure(text=text, source=path, unit="text", subject=subject)

    def verdict(self, path: str, subject: str = "") -> Figure:
        return Figure(text=self.value(path), source=path, unit="verdict", subject=subject)

    def quantile(self, path: str, subject: str = "", limit_s: float | None = None) -> Figure:
        """The value of a percentile, with ``>`` if only a lower bound is known."""
        text = quantile_text(self.value(path), limit_s)
        return self._figure(f"{path}.value_s", text, "s", subject)

    def interval(self, path: str, limit_s: float | None = None) -> Sentence:
        """``(7.6 s to 8.6 s)``; an open end is ``(7.6 s or more)``, an unknown interval is empty."""
        found = self.interval_ends(path, limit_s)
        return ("(", *found, ")") if found else ()

    def interval_ends(self, path: str, limit_s: float | None = None) -> Sentence:
        """As ``interval``, without brackets."""
        low, high = self.value(f"{path}.low_s"), self.value(f"{path}.high_s")
        if low is None or high is None or math.isinf(low):
            return ()
        lower = self._figure(f"{path}.low_s", seconds_interval_text(low, high, limit_s)[0], "s", "")
        if math.isinf(high):
            return (lower, " or more")
        return (lower, " to ", self.seconds(f"{path}.high_s", limit_s=limit_s))
