"""What SMSAPI's side services remember. The wire itself holds no state: it is made anew with each profile."""

from __future__ import annotations

from mock_provider.engine.draws import Draws
from mock_provider.one_time_codes import OneTimeCodes
from mock_provider.sender_names import SenderNames
from mock_provider.wire.smsapi.plain import DEFAULT_SENDER


class Kept:
    """Lives as long as its provider. ``draws`` are of the provider's seed."""

    def __init__(self, seed: int) -> None:
        self.draws = Draws(seed)
        self.codes = OneTimeCodes(self.draws)
        self.sender_names = SenderNames(DEFAULT_SENDER)

    def clear(self) -> None:
        """Forget all of it."""
        self.codes.clear()
        self.sender_names.clear()
