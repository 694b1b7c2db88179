"""Python values as Arrow arrays, built from buffers.

The first call of ``pyarrow.array`` or ``pyarrow.scalar`` imports pandas, which takes 0.3 s. Provider and load
write rows, and make their arrays here: they must not import pandas (``tests/test_start_up.py``).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_STRING, _BOOL = pa.string(), pa.bool_()
# Type codes of the standard library's arrays. They refuse None and a fraction; those of numpy take both.
_CODES = {pa.int32(): "i", pa.int64(): "q", pa.float64(): "d"}


def column_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The values, or None, as an array of strings, booleans, 32 or 64-bit integers, or 64-bit floats.

    Raises ``UnicodeEncodeError`` for half a surrogate pair, ``OverflowError`` for an integer that does not
    fit, ``TypeError`` for a value of another type.
    """
    if values:
        # Many columns have one object in all rows, or None. Repeating it takes a tenth of the time.
        first = values[0]
        if values[-1] is first and values.count(first) == len(values):
            return _repeated(first, len(values), kind)
    try:
        return _array(values, kind, None)
    except TypeError:
        present = array("b", [value is not None for value in values])
        if all(present):
            raise
    absent: object = "" if kind == _STRING else 0
    return _array([absent if value is None else value for value in values], kind, _bits(present))


def _array(values: Sequence[Any], kind: pa.DataType, present: pa.Buffer | None) -> pa.Array:
    if kind == _STRING:
        text = "".join(values)
        data = text.encode()
        encoded = values if len(data) == len(text) else [value.encode() for value in values]
        offsets = np.zeros(len(values) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, encoded), np.int32, len(values)), out=offsets[1:])
        buffers = [pa.py_buffer(offsets), pa.py_buffer(data)]
    elif kind == _BOOL:
        buffers = [_bits(array("b", values))]
    else:
        buffers = [pa.py_buffer(array(_CODES[kind], values))]
    return pa.Array.from_buffers(kind, len(values), [present, *buffers])


def _bits(flags: array[int]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(np.asarray(flags), bitorder="little"))


def _repeated(value: Any, count: int, kind: pa.DataType) -> pa.Array:
    if value is None:
        return pa.nulls(count, kind)
    if kind == _STRING:
        data = value.encode()
        offsets = np.arange(count + 1, dtype=np.int32) * np.int32(len(data))
        buffers = [pa.py_buffer(offsets), pa.py_buffer(data * count)]
    elif kind == _BOOL:
        buffers = [_bits(array("b", [value]) * count)]
    else:
        buffers = [pa.py_buffer(array(_CODES[kind], [value]) * count)]
    return pa.Array.from_buffers(kind, count, [None, *buffers])
