"""The provider itself misbehaves, by the faults of its own engine (docs/faults.md)."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar, Self

from msgspec import Struct
from pydantic import TypeAdapter

from loadtests.storm.fault import DrawRange, FaultTarget
from loadtests.storm.state import BEGIN_S
from mock_provider.engine.faults import Faults

CARRIER = "any"  # the only one of a storm's providers
_SETTINGS: dict[str, dict[str, Any]] = {
    "outage_refused": {"kind": "outage", "answer": "refuse"},
    "outage_hang": {"kind": "outage", "answer": "hang"},
    "outage_disconnect": {"kind": "outage", "answer": "disconnect"},
    "hang": {"kind": "hang", "share": 0.4},
    "lost_reply": {"kind": "lost_reply", "share": 0.4},
    "cut_after_accept": {"kind": "cut_after_accept", "share": 0.4},
    "slow_replies": {"kind": "added_latency", "plus_s": 4},
    "replies_after_time_out": {"kind": "added_latency", "plus_s": 15},
    "throttled": {"kind": "error_rate", "share": 0.5, "refusal": "throttled_requests"},
    "internal_error": {"kind": "error_rate", "share": 0.5, "refusal": "internal_error"},
    "no_credit": {"kind": "error_rate", "share": 0.3, "refusal": "no_credit"},
    "rate_reduction": {"kind": "rate_reduction", "rate_per_s": 0.1, "burst": 1},
    "accept_then_lose": {"kind": "accept_then_lose", "share": 0.4},
    "report_loss": {"kind": "report_loss", "share": 0.5},
    "report_duplicate": {"kind": "report_duplicate", "share": 0.6, "after_s": 3},
    "report_delay": {
        "kind": "report_delay",
        "share": 0.6,
        "delay": {"kind": "uniform", "low_s": 5, "high_s": 1500},
    },
    "report_reorder": {"kind": "report_reorder", "within_s": 20},
    "report_storm": {"kind": "report_storm"},
    "carrier_down_hold": {"kind": "carrier_down", "carriers": [CARRIER], "behaviour": "hold"},
    "carrier_down_fail": {"kind": "carrier_down", "carriers": [CARRIER], "behaviour": "fail"},
    "carrier_down_refuse": {"kind": "carrier_down", "carriers": [CARRIER], "behaviour": "refuse"},
    "country_down_hold": {"kind": "country_down", "countries": ["PL"], "behaviour": "hold"},
    "country_down_fail": {"kind": "country_down", "countries": ["PL"], "behaviour": "fail"},
    "country_down_refuse": {"kind": "country_down", "countries": ["PL"], "behaviour": "refuse"},
}
_FAULTS: TypeAdapter[Faults] = TypeAdapter(Faults)


class ProviderFault(Struct, frozen=True):
    """A fault of the provider of ``route``, in a window."""

    what: str
    route: str
    begin_s: float
    end_s: float

    names: ClassVar[tuple[str, ...]] = tuple(_SETTINGS)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls._of(random.choice(sorted(_SETTINGS)), random, within)

    @classmethod
    def next_of(cls, seed: int, random: Random, within: DrawRange) -> Self:
        """One whose kind follows from ``seed``: consecutive seeds have all kinds in turn."""
        names = sorted(_SETTINGS)
        return cls._of(names[seed % len(names)], random, within)

    @classmethod
    def _of(cls, what: str, random: Random, within: DrawRange) -> Self:
        begin_s, end_s = within.span(random, 40.0)
        return cls(what, within.route(random), begin_s, end_s)

    @property
    def kind(self) -> str:
        """That of the engine's registry."""
        return str(_SETTINGS[self.what]["kind"])

    def begin(self, target: FaultTarget) -> None:
        window = {
            "name": self.what,
            "start_s": BEGIN_S + self.begin_s,
            "end_s": BEGIN_S + self.end_s,
            "clock": "absolute",
        }
        made = _FAULTS.validate_python([_SETTINGS[self.what] | window])
        of_route = target.state.provider_faults[self.route]
        if all(each.name != self.what for each in of_route):
            of_route.extend(made)


KIND = ProviderFault
