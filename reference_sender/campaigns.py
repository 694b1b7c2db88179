"""Campaign bodies, read as they arrive: JSON or CSV bytes in, rows out, without the whole ever being held."""

from __future__ import annotations

import codecs
import csv
import io
import json
from typing import Any, Protocol

from reference_sender.intake import Invalid

# More than any valid row or head needs; what is longer is not a row that has yet to end, but no JSON.
_LONGEST_VALUE = 65_536
_SPACE = " \t\r\n"
_COLUMNS = ("to", "text", "key", "expires_in_s")

# A longer one is no value of any field, and past 4,300 digits Python would not even read it.
_LONGEST_INTEGER = 18

Row = Any  # a row's fields by name; in JSON it may turn out to be anything


class Rows(Protocol):
    """An incremental reader of one campaign body."""

    head: dict[str, Any]  # what stands before the rows

    def feed(self, data: bytes) -> list[Row]:
        """The rows that ``data`` completes. Raises ``Invalid`` where the body is no campaign."""
        ...

    def finish(self) -> list[Row]:
        """The rows that the body's end completes. Raises ``Invalid`` where it ends too early."""
        ...


class JsonRows:
    """``{"campaign": ..., "class": ..., "recipients": [{...}, ...]}``.

    Rows are taken as they come, so the fields they share must stand before ``recipients``; a field after it
    is refused when it is met.
    """

    def __init__(self) -> None:
        self.head: dict[str, Any] = {}
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._buffer = ""
        self._scan = json.JSONDecoder(parse_int=_number).raw_decode
        self._after_rows = False
        self._place = self._start

    def feed(self, data: bytes) -> list[Row]:
        return self._take(data, final=False)

    def finish(self) -> list[Row]:
        rows = self._take(b"", final=True)
        if self._place != self._end:
            near = repr(self._buffer[:40]) if self._buffer else "its end"
            raise Invalid("malformed", "", f"the body is not whole JSON: see {near}")
        return rows

    def _take(self, data: bytes, final: bool) -> list[Row]:
        try:
            self._buffer += self._text.decode(data, final)
        except UnicodeDecodeError as error:
            raise Invalid("malformed", "", f"the body is not UTF-8: {error}") from error
        rows: list[Row] = []
        position = self._skip_space(0)
        try:
            # A place that does not move on waits for the rest of its value.
            while position < len(self._buffer) and (moved := self._place(position, rows)) != position:
                position = self._skip_space(moved)
        except RecursionError as error:
            raise Invalid("malformed", "", "the body is nested too deeply") from error
        self._buffer = self._buffer[position:]
        if len(self._buffer) > _LONGEST_VALUE:
            raise Invalid("malformed", "", f"the body is not JSON near {self._buffer[:40]!r}")
        return rows

    def _skip_space(self, position: int) -> int:
        buffer, length = self._buffer, len(self._buffer)
        while position < length and buffer[position] in _SPACE:
            position += 1
        return position

    # One method for each place in the body. Each reads what stands at ``position``, of which there is at
    # least one character, and returns where it ends; the same position means that more is needed.

    def _start(self, position: int, rows: list[Row]) -> int:
        self._expect("{", position)
        self._place = self._member
        return position + 1

    def _member(self, position: int, rows: list[Row]) -> int:
        buffer = self._buffer
        if buffer[position] == ",":
            return position + 1
        if buffer[position] == "}":
            self._place = self._end
            return position + 1
        try:
            name, after = self._scan(buffer, position)
            after = self._skip_space(after)
            if after == len(buffer):
                return position
            self._expect(":", after)
            after = self._skip_space(after + 1)
            if name == "recipients" and after < len(buffer):
                self._expect("[", after)
                self._place = self._row
                return after + 1
            value, after = self._scan(buffer, after)
        except json.JSONDecodeError:
            return position
        if after == len(buffer):
            return position  # a number could go on
        if self._after_rows:
            raise Invalid(
                "misplaced", str(name), f"{name} must stand before recipients: rows are taken as read"
            )
        self.head[str(name)] = value
        return after

    def _row(self, position: int, rows: list[Row]) -> int:
        if self._buffer[position] == ",":
            return position + 1
        if self._buffer[position] == "]":
            self._after_rows = True
            self._place = self._member
            return position + 1
        try:
            row, after = self._scan(self._buffer, position)
        except json.JSONDecodeError:
            return position
        rows.append(row)
        return after

    def _end(self, position: int, rows: list[Row]) -> int:
        raise Invalid("malformed", "", "something follows the JSON body")

    def _expect(self, character: str, position: int) -> None:
        if self._buffer[position] != character:
            found = self._buffer[position : position + 20]
            raise Invalid("malformed", "", f"the body is not a campaign: {character} expected, not {found!r}")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


class CsvRows:
    """A line of column names, ``to`` and if wanted ``text``, ``key``, ``expires_in_s``; then the recipients.

    Parted by commas, or by semicolons where the first line is; quoted as RFC 4180 says. What the rows share
    stands in the query string.
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self.head = head
        self._text = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._quoted = False  # whether the buffer ends inside quotation marks
        self._columns: list[str] | None = None
        self._delimiter = ","

    def feed(self, data: bytes) -> list[Row]:
        return self._take(data, final=False)

    def finish(self) -> list[Row]:
        rows = self._take(b"", final=True)
        if self._columns is None:
            raise Invalid(
                "malformed", "to", f"the first line must name the columns, of {', '.join(_COLUMNS)}"
            )
        return rows

    def _take(self, data: bytes, final: bool) -> list[Row]:
        try:
            added = self._text.decode(data, final)
        except UnicodeDecodeError as error:
            raise Invalid("malformed", "", f"the body is not UTF-8: {error}") from error
        self._buffer += added
        end = len(self._buffer) if final else self._whole_lines(added)
        # newline="" leaves line ends as they are, for the reader to tell those inside quotation marks.
        lines = io.StringIO(self._buffer[:end], newline="")
        self._buffer = self._buffer[end:]
        if len(self._buffer) > _LONGEST_VALUE:
            raise Invalid("malformed", "", "a line is too long, or a quotation mark is never closed")
        if end and self._columns is None:
            self._columns = self._read_columns(lines.readline())
        return [self._row(values) for values in csv.reader(lines, delimiter=self._delimiter) if values]

    def _whole_lines(self, added: str) -> int:
        """Where the last line ends that is not inside quotation marks. It ends in ``added``, the buffer's
        last part: what was there before is a line that had yet to end."""
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
        columns = [name.strip().lower() for name in next(csv.reader([line], delimiter=self._delimiter))]
        unknown = [name for name in columns if name not in _COLUMNS]
        if unknown or "to" not in columns or len(set(columns)) != len(columns):
            raise Invalid(
                "malformed", "to", f"the first line must name columns of {', '.join(_COLUMNS)}, to among them"
            )
        return columns

    def _row(self, values: list[str]) -> Row:
        assert self._columns is not None
        if len(values) != len(self._columns):
            return Invalid("malformed", "", f"{len(values)} values for {len(self._columns)} columns")
        # An empty cell is an absent value.
        return {name: value for name, value in zip(self._columns, values, strict=True) if value}
