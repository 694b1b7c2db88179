"""The plan of a run, fixed before it starts, and the schedule that is calculated from it.

A plan is a small value that every Locust process gets as JSON; each calculates the same schedule from it. The
instant, class, recipient, text and key of an arrival are functions of the plan's seed and the arrival's
number. Each of them has a separate seed, so a change of the mix does not move arrivals.
"""

from __future__ import annotations

import copy

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from loadtests.arrivals.chance import derive_seed, uniforms, words
from loadtests.arrivals.in_flight import in_flight_limit
from loadtests.arrivals.processes import NS_PER_S, From0, Process, arrival_count, duration_ns, instants_ns
from loadtests.arrivals.texts import CLASSES, MARKETING, TEXTS, fill

# Polish mobile ranges (a prefix does not identify the carrier), each with seven digits behind it.
_MOBILE_PREFIXES = (45, 50, 51, 53, 57, 60, 66, 69, 72, 73, 78, 79, 88)
_PER_PREFIX = 10_000_000
_COUNTRY_CODE = 48 * 10**9  # before the nine digits of a number
_NUMBERS = len(_MOBILE_PREFIXES) * _PER_PREFIX
# A prime that does not divide the number of phone numbers: steps of it visit each number once before any
# repeats, so no run comes near a provider's limit per recipient (10 in 60 s at SMSAPI).
_STRIDE = 80_345_011


class Mix(Struct, frozen=True):
    """Shares of the classes; they are weights, so they need not add up to 1."""

    otp: From0 = 0.0
    transactional: From0 = 0.0
    marketing: From0 = 0.0


DAY_MIX = Mix(otp=0.15, transactional=0.25, marketing=0.6)


class Stream(Struct, frozen=True):
    """One flow of arrivals, ``start_s`` after the plan's zero. ``campaign`` names its marketing."""

    process: Process
    mix: Mix = DAY_MIX
    campaign: str = ""
    start_s: From0 = 0.0


class Plan(Struct, frozen=True, kw_only=True):
    """``in_flight_limit`` is for the whole run, shared evenly among its workers. 0: not calculated yet."""

    streams: tuple[Stream, ...]
    seed: int
    key_tag: str
    in_flight_limit: int = 0
    texts: dict[str, tuple[str, ...]] = {}  # by class; the built-in ones where a class is absent

    def duration_ns(self) -> int:
        return max(round(s.start_s * NS_PER_S) + duration_ns(s.process) for s in self.streams)

    def sized_for(self, timeout_s: float) -> Plan:
        """With an in-flight limit for a target with this timeout, if the plan has no limit yet."""
        if self.in_flight_limit:
            return self
        return replace(self, in_flight_limit=in_flight_limit(_merge(self)[0], timeout_s))


class PlannedMessage(Struct, frozen=True, gc=False):
    """One message to be sent. ``to`` is the MSISDN in digits, without a plus."""

    key: str
    to: str
    text: str
    message_class: str
    campaign: str


class Columns(Struct, frozen=True, gc=False):
    """The values from which ``Schedule.message`` makes messages; classes as places in ``CLASSES``, streams in
    the plan.
    """

    intended_ns: list[int]
    kinds: list[int]
    streams: list[int]
    recipients: list[int]  # MSISDN
    templates: list[int]  # of the text, as places in the templates of the class
    draws: list[int]  # with which ``fill`` fills the template


