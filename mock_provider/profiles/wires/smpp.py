"""Settings of SMPP 3.4."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mock_provider.profiles.distributions import Section
from mock_provider.profiles.network import CountryCode

SystemId = Annotated[str, Field(pattern="^[!-~]{1,15}$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class SmppWire(Section):
    """``[wire.smpp]``; docs/smpp.md says what each does. Seconds of 0 switch a timer off."""

    max_recipients_per_request: int = Field(default=1, ge=1, le=1)
    partial_rejection: bool = False
    id_style: Literal["hex", "digits"] = "hex"
    receipt_id: Literal["same", "decimal"] = "same"
    smsc_id: SystemId = "smsbench"
    system_ids: tuple[SystemId, ...] = ()
    max_binds: int = Field(default=10, ge=1, le=10_000)
    max_connections: int = Field(default=1_000, ge=1, le=100_000)
    window: int = Field(default=1_000, ge=1, le=100_000)
    receipt_window: int = Field(default=100, ge=1, le=100_000)
    session_init_s: Seconds = 10.0
    enquire_link_s: Seconds = 30.0
    inactivity_s: Seconds = 0.0
    response_s: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    max_pdu_bytes: int = Field(default=70_000, ge=1_024, le=1_048_576)
    max_parts: int = Field(default=10, ge=1, le=255)
    default_alphabet: Literal["gsm7", "latin1"] = "gsm7"
    default_sender: Annotated[str, Field(pattern="^[ -~]{1,11}$")] = "Test"
    country: CountryCode = "PL"
