"""Whether a submit is accepted: the checks of the provider, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.account import Account
from mock_provider.engine.carriers import CarrierLookup
from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.flood import FloodGuard
from mock_provider.engine.rules import Rules, TrafficOf
from mock_provider.engine.throttle import BucketLimit, TokenBucket
from mock_provider.engine.values import (
    Effect,
    Outbound,
    Refused,
    Submit,
)
from mock_provider.settings.values import Refusal

if TYPE_CHECKING:
    from mock_provider.engine.delivery import DeliveryPipeline
    from mock_provider.engine.faults.hooks import AtAdmission, AtLimit
    from mock_provider.engine.faults.windows import ActiveFaults
    from mock_provider.engine.magic import Magic
    from mock_provider.engine.message_store import MessageStore
    from mock_provider.engine.settings import EngineSettings


class ProtocolRules(Struct, frozen=True, gc=False):
    """The settings of a protocol that concern its submits."""

    max_recipients: int
    partial_rejection: bool


AdmittedOne = tuple[str, str, int, bool]
"""Country, carrier, price, and whether the message goes before others in queues."""


class Candidate(Struct, gc=False):
    """One message of a request that no check has excluded. ``index`` is its place in the submit."""

    index: int
    outbound: Outbound
    country: str
    carrier: str
    price_micro: int
    magic: Magic | None = None
    not_before_ns: int = 0  # by a rule of its country; 0: no rule


class Admitted(Struct, frozen=True, gc=False):
    """The candidates to accept. ``left_out``: the places of the other messages, and the reasons.

    ``queue_first``: the messages go before others in queues.
    """

    candidates: list[Candidate]
    invalid_numbers: tuple[str, ...]
    left_out: list[tuple[int, Refusal]]
    queue_first: bool = False


class Admission:
    """The limits and rules that a submit is checked against. Only what is admitted takes tokens and credit.

    Order: credentials, requests unanswered, request rate, simulated errors, sender name, recipients and the
    rules of their countries, duplicates, flood, segment rate, room in the sender's and in the accept queue,
    daily cap, credit.
    """

    def __init__(
        self,
        profile: EngineSettings,
        router: CarrierLookup,
        message_store: MessageStore,
        pipeline: DeliveryPipeline,
        wall_offset_ns: int = 0,
    ) -> None:
        self._wall_offset_ns = wall_offset_ns
        self.account = Account(profile.account)
        self.requests = TokenBucket(profile.throttle.requests)
        self.segments = TokenBucket(profile.throttle.segments)
        self._flood = FloodGuard(profile.flood)
        self._message_store = message_store
        self._pipeline = pipeline
        self._at_limit: tuple[AtLimit, ...] = ()
        self._at_admission: tuple[AtAdmission, ...] = ()
        self._limits: dict[str, BucketLimit | None] = {
            "requests": profile.throttle.requests,
            "segments": profile.throttle.segments,
        }
        self._apply(profile, router)

    def reconfigure(self, now_ns: int, profile: EngineSettings, router: CarrierLookup) -> None:
        self.account.reconfigure(profile.account)
        self._flood.reconfigure(profile.flood)
        self._apply(profile, router)
        # Keep lowered limits: with the usual ones for a moment, the bucket would forget taken tokens.
        self._set_limits(now_ns)

    def set_wall_offset(self, wall_offset_ns: int) -> None:
        """Unix time is the engine's clock plus ``wall_offset_ns`` from now on."""
        self._wall_offset_ns = self._country_rules.wall_offset_ns = wall_offset_ns

    def faults_changed(self, at_ns: int, now_ns: int, active: ActiveFaults, effects: list[Effect]) -> None:
        """Apply the faults that lower a limit, and note those that refuse recipients."""
        self._at_admission = active.at_admission
        self._at_limit = active.at_limit
        self._set_limits(at_ns)

    def _set_limits(self, at_ns: int) -> None:
        for which, bucket, usual in (
            ("requests", self.requests, self._usual.requests),
            ("segments", self.segments, self._usual.segments),
        ):
            limit = _lowest(usual, which, self._at_limit)
            if limit != self._limits[which]:
                bucket.reconfigure(at_ns, limit)
            self._limits[which] = limit

    def _apply(self, profile: EngineSettings, router: CarrierLookup) -> None:
        self._usual = profile.throttle
        self._at_admission = ()
        self._router = router
        self._concurrent_requests = profile.throttle.concurrent_requests
        self._country_rules = Rules(profile, self._wall_offset_ns)
        self._traffic = TrafficOf(profile.traffic)
        self._tiered = profile.account.tier != "standard"
        self._has_extra_rules = self._country_rules.active or router.magic or router.priced
        self._skip_unruly = profile.traffic.on_violation == "skip_message"
        self._skip_duplicates = profile.duplicates.on_violation == "skip_message"
        self._skip_flooded = profile.flood.on_violation == "skip_message"
        limits = accumulate(error.share for error in profile.reply.errors)
        self._errors = tuple(zip(limits, (error.refusal for error in profile.reply.errors), strict=True))
        self._rules = {
            name: ProtocolRules(protocol.max_recipients_per_request, protocol.partial_rejection)
            for name, protocol in profile.protocol.by_name().items()
        }

    def gauges(self, now_ns: int) -> dict[str, float]:
        """The tokens that are left, for each rate limit of the profile."""
        now_ns = max(now_ns, 0)  # before the first input the time is the least possible
        levels = {"requests": self.requests.level(now_ns), "segments": self.segments.level(now_ns)}
        return {f"tokens_{name}": float(level) for name, level in levels.items() if level is not None}

    def judge(
        self, now_ns: int, submit: Submit, keys: Sequence[str], error_draw: float, unanswered: int = 0
    ) -> Admitted | Refused:
        """``error_draw`` is a uniform of this attempt; ``keys`` are those of the submit's messages; empty
        if all keys are new and different.

        ``unanswered`` is the number of earlier requests whose reply has not left.
        """
        account = self.account
        if submit.token not in account.tokens:
            return Refused(Refusal.UNAUTHORIZED)
        if account.suspended:
            return Refused(Refusal.ACCOUNT_SUSPENDED)
        if self._concurrent_requests is not None and unanswered >= self._concurrent_requests:
            return Refused(Refusal.THROTTLED_CONCURRENCY)
        if not self.requests.admits(now_ns):
            return Refused(Refusal.THROTTLED_REQUESTS, (), self.requests.wait_s(now_ns, 1))
        for limit, refusal in self._errors:
            if error_draw < limit:
                return Refused(refusal)
        if account.sender_names and submit.sender_id not in account.sender_names:
            return Refused(Refusal.SENDER_NOT_ALLOWED)
        admitted = self._recipients(now_ns, submit)
        if not isinstance(admitted, Admitted):
            return admitted
        if submit.options.refuse_duplicates or self._flood.active:
            refusal_of_some = self._without_repeats(now_ns, submit, keys, admitted)
            if refusal_of_some is not None:
                return refusal_of_some
        return self._charge(now_ns, submit, admitted)

    def admit_one(
        self, now_ns: int, submit: Submit, outbound: Outbound, error_draw: float, unanswered: int
    ) -> AdmittedOne | None:
        """``judge`` for a request of one message with a new key. None: it is not certain that ``judge`` would
        admit it, and nothing was changed.
        """
        account, priority = self.account, submit.options.priority
        balance_micro, segments = account.balance_micro, outbound.segments
        price_micro = account.prices_micro[priority] * segments
        concurrent = self._concurrent_requests
        if (
            submit.token not in account.tokens
            or account.suspended
            or (concurrent is not None and unanswered >= concurrent)
            or (self._errors and error_draw < self._errors[-1][0])
            or (account.sender_names and submit.sender_id not in account.sender_names)
            or self._has_extra_rules
            or self._at_admission
            or self._pipeline.senders.active
            or not self._pipeline.has_room(segments)
            or account.daily_messages is not None
            or (balance_micro is not None and price_micro > balance_micro)
        ):
            return None
        route = self._router.route(outbound.msisdn)
        flood, bucket = self._flood, self.segments
        if (
            route is None
            or (flood.active and flood.is_over(outbound.msisdn, now_ns))
            or (bucket.limited and not bucket.has(now_ns, segments))
            or not self.requests.admits(now_ns)
        ):
            return None
        if bucket.limited:
            bucket.take(now_ns, segments)
        if balance_micro is not None:
            account.pay(price_micro)
        if flood.active:
            flood.count_one(outbound.msisdn, now_ns)
        queue_first = not self._traffic.is_marketing(submit) if self._tiered else priority
        return *route, price_micro, queue_first

    def _recipients(self, now_ns: int, submit: Submit) -> Admitted | Refused:
        rules = self._rules[submit.protocol]
        messages, priority = submit.messages, submit.options.priority
        if len(messages) + len(submit.unparsable) > rules.max_recipients:
            return Refused(Refusal.TOO_MANY_RECIPIENTS)
        candidates: list[Candidate] = []
        left_out: list[tuple[int, Refusal]] = []
        invalid = [each.number for each in submit.unparsable]
        segment_micro, route_of = self.account.prices_micro[priority], self._router.route
        at_admission = self._at_admission
        for index, outbound in enumerate(messages):
            route = route_of(outbound.msisdn)
            if route is None:
                invalid.append(outbound.submitted_number)
                left_out.append((index, Refusal.NO_VALID_RECIPIENT))
            elif at_admission and (fault := self._refused_by_fault(*route)) is not None:
                left_out.append((index, fault.refusal))
            else:
                country, carrier = route
                price_micro = segment_micro * outbound.segments
                candidates.append(Candidate(index, outbound, country, carrier, price_micro))
        if submit.blocked:
            _leave_blocked_out(submit.blocked, candidates, left_out)
        if self._has_extra_rules:
            refused = self._apply_extra_rules(now_ns, submit, candidates, left_out, invalid)
            if refused is not None:
                return refused
        if left_out or invalid or not candidates:
            reasons = (reason for _, reason in left_out if reason is not Refusal.NO_VALID_RECIPIENT)
            closed = next(reasons, None)
            if closed is not None and (not candidates or not rules.partial_rejection):
                return Refused(closed, tuple(invalid))
            if not candidates or (invalid and not rules.partial_rejection):
                return Refused(Refusal.NO_VALID_RECIPIENT, tuple(invalid))
        queue_first = not self._traffic.is_marketing(submit) if self._tiered else priority
        return Admitted(candidates, tuple(invalid), left_out, queue_first)

    def _apply_extra_rules(
        self,
        now_ns: int,
        submit: Submit,
        candidates: list[Candidate],
        left_out: list[tuple[int, Refusal]],
        invalid: list[str],
    ) -> Refused | None:
        """Set price, magic number and hours of the candidates; exclude those that break a rule.

        A refusal: one that breaks a rule refuses all, if the profile says so. A magic number never does.
        """
        router = self._router
        rules = self._country_rules.of_request(submit, now_ns) if self._country_rules.active else None
        remaining = []
        for candidate in candidates:
            outbound = candidate.outbound
            candidate.magic = magic = router.magic.get(outbound.msisdn) if router.magic else None
            if magic is not None and magic.refusal is not None:
                left_out.append((candidate.index, magic.refusal))
                if magic.refusal is Refusal.NO_VALID_RECIPIENT:
                    invalid.append(outbound.submitted_number)
                continue
            if rules is not None:
                judged = rules.judge(candidate.country, outbound)
                if judged.refusal is not None:
                    if not self._skip_unruly:
                        return Refused(judged.refusal)
                    left_out.append((candidate.index, judged.refusal))
                    continue
                candidate.not_before_ns = judged.not_before_ns
            micro = router.price_micro(candidate.country, candidate.carrier) if router.priced else None
            if micro is not None:
                priority = submit.options.priority
                candidate.price_micro = self.account.price_by_micro(micro, outbound.segments, priority)
            remaining.append(candidate)
        candidates[:] = remaining
        return None

    def _refused_by_fault(self, country: str, carrier: str) -> AtAdmission | None:
        return next((fault for fault in self._at_admission if fault.meets(country, carrier)), None)

    def _without_repeats(
        self, now_ns: int, submit: Submit, keys: Sequence[str], admitted: Admitted
    ) -> Refused | None:
        """Exclude duplicates and flooded numbers, or refuse the request for them, as the profile says."""
        candidates = admitted.candidates
        if submit.options.refuse_duplicates and keys:
            repeated = self._duplicates(now_ns, keys, candidates)
            if repeated and (not self._skip_duplicates or len(repeated) == len(candidates)):
                return Refused(Refusal.DUPLICATE_REF)
            _leave_out(admitted, repeated, Refusal.DUPLICATE_REF)
        if self._flood.active:
            over = self._flood.over(candidates, now_ns)
            if over:
                if not self._skip_flooded or len(over) == len(candidates):
                    return Refused(Refusal.RECIPIENT_FLOOD)
                flooded = {candidates[place].index for place in over}
                _leave_out(admitted, flooded, Refusal.RECIPIENT_FLOOD)
        return None

    def _duplicates(self, now_ns: int, keys: Sequence[str], candidates: list[Candidate]) -> set[int]:
        """The places of candidates whose client reference was accepted before, or occurs earlier."""
        taken: set[str] = set()
        repeated: set[int] = set()
        for candidate in candidates:
            if candidate.outbound.client_ref is not None:
                key = keys[candidate.index]
                if key in taken or self._message_store.is_duplicate(key, now_ns):
                    repeated.add(candidate.index)
                taken.add(key)
        return repeated

    def _charge(self, now_ns: int, submit: Submit, admitted: Admitted) -> Admitted | Refused:
        candidates = admitted.candidates
        segments = price_micro = 0
        for candidate in candidates:
            segments += candidate.outbound.segments
            price_micro += candidate.price_micro
        # Tested before the calls: this runs for every request, and many profiles have no such limit.
        limited, balance_micro = self.segments.limited, self.account.balance_micro
        if limited and not self.segments.has(now_ns, segments):
            wait_s = self.segments.wait_s(now_ns, segments)
            return Refused(Refusal.THROTTLED_SEGMENTS, (), wait_s)
        account, options = self.account, submit.options
        if submit.scheduled_ns is None or submit.scheduled_ns <= now_ns:
            senders = self._pipeline.senders
            if (
                senders.active
                and not options.overflow_fails
                and not senders.has_room(submit.sender_id, segments, now_ns)
            ):
                return Refused(Refusal.SENDER_QUEUE_FULL)
            if not self._pipeline.has_room(segments):
                return Refused(Refusal.QUEUE_FULL)
        capped = account.daily_messages is not None
        if capped and not account.within_daily_cap(self._unix_s(now_ns), len(candidates)):
            return Refused(Refusal.DAILY_CAP)
        if balance_micro is not None and price_micro > balance_micro:
            return Refused(Refusal.NO_CREDIT)
        if not options.validate_only:
            if limited:
                self.segments.take(now_ns, segments)
            account.pay(price_micro)
            if capped:
                account.count(self._unix_s(now_ns), len(candidates))
            if self._flood.active:
                self._flood.count(candidates, now_ns)
        return admitted

    def _unix_s(self, now_ns: int) -> int:
        return (now_ns + self._wall_offset_ns) // NS_PER_S


def _lowest(usual: BucketLimit | None, name: str, faults: Iterable[AtLimit]) -> BucketLimit | None:
    """The lowest limit that the faults set; without a fault, the usual limit."""
    lowered = [fault.lowered(usual) for fault in faults if fault.limit == name]
    limits = [limit for limit in lowered if limit is not None]
    return min(limits, key=lambda limit: limit.rate_per_s) if limits else usual


def _leave_blocked_out(
    blocked: frozenset[str], candidates: list[Candidate], left_out: list[tuple[int, Refusal]]
) -> None:
    kept = [candidate for candidate in candidates if candidate.outbound.msisdn not in blocked]
    left_out.extend((c.index, Refusal.RECIPIENT_BLOCKED) for c in candidates if c.outbound.msisdn in blocked)
    candidates[:] = kept


def _leave_out(admitted: Admitted, places: set[int], reason: Refusal) -> None:
    if places:
        admitted.candidates[:] = [c for c in admitted.candidates if c.index not in places]
        admitted.left_out.extend((place, reason) for place in sorted(places))
