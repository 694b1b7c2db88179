"""What SMSAPI's side services remember. The protocol holds no state: it is made anew with each profile."""

from __future__ import annotations

from mock_provider.engine.draws import Draws
from mock_provider.protocols.smsapi.fast_path import DEFAULT_SENDER
from mock_provider.protocols.smsapi.services.blacklist import Blacklist
from mock_provider.protocols.smsapi.services.contact_book import ContactBook
from mock_provider.protocols.smsapi.services.message_templates import MessageTemplates
from mock_provider.protocols.smsapi.services.one_time_codes import OneTimeCodes
from mock_provider.protocols.smsapi.services.sender_names import SenderNames
from mock_provider.protocols.smsapi.unread_fields import UnreadFields


class SmsapiState:
    """Lives as long as its provider. ``draws`` are of the provider's seed."""

    def __init__(self, seed: int) -> None:
        self.draws = Draws(seed)
        self.codes = OneTimeCodes(self.draws)
        self.sender_names = SenderNames(DEFAULT_SENDER)
        self.blacklist = Blacklist()
        self.contacts = ContactBook()
        self.templates = MessageTemplates()
        self.unread = UnreadFields()
        self._ids = 0

    def new_id(self) -> str:
        """24 hexadecimal digits, as SMSAPI names what it keeps. The same seed gives the same ids in turn."""
        self._ids += 1
        return self.draws.provider_id("smsapi kept", self._ids, "hex")

    def clear(self) -> None:
        """Forget all of it."""
        self.codes.clear()
        self.sender_names.clear()
        self.blacklist.clear()
        self.contacts.clear()
        self.templates.clear()
        self.unread.clear()
