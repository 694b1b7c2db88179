"""Settings of the generic JSON API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mock_provider.settings.distributions import Section


class GenericSettings(Section):
    """``[protocol.generic]``; docs/generic-api.md describes the API."""

    max_recipients_per_request: int = Field(default=10_000, ge=1, le=1_000_000)
    partial_rejection: bool = True
    id_style: Literal["uuid"] = "uuid"
    default_sender: Annotated[str, Field(pattern="^[A-Za-z0-9 ._&+-]{1,15}$")] = "Test"
    max_segments: int = Field(default=10, ge=1, le=255)
    sign_reports: bool = True
    report_hosts: tuple[str, ...] = ()
