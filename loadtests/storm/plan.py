"""What one seed draws: the clients' calls, the routes and the faults, as one frozen value."""

from __future__ import annotations

from random import Random

from msgspec import Struct
from msgspec.structs import replace

from loadtests.storm.bursts import draw_burst
from loadtests.storm.campaign_purges import draw_calls, draw_campaign_purges
from loadtests.storm.duplicates import draw_duplicates
from loadtests.storm.fault import BURST, CAMPAIGNS, Call, DrawRange, Fault, key_of
from loadtests.storm.faults import KINDS
from loadtests.storm.faults.campaign_order import CampaignOrder
from loadtests.storm.faults.provider_fault import ProviderFault
from loadtests.storm.number_draws import draw_numbers
from loadtests.storm.plan_parts import RoutePlan
from loadtests.storm.policy import HOURS
from loadtests.storm.rule_draws import draw_rules, shortest_keep_s
from loadtests.storm.rules import NO_RULES, StormRules
from reference_sender.dispatch.values import Lane

NONE = "none"  # on the command line: no calls, messages or faults. Each option refuses an empty value.

_LANES = (Lane.OTP, Lane.OTP, Lane.TRANSACTIONAL, Lane.MARKETING, Lane.MARKETING)
_VALID_S = {
    Lane.OTP: (20.0, 60.0, 300.0),
    Lane.TRANSACTIONAL: (60.0, 600.0, 3_600.0),
    Lane.MARKETING: (60.0, 1_800.0, 7_200.0),
}
SHORT_MEMORY_S = 150.0
_REPLIES_S = (0.0, 0.02, 0.3)


class StormPlan(Struct, frozen=True):
    """Everything that is drawn. The storm's end is the quiet time's beginning."""

    seed: int
    calls: tuple[Call, ...]
    routes: tuple[RoutePlan, ...]
    faults: tuple[Fault, ...]
    max_attempts: int
    report_timeout_s: float
    in_order: bool
    storm_s: float
    hours: str = ""  # as in ``policy.py``
    hedge_otp_after_s: float | None = None
    rules: StormRules = NO_RULES
    hedging_ends: bool = False  # with the first process of the sender

    @property
    def messages(self) -> int:
        return sum(len(call.places) for call in self.calls)

    @property
    def unstopped(self) -> frozenset[str]:
        """Campaigns that are never paused, cancelled or limited; "": none."""
        ordered = {each.campaign for each in self.faults if isinstance(each, CampaignOrder)}
        limited = {each.campaign for each in self.rules.campaign_limits}
        return frozenset({"", BURST, *CAMPAIGNS} - ordered - limited)

    @property
    def cancelled(self) -> frozenset[str]:
        """Campaigns that may be cancelled."""
        orders = (each for each in self.faults if isinstance(each, CampaignOrder))
        return frozenset(each.campaign for each in orders if each.cancels)

    @property
    def keys(self) -> list[str]:
        """Those of the clients' messages."""
        return [key for call in self.calls for key in call.keys]


def draw_plan(seed: int) -> StormPlan:
    """The storm of ``seed``."""
    random = Random(seed)
    storm_s = random.choice((20.0, 40.0, 90.0))
    routes = _routes(random)
    within = DrawRange(storm_s, tuple(route.name for route in routes))
    hours = random.choice(("", "", *HOURS))
    faults = tuple(random.choice(KINDS).draw(random, within) for _ in range(random.randint(1, 8)))
    calls = tuple(_call(random, number, storm_s, hours) for number in range(random.randint(2, 9)))
    plan = StormPlan(
        seed,
        calls,
        routes,
        faults,
        max_attempts=random.choice((3, 6, 16)),
        report_timeout_s=random.choice((20.0, 600.0)),
        in_order=random.random() < 0.1,
        storm_s=storm_s,
        hours=hours,
        hedge_otp_after_s=random.choice((None, None, 3.0)),
    )
    calls = tuple(_with_rules(random, call, hours) for call in calls)
    rules = draw_rules(random, storm_s, faults)
    # A lookup names the number alone, so it may find another message.
    if rules.number_limit is not None or any(route.looks_up for route in routes):
        calls = tuple(_to_one_number(random, call) for call in calls)
    # A draw finds one of the many kinds of a provider's faults in one storm of fifty, and few take effect.
    faults = (*faults, ProviderFault.next_of(seed, random, within))
    hedging_ends = plan.hedge_otp_after_s is not None and random.random() < 0.5
    calls = draw_duplicates(random, calls)
    purges = draw_campaign_purges(seed)
    if purges:
        keep_s = rules.keep_s or shortest_keep_s(faults)
        rules = replace(rules, keep_s=keep_s, campaign_purges=purges)
    calls, routes = draw_burst(seed, storm_s, (*calls, *draw_calls(seed, purges, len(calls))), routes)
    calls, routes = draw_numbers(seed, calls, routes)
    return replace(
        plan,
        calls=calls,
        routes=routes,
        faults=faults,
        rules=rules,
        hedging_ends=hedging_ends,
    )


