"""Settings of the generic JSON API."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_provider.profiles.distributions import Section


class GenericWire(Section):
    """``[wire.generic]``."""

    max_recipients_per_request: int = Field(default=10_000, ge=1, le=1_000_000)
    partial_rejection: bool = True
    id_style: Literal["uuid"] = "uuid"
