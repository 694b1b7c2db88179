"""Settings of the dispatcher. Times are seconds here, nanoseconds inside the core."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DispatchSettings(BaseModel):
    """Limits and policies of one dispatcher; every default is meant for production."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Intake
    max_backlog: int = Field(
        default=500_000, ge=1, description="messages not yet accepted by a provider, all lanes"
    )
    otp_reserved_backlog: int = Field(default=10_000, ge=0, description="of these, for the OTP lane only")

    order: Literal["priority", "arrival"] = Field(
        default="priority",
        description="arrival: one queue for all classes, no reserves and no shares (see arrival_queue.py)",
    )

    # Between the lanes: strict priority, except these shares of what is sent (see shares.py)
    transactional_share: float = Field(default=0.20, ge=0, lt=1)
    marketing_share: float = Field(default=0.05, ge=0, lt=1)

    # What bulk leaves free on each route, so that an OTP that arrives now is sent now (see route.py)
    otp_reserved_requests: int = Field(default=1, ge=0, description="request tokens")
    otp_reserved_segments: int = Field(default=10, ge=0, description="segment tokens")
    otp_reserved_in_flight: int = Field(default=1, ge=0, description="unanswered requests")

    # Batching. Without linger a batch has the messages that wait at the moment when the route may send.
    otp_linger_s: float = Field(default=0.0, ge=0, le=60)
    transactional_linger_s: float = Field(default=0.0, ge=0, le=60)
    marketing_linger_s: float = Field(default=0.0, ge=0, le=60)
    token_wait_s: float = Field(
        default=0.05,
        ge=0,
        le=10,
        description="when segment tokens are short, bulk waits this long for a larger batch",
    )

    # Attempts (see retry.py)
    max_attempts: int = Field(
        default=16, ge=1, description="counted attempts; throttling and failures of the route do not count"
    )
    backoff_base_s: float = Field(default=0.5, gt=0, le=3600)
    backoff_cap_s: float = Field(default=120.0, gt=0, le=86_400)
    otp_backoff_cap_s: float = Field(default=5.0, gt=0, le=3600)
    retry_after_cap_s: float = Field(
        default=3600.0, gt=0, le=86_400, description="upper limit for a Retry-After"
    )
    defer_s: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="wait of a DEFERRED message whose answer has no Retry-After",
    )

    # Routes
    throttle_base_s: float = Field(
        default=0.25, gt=0, le=3600, description="pause after a first throttled answer"
    )
    throttle_cap_s: float = Field(default=30.0, gt=0, le=3600)
    route_down_pause_s: float = Field(default=60.0, gt=0, le=86_400)
    breaker_failures: int = Field(
        default=10, ge=1, description="number of failed requests in a row that opens the breaker"
    )
    breaker_open_s: float = Field(
        default=1.0, gt=0, le=3600, description="first wait before a probe; doubles"
    )
    breaker_cap_s: float = Field(default=30.0, gt=0, le=3600)

    # Choice between several routes (see scoring.py). A worth is in the currency of ``cost_per_segment``.
    otp_worth: float = Field(default=1.0, ge=0, le=1e6, description="what an OTP delivered in time is worth")
    transactional_worth: float = Field(default=0.3, ge=0, le=1e6)
    marketing_worth: float = Field(default=0.1, ge=0, le=1e6)
    otp_deadline_s: float = Field(
        default=10.0, gt=0, le=86_400, description="an OTP delivered within this is in time"
    )
    transactional_deadline_s: float = Field(default=60.0, gt=0, le=86_400)
    marketing_deadline_s: float = Field(default=3600.0, gt=0, le=604_800)
    equal_within: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="routes are equal whose scores differ by at most this share of the best score",
    )
    slow_delivery_s: float = Field(
        default=300.0, gt=0, le=86_400, description="a message that takes longer lowers its route's weight"
    )

    hedge_otp_after_s: float | None = Field(
        default=None, gt=0, le=300, description="without a report, a second route gets the OTP; None: never"
    )

    # Reports
    report_query_s: float | None = Field(
        default=3600.0, gt=0, description="a report missing for longer is asked for; None: never"
    )
    report_timeout_s: float = Field(
        default=72 * 3600.0, gt=0, description="wait for a report; then the message expires without one"
    )
    late_reports: int = Field(
        default=50_000, ge=0, description="number of ended messages kept for a late DELIVERED"
    )
    early_reports: int = Field(
        default=10_000, ge=0, description="number of kept reports that came before their submit's answer"
    )

    @model_validator(mode="after")
    def _consistent(self) -> DispatchSettings:
        faults = []
        if self.otp_reserved_backlog >= self.max_backlog:
            faults.append("otp_reserved_backlog must be below max_backlog, or bulk is never accepted")
        if self.transactional_share + self.marketing_share >= 1:
            faults.append("transactional_share + marketing_share must be below 1")
        if self.backoff_base_s > min(self.backoff_cap_s, self.otp_backoff_cap_s):
            faults.append("backoff_base_s must not exceed backoff_cap_s and otp_backoff_cap_s")
        if self.throttle_base_s > self.throttle_cap_s:
            faults.append("throttle_base_s must not exceed throttle_cap_s")
        if self.breaker_open_s > self.breaker_cap_s:
            faults.append("breaker_open_s must not exceed breaker_cap_s")
        if faults:
            raise ValueError("; ".join(faults))
        return self
