"""A fault and its settings in a few words, for the log, the admin API and the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_OUTAGE = {
    "refuse": "every request refused as unavailable",
    "hang": "no request answered",
    "disconnect": "every connection reset unanswered",
}
_DOWN = {"hold": "their messages wait", "fail": "their messages fail", "refuse": "their messages refused"}


def words_of(section: Any) -> str:
    """One line, without the window; ``section`` is a fault of ``mock_provider.engine.faults.settings``."""
    return _WORDS[section.kind](section)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _outage(section: Any) -> str:
    where = "" if section.host == "both" else f" ({section.host} host only)"
    return f"outage{where}: {_OUTAGE[section.answer]}"


def _error_rate(section: Any) -> str:
    codes = section.codes or ((section),)
    each = ", ".join(f"{_percent(code.share)} {code.refusal.value}" for code in codes)
    return f"errors: {each}"


def _added_latency(section: Any) -> str:
    parts = [f"x {section.factor:g}"] if section.factor != 1.0 else []
    if section.plus_s:
        parts.append(f"+ {section.plus_s:g} s")
    ramp = f", over a ramp of {section.ramp_s:g} s" if section.ramp_s else ""
    what = "replies" if section.stage == "reply" else "carriers"
    return f"brown-out: {what} {' '.join(parts) or 'as usual'}{ramp}"


def _hang(section: Any) -> str:
    taken = "taken, then" if section.accepted else "lost on the way in,"
    end = "the connection reset" if section.disconnect else "never answered"
    return f"hang: {_percent(section.share)} of attempts {taken} {end}"


def _throttle_drop(section: Any) -> str:
    to = f"{_percent(section.share)} of the usual" if section.share else f"{section.rate_per_s:g}/s"
    burst = "" if section.burst is None else f", burst {section.burst}"
    return f"throttle drop: {section.limit} to {to}{burst}"


def _report_storm(section: Any) -> str:
    pace = "at once" if section.release_per_s is None else f"at {section.release_per_s:g}/s"
    return f"report storm: reports held, let go {pace} at its end"


def _delay(spec: Any) -> str:
    if spec.kind == "fixed":
        return f"{spec.value_s:g} s"
    if spec.kind == "uniform":
        return f"{spec.low_s:g} to {spec.high_s:g} s"
    if spec.kind == "lognormal":
        return f"{spec.median_s:g} s (median; p99 {spec.p99_s:g} s)"
    return f"a delay of kind {spec.kind}"


def _down(section: Any, what: str, names: tuple[str, ...]) -> str:
    return f"{what} down: {', '.join(names)}, {_DOWN[section.behaviour]}"


def _share(before: str, after: str) -> Callable[[Any], str]:
    return lambda section: f"{before}: {_percent(section.share)} {after}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "outage": _outage,
    "error_rate": _error_rate,
    "added_latency": _added_latency,
    "hang": _hang,
    "lost_reply": _share("lost reply", "of attempts taken and never answered"),
    "cut_after_accept": _share("cut after accept", "of attempts taken, the connection reset unanswered"),
    "throttle_drop": _throttle_drop,
    "accept_then_lose": _share("accept then lose", "of messages accepted and lost"),
    "report_loss": _share("report loss", "of reports never sent"),
    "report_duplicate": lambda s: f"duplicate reports: {_percent(s.share)} again after {s.after_s:g} s",
    "report_delay": lambda s: f"late reports: {_percent(s.share)} by {_delay(s.delay)}",
    "report_reorder": lambda s: f"reordered reports: {_percent(s.share)} put off by up to {s.within_s:g} s",
    "report_storm": _report_storm,
    "carrier_down": lambda s: _down(s, "carrier", s.carriers),
    "country_down": lambda s: _down(s, "country", s.countries),
}
