"""Ready-made tables of countries: carriers and rules, one TOML file each, for ``countries = ["PL"]``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

_TABLES = resources.files(__package__)


@cache
def table_names() -> tuple[str, ...]:
    """Countries that have a ready-made table."""
    return tuple(sorted(Path(f.name).stem.upper() for f in _TABLES.iterdir() if f.name.endswith(".toml")))


@cache
def country_table(country: str) -> dict[str, Any]:
    """``carriers`` and ``rules`` as plain values. Do not change them."""
    return tomllib.loads((_TABLES / f"{country.lower()}.toml").read_text("utf-8"))


def _ready(country: str) -> str:
    if country not in table_names():
        raise ValueError(f"no ready-made table of this country; allowed: {', '.join(table_names())}")
    return country


ReadyCountry = Annotated[str, AfterValidator(_ready)]


def with_tables(values: Any) -> Any:
    """A profile's plain values, with the tables of its ``countries`` after its own carriers and rules.

    If the profile has carriers (or rules) of a country, those of the country's table are not used. So a
    complete profile that is written and read again is unchanged. Values that are not a table pass unchanged.
    """
    countries = values.get("countries") if isinstance(values, Mapping) else None
    if not isinstance(countries, list | tuple):
        return values
    wanted = [c for c in dict.fromkeys(c for c in countries if isinstance(c, str)) if c in table_names()]
    merged = dict(values)
    for key in ("carriers", "rules"):
        own = merged.get(key, ())
        if isinstance(own, list | tuple):
            merged[key] = [*own, *(row for c in wanted if not _has(own, c) for row in country_table(c)[key])]
    return merged


def _has(entries: list[Any] | tuple[Any, ...], country: str) -> bool:
    return any(isinstance(entry, Mapping) and entry.get("country") == country for entry in entries)
