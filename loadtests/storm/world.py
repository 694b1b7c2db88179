"""The world of one storm: the sender, its providers and clients, and the plan that they follow."""

from __future__ import annotations

from functools import partial
from random import Random

from loadtests.storm.client import StormClient
from loadtests.storm.fault import Call
from loadtests.storm.memory import MemoryWatch
from loadtests.storm.plan import StormPlan
from loadtests.storm.plan_parts import RoutePlan
from loadtests.storm.policy import policy_of
from loadtests.storm.process_interfaces import SenderSetup
from loadtests.storm.replay import DeadLetterReplay
from loadtests.storm.rules import StormRules
from loadtests.storm.sender import StormSender
from loadtests.storm.sender_admin import SenderAdmin
from loadtests.storm.state import StormState
from loadtests.storm.storm_provider import StormProvider
from loadtests.storm.watch import StormWatch
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import RouteLimits

_QUERY_S = 10.0  # without a report, before a provider is asked
# Ended messages that are kept for late reports: fewer than a storm has, or all of them.
_LATE_REPORTS = (3, DispatchSettings().late_reports)
# Longest quiet time: the longest validity, twice for a clock that was set back, then the wait for a report.
QUIET_S = 6 * 3_600.0


class StormWorld:
    """``run`` makes the storm of ``plan`` and the quiet time after it."""

    def __init__(self, plan: StormPlan, notes: list[str] | None = None) -> None:
        self.plan = plan
        self.calls = plan.calls
        self.state = StormState(plan.seed, [route.name for route in plan.routes], notes)
        policy = policy_of(plan.hours, plan.rules)
        self.watch = StormWatch(self.state, policy, plan.max_attempts, plan.report_timeout_s)
        self.providers: dict[str, StormProvider] = {}
        keep_ns = int((plan.rules.keep_s or 0) * 1e9)
        limits = tuple(_limits(each) for each in plan.routes)
        setup = SenderSetup(_settings(plan), plan.hedging_ends, limits, policy, keep_ns, plan.unstopped)
        self.sender = StormSender(self.state, setup, self.watch, self.providers)
        self.admin = SenderAdmin(self.state, self.sender, self.watch)
        for fault in plan.faults:
            fault.begin(self)
        for route in plan.routes:
            self.providers[route.name] = StormProvider(self.state, self.sender, route)
        self._begin_rules(plan.rules)
        self.clients = [client for call in plan.calls for client in self._clients(call)]

    def run(self) -> None:
        """Make the storm."""
        self.sender.start()
        memory = MemoryWatch(self.state, self.watch, self.providers, self.sender.setup)
        # Messages are kept for longer than the wall clock is set forward in all, so purges may be late.
        last_s = max(self.plan.storm_s, *self.plan.rules.purges, 0.0)
        self.state.run(last_s + QUIET_S, lambda: memory.check(self.sender.awake))
        for provider in self.providers.values():
            provider.end()

    def crash_provider(self, route: str, down_s: float) -> None:
        """Kill the provider of a route; it starts again after ``down_s``."""
        self.providers[route].crash(down_s)

    def _begin_rules(self, rules: StormRules) -> None:
        for limit in rules.campaign_limits:
            self.state.at(limit.at_s, partial(self.admin.limit, limit.campaign, limit.segments, False))
            if limit.raised_to:
                raised = partial(self.admin.limit, limit.campaign, limit.raised_to, True)
                self.state.at(limit.raised_at_s, raised)
        for at_s in rules.purges:
            self.state.at(at_s, partial(self._purge, False))
        for purge in rules.campaign_purges:
            self.state.at(purge.at_s, partial(self._purge, True))
            for campaign, at_s in purge.limits_again:
                self.state.at(at_s, partial(self.admin.limit_again, campaign))
            if purge.crash_s is not None:
                self.state.at(purge.crash_s, partial(self.sender.crash, "sender_crash", 1.0))
        for at_s in rules.replays:
            self.state.at(at_s, DeadLetterReplay(self.state, self.sender, self.watch).begin)

    def _purge(self, of_rules: bool) -> None:
        process = self.sender.process
        if process is not None:
            process.input(partial(process.purge, of_rules))

    def _clients(self, call: Call) -> list[StormClient]:
        each = [call.places] if call.together else [(place,) for place in call.places]
        clients = [StormClient(self.state, self.sender, self.watch, call, some) for some in each]
        for client in clients:
            self.state.at(call.at_s, client.begin)
        return clients


def _settings(plan: StormPlan) -> DispatchSettings:
    return DispatchSettings(
        max_attempts=plan.max_attempts,
        backoff_cap_s=30.0,
        report_timeout_s=plan.report_timeout_s,
        order="arrival" if plan.in_order else "priority",
        hedge_otp_after_s=plan.hedge_otp_after_s,
        report_query_s=_QUERY_S,
        late_reports=Random(f"{plan.seed} late reports").choice(_LATE_REPORTS),
    )


def _limits(route: RoutePlan) -> RouteLimits:
    return RouteLimits(
        route.name,
        requests_per_s=route.requests_per_s * route.ask_ratio,
        requests_burst=max(1.0, route.requests_per_s * route.ask_ratio),
        segments_per_s=route.segments_per_s * route.ask_ratio,
        segments_burst=max(8.0, route.segments_per_s * route.ask_ratio),
        max_batch=route.max_batch,
        max_in_flight=route.max_in_flight,
        # The route's window ends before the provider's, for requests that the network delays.
        idempotency_window_s=route.remembers_s / 2 if route.refuses_repeats else 0.0,
        lookup_window_s=300.0 if route.looks_up else 0.0,
        answers_status=route.answers_status,
    )