class StormPart(Struct, frozen=True):
    """Calls by their numbers, messages by their keys, and faults by their places; None: all."""

    calls: tuple[int, ...] | None = None
    messages: tuple[str, ...] | None = None
    faults: tuple[int, ...] | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.calls is None and self.messages is None and self.faults is None


def kept(plan: StormPlan, part: StormPart) -> StormPlan:
    """``plan`` with only ``part`` of its calls, messages and faults. Raises ``ValueError``."""
    calls, messages, faults = part.calls, part.messages, part.faults
    for what, some, count in (("calls", calls, len(plan.calls)), ("faults", faults, len(plan.faults))):
        if some is not None and any(place >= count for place in some):
            raise ValueError(f"--{what}: the storm of seed {plan.seed} has {what} 0 to {count - 1}")
    if messages is not None and (unknown := sorted({*messages} - {*plan.keys})):
        raise ValueError(f"--messages: the storm of seed {plan.seed} has no message {unknown[0]}")
    if calls is not None:
        plan = replace(plan, calls=tuple(call for call in plan.calls if call.number in calls))
    if messages is not None:
        smaller = [_with_messages(call, frozenset(messages)) for call in plan.calls]
        plan = replace(plan, calls=tuple(call for call in smaller if call.places))
    if faults is not None:
        plan = replace(plan, faults=tuple(plan.faults[index] for index in faults))
    return plan


def _with_messages(call: Call, keys: frozenset[str]) -> Call:
    places = tuple(place for place in call.places if key_of(call.number, place) in keys)
    return replace(call, places=places)


def _routes(random: Random) -> tuple[RoutePlan, ...]:
    count = random.choice((1, 1, 2, 2, 3))
    unchecked = random.randrange(count) if random.random() < 0.4 else -1
    return tuple(_route(random, "abc"[index], index != unchecked) for index in range(count))


def _route(random: Random, name: str, refuses_repeats: bool) -> RoutePlan:
    return RoutePlan(
        name,
        refuses_repeats,
        looks_up=not refuses_repeats and random.random() < 0.7,
        carries_key=refuses_repeats and random.random() < 0.7,
        keeps_state=random.random() < 0.5,
        remembers_s=random.choice((86_400.0, 86_400.0, SHORT_MEMORY_S)),
        requests_per_s=random.choice((5, 20, 100)),
        segments_per_s=random.choice((10, 50, 500)),
        max_batch=random.choice((1, 5, 50)),
        max_in_flight=random.choice((1, 2, 8)),
        ask_ratio=random.choice((0.8, 0.8, 0.8, 2.0)),
        reply_s=random.choice(_REPLIES_S),
        failing=random.random() < 0.3,
        answers_status=random.random() < 0.5,
    )


def _call(random: Random, number: int, storm_s: float, hours: str) -> Call:
    lane = random.choice(_LANES)
    alone = lane is Lane.OTP
    return Call(
        number,
        at_s=round(random.random() * storm_s, 3),
        lane=lane,
        campaign="" if alone else random.choice(CAMPAIGNS),
        sender_id=random.choice(("", "Shop")),
        places=tuple(range(random.randint(1, 3) if alone else random.randint(1, 10))),
        valid_s=random.choice(_VALID_S[lane]),
        segments=random.choice((1, 1, 2, 4)),
        together=not alone and random.random() < 0.7,
        after_s=random.choice((0.0, 0.0, 0.0, 0.0, 5.0, 60.0)),
        keeps_hours=bool(hours) and lane is Lane.MARKETING and random.random() < 0.5,
    )


def _with_rules(random: Random, call: Call, hours: str) -> Call:
    """Some OTPs too are part of a campaign, which may be stopped, and keep opening hours."""
    if call.lane is not Lane.OTP:
        return call
    campaign = random.choice(("", "", *CAMPAIGNS))
    return replace(call, campaign=campaign, keeps_hours=bool(hours) and random.random() < 0.3)


def _to_one_number(random: Random, call: Call) -> Call:
    """Some messages that a client submits one by one are to the same number."""
    return replace(call, to_one=not call.together and random.random() < 0.7)
