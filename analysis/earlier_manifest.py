"""``run.json`` of earlier schema versions, brought to today's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

# Version 1 judged it whatever its ``slos`` said.
_BESIDE_THE_SLOS_OF_1 = ("not_taken<=0.1%",)


class _Slo(Struct, frozen=True):
    """An objective as version 1 wrote it: in ``slos``, an object instead of a string."""

    message_class: str
    percentile: float
    limit_s: float

    @property
    def objective(self) -> str:
        percentile, limit_s = (format(Decimal(repr(value)), "f") for value in (self.percentile, self.limit_s))
        return f"{self.message_class}.p{percentile}<={limit_s}s"


class _Slos(Struct, frozen=True):
    slos: tuple[_Slo, ...] = ()


def upgraded(plain: dict[str, Any], to_version: int) -> dict[str, Any]:
    """The manifest as ``to_version`` would have written it. Raises ``msgspec.ValidationError``.

    A writer of its own may leave ``schema_version`` out: then the form of ``slos`` says which it is.
    """
    found = plain.get("slos")
    objects = isinstance(found, list) and any(isinstance(each, dict) for each in found)
    if plain.get("schema_version") != 1 and not objects:
        return plain
    objectives = [each.objective for each in msgspec.convert({"slos": found or []}, _Slos).slos]
    slos = [*objectives, *_BESIDE_THE_SLOS_OF_1] if objectives else []
    return {**plain, "slos": slos, "schema_version": to_version}
