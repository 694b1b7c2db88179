"""Settings of SMSAPI: behaviour that is not documented, or that differs between accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mock_provider.settings.distributions import Section
from mock_provider.settings.zones import ZoneName


class SmsapiSettings(Section):
    """``[protocol.smsapi]``; docs/sources.md has the source of each default."""

    throttle_answer: Literal["error_202", "http_429"] = "error_202"
    retry_after: bool = False  # whether HTTP 429 has Retry-After; no document of SMSAPI mentions it
    send_status: Literal[200, 201] = 200
    points_as: Literal["number", "string"] = "number"
    id_style: Literal["digits", "hex"] = "digits"
    max_recipients_per_request: int = Field(default=10_000, ge=1, le=1_000_000)
    max_recipients_get: int = Field(default=200, ge=1, le=1_000_000)
    partial_rejection: bool = True
    max_parts: int = Field(default=6, ge=1, le=10)
    country_code: Annotated[str, Field(pattern="^[1-9][0-9]{0,2}$")] = "48"
    plus_accepted: bool = True
    landlines_accepted: bool = False
    deduplicate_recipients: bool = True
    timezone: ZoneName = "Europe/Warsaw"
    username: str = "smsbench"
    report_url_bytes: int = Field(default=7_500, ge=500, le=65_536)
    report_hosts: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    hlr_price: Annotated[float, Field(ge=0, le=1_000_000)] = 0.04
    hlr_answer: Literal["brief", "full"] = "brief"
    mfa_code_digits: int = Field(default=6, ge=4, le=12)
    mfa_expiry_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
