"""From Arrow columns to numpy ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Floats, Ints

ABSENT = -1


@dataclass(frozen=True)
class Labels:
    """A column of strings: ``index`` is an index of ``names``, ABSENT without a value."""

    index: Ints
    names: tuple[str, ...]


def seconds(column: pa.ChunkedArray, origin_ns: int) -> Floats:
    """Convert nanoseconds on the run's clock to seconds after ``origin_ns``; null becomes NaN."""
    relative = pc.cast(pc.subtract(column, pa.scalar(origin_ns, pa.int64())), pa.float64(), safe=False)
    values: Floats = relative.to_numpy()
    return values * 1e-9


def integers(column: pa.ChunkedArray) -> Ints:
    """Convert to integers; null becomes 0."""
    values: Ints = pc.fill_null(column, 0).to_numpy()
    return values.astype(np.int64)


def codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> Ints:
    """Position of each value in ``names``, ABSENT if it is not one of them."""
    values: Ints = pc.fill_null(
        pc.index_in(column, value_set=pa.array(names, pa.string())), ABSENT
    ).to_numpy()
    return values.astype(np.int64)


def positions(values: pa.ChunkedArray, among: pa.ChunkedArray) -> Ints:
    """Row in ``among`` of each of ``values`` (the first that matches), ABSENT without a match."""
    found = pc.index_in(values, value_set=among.combine_chunks())
    rows: Ints = pc.fill_null(found, ABSENT).to_numpy()
    return rows.astype(np.int64)


def labelled(column: pa.ChunkedArray, owner: Ints, count: int) -> Labels:
    """The strings of ``column`` at the positions ``owner`` of ``count`` entries."""
    names = tuple(sorted(name for name in pc.unique(column).to_pylist() if name))
    index = np.full(count, ABSENT, dtype=np.int64)
    index[owner] = codes(column, names)
    return Labels(index, names)
