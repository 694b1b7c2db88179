"""Settings of SMPP 3.4."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_provider.profiles.distributions import Section


class SmppWire(Section):
    """``[wire.smpp]``."""

    max_recipients_per_request: int = Field(default=1, ge=1, le=1)
    partial_rejection: bool = False
    id_style: Literal["hex"] = "hex"
