"""Settings of Twilio's Messages API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mock_provider.settings.distributions import Section


def _of_different_sids(services: tuple[MessagingService, ...]) -> tuple[MessagingService, ...]:
    sids = [service.sid for service in services]
    repeated = sorted({sid for sid in sids if sids.count(sid) > 1})
    if repeated:
        raise ValueError(f"messaging services must have different sids; repeated: {', '.join(repeated)}")
    return services


class MessagingService(Section):
    """``[[protocol.twilio.messaging_services]]``: a pool of senders behind one sid.

    ``sticky_sender``: a recipient always gets the same sender of the pool; otherwise the text also decides
    it.
    """

    sid: Annotated[str, Field(pattern="^MG[0-9a-fA-F]{32}$")]
    senders: tuple[Annotated[str, Field(pattern=r"^(\+?[0-9]{3,15}|[A-Za-z0-9 ]{1,11})$")], ...] = ()
    sticky_sender: bool = True


class TwilioSettings(Section):
    """``[protocol.twilio]``. With an empty ``account_sid``, requests of every account are accepted."""

    max_recipients_per_request: int = Field(default=1, ge=1, le=1)
    partial_rejection: bool = False
    id_style: Literal["sid"] = "sid"
    account_sid: Annotated[str, Field(pattern="^(AC[0-9a-fA-F]{32})?$")] = ""
    messaging_services: Annotated[tuple[MessagingService, ...], AfterValidator(_of_different_sids)] = ()
    max_body_characters: int = Field(default=1_600, ge=1, le=100_000)
    default_validity_s: int = Field(default=36_000, ge=1, le=36_000)
    schedule_min_s: int = Field(default=300, ge=0, le=3_024_000)
    schedule_max_s: int = Field(default=3_024_000, ge=0, le=31_536_000)
    media: Literal["accept", "refuse"] = "accept"
    magic_numbers: bool = True
    price_unit: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    report_hosts: tuple[str, ...] = ()
