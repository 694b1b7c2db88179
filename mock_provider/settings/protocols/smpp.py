"""Settings of SMPP 3.4."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from mock_provider.settings.distributions import Section
from mock_provider.settings.network import CountryCode

SystemId = Annotated[str, Field(pattern="^[!-~]{1,15}$")]
TimerSeconds = Annotated[float, Field(ge=0, le=86_400)]


def _with_its_id_style(receipt_id: str, info: ValidationInfo) -> str:
    """Refuse a decimal receipt id that is not possible, or that overflows in the client."""
    id_style = info.data.get("id_style", "hex16")
    if receipt_id == "decimal" and id_style != "hex16":
        why = {
            "hex": "96 bits overflow the 64 in which gateways keep a decimal id",
            "digits": "these ids are decimal in every PDU",
        }
        raise ValueError(f'it needs id_style = "hex16"; here id_style = "{id_style}": {why[id_style]}')
    return receipt_id


class SmppSettings(Section):
    """``[protocol.smpp]``; docs/smpp.md says what each does. Seconds of 0 switch a timer off."""

    max_recipients_per_request: int = Field(default=254, ge=1, le=254)
    partial_rejection: bool = True
    id_style: Literal["hex16", "hex", "digits"] = "hex16"
    receipt_id: Annotated[Literal["same", "decimal"], AfterValidator(_with_its_id_style)] = "same"
    smsc_id: SystemId = "smsbench"
    system_ids: tuple[SystemId, ...] = ()
    max_binds: int = Field(default=10, ge=1, le=10_000)
    max_connections: int = Field(default=1_000, ge=1, le=100_000)
    window: int = Field(default=1_000, ge=1, le=100_000)
    receipt_window: int = Field(default=100, ge=1, le=100_000)
    receipts_kept: int = Field(default=100_000, ge=1, le=10_000_000)
    receipts_kept_s: Annotated[float, Field(gt=0, le=86_400)] = 3_600.0
    session_init_s: TimerSeconds = 10.0
    enquire_link_s: TimerSeconds = 30.0
    inactivity_s: TimerSeconds = 0.0
    response_s: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    max_pdu_bytes: int = Field(default=70_000, ge=1_024, le=1_048_576)
    max_parts: int = Field(default=10, ge=1, le=255)
    default_alphabet: Literal["gsm7", "latin1"] = "gsm7"
    default_sender: Annotated[str, Field(pattern="^[ -~]{1,11}$")] = "Test"
    country: CountryCode = "PL"
