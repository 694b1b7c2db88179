"""Texts of several segments that need UCS-2 for one character: segments and price with it and without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.read.columns import integers

# Characters of a text of one segment, and of each segment of a longer one.
_GSM7_SINGLE, _GSM7_JOINED = 160, 153
_UCS2_SINGLE, _UCS2_JOINED = 70, 67


@dataclass(frozen=True)
class OddCharacter:
    """``least`` and ``most`` are what the texts take if another character is in its place."""

    character: str
    messages: int
    segments: int
    paid: float
    least_segments: int
    most_segments: int
    least_paid: float
    most_paid: float


def odd_characters(rows: pa.Table) -> tuple[OddCharacter, ...]:
    """The most frequent character first."""
    found = rows.filter(pc.and_(pc.not_equal(rows["ucs2_for"], ""), pc.greater(rows["segments"], 1)))
    names = np.array(found["ucs2_for"].to_pylist(), dtype=np.object_)
    segments = integers(found["segments"])
    paid = pc.fill_null(found["price"], 0.0).to_numpy()
    ends = np.array([segments_in_gsm7(each) for each in segments.tolist()]).reshape(-1, 2)
    made = []
    for character in sorted(set(names.tolist())):
        among = names == character
        least, most = ends[among].T
        each = paid[among] / segments[among]
        made.append(
            OddCharacter(
                character=character,
                messages=int(np.count_nonzero(among)),
                segments=int(segments[among].sum()),
                paid=float(paid[among].sum()),
                least_segments=int(least.sum()),
                most_segments=int(most.sum()),
                least_paid=float((each * least).sum()),
                most_paid=float((each * most).sum()),
            )
        )
    return tuple(sorted(made, key=lambda each: -each.messages))


def segments_in_gsm7(in_ucs2: int) -> tuple[int, int]:
    """At least and at most: the provider's rows do not have the length of a text."""
    shortest = max(_UCS2_SINGLE, _UCS2_JOINED * (in_ucs2 - 1)) + 1
    return _gsm7(shortest), _gsm7(_UCS2_JOINED * in_ucs2)


def _gsm7(length: int) -> int:
    return 1 if length <= _GSM7_SINGLE else -(-length // _GSM7_JOINED)