class Schedule:
    """The arrivals of a plan by number: instant ``intended_ns[arrival]``, message ``message(arrival)``."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.intended_ns, self._stream = _merge(plan)
        count = len(self.intended_ns)
        self._class = _classes(plan, self._stream)
        self._recipient = _recipients(derive_seed(plan.seed, "recipients"), count)
        self._draw = words(derive_seed(plan.seed, "texts"), count) >> np.uint64(16)
        self._texts = tuple(plan.texts.get(name) or TEXTS[name] for name in CLASSES)

    def __len__(self) -> int:
        return len(self.intended_ns)

    def with_key_tag(self, key_tag: str) -> Schedule:
        """The same arrivals with other keys. Nothing is calculated again."""
        other = copy.copy(self)
        other.plan = replace(self.plan, key_tag=key_tag)
        return other

    def message_class(self, arrival: int) -> str:
        return CLASSES[self._class[arrival]]

    def message(self, arrival: int) -> PlannedMessage:
        kind = int(self._class[arrival])
        draw = int(self._draw[arrival])
        templates = self._texts[kind]
        name = CLASSES[kind]
        return PlannedMessage(
            key=f"{self.plan.key_tag}-{arrival:07d}",
            to=f"48{self._recipient[arrival]:09d}",
            text=fill(templates[draw % len(templates)], draw // len(templates)),
            message_class=name,
            campaign=self.plan.streams[self._stream[arrival]].campaign if name == MARKETING else "",
        )

    def columns(self, start: int, stop: int) -> Columns:
        """The same for the arrivals from ``start`` to before ``stop``, many at a time."""
        counts = np.array([len(templates) for templates in self._texts], np.uint64)
        draws, templates = np.divmod(self._draw[start:stop], counts[self._class[start:stop]])
        return Columns(
            self.intended_ns[start:stop].tolist(),
            self._class[start:stop].tolist(),
            self._stream[start:stop].tolist(),
            (self._recipient[start:stop] + _COUNTRY_CODE).tolist(),
            templates.tolist(),
            draws.tolist(),
        )

    def kinds(self) -> bytes:
        """The class of every arrival, as its place in ``CLASSES``."""
        return self._class.tobytes()

    def texts(self, kind: int) -> tuple[str, ...]:
        """The templates of a class, by its place in ``CLASSES``."""
        return self._texts[kind]

    def share(self, worker: int, workers: int) -> range:
        """The arrivals of one worker: arrival i belongs to worker i mod N."""
        return range(worker, len(self), workers)


def seeds(plan: Plan) -> dict[str, int]:
    """Every seed of the plan by its purpose, as the manifest lists them."""
    concerns = ("arrivals", "classes", "recipients", "texts")
    return {"plan": plan.seed} | {concern: derive_seed(plan.seed, concern) for concern in concerns}


def plan_to_json(plan: Plan) -> bytes:
    return msgspec.json.format(msgspec.json.encode(plan), indent=2)


def plan_from_json(body: bytes) -> Plan:
    """Raises ``msgspec.ValidationError`` that names the field."""
    return msgspec.json.decode(body, type=Plan)


def key_tag_of(seed: int) -> str:
    """A short tag for a run's keys: the same seed gives the same keys, and so the same outcomes at the
    provider.
    """
    return f"{derive_seed(seed, 'key_tag') & 0xFFFF:04x}"


def next_recipient(plan: Plan) -> str:
    """A number in the form of the plan's numbers, but outside the plan."""
    count = sum(arrival_count(stream.process) for stream in plan.streams)
    place = _place(derive_seed(plan.seed, "recipients"), count)
    return f"48{_MOBILE_PREFIXES[place // _PER_PREFIX] * _PER_PREFIX + place % _PER_PREFIX:09d}"


def _merge(plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    base = derive_seed(plan.seed, "arrivals")
    pieces = [
        round(stream.start_s * NS_PER_S) + instants_ns(stream.process, derive_seed(base, str(ordinal)))
        for ordinal, stream in enumerate(plan.streams)
    ]
    instants = np.concatenate(pieces)
    origin = np.concatenate([np.full(len(piece), i, dtype=np.uint8) for i, piece in enumerate(pieces)])
    order = np.argsort(instants, kind="stable")
    return instants[order], origin[order]


def _classes(plan: Plan, stream: NDArray[np.uint8]) -> NDArray[np.uint8]:
    drawn = uniforms(derive_seed(plan.seed, "classes"), len(stream))
    chosen = np.zeros(len(stream), dtype=np.uint8)
    for ordinal, item in enumerate(plan.streams):
        shares = np.cumsum([item.mix.otp, item.mix.transactional, item.mix.marketing])
        mine = stream == ordinal
        chosen[mine] = np.searchsorted(shares / shares[-1], drawn[mine], side="right")
    return chosen


def _place(seed: int, arrival: int) -> int:
    return (arrival * _STRIDE + seed % _NUMBERS) % _NUMBERS


def _recipients(seed: int, count: int) -> NDArray[np.int64]:
    place = (np.arange(count, dtype=np.int64) * _STRIDE + seed % _NUMBERS) % _NUMBERS
    prefixes = np.array(_MOBILE_PREFIXES, dtype=np.int64)[place // _PER_PREFIX]
    numbers: NDArray[np.int64] = prefixes * _PER_PREFIX + place % _PER_PREFIX
    return numbers
