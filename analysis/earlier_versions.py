"""Run directories of earlier schema versions, read under today's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

# Columns by the name that earlier versions gave them, where it was another: the first up to version 4, the
# others up to version 2.
_EARLIER_COLUMNS = {
    "t_accepted_ns": "t_taken_ns",
    "message_class": "class",
    "t_replied_ns": "t_accepted_ns",
    "protocol": "wire",
    "t_final_ns": "t_delivered_ns",
    "priority": "fast",
}
# Columns that files of earlier versions lack, and what they are read as there. None: not known.
ADDED_LATER: dict[str, Any] = {
    "error": "",
    "fault": "",
    "t_accepted_ns": None,
    "reply_ns": None,
    "radio_ns": None,
    "handset_wait_ns": None,
    "throttled": 0,
    "priority": False,
    "ucs2_for": "",
    "t_scheduled_ns": None,
}

_OBJECTIVES_BEFORE_3 = "slos"
_KEYS_BEFORE_3 = {_OBJECTIVES_BEFORE_3: "objectives", "drain_limit_s": "drain_timeout_s"}
_EXIT_REASONS_BEFORE_3 = {"drain_limit": "drain_timeout"}
_TIMING_BEFORE_3 = {"compress": "speedup"}
_PROFILE_BEFORE_3 = {  # what the analysis reads of it
    "wire": "protocol",
    "fast_latency": "priority_latency",
    "fast_price_factor": "priority_price_factor",
}

# Version 1 also judged this objective when the run did not name it.
_BESIDE_THE_OBJECTIVES_OF_1 = ("not_taken<=0.1%",)


class _ObjectiveOf1(Struct, frozen=True):
    """An objective as version 1 wrote it: an object instead of a string."""

    message_class: str
    percentile: float
    limit_s: float

    @property
    def objective(self) -> str:
        percentile, limit_s = (format(Decimal(repr(value)), "f") for value in (self.percentile, self.limit_s))
        return f"{self.message_class}.p{percentile}<={limit_s}s"


class _ObjectivesOf1(Struct, frozen=True):
    slos: tuple[_ObjectiveOf1, ...] = ()


def upgraded(plain: dict[str, Any], to_version: int) -> dict[str, Any]:
    """The manifest as ``to_version`` would have written it. Raises ``msgspec.ValidationError``.

    A writer of its own may leave ``schema_version`` out. Then the keys and the form of the objectives say
    which version it is.
    """
    found = plain.get(_OBJECTIVES_BEFORE_3)
    if plain.get("schema_version") == 1 or (
        isinstance(found, list) and any(isinstance(o, dict) for o in found)
    ):
        texts = [each.objective for each in msgspec.convert({"slos": found or []}, _ObjectivesOf1).slos]
        plain = {**plain, _OBJECTIVES_BEFORE_3: [*texts, *_BESIDE_THE_OBJECTIVES_OF_1] if texts else []}
    plain = _renamed(plain, _KEYS_BEFORE_3)
    if isinstance(timing := plain.get("timing"), dict):
        plain["timing"] = _renamed(timing, _TIMING_BEFORE_3)
    if (reason := plain.get("exit_reason")) in _EXIT_REASONS_BEFORE_3:
        plain["exit_reason"] = _EXIT_REASONS_BEFORE_3[reason]
    if isinstance(profile := plain.get("profile"), dict):
        plain["profile"] = _renamed_throughout(profile, _PROFILE_BEFORE_3)
    return {**plain, "schema_version": to_version}


def _renamed(table: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in table.items()}


def _renamed_throughout(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed_throughout(found, names) for key, found in value.items()}
    return [_renamed_throughout(found, names) for found in value] if isinstance(value, list) else value


def names_of_today(found: pa.Schema, wanted: pa.Schema) -> list[str]:
    """The column names of ``found``, with those of an earlier schema version replaced by today's."""
    absent = [name for name in wanted.names if name not in found.names]
    today = {_EARLIER_COLUMNS[name]: name for name in absent if name in _EARLIER_COLUMNS}
    return [today.get(name, name) for name in found.names]
