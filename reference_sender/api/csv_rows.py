"""CSV campaigns, read as they arrive: bytes in, rows out, without holding the whole body."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from reference_sender.api.intake import Invalid
from reference_sender.api.json_rows import LONGEST_VALUE, JsonRow
from reference_sender.api.utf8 import Utf8

_COLUMNS = ("to", "text", "key", "expires_in_s")
_NO_COLUMNS = f"the first line must name the columns: to, and any others of {', '.join(_COLUMNS)}"
_QUOTING = "a value with a quotation mark must be enclosed in quotation marks, and the quotation mark doubled"


def _records(delimiter: str) -> re.Pattern[str]:
    """Whole records of RFC 4180: a value without enclosing quotation marks contains none."""
    value = rf'(?:"(?:[^"]|"")*+"|[^"\r\n{delimiter}]*+)'
    return re.compile(rf"(?:{value}(?:{delimiter}{value})*+(?:\r\n|\r|\n|\Z))*+")


_line_ends = re.compile(r"\r\n|\r|\n").findall
_WELL_QUOTED = {delimiter: _records(delimiter) for delimiter in ",;"}


class CsvRows:
    """A line of column names: ``to``, and optionally ``text``, ``key``, ``expires_in_s``. Then the
    recipients.

    Columns are separated by commas, or by semicolons if the first line has them; quoted as RFC 4180 says. The
    fields that the rows share are in the query string.
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self.head = head
        self._text = Utf8()
        self._buffer = ""
        self._quoted = False  # whether the buffer ends inside quotation marks
        self._columns: list[str] | None = None
        self._delimiter = ","
        self._lines = 0  # read so far

    def feed(self, data: bytes) -> Iterator[JsonRow]:
        return self._read(data, final=False)

    def finish(self) -> Iterator[JsonRow]:
        yield from self._read(b"", final=True)
        if self._columns is None:
            raise Invalid("malformed", "to", _NO_COLUMNS)

    def _read(self, data: bytes, final: bool) -> Iterator[JsonRow]:
        added = self._text.decode(data, final)
        wrong_byte = self._text.wrong
        self._buffer += added
        end = self._whole_lines(added)
        if final and not self._quoted and not wrong_byte:
            end = len(self._buffer)
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        if text:
            yield from self._rows(text)
        if wrong_byte:
            self._lines += len(_line_ends(self._buffer))
            raise self._wrong(f"{wrong_byte}, after {self._text.read_bytes} bytes of the body")
        if self._quoted and (final or len(self._buffer) > LONGEST_VALUE):
            raise self._wrong("the quotation mark that opens here is not closed")
        if len(self._buffer) > LONGEST_VALUE:
            raise self._wrong(f"a line has at most {LONGEST_VALUE} characters")

    def _rows(self, text: str) -> Iterator[JsonRow]:
        # newline="" keeps line ends as they are: the reader must recognise those inside quotation marks.
        lines = io.StringIO(text, newline="")
        if self._columns is None:
            self._columns = self._read_columns(lines.readline())
            self._lines += 1
        start = lines.tell()
        good = len(text)
        if text.find('"', start) >= 0:
            found = _WELL_QUOTED[self._delimiter].match(text, start)
            assert found is not None  # the pattern also matches nothing
            good = found.end()
        if good < len(text):
            lines = io.StringIO(text[start:good], newline="")
        before = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter)
        columns, count = self._columns, len(self._columns)
        for values in reader:
            # Most rows have a value in each column. An empty cell is an absent value.
            if len(values) == count and "" not in values:
                yield dict(zip(columns, values, strict=True))
            elif values:
                yield self._row(columns, values)
        self._lines = before + reader.line_num
        if good < len(text):
            raise self._wrong(_QUOTING)

    def _whole_lines(self, added: str) -> int:
        """The end of the last line that is outside quotation marks. It is in ``added``, the buffer's last
        part; the part before it is one unfinished line."""
        pieces = added.split('"')
        self._quoted ^= len(pieces) % 2 == 0
        quoted, end = self._quoted, len(self._buffer)
        for piece in reversed(pieces):
            start = end - len(piece)
            if not quoted and (line_end := self._buffer.rfind("\n", start, end)) >= 0:
                return line_end + 1
            quoted, end = not quoted, start - 1
        return 0

    def _read_columns(self, line: str) -> list[str]:
        if ";" in line and "," not in line:
            self._delimiter = ";"
        columns = [name.strip().lower() for name in next(csv.reader([line], delimiter=self._delimiter), [])]
        if "to" not in columns:
            raise Invalid("malformed", "to", _NO_COLUMNS)
        for place, name in enumerate(columns):
            shown = name[:64]
            if name not in _COLUMNS:
                known = ", ".join(_COLUMNS)
                raise Invalid(
                    "unknown_field",
                    shown,
                    f"{shown or 'a column without a name'} is not a column; known: {known}",
                )
            if name in columns[:place]:
                raise Invalid("malformed", shown, f"the column {shown} is named twice")
        return columns

    def _row(self, columns: list[str], values: list[str]) -> JsonRow:
        if len(values) != len(columns):
            return Invalid("malformed", "", f"{len(values)} values for {len(columns)} columns")
        return {name: value for name, value in zip(columns, values, strict=True) if value}

    def _wrong(self, why: str) -> Invalid:
        return Invalid("malformed", "", f"invalid CSV in line {self._lines + 1}: {why}")
