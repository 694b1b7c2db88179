"""Which MSISDN SMSAPI reads from a number as a client wrote it."""

from __future__ import annotations

from mock_provider.engine.numbers import DIALLING_PREFIX, normalise
from mock_provider.wire.smsapi.settings import SmsapiSettings

_NATIONAL_DIGITS = 9


def read_msisdn(submitted: str, settings: SmsapiSettings) -> str | None:
    """E.164 digits without plus, or None where SMSAPI calls the number invalid."""
    if submitted.startswith("+") and not settings.plus_accepted:
        return None
    return normalise(submitted, settings.default_country)


def shown_number(submitted: str, settings: SmsapiSettings) -> str:
    """An invalid number as ``invalid_numbers[].number`` repeats it: digits, a country code if national."""
    digits = "".join(c for c in submitted if c.isascii() and c.isdigit())
    if len(digits) == _NATIONAL_DIGITS:
        return DIALLING_PREFIX.get(settings.default_country, "") + digits
    return digits or submitted
