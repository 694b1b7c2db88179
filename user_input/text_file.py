"""The text of a file that a user wrote."""

from __future__ import annotations

import codecs


def decoded(data: bytes) -> str:
    """UTF-8, with or without the byte order mark that Windows editors write. Raises ``ValueError``."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is in UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save it as UTF-8") from error
