"""``[protocol]``: one table and one module for each protocol."""

from __future__ import annotations

from typing import Protocol

from mock_provider.settings.distributions import Section
from mock_provider.settings.protocols.generic import GenericSettings
from mock_provider.settings.protocols.smpp import SmppSettings
from mock_provider.settings.protocols.smsapi import SmsapiSettings
from mock_provider.settings.protocols.twilio import TwilioSettings
from mock_provider.settings.values import IdStyle

__all__ = [
    "GenericSettings",
    "ProtocolSection",
    "ProtocolSettings",
    "SmppSettings",
    "SmsapiSettings",
    "TwilioSettings",
]


class ProtocolSection(Protocol):
    """The settings that the engine reads for every protocol."""

    @property
    def max_recipients_per_request(self) -> int: ...
    @property
    def partial_rejection(self) -> bool: ...
    @property
    def id_style(self) -> IdStyle: ...


class ProtocolSettings(Section):
    """``[protocol]``: the settings of each protocol, under the protocol's name."""

    smsapi: SmsapiSettings = SmsapiSettings()
    twilio: TwilioSettings = TwilioSettings()
    smpp: SmppSettings = SmppSettings()
    generic: GenericSettings = GenericSettings()

    def by_name(self) -> dict[str, ProtocolSection]:
        """The table of each protocol by the name in ``Submit.protocol``."""
        return {name: getattr(self, name) for name in type(self).model_fields}
