"""Ready tables of countries: carriers and rules in one TOML file each, taken up by ``countries = ["PL"]``."""

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
    """Countries that have a ready table."""
    return tuple(sorted(Path(f.name).stem.upper() for f in _TABLES.iterdir() if f.name.endswith(".toml")))


@cache
def country_table(country: str) -> dict[str, Any]:
    """``carriers`` and ``rules`` as plain values; not to be changed."""
    return tomllib.loads((_TABLES / f"{country.lower()}.toml").read_text("utf-8"))


def _ready(country: str) -> str:
    if country not in table_names():
        raise ValueError(f"no ready table of this country; there are {', '.join(table_names())}")
    return country


ReadyCountry = Annotated[str, AfterValidator(_ready)]


def with_tables(values: Any) -> Any:
    """A profile's plain values, the tables of its ``countries`` put behind its own carriers and rules.

    A country that the profile gives carriers (or rules) of its own takes none from its table: so a profile
    that was written out whole and is read again stays as it is. Values that are no table pass unchanged.
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
