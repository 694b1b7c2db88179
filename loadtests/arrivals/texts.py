"""The texts of the messages: realistic lengths and alphabets, since capacity and price depend on segments.

``{code}`` is six digits, ``{amount}`` a price, ``{number}`` an order number, all from the random
bits of the arrival.
About a quarter of the texts have Polish letters that are not in GSM-7, so a segment has 70 characters in
place of 160.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

OTP = "otp"
TRANSACTIONAL = "transactional"
MARKETING = "marketing"
CLASSES = (OTP, TRANSACTIONAL, MARKETING)

TEXTS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        OTP: (
            "Your code is {code}. It is valid for 5 minutes. Do not share it with anyone.",
            "{code} is your verification code.",
            "Kod autoryzacji: {code}. Przelew na kwote {amount} PLN. Nie podawaj kodu nikomu.",
            "Kod do logowania: {code}. Jeśli to nie Ty, zadzwoń do nas.",
        ),
        TRANSACTIONAL: (
            "Your parcel {number} is out for delivery today between 10:00 and 14:00.",
            "Order {number} has been shipped. Track it in the app.",
            "Przypominamy o wizycie jutro o godz. 12:30. Aby odwolac, odpowiedz NIE.",
            "Płatność {amount} zł za zamówienie {number} została zaksięgowana. Dziękujemy!",
        ),
        MARKETING: (
            "Only today: 30% off with code {number}. Show this message at the till. Reply STOP to opt out.",
            "Weekend sale! Second pair of shoes at half price in all our shops and online until Sunday "
            "night. Prices from {amount} PLN, while stocks last. See you there! Reply STOP to opt out.",
            "Nowa kolekcja juz w sklepach. Z kodem {number} kupisz 20% taniej do niedzieli. Rezygnacja: STOP",
            "Łap okazję! Tylko dziś wszystko za pół ceny, kod {number}. Rezygnacja: wyślij STOP",
        ),
    }
)


def fill(template: str, draw: int) -> str:
    """The template with its placeholders filled from ``draw``, at least 40 random bits."""
    return (
        template.replace("{code}", f"{draw % 1_000_000:06d}")
        .replace("{amount}", f"{draw % 900 + 10},{draw % 97:02d}")
        .replace("{number}", f"{draw % 89_999_999 + 10_000_000}")
    )


_PLACEHOLDER = re.compile(r"(\{code\}|\{amount\}|\{number\})")


def filler(template: str) -> Callable[[int], str]:
    """``fill`` of one template, as a function of the draw: for a day of millions."""
    parts = _PLACEHOLDER.split(template)
    names = parts[1::2]
    plain = [part.replace("%", "%%") for part in parts[::2]]
    formats = {"{code}": "%06d", "{amount}": "%d,%02d", "{number}": "%d"}
    written = plain[0] + "".join(formats[name] + after for name, after in zip(names, plain[1:], strict=True))
    if not names:
        return lambda draw: template
    if names == ["{code}"]:
        return lambda draw: written % (draw % 1_000_000)
    if names == ["{number}"]:
        return lambda draw: written % (draw % 89_999_999 + 10_000_000)
    if names == ["{amount}"]:
        return lambda draw: written % (draw % 900 + 10, draw % 97)
    return lambda draw: fill(template, draw)
