"""Text of a body that arrives in pieces."""

from __future__ import annotations

import codecs


class Utf8:
    """Decodes UTF-8 up to the first wrong byte. A byte order mark at the beginning is left out."""

    def __init__(self) -> None:
        self.read_bytes = 0  # decoded so far
        self.wrong = ""  # why the bytes after these are not text; "": they are, so far
        self._waiting = b""  # the beginning of a character

    def decode(self, data: bytes, final: bool) -> str:
        """The characters that ``data`` completes. Nothing is decoded after a wrong byte."""
        if self.wrong:
            return ""
        data = self._waiting + data
        try:
            text, used = codecs.utf_8_decode(data, "strict", final)
        except UnicodeDecodeError as error:
            text, used = data[: error.start].decode(), error.start
            self.wrong = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        self._waiting = data[used:]
        if self.read_bytes == 0:
            text = text.removeprefix("\ufeff")
        self.read_bytes += used
        return text
