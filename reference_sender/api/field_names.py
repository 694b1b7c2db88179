"""The names of a body's fields, as clients write them."""

from __future__ import annotations

from typing import get_args

import msgspec
from msgspec import Struct


def field_names(kind: type[Struct], within: str) -> tuple[str, ...]:
    """The fields of ``kind`` as clients write them; those of its field ``within`` if that has fields."""
    for each in msgspec.structs.fields(kind):
        if each.encode_name == within:
            for inner in (each.type, *get_args(each.type)):
                if isinstance(inner, type) and issubclass(inner, Struct):
                    return inner.__struct_encode_fields__
    return kind.__struct_encode_fields__
