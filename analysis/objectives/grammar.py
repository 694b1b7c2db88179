"""The grammar of objectives: ``otp.p95<20s``, ``delivered>98%``, ``loss=0`` (docs/objectives.md).

``loadtests`` imports this module, so it must not import numpy or the like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from analysis.classes import ALL as ALL  # loadtests takes it from here

Measure = Literal[
    "delivery_time",
    "api_response",
    "loss",
    "duplicates",
    "delivered",
    "not_taken",
    "unaccounted",
    "availability",
    "cost_per_1000",
]
Relation = Literal["<", "<=", "=", ">=", ">"]
MeasureKind = Literal["time", "count", "share", "amount"]

API = "api"
# Measures that are written by name; ``delivered`` may follow a class.
_NAMES: tuple[Measure, ...] = tuple(
    name for name in get_args(Measure) if name not in ("delivery_time", "api_response")
)
_KINDS: dict[Measure, MeasureKind] = {
    "delivery_time": "time",
    "api_response": "time",
    "loss": "count",
    "duplicates": "count",
    "unaccounted": "count",
    "delivered": "share",
    "not_taken": "share",
    "availability": "share",
    "cost_per_1000": "amount",
}
_AT_MOST: tuple[Relation, ...] = ("<", "<=")
_AT_LEAST: tuple[Relation, ...] = (">", ">=")
_RELATIONS: dict[Measure, tuple[Relation, ...]] = {
    "delivery_time": _AT_MOST,
    "api_response": _AT_MOST,
    "loss": ("=", *_AT_MOST),
    "duplicates": ("=", *_AT_MOST),
    "unaccounted": ("=", *_AT_MOST),
    "delivered": _AT_LEAST,
    "not_taken": ("=", *_AT_MOST),
    "availability": _AT_LEAST,
    "cost_per_1000": _AT_MOST,
}
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}
_LONGEST_S = Decimal(7 * 24 * 3600)
_LARGEST = Decimal(10**12)
_ALIASES = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">=", "==": "="}
_CLASS = r"[A-Za-z][A-Za-z0-9_-]*"
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,4})?)\Z", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"(\d{1,15}),(\d{1,9})", re.ASCII)
_NEXT_ONE = "repeat the option for the next one, or write one per line in a file"
_FORMS = (
    "<class>.p<nn> (otp.p95, all.p99.9), api.p<nn>, loss, duplicates, unaccounted, not_taken, "
    "<class>.delivered, delivered, availability, cost_per_1000"
)


class GivenError(ValueError):
    """The given objectives are not usable; the text says why."""


class ObjectiveError(GivenError):
    """An objective that cannot be parsed. The text has a caret at the place and says what is allowed."""

    def __init__(self, text: str, at: int, why: str) -> None:
        self.text, self.at, self.why = text, at, why
        super().__init__(f"{text}\n{' ' * at}^ {why}")


class Spec(Struct, frozen=True, kw_only=True):
    """One objective. ``limit`` is in seconds, messages, a share of one or units of cost, as ``kind`` says."""

    measure: Measure
    relation: Relation
    limit: float
    message_class: str = ALL
    percentile: float | None = None
    text: str = ""  # canonical

    @property
    def kind(self) -> MeasureKind:
        return _KINDS[self.measure]

    @property
    def subject(self) -> str:
        """The text before the relation: ``otp.p95``."""
        return _subject(self.measure, self.message_class, self.percentile)


def parse(text: str) -> Spec:
    """Raises ``ObjectiveError``."""
    shown = _one_line(text)
    found = re.search(r"[<>=≤≥]+", shown)
    if not shown.strip():
        raise ObjectiveError(shown, 0, "an objective is missing here; for example otp.p95<20s")
    if found is None:
        end, first = len(shown.rstrip()), re.match(r"\s*\S+\s+", shown.rstrip())
        at, missing = (end, "are missing") if first is None else (first.end(), "belong here")
        raise ObjectiveError(shown, at, f"a relation and a limit {missing}: <, <=, =, >= or >")
    measure, message_class, percentile = _measure(shown, found.start())
    relation = _relation(shown, found, measure)
    number, unit = _value(shown, found.end())
    limit = _limit(shown, found.end(), measure, number, unit)
    exact = _exact_relation(shown, found, measure, relation, limit)
    return Spec(
        measure=measure,
        relation=exact,
        limit=float(limit),
        message_class=message_class,
        percentile=percentile,
        text=f"{_subject(measure, message_class, percentile)}{exact}{_limit_text(_KINDS[measure], limit)}",
    )


def parse_all(texts: Iterable[str]) -> tuple[Spec, ...]:
    """Raises ``ObjectiveError`` if one cannot be parsed, or if two limit the same measure."""
    specs: list[Spec] = []
    for text in texts:
        spec = parse(text)
        for other in specs:
            if other.subject == spec.subject:
                raise ObjectiveError(_one_line(text), 0, f"{spec.subject} is limited twice: see {other.text}")
        specs.append(spec)
    return tuple(specs)


def canonical(texts: Iterable[str]) -> tuple[str, ...]:
    """Raises ``ObjectiveError`` like ``parse_all``."""
    return tuple(spec.text for spec in parse_all(texts))


def read_given(given: Iterable[str], classes: Sequence[str] = ()) -> tuple[str, ...]:
    """The values of ``--slo`` (objectives, and files as ``@FILE``) in canonical form, in order.

    A file has one objective per line; ``#`` begins a comment. ``classes`` are the classes that a load can
    have, if known; other classes are refused. Raises ``GivenError``, whose text names file and line.
    """
    texts: list[str] = []
    for each in given:
        texts += _from_file(Path(each[1:]), classes) if each.startswith("@") else [each]
    for text in texts:
        _require_class(text, classes)
    return canonical(texts)


def _require_class(text: str, classes: Sequence[str]) -> None:
    name = _parse_as_given(text, classes).message_class
    known = (*classes, ALL, API)
    if not classes or name in known:
        return
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}? " if close else ""
    shown = _one_line(text)
    at = len(shown) - len(shown.lstrip())
    raise ObjectiveError(
        shown, at, f"no message of a load is of class {name}: {hint}allowed: {', '.join(classes)}; {ALL}"
    )


def _parse_as_given(text: str, classes: Sequence[str]) -> Spec:
    """``parse``. The error of an objective that is right in small letters says only that."""
    try:
        return parse(text)
    except ObjectiveError:
        small = _in_small_letters(text, classes)
        if small is None:
            raise
        shown = _one_line(text)
        at = len(shown) - len(shown.lstrip())
        raise ObjectiveError(shown, at, f"measures and units are in small letters: {small}") from None


def _in_small_letters(text: str, classes: Sequence[str]) -> str | None:
    """The objective in small letters, if it is right and differs. A load's classes have small letters; those
    of another generator may not.
    """
    first, dot, rest = text.partition(".")
    kept = bool(dot) and (not classes or first.strip() in classes)
    small = f"{first}{dot}{rest.lower()}" if kept else text.lower()
    try:
        spec = parse(small)
    except ObjectiveError:
        return None
    known = not classes or spec.message_class in (*classes, ALL, API)
    return spec.text if known and small != text else None


def _from_file(path: Path, classes: Sequence[str]) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise GivenError(
            f"no such file: {path}. Give an objective, for example otp.p95<20s, or @FILE: a text file with "
            "one objective per line"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GivenError(f"{path}: the file of objectives cannot be read: {why}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            _require_class(text, classes)
        except ObjectiveError as error:
            raise GivenError(f"{path}, line {number}:\n{error}") from error
        found.append(text)
    if not found:
        raise GivenError(f"{path}: the file has no objective; write one per line, for example otp.p95<20s")
    return found


def _one_line(text: str) -> str:
    """Replace control characters, which would move the caret."""
    return "".join(each if each.isprintable() else " " for each in text)


def _measure(text: str, end: int) -> tuple[Measure, str, float | None]:
    """(measure, class, percentile) of the text before the relation."""
    at = len(text) - len(text.lstrip())
    name = text[at:end].strip()
    if not name:
        raise ObjectiveError(text, at, f"a measure is missing: one of {_FORMS}")
    several = re.search(r"[,;]", name)
    if several is not None and several.start():
        before = name[: several.start()].strip()
        raise ObjectiveError(
            text,
            at + several.start(),
            f"the limit of {before} is missing: each objective needs its own; {_NEXT_ONE}",
        )
    first, dot, rest = name.partition(".")
    for candidate in _NAMES:
        if name == candidate:
            return candidate, ALL, None
    after = at + len(first) + len(dot)
    if not re.fullmatch(_CLASS, first):
        raise ObjectiveError(
            text, at, f"{_quoted(first)} is neither a measure nor a class; measures are {_FORMS}"
        )
    if not dot:
        raise ObjectiveError(text, at, _unknown(first))
    if rest == "delivered" and first != API:
        return "delivered", first, None
    found = _PERCENTILE.match(rest)
    if found is None:
        raise ObjectiveError(
            text,
            after,
            f"{_quoted(rest)} is not a measure of {first}; write {first}.p95, p0.0001 to p99.9999",
        )
    percentile = float(found.group(1))
    if not 0.0 < percentile < 100.0:
        raise ObjectiveError(text, after + 1, "a percentile is above 0 and below 100")
    return ("api_response" if first == API else "delivery_time"), first, percentile


def _unknown(name: str) -> str:
    if _PERCENTILE.match(name):
        return f"a class is missing: otp.{name}, {ALL}.{name}; for the sender's answer: {API}.{name}"
    close = get_close_matches(name.lower(), _NAMES, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{_quoted(name)} is not a measure: {hint}measures are {_FORMS}"


def _relation(text: str, found: re.Match[str], measure: Measure) -> Relation:
    given = _ALIASES.get(found.group(), found.group())
    for relation in _RELATIONS[measure]:
        if given == relation:
            return relation
    allowed = " or ".join(_RELATIONS[measure])
    raise ObjectiveError(
        text, found.start(), f"{_quoted(found.group())} does not fit {_word(measure)}: use {allowed}"
    )


def _value(text: str, start: int) -> tuple[Decimal, str]:
    at = _skip(text, start)
    if at == len(text):
        raise ObjectiveError(text, at, "the limit is missing: a number and its unit")
    found = _NUMBER.match(text, at)
    if found is None:
        raise ObjectiveError(text, at, "a number is expected here: not negative, digits with a decimal point")
    comma = _DECIMAL_COMMA.match(text, at)
    if comma is not None:
        raise ObjectiveError(text, found.end(), f"write {comma[1]}.{comma[2]}: a number has a decimal point")
    rest = text[found.end() :]
    end = re.search(r"[,;]", rest)
    if end is not None and re.search(r"[<>=≤≥]", rest[end.start() :]):
        raise ObjectiveError(
            text,
            found.end() + end.start(),
            f"one objective ends here: {_NEXT_ONE}",
        )
    return Decimal(found.group()), rest.strip()


def _skip(text: str, at: int) -> int:
    return at + len(text[at:]) - len(text[at:].lstrip())


def _limit(text: str, start: int, measure: Measure, number: Decimal, unit: str) -> Decimal:
    """In seconds, messages, a share of one or units of cost."""
    at = _skip(text, start)
    unit_at = len(text.rstrip()) - len(unit)
    kind = _KINDS[measure]
    if kind == "time":
        if unit not in _SECONDS:
            wrong = f"{_quoted(unit)} is not a unit of time" if unit else "the unit of time is missing"
            raise ObjectiveError(text, unit_at, f"{wrong}: use ms, s, min or h")
        limit = number * _SECONDS[unit]
        if not 0 < limit <= _LONGEST_S:
            raise ObjectiveError(text, at, "a time limit is above 0 and at most 168 h")
        return limit
    if kind == "share":
        if unit != "%" and not (not unit and number == 0):
            raise ObjectiveError(
                text, unit_at, f"{_word(measure)} is a share: write it in %, for example 99.9%"
            )
        if number > 100:
            raise ObjectiveError(text, at, "a share is at most 100%")
        return number / 100
    if unit:
        raise ObjectiveError(text, unit_at, f"{_word(measure)} is a plain number: no unit")
    if kind == "count" and number != number.to_integral_value():
        raise ObjectiveError(text, at, f"{_word(measure)} counts messages: a whole number")
    if number > _LARGEST:
        raise ObjectiveError(text, at, f"a number is at most {_LARGEST:,}")
    return number


def _exact_relation(
    text: str, found: re.Match[str], measure: Measure, relation: Relation, limit: Decimal
) -> Relation:
    """Refuse limits that no run can meet, and "=" with other numbers than 0."""
    if relation == "=" and limit != 0:
        raise ObjectiveError(text, found.start(), "= is allowed with 0 only; otherwise use <=")
    if relation == "<" and limit == 0:
        raise ObjectiveError(text, found.start(), f"nothing is below 0: use {_word(measure)}<=0 or more")
    if relation == ">" and _KINDS[measure] == "share" and limit == 1:
        raise ObjectiveError(text, found.start(), "nothing is above 100%: use >=")
    return "=" if limit == 0 and "=" in _RELATIONS[measure] and relation == "<=" else relation


def _word(measure: Measure) -> str:
    return {"delivery_time": "a delivery time", "api_response": "the sender's answer"}.get(measure, measure)


def _quoted(text: str) -> str:
    return f"'{text}'"


def _subject(measure: Measure, message_class: str, percentile: float | None) -> str:
    if percentile is not None:
        return f"{message_class}.p{_plain(Decimal(str(percentile)))}"
    return measure if message_class == ALL else f"{message_class}.{measure}"


def _limit_text(kind: MeasureKind, limit: Decimal) -> str:
    if kind == "share":
        return f"{_plain(limit * 100)}%"
    if kind != "time":
        return _plain(limit)
    unit = "ms"
    for name in ("h", "min", "s"):
        # 90 s stays 90 s; 600 s becomes 10 min.
        whole = limit % _SECONDS[name] == 0
        if (name == "s" and limit >= 1) or (whole and limit >= 2 * _SECONDS[name]):
            unit = name
            break
    return f"{_plain(limit / _SECONDS[unit])}{unit}"


def _plain(number: Decimal) -> str:
    """The number without exponent and without trailing zeros."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
