"""The MSISDN that SMSAPI reads from a client's number."""

from __future__ import annotations

import re

from mock_provider.engine.numbers import country_of, normalise
from mock_provider.settings.protocols import SmsapiSettings

# Numbers that are an MSISDN with any settings: Polish mobile numbers, and foreign ones, except those of nine
# digits, which are read as national.
_MOBILE = "48(?:45|5[0137]|6[069]|7[2389]|88)[0-9]{7}"
_FOREIGN = "(?!48)[1-9](?:[0-9]{7}|[0-9]{9,14})(?![0-9])"
is_msisdn = re.compile(f"{_MOBILE}|{_FOREIGN}").fullmatch
are_msisdns = re.compile(f"(?:(?:{_MOBILE}|{_FOREIGN})(?:,|$))+(?<!,)").fullmatch

LONGEST_NUMBER = 100  # characters that are read and repeated in answers; more than twice the longest number
_NATIONAL_DIGITS = 9
_POLISH_DIGITS = 11


def read_msisdn(submitted: str, settings: SmsapiSettings) -> str | None:
    """E.164 digits without plus, or None if SMSAPI calls the number invalid."""
    if len(submitted) > LONGEST_NUMBER or (submitted.startswith("+") and not settings.plus_accepted):
        return None
    if len(submitted) == _NATIONAL_DIGITS:
        submitted = settings.country_code + submitted
    msisdn = normalise(submitted)
    if msisdn is None and settings.landlines_accepted and _is_polish(submitted):
        return submitted
    return msisdn


def is_foreign(msisdn: str, settings: SmsapiSettings) -> bool:
    """Whether ``skip_foreign=1`` excludes this number."""
    return country_of(msisdn) != country_of(settings.country_code)


def shown_number(submitted: str, settings: SmsapiSettings) -> str:
    """An invalid number as ``invalid_numbers[].number`` repeats it: digits, a country code if national."""
    digits = "".join(c for c in submitted if c.isascii() and c.isdigit())
    if len(digits) == _NATIONAL_DIGITS:
        return settings.country_code + digits
    return digits or submitted


def _is_polish(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) == _POLISH_DIGITS and digits.startswith("48")
