"""Countries by the longest prefix of a number, with their time zones and opening hours."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator


def zone_of(name: str) -> ZoneInfo:
    """Raises ``ValueError`` for a zone that does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone, such as Europe/Warsaw") from error


def _existing(name: str) -> str:
    zone_of(name)
    return name


TimeZoneName = Annotated[str, AfterValidator(_existing)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Hours = tuple[Clock, Clock]


class Country(BaseModel):
    """One entry of the table; its key is the ISO 3166 code. A day without hours is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefixes: Annotated[tuple[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,6}$")], ...], Field(min_length=1)]
    zones: Annotated[tuple[str, ...], Field(min_length=1)]
    monday_to_friday: Hours | None = None
    saturday: Hours | None = None
    sunday: Hours | None = None

    @field_validator("zones")
    @classmethod
    def _zones_exist(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in zones:
            zone_of(zone)
        return zones

    @field_validator("monday_to_friday", "saturday", "sunday")
    @classmethod
    def _closes_after_it_opens(cls, hours: Hours | None) -> Hours | None:
        if hours is not None and not hours[0] < hours[1]:
            raise ValueError("the closing time must be after the opening time on the same day")
        return hours

    def hours(self, weekday: int) -> Hours | None:
        """Opening and closing time; Monday is 0."""
        return self.monday_to_friday if weekday < 5 else (self.saturday, self.sunday)[weekday - 5]


class Prefixes:
    """Finds the code of a number's country: the longest prefix counts."""

    def __init__(self, countries: Iterable[tuple[str, Country]]) -> None:
        """Raises ``ValueError`` if two countries share a prefix."""
        self._codes: dict[str, str] = {}
        for code, country in countries:
            for prefix in country.prefixes:
                if self._codes.setdefault(prefix, code) != code:
                    raise ValueError(f"the prefix {prefix} belongs to {self._codes[prefix]} and to {code}")
        self._lengths = sorted({len(prefix) for prefix in self._codes}, reverse=True)

    def code(self, number: str) -> str:
        """The country's code; "" if the table has none for ``number``."""
        for length in self._lengths:
            code = self._codes.get(number[:length])
            if code is not None:
                return code
        return ""


@cache
def default_countries() -> dict[str, Country]:
    """The table ``countries.toml``."""
    text = files("reference_sender.policy").joinpath("countries.toml").read_text(encoding="utf-8")
    return {code: Country.model_validate(entry) for code, entry in tomllib.loads(text).items()}
