"""Phone numbers as people write them, to E.164 digits; and the country a number belongs to."""

from __future__ import annotations

import re

# ISO 3166 country -> dialling prefix. +1 and +7 are shared; they stand here under their largest country.
DIALLING_PREFIX = {
    "PL": "48", "US": "1", "RU": "7", "EG": "20", "ZA": "27", "GR": "30", "NL": "31", "BE": "32",
    "FR": "33", "ES": "34", "HU": "36", "IT": "39", "RO": "40", "CH": "41", "AT": "43", "GB": "44",
    "DK": "45", "SE": "46", "NO": "47", "DE": "49", "MX": "52", "BR": "55", "AU": "61", "ID": "62",
    "PH": "63", "NZ": "64", "SG": "65", "TH": "66", "JP": "81", "KR": "82", "VN": "84", "CN": "86",
    "TR": "90", "IN": "91", "PK": "92", "NG": "234", "KE": "254", "PT": "351", "LU": "352", "IE": "353",
    "IS": "354", "AL": "355", "MT": "356", "CY": "357", "FI": "358", "BG": "359", "LT": "370", "LV": "371",
    "EE": "372", "MD": "373", "AM": "374", "BY": "375", "UA": "380", "RS": "381", "ME": "382", "HR": "385",
    "SI": "386", "BA": "387", "MK": "389", "CZ": "420", "SK": "421", "HK": "852", "IL": "972", "AE": "971",
    "SA": "966", "GE": "995",
}  # fmt: skip
_COUNTRY_OF_PREFIX = {prefix: country for country, prefix in DIALLING_PREFIX.items()}

# Two digits that no Polish mobile number begins with: area codes, premium (70, 80) and internet (39) numbers.
# Unassigned beginnings (10, 11, 19, 20 ...) pass: SMSAPI's own examples use 48100200300, and such a number
# cannot belong to anybody.
_POLISH_NOT_MOBILE = frozenset(
    [
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "18",
        "22",
        "23",
        "24",
        "25",
        "29",
        "32",
        "33",
        "34",
        "39",
        "41",
        "42",
        "43",
        "44",
        "46",
        "48",
        "52",
        "54",
        "55",
        "56",
        "58",
        "59",
        "61",
        "62",
        "63",
        "65",
        "67",
        "68",
        "70",
        "71",
        "74",
        "75",
        "76",
        "77",
        "80",
        "81",
        "82",
        "83",
        "84",
        "85",
        "86",
        "87",
        "89",
        "91",
        "94",
        "95",
    ]
)
_POLISH_LENGTH = 9
_E164_SHORTEST, _E164_LONGEST = 8, 15

_drop_separators = str.maketrans("", "", " \t\u00a0-.()/")
_is_digits = re.compile("[0-9]+").fullmatch


def normalise(number: str, default_country: str = "PL") -> str | None:
    """E.164 digits without plus of ``number``, or None where it cannot be one that receives messages.

    ``+48 600-100-200``, ``0048600100200``, ``48600100200`` and (by default country) ``600100200`` are one
    number. The check is light: length, and for Poland that it is no landline or premium number.
    """
    digits = number if number.isascii() and number.isdigit() else number.translate(_drop_separators)
    international = digits.startswith(("+", "00"))
    if international:
        digits = digits[1:] if digits[0] == "+" else digits[2:]
    if not _is_digits(digits):
        return None
    if not international:
        digits = _with_prefix(digits, default_country)
    if not _E164_SHORTEST <= len(digits) <= _E164_LONGEST or digits[0] == "0":
        return None
    if digits.startswith("48"):
        national = digits[2:]
        if len(national) != _POLISH_LENGTH or national[:2] in _POLISH_NOT_MOBILE or national[0] == "0":
            return None
    return digits


def country_of(msisdn: str) -> str:
    """ISO country of E.164 digits; empty where the prefix is not in the table."""
    return (
        _COUNTRY_OF_PREFIX.get(msisdn[:2])
        or _COUNTRY_OF_PREFIX.get(msisdn[:3])
        or _COUNTRY_OF_PREFIX.get(msisdn[:1])
        or ""
    )


def _with_prefix(digits: str, country: str) -> str:
    prefix = DIALLING_PREFIX.get(country, "")
    if country == "PL":
        return prefix + digits if len(digits) == _POLISH_LENGTH else digits
    if digits[0] == "0":
        return prefix + digits.lstrip("0")  # national form with its trunk zero
    return digits
