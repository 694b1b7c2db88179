"""One route: what it may send now, and the reactions to its answers.

The reserve for OTPs: bulk may send only if some request tokens, segment tokens and one place for an
unanswered request are left afterwards (``otp_reserved_*``). So an OTP that arrives now is sent now. If a
limit is too small for a reserve, bulk may use all of a full bucket and the last place; otherwise bulk would
never be sent. An owed turn (``shares.py``) ignores the reserve; otherwise a flood of OTPs would use it up
permanently.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reference_sender.dispatch.breaker import Breaker, BreakerState
from reference_sender.dispatch.bucket import RateBucket
from reference_sender.dispatch.jitter import fraction, grown
from reference_sender.dispatch.pacing import LEAST_REQUESTS_PER_S, LEAST_SEGMENTS_PER_S, Pacing
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import NS_PER_S, Outcome, Result, RouteLimits

# A batch above the provider's own burst is throttled after any wait, so batches shrink after this number of
# throttled answers in a row. Not earlier: if the limit is on requests, smaller batches need more of them.
_THROTTLED_BEFORE_SMALLER = 3
_BATCHES_TO_FULL_SIZE = 50

UNTIL_ANSWER = -1  # blocked until an answer comes; time alone does not change it

# Names of their own: see ``values.py``.
_CLOSED = BreakerState.CLOSED
_HALF_OPEN = BreakerState.HALF_OPEN
_OPEN = BreakerState.OPEN
_ACCEPTED = Outcome.ACCEPTED


class RouteCapacity(Struct, frozen=True, gc=False):
    """What may be sent on a route now; if ``messages`` is 0, when to ask again (or ``UNTIL_ANSWER``)."""

    messages: int
    segments: int = 0
    ask_ns: int = UNTIL_ANSWER


_NO_ROOM = RouteCapacity(0)


class RouteState:
    """Limits, pauses and breaker of one route. ``index`` is its place in the order of preference."""

    def __init__(self, index: int, limits: RouteLimits, settings: DispatchSettings, seed: int) -> None:
        self.index = index
        self.name = limits.name
        self.in_flight = 0
        self.paused_until_ns = 0
        self.throttles = 0  # number of throttled requests
        self.trouble = ""  # why the route cannot be used: the reason of the last request that failed
        self.trouble_since_ns = 0
        self.breaker = Breaker(
            settings.breaker_failures,
            int(settings.breaker_open_s * NS_PER_S),
            int(settings.breaker_cap_s * NS_PER_S),
            seed,
            limits.name,
        )
        self.requests = RateBucket(limits.requests_per_s, limits.requests_burst)
        self.segments = RateBucket(limits.segments_per_s, limits.segments_burst)
        self.requests_pacing = Pacing(limits.requests_per_s, LEAST_REQUESTS_PER_S)
        self.segments_pacing = Pacing(limits.segments_per_s, LEAST_SEGMENTS_PER_S)
        self.limits = limits
        self.share = 1.0  # of the limits; other senders may use the same contract
        self.max_in_flight = limits.max_in_flight  # of this share
        self.repeats = limits.idempotency_window_s > 0  # a message without an answer
        self.unknown_window_ns = int(limits.unknown_window_s * NS_PER_S)
        self._settings = settings
        self._seed = seed
        self._keep_reserve()
        self._throttled_in_a_row = 0
        self._throttled_at_ns = -1
        # When messages last waited for tokens of this bucket.
        self._requests_awaited_ns = -1
        self._segments_awaited_ns = -1
        self._batch = float(limits.max_batch)
        self._most = limits.max_batch  # messages in one request for now: ``_batch`` as a whole number

    def divide(self, now_ns: int, share: float) -> None:
        """Use this share, from 0 to 1, of the limits.

        A share that grows gets no tokens at once, so all senders together never exceed the burst of the
        contract. Raises ``ValueError``, changing nothing, if a limit of the share allows nothing.
        """
        limits, before = self.limits, self.share
        if share == 0:
            self.share = 0.0
            return
        max_in_flight = int(limits.max_in_flight * share)
        if max_in_flight < 1:
            raise ValueError(f"{self.name}: {share} of max_in_flight {limits.max_in_flight} is below 1")
        if before == 0:
            self.requests.drain(now_ns)
            self.segments.drain(now_ns)
        self.requests.resize(now_ns, limits.requests_burst * share)
        self.segments.resize(now_ns, limits.segments_burst * share)
        self.max_in_flight = max_in_flight
        self.share = share
        self._set_rates(now_ns)
        self._keep_reserve()

    def _keep_reserve(self) -> None:
        """What bulk needs, so that the reserve for OTPs is left."""
        settings = self._settings
        self._kept_segments = settings.otp_reserved_segments
        self._bulk_requests = min(1 + settings.otp_reserved_requests, self.requests.capacity)
        self._bulk_in_flight = max(1, self.max_in_flight - settings.otp_reserved_in_flight)
        self._worth_saving = self.segments.tokens_in(settings.token_wait_s)

    def blocked_until(self, now_ns: int) -> int:
        """0 if the route may be used now; otherwise when to ask again, or ``UNTIL_ANSWER``."""
        if self.share == 0:
            return UNTIL_ANSWER
        if now_ns < self.paused_until_ns:
            return self.paused_until_ns
        most = self.max_in_flight
        if self.breaker.state is not _CLOSED:
            if self.breaker.check(now_ns) is _OPEN:
                return self.breaker.until_ns
            most = 1  # half open
        return UNTIL_ANSWER if self.in_flight >= most else 0

    def paused_ns(self, now_ns: int) -> int:
        """The rest of the route's pause or of its open breaker."""
        open_ns = self.breaker.until_ns if self.breaker.state is _OPEN else 0
        return max(0, max(self.paused_until_ns, open_ns) - now_ns)

    def room(self, now_ns: int, head_segments: int, waiting: int, reserve: bool) -> RouteCapacity:
        """What may be sent now. The next message has ``head_segments``; ``waiting`` messages wait in all.

        ``reserve`` is True for bulk: keep the reserve for OTPs. Call it only while ``blocked_until`` is 0.
        """
        requests, segments = self.requests, self.segments
        if head_segments > segments.capacity:
            return _NO_ROOM
        requests_needed, segments_needed, kept_segments = 1, head_segments, 0
        # Compared and not min() or max(): this is asked for every request.
        if reserve:
            if self.in_flight >= self._bulk_in_flight:
                return _NO_ROOM
            kept_segments = self._kept_segments
            saved = waiting if waiting < self._most else self._most
            if saved > self._worth_saving:
                saved = self._worth_saving
            segments_needed = (saved if saved > head_segments else head_segments) + kept_segments
            if segments_needed > segments.capacity:
                segments_needed = segments.capacity
            requests_needed = self._bulk_requests
        level = segments.available(now_ns)
        requests_short = requests.available(now_ns) < requests_needed
        if requests_short or level < segments_needed:
            if requests_short:
                self._requests_awaited_ns = now_ns
            if level < segments_needed:
                self._segments_awaited_ns = now_ns
            ask_ns = max(
                requests.ready_ns(now_ns, requests_needed), segments.ready_ns(now_ns, segments_needed)
            )
            return RouteCapacity(0, 0, ask_ns)
        room = level - kept_segments
        if room < head_segments:
            room = head_segments
        return RouteCapacity(1 if self.breaker.state is _HALF_OPEN else self._most, room)

    def submitted(self, segments: int) -> None:
        """A request with ``segments`` segments is sent now."""
        self.in_flight += 1
        self.requests.spend(1)
        self.segments.spend(segments)

    def withdrawn(self) -> None:
        """A request that ``submitted`` counted was not sent. Its tokens are not returned."""
        self.in_flight -= 1

    def answered(self, now_ns: int, submitted_ns: int, results: Sequence[Result]) -> bool:
        """Apply the results of one request to the route as a whole. True if it got no real answer."""
        self.in_flight -= 1
        broken = throttled = down = False
        working = False
        retry_after_s = 0.0
        for result in results:
            outcome = result.outcome
            if outcome is _ACCEPTED:
                working = True
            elif outcome is Outcome.UNKNOWN or outcome is Outcome.RETRYABLE:
                broken = True
            elif outcome is Outcome.ROUTE_DOWN:
                down = True
            elif outcome is Outcome.THROTTLED:
                throttled = True
                retry_after_s = max(retry_after_s, result.retry_after_s or 0.0)
            else:
                working = True
        # A provider that refuses for a reason is there; only a request of which nothing got a real answer
        # fails.
        failed = broken and not (working or throttled or down)
        if failed:
            self.breaker.failed(now_ns)
        else:
            self.breaker.succeeded()
        if failed or down or self.trouble:
            self._note_trouble(now_ns, failed, down, results)
        if down:
            self._pause(now_ns + int(self._settings.route_down_pause_s * NS_PER_S))
        if throttled:
            self._slow_down(now_ns, submitted_ns, retry_after_s)
        elif self.throttles and working and submitted_ns > self._throttled_at_ns:
            self._speed_up(now_ns, submitted_ns)
        return failed

    def _note_trouble(self, now_ns: int, failed: bool, down: bool, results: Sequence[Result]) -> None:
        if not (failed or down):
            self.trouble = ""
            return
        if not down and self.breaker.state is BreakerState.CLOSED:
            return
        if not self.trouble:
            self.trouble_since_ns = now_ns
        reasons = (result.reason for result in results if not down or result.outcome is Outcome.ROUTE_DOWN)
        self.trouble = next(filter(None, reasons), "no_answer")

    def _slow_down(self, now_ns: int, submitted_ns: int, retry_after_s: float) -> None:
        """Pause the whole route and empty its buckets; a burst after the pause would be throttled again."""
        self.throttles += 1
        settings = self._settings
        if retry_after_s > 0:
            wait_s = min(retry_after_s, settings.retry_after_cap_s)
            self._pause(now_ns + int(wait_s * NS_PER_S))
        # Requests that were in flight when the first was throttled do not double the pause.
        if submitted_ns > self._throttled_at_ns:
            self._lower_rates(now_ns)
            base_ns = int(settings.throttle_base_s * NS_PER_S)
            cap_ns = int(settings.throttle_cap_s * NS_PER_S)
            wait_ns = grown(base_ns, cap_ns, self._throttled_in_a_row)
            self._throttled_in_a_row += 1
            if self._throttled_in_a_row >= _THROTTLED_BEFORE_SMALLER:
                self._batch = max(1.0, self._batch / 2)
                self._most = int(self._batch)
            self._throttled_at_ns = now_ns
            wait_ns = wait_ns // 2 + int(wait_ns / 2 * fraction(self._seed, self.name, self.throttles))
            self._pause(now_ns + wait_ns)
        self.requests.drain(self.paused_until_ns)
        self.segments.drain(self.paused_until_ns)

    def _lower_rates(self, now_ns: int) -> None:
        """A bucket that was short is what the sender reached, so its rate was too high for the provider. If
        neither was short, the reply does not name the limit.
        """
        requests_short, segments_short = self.requests.is_short(now_ns), self.segments.is_short(now_ns)
        if requests_short or not segments_short:
            self.requests_pacing.throttled(now_ns)
        if segments_short or not requests_short:
            self.segments_pacing.throttled(now_ns)
        self._set_rates(now_ns)

    def _speed_up(self, now_ns: int, submitted_ns: int) -> None:
        self._throttled_in_a_row = 0
        if self._batch < self.limits.max_batch:
            step = self.limits.max_batch / _BATCHES_TO_FULL_SIZE
            self._batch = min(self._batch + step, self.limits.max_batch)
            self._most = int(self._batch)
        if self.requests_pacing.share < 1.0 or self.segments_pacing.share < 1.0:
            self.requests_pacing.worked(now_ns, self._requests_awaited_ns >= submitted_ns)
            self.segments_pacing.worked(now_ns, self._segments_awaited_ns >= submitted_ns)
            self._set_rates(now_ns)

    def _set_rates(self, now_ns: int) -> None:
        limits, share = self.limits, self.share
        self.requests.set_rate(now_ns, limits.requests_per_s * share * self.requests_pacing.share)
        self.segments.set_rate(now_ns, limits.segments_per_s * share * self.segments_pacing.share)
        self._worth_saving = self.segments.tokens_in(self._settings.token_wait_s)

    def _pause(self, until_ns: int) -> None:
        self.paused_until_ns = max(self.paused_until_ns, until_ns)


def check_routes(routes: Sequence[RouteLimits]) -> None:
    """Raises ``ValueError``, naming all errors."""
    faults = [] if routes else ["there must be at least one route"]
    if len({limits.name for limits in routes}) < len(routes):
        faults.append("routes must have different names")
    for limits in routes:
        for name in ("requests_per_s", "segments_per_s"):
            if not getattr(limits, name) >= 1e-6:
                faults.append(f"{limits.name}: {name} must be at least 0.000001")
        for name in ("requests_burst", "segments_burst", "max_batch", "max_in_flight"):
            if not getattr(limits, name) >= 1:
                faults.append(f"{limits.name}: {name} must be at least 1")
    if faults:
        raise ValueError("; ".join(faults))
