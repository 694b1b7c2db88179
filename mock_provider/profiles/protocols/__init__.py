"""``[wire]``: one table a protocol, one module each."""

from __future__ import annotations

from typing import Protocol

from mock_provider.engine.draws import IdStyle
from mock_provider.profiles.distributions import Section
from mock_provider.profiles.protocols.json_api import GenericWire
from mock_provider.profiles.protocols.smpp import SmppWire
from mock_provider.profiles.protocols.smsapi import SmsapiWire
from mock_provider.profiles.protocols.twilio import TwilioWire

__all__ = ["GenericWire", "SmppWire", "SmsapiWire", "TwilioWire", "WireSection", "Wires"]


class WireSection(Protocol):
    """What the engine asks of every wire's settings."""

    @property
    def max_recipients_per_request(self) -> int: ...
    @property
    def partial_rejection(self) -> bool: ...
    @property
    def id_style(self) -> IdStyle: ...


class Wires(Section):
    """``[wire]``: the settings of each protocol, under the wire's own name."""

    smsapi: SmsapiWire = SmsapiWire()
    twilio: TwilioWire = TwilioWire()
    smpp: SmppWire = SmppWire()
    generic: GenericWire = GenericWire()

    def by_name(self) -> dict[str, WireSection]:
        """The table of each wire, by the name that ``Submit.wire`` carries."""
        return {"smsapi": self.smsapi, "twilio": self.twilio, "smpp": self.smpp, "generic": self.generic}
