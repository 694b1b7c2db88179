"""JSON campaigns, read as they arrive: bytes in, rows out, without holding the whole body.

The standard library's scanner reads the values, so a row equals the result of ``json.loads``. This module
reads the document around them, since ``json`` returns nothing before the end of a document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

from reference_sender.api.intake import Invalid
from reference_sender.api.utf8 import Utf8

# More than any valid row or head needs. A longer value is an error of the body, not an unfinished row.
LONGEST_VALUE = 65_536

# A longer number is not a value of any field, and Python does not read more than 4,300 digits.
_LONGEST_INTEGER = 18
# An error followed by this number of characters is final: no word or escape is longer.
_LONGEST_WORD = 16
# An unfinished value of this length is read again only when its length has doubled.
_OFTEN_READ = 4_096

_space = re.compile(r"[ \t\r\n]*").match
_may_go_on = re.compile(r"[0-9.eE+-]*\Z").match  # a number at the end of the data so far

JsonRow = Any  # a row's fields by name; the values are unchecked JSON


class Rows(Protocol):
    """An incremental reader of one campaign body. Its results must be iterated to the end."""

    head: dict[str, Any]  # the fields before the rows

    def feed(self, data: bytes) -> Iterator[JsonRow]:
        """The rows that ``data`` completes. Raises ``Invalid`` at an error of the body, after the rows
        before it, whatever the sizes of the pieces."""
        ...

    def finish(self) -> Iterator[JsonRow]:
        """The rows that the body's end completes. Raises ``Invalid`` where it ends too early."""
        ...


class JsonRows:
    """``{"campaign": ..., "message_class": ..., "recipients": [{...}, ...]}``.

    Rows are accepted as they arrive, so shared fields must come before ``recipients``. A later field
    is refused. A field of the head that is repeated has its last value, as in ``json.loads``.
    """

    def __init__(self) -> None:
        self.head: dict[str, Any] = {}
        self._text = Utf8()
        self._buffer = ""
        self._final = False
        self._scan = json.JSONDecoder(parse_int=_number, parse_constant=_refuse_constant).raw_decode
        self._after_rows = False
        self._row_count = 0
        self._rows: list[JsonRow] = []  # read and not yet returned: one at most
        self._wanted_chars = 0  # characters of an unfinished value to wait for
        self._place = self._start

    def feed(self, data: bytes) -> Iterator[JsonRow]:
        return self._read(data, final=False)

    def finish(self) -> Iterator[JsonRow]:
        yield from self._read(b"", final=True)
        if self._place != self._end:
            raise self._wrong(len(self._buffer), "the body ends too early")
        if not self._after_rows:
            raise Invalid("missing", "recipients", "recipients must be given: a list of objects, one per row")

    def _read(self, data: bytes, final: bool) -> Iterator[JsonRow]:
        self._buffer += self._text.decode(data, final)
        wrong_byte = self._text.wrong
        self._final = final and not wrong_byte
        if len(self._buffer) < self._wanted_chars and not final and not wrong_byte:
            return
        self._wanted_chars = 0
        position = self._skip_space(0)
        # An unchanged position means: wait for the rest of the value.
        while position < len(self._buffer) and (moved := self._place(position)) != position:
            position = self._skip_space(moved)
            if self._rows:
                yield self._rows.pop()
        self._buffer = self._buffer[position:]
        if wrong_byte:
            raise self._wrong(len(self._buffer), wrong_byte)
        if len(self._buffer) > LONGEST_VALUE:
            raise self._wrong(0, f"a value has at most {LONGEST_VALUE} characters")
        if len(self._buffer) > _OFTEN_READ:
            self._wanted_chars = min(2 * len(self._buffer), LONGEST_VALUE)

    def _skip_space(self, position: int) -> int:
        found = _space(self._buffer, position)
        assert found is not None  # the pattern also matches nothing
        return found.end()

    # One method for each place in the body. Each reads at ``position`` (at least one character) and returns
    # the end of what it read. The same position means that more data is needed.

    def _start(self, position: int) -> int:
        self._expect("{", position)
        self._place = self._first_member
        return position + 1

    def _first_member(self, position: int) -> int:
        if self._buffer[position] == "}":
            self._place = self._end
            return position + 1
        return self._member(position)

    def _member(self, position: int) -> int:
        self._expect('"', position)
        if (named := self._value(position)) is None:
            return position
        name, after = named
        after = self._skip_space(after)
        if after == len(self._buffer):
            return position
        self._expect(":", after)
        after = self._skip_space(after + 1)
        if self._after_rows:
            raise self._misplaced(name)
        if after == len(self._buffer):
            return position
        if name == "recipients":
            self._expect("[", after)
            self._place = self._first_row
            return after + 1
        if (valued := self._value(after)) is None:
            return position
        self.head[name], after = valued
        self._place = self._after_member
        return after

    def _after_member(self, position: int) -> int:
        self._place = self._end if self._expect(",}", position) == "}" else self._member
        return position + 1

    def _first_row(self, position: int) -> int:
        if self._buffer[position] == "]":
            return self._after_row(position)
        return self._row(position)

    def _row(self, position: int) -> int:
        if (read := self._value(position)) is None:
            return position
        row, after = read
        self._rows.append(row)
        self._row_count += 1
        self._place = self._after_row
        return after

    def _after_row(self, position: int) -> int:
        if self._expect(",]", position) == ",":
            self._place = self._row
        else:
            self._after_rows = True
            self._place = self._after_member
        return position + 1

    def _end(self, position: int) -> int:
        raise self._wrong(position, "nothing may follow the campaign")

    def _value(self, position: int) -> tuple[Any, int] | None:
        """A value and its end; None if it is not complete yet."""
        buffer = self._buffer
        try:
            value, after = self._scan(buffer, position)
        except json.JSONDecodeError as error:
            cut_off = error.msg.startswith("Unterminated") or len(buffer) - error.pos <= _LONGEST_WORD
            if cut_off and not self._final:
                return None
            raise self._wrong(error.pos, f"no JSON: {error.msg}") from error
        except RecursionError as error:
            raise self._wrong(position, "nested too deeply") from error
        if not self._final and buffer[position] not in '{["' and _may_go_on(buffer, after):
            return None
        return value, after

    def _expect(self, characters: str, position: int) -> str:
        found = self._buffer[position]
        if found not in characters:
            raise self._wrong(position, f"expected {' or '.join(characters)}")
        return found

    def _misplaced(self, name: str) -> Invalid:
        if name == "recipients":
            return Invalid("misplaced", name, "recipients is given twice: a campaign has one list")
        return Invalid(
            "misplaced", name, f"{name} must come before recipients, since rows are accepted as they are read"
        )

    def _wrong(self, position: int, why: str) -> Invalid:
        """An error with its position: bytes read, row, and the following characters."""
        rest = self._buffer[position:]
        at = self._text.read_bytes - len(rest.encode())
        where = f", after row {self._row_count}" if self._row_count else ""
        near = f", before {rest[:20]!r}" if rest else ""
        return Invalid("malformed", "", f"invalid JSON campaign after {at} bytes{where}{near}: {why}")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _refuse_constant(name: str) -> float:
    raise Invalid("malformed", "", f"the body is not JSON: {name} is not a JSON value")
