"""*How it was run*: the manifest's settings as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from analysis.formatting import TIMES, count_text, rate_text, round_seconds_text, seconds_text, significant
from analysis.model import PartIdentity

_GIB, _MIB = 1 << 30, 1 << 20
_SHOWN_ELSEWHERE = ("streams", "classes")  # the classes are shown with the streams


def facts(identity: PartIdentity) -> list[tuple[str, str]]:
    """Name and value of each known setting, in the order of the page."""
    speed = "true speed" if identity.speedup == 1.0 else f"{identity.speedup:g} {TIMES} the day's rate"
    if identity.provider_scale != 1.0:
        speed += f", provider scaled {TIMES} {identity.provider_scale:g}"
    parameters = {name: value for name, value in identity.parameters.items() if name not in _SHOWN_ELSEWHERE}
    listed = [
        ("scenario", identity.name),
        ("mode", identity.mode),
        ("provider profile", identity.profile or "unknown"),
        ("messages a day", count_text(identity.messages_per_day) if identity.messages_per_day else "-"),
        ("speed", speed),
        ("arrivals", "\n".join(_streams(identity.parameters.get("streams")))),
        ("load", seconds_text(identity.load_s)),
        ("observed after the load", seconds_text(identity.drained_s)),
        ("started", identity.started),
        ("ended", f"{identity.ended} ({identity.exit_reason})"),
        ("seeds", pairs_text(identity.seeds)),
        ("machine", pairs_text(identity.machine)),
        ("versions", pairs_text(identity.versions)),
        ("target", pairs_text(identity.target)),
        ("other parameters", pairs_text(parameters)),
    ]
    return [(name, value) for name, value in listed if value]


def _streams(streams: Any) -> list[str]:
    """A line for each stream of arrivals. Values in another form are shown unchanged."""
    if not isinstance(streams, list):
        return [] if streams is None else [value_text("streams", streams)]
    return [_stream(each) if isinstance(each, dict) else value_text("", each) for each in streams]


def _stream(stream: Mapping[str, Any]) -> str:
    process = stream.get("process")
    if not isinstance(process, dict) or not isinstance(stream.get("mix"), dict):
        return pairs_text(stream)
    words = [_mix(stream["mix"])]
    if stream.get("campaign"):
        words.append(f"campaign {stream['campaign']}")
    words.append(f"{str(process.get('type', 'unknown')).replace('_', ' ')} arrivals")
    if _is_number(stream.get("arrivals")):
        words.append(f"{count_text(int(stream['arrivals']))} messages")
    mean, peak = stream.get("mean_per_s"), stream.get("peak_per_s")
    if _is_number(mean):
        words.append(f"mean {rate_text(mean)}")
    if _is_number(peak) and peak != mean:
        words.append(f"peak {rate_text(peak)}")
    duration_s = process.get("duration_s", process.get("over_s"))
    if _is_number(duration_s):
        words.append(f"for {round_seconds_text(duration_s)}")
    if _is_number(stream.get("start_s")) and stream["start_s"]:
        words.append(f"from {round_seconds_text(stream['start_s'])} on")
    return ", ".join(words)


def _mix(mix: Mapping[str, Any]) -> str:
    """The classes of a stream with their shares; a single class without a share."""
    present = {name: share for name, share in mix.items() if _is_number(share) and share > 0}
    if len(present) == 1:
        return next(iter(present))
    whole = sum(present.values()) or 1.0
    return " + ".join(f"{name} {significant(100 * share / whole, 2)} %" for name, share in present.items())


def pairs_text(values: Mapping[str, Any]) -> str:
    """``cores 2, memory 23.5 GiB``; names without underscores, nested values in brackets."""
    shown = ((_name_text(name), value_text(name, value)) for name, value in values.items())
    return ", ".join(f"{name} {text}" for name, text in shown if text)


def value_text(name: str, value: Any) -> str:
    """One value in the unit that its name gives; "" for None."""
    if value is None or value in ("", {}, []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"({pairs_text(value)})"
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _number_text(name, value) if _is_number(value) else str(value)
    return ", ".join(value_text(name, each) for each in value)


def _number_text(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return f"{significant(value / _GIB)} GiB" if value >= _GIB else f"{significant(value / _MIB)} MiB"
    if name.endswith("_s"):
        return seconds_text(value)
    return str(value) if isinstance(value, int) else f"{value:g}"


def _name_text(name: str) -> str:
    for unit in ("_bytes", "_s"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
