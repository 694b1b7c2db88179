"""The provider's messages with keys that the load did not send, or without a key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Bools, Floats, Ints
from analysis.read.columns import integers

# The mock provider makes it for a message without a key: number, hash of the text, running number.
_MADE_KEY = r"^([0-9]+-[0-9a-f]{10})-[0-9]+$"


@dataclass(frozen=True)
class UnknownRows:
    """A refused message counts too: it reached the provider."""

    count: int
    accepted: int  # of these, by the provider
    price: float
    segments: tuple[tuple[int, int], ...]  # (segments, accepted messages), the most frequent first


def last_of_unknown(rows: pa.Table) -> pa.Table:
    """One row of each message: the last of each key and id, without the refusals of a key that was accepted.

    Refused rows of one number and text are one message that was repeated: the provider made a key for each.
    A refused message without any key has nothing by which two rows would be one message: each of its rows
    counts.
    """
    if not len(rows):
        return rows
    key, provider_id = labels(rows["key"]), labels(rows["provider_id"])
    place = np.arange(len(rows))
    accepted = with_acceptance(rows)
    named: Bools = pc.not_equal(pc.fill_null(rows["key"], ""), "").to_numpy()
    single = np.where(named | accepted, -1, place)
    order: Ints = np.lexsort((place, single, provider_id, key)).astype(np.int64)
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (np.diff(key[order]) != 0) | (np.diff(provider_id[order]) != 0) | (single[order][:-1] >= 0)
    kept = np.sort(order[last])
    repeated = named & ~accepted & np.isin(key, key[accepted])
    kept = kept[~repeated[kept]]
    return rows.take(pa.array(kept[~_again(rows, kept, accepted)]))


def _again(rows: pa.Table, kept: Ints, accepted: Bools) -> Bools:
    """Of ``kept``: refused, with the number and the text of an earlier refused row without a key."""
    text = labels(pc.replace_substring_regex(pc.fill_null(rows["key"], ""), _MADE_KEY, r"\1"))[kept]
    made = pc.match_substring_regex(pc.fill_null(rows["key"], ""), _MADE_KEY).to_numpy()[kept]
    refused = np.flatnonzero(made & ~accepted[kept])
    _, first = np.unique(text[refused], return_index=True)
    found = np.zeros(len(kept), dtype=np.bool_)
    found[np.delete(refused, first)] = True
    return found


def unknown_rows(rows: pa.Table, prices: Floats) -> UnknownRows:
    """``rows`` as ``last_of_unknown`` returns them, with their prices."""
    accepted = with_acceptance(rows)
    values, counts = np.unique(integers(rows["segments"])[accepted], return_counts=True)
    by_count = sorted(zip(values.tolist(), counts.tolist(), strict=True), key=lambda each: -each[1])
    return UnknownRows(len(rows), int(np.count_nonzero(accepted)), float(prices.sum()), tuple(by_count))


def labels(column: pa.ChunkedArray) -> Ints:
    """A small number for each distinct string."""
    encoded = pc.dictionary_encode(pc.fill_null(column, "")).combine_chunks()
    found: Ints = encoded.indices.to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def with_acceptance(rows: pa.Table) -> Bools:
    """Rows that the provider accepted."""
    with_id: Bools = pc.not_equal(pc.fill_null(rows["provider_id"], ""), "").to_numpy()
    found: Bools = with_id | (integers(rows["accepts"]) > 0)
    return found
