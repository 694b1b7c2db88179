"""Phone numbers in common notations as E.164 digits, and their entry in the numbering plan.

The plan is that of the ``phonenumbers`` library. Its calls cost tens of microseconds, so none is made for a
message: calling codes, countries of shared codes (by the digits that decide) and patterns are kept.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

_REGIONS_OF_CODE = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
# A code that several countries share is listed under the main country; "001" is not a country (satellites).
_COUNTRY_OF_CODE = {code: regions[0] for code, regions in _REGIONS_OF_CODE.items() if regions[0] != "001"}
_CODE_OF_SHARERS = {regions[0]: code for code, regions in _REGIONS_OF_CODE.items() if len(regions) > 1}
# +1 is divided by area code and +7 by the first digit: this many digits decide. The countries of the other
# shared codes are islands and enclaves with scattered ranges.
_DECIDING_DIGITS = {"US": 4, "RU": 2}
_MOST_BEGINNINGS = 4_096

_POLISH_LENGTH = 9
_E164_SHORTEST, _E164_LONGEST = 8, 15

_drop_separators = str.maketrans("", "", " \t\u00a0-.()/")
_is_digits = re.compile("[0-9]+").fullmatch
_SPECIAL_KINDS = (
    *("premium_rate", "toll_free", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)


def normalise(number: str, default_country: str = "PL") -> str | None:
    """E.164 digits without plus of ``number``, or None where it cannot be one that receives messages.

    ``+48 600-100-200``, ``0048600100200``, ``48600100200`` and (by default country) ``600100200`` are one
    number. It checks only the length, and for Poland that the plan does not assign the number to a landline
    or service.
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
        if len(national) != _POLISH_LENGTH or national[:3] in _POLISH_NOT_MOBILE or national[0] == "0":
            return None
    return digits


def country_of(msisdn: str) -> str:
    """The ISO country of E.164 digits. Empty: they begin with no known calling code."""
    country = (
        _COUNTRY_OF_CODE.get(msisdn[:2])
        or _COUNTRY_OF_CODE.get(msisdn[:3])
        or _COUNTRY_OF_CODE.get(msisdn[:1])
        or ""
    )
    if country not in _CODE_OF_SHARERS:
        return country
    digits = _DECIDING_DIGITS.get(country)
    if digits is not None:
        return country_of_beginning(msisdn[:digits], country)
    code = _CODE_OF_SHARERS[country]
    smaller = smaller_sharers(code).fullmatch(msisdn, len(code))
    # A number that is in both plans belongs to the main country.
    if smaller is None or _any_pattern(country).fullmatch(msisdn, len(code)):
        return country
    return smaller.lastgroup or country


def is_mobile(msisdn: str) -> bool:
    """Whether these E.164 digits are a mobile number, or (North America) may be one."""
    for digits in (2, 3, 1):
        if msisdn[:digits] in _COUNTRY_OF_CODE:
            return _mobile_pattern(msisdn[:digits]).fullmatch(msisdn, digits) is not None
    return False


def calling_code(country: str) -> str:
    """``"48"`` for ``"PL"``. Empty: the plan does not know the country."""
    return str(phonenumbers.country_code_for_region(country) or "")


@lru_cache(maxsize=_MOST_BEGINNINGS)
def country_of_beginning(beginning: str, main_country: str) -> str:
    """The country of numbers with this beginning. It is looked up with numbers of full length."""
    code = calling_code(main_country)
    general = _metadata(main_country).general_desc
    lengths = () if general is None else general.possible_length
    for filling in ("2345678", "5552345", "0000000", "9999999"):
        for national_length in sorted(lengths, reverse=True):
            missing = len(code) + national_length - len(beginning)
            if missing < 0 or national_length > len(code) + 10:
                continue
            whole = beginning + (filling * 2)[:missing]
            country = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{whole}"))
            if country is not None:
                return country
    return main_country


@cache  # one entry per shared calling code
def smaller_sharers(code: str) -> re.Pattern[str]:
    """National numbers of the countries that share a code with a main country. The group is the country."""
    return re.compile("|".join(f"(?P<{c}>{_any_number_of(c)})" for c in _REGIONS_OF_CODE[code][1:]))


@cache  # one entry per shared calling code
def _any_pattern(country: str) -> re.Pattern[str]:
    return re.compile(_any_number_of(country))


@cache  # one entry per calling code
def _mobile_pattern(code: str) -> re.Pattern[str]:
    """National numbers that the library calls mobile (or fixed line or mobile), of a code's countries."""
    patterns = [pattern for country in _REGIONS_OF_CODE[code] if (pattern := _mobile_of(country))]
    return re.compile("|".join(patterns) or "(?!)")


def _mobile_of(country: str) -> str:
    plan = _metadata(country)
    mobile = plan.mobile
    if mobile is None or not mobile.national_number_pattern:
        return ""
    # The library tests the special kinds first, and the leading digits of a country before all.
    special = "|".join(filter(None, (_numbers_of(getattr(plan, kind)) for kind in _SPECIAL_KINDS)))
    none_of_these = rf"(?!(?:{special})\Z)" if special else ""
    leading = f"(?={plan.leading_digits})" if plan.leading_digits else ""
    return f"{leading}{none_of_these}(?:{_numbers_of(mobile)})"


def _any_number_of(country: str) -> str:
    plan = _metadata(country)
    if plan.leading_digits:
        return f"(?:{plan.leading_digits})[0-9]*"
    kinds = (plan.fixed_line, plan.mobile, *(getattr(plan, kind) for kind in _SPECIAL_KINDS))
    return "|".join(filter(None, map(_numbers_of, kinds)))


def _numbers_of(kind: PhoneNumberDesc | None) -> str:
    if kind is None or not kind.national_number_pattern:
        return ""
    lengths = "|".join(rf"[0-9]{{{length}}}\Z" for length in kind.possible_length if length > 0)
    return f"{f'(?={lengths})' if lengths else ''}(?:{kind.national_number_pattern})"


def _metadata(country: str) -> PhoneMetadata:
    plan = PhoneMetadata.metadata_for_region(country)
    if plan is None:
        raise ValueError(f"the numbering plan has no country {country!r}")
    return plan


def _polish_not_mobile() -> frozenset[str]:
    """Three digits that the plan assigns to landlines, services and internet telephony.

    Unassigned beginnings (10, 11, 19, 20 ...) pass: SMSAPI's own examples use 48100200300, and such a number
    has no subscriber. 26 and 47 also pass: closed networks of public bodies: no public landlines.
    """
    plan = _metadata("PL")
    kinds = (plan.fixed_line, plan.premium_rate, plan.toll_free, plan.shared_cost, plan.voip, plan.uan)
    taken = re.compile("|".join(filter(None, map(_numbers_of, kinds))))
    beginnings = (f"{n:03d}" for n in range(1000))
    return frozenset(
        beginning
        for beginning in beginnings
        if taken.fullmatch(beginning + "234567") and beginning[:2] not in ("26", "47")
    )


_POLISH_NOT_MOBILE = _polish_not_mobile()


@cache
def _trunk(country: str) -> tuple[str, str]:
    """The calling code, and the prefix that only the national form has."""
    code = calling_code(country)
    return code, (_metadata(country).national_prefix or "") if code else ""


def _with_prefix(digits: str, country: str) -> str:
    code, trunk = _trunk(country)
    if country == "PL":
        return code + digits if len(digits) == _POLISH_LENGTH else digits
    if trunk and digits.startswith(trunk):
        return code + digits[len(trunk) :]
    return digits
