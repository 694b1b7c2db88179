"""The stored data of SMSAPI's services. It stays when the profile changes and the protocol is rebuilt."""

from __future__ import annotations

from mock_provider.engine.draws import Draws
from mock_provider.protocols.smsapi.limits import DEFAULT_SENDER
from mock_provider.protocols.smsapi.services.blacklist import Blacklist
from mock_provider.protocols.smsapi.services.contact_book import ContactBook
from mock_provider.protocols.smsapi.services.message_templates import MessageTemplates
from mock_provider.protocols.smsapi.services.one_time_codes import OneTimeCodes
from mock_provider.protocols.smsapi.services.sender_names import SenderNames
from mock_provider.protocols.unread_fields import UnreadFields


class SmsapiState:
    """Kept until the provider is reset. ``seed`` is the provider's."""

    def __init__(self, seed: int, unread_fields: UnreadFields) -> None:
        self.draws = Draws(seed)
        self.codes = OneTimeCodes(self.draws)
        self.sender_names = SenderNames(DEFAULT_SENDER)
        self.blacklist = Blacklist()
        self.contacts = ContactBook()
        self.templates = MessageTemplates()
        self.unread = unread_fields
        self._ids = 0

    def new_id(self) -> str:
        """24 hexadecimal digits, as SMSAPI's ids of stored objects. The same seed gives the same sequence of
        ids.
        """
        self._ids += 1
        return self.draws.provider_id("smsapi kept", self._ids, "hex")
