"""The provider's rows, converted to one entry for each arrival.

``provider.arrow`` may repeat a (key, provider_id): the last row counts. A key with several accepted provider
ids, or accepted more than once, is a duplicate. The entry of such a key describes the copy that arrived
first; its price is the sum over all copies. ``submits`` and ``accepts`` count the key. Rows of one key have
the same numbers, or the numbers at the time of writing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.arrays import Bools, Floats, Ints
from analysis.read.columns import ABSENT, Labels, codes, integers, labelled, positions, seconds
from analysis.read.copies import Copies, copies_of
from analysis.read.odd_characters import OddCharacter, odd_characters
from analysis.read.unknown_rows import UnknownRows, labels, last_of_unknown, unknown_rows, with_acceptance
from analysis.refusals import CAUSED_BY_RECIPIENT, PERMANENT

# In order of preference: of two copies of a message, the one that arrived describes it.
PROVIDER_STATES = ("delivered", "open", "undelivered", "expired", "unknown", "rejected")
# Final reasons of phones that are off or out of coverage.
UNREACHABLE = ("absent_subscriber", "handset_off")


@dataclass(frozen=True)
class ProviderSide:
    """Columns in the order of the load's rows. ``state`` is an index of PROVIDER_STATES, or ABSENT."""

    state: Ints
    accepted: Bools  # it accepted the message at least once
    refused_permanently: Bools  # it refused the message, and would refuse a repeat
    recipient_at_fault: Bools  # it refused the message because of the phone number
    unreachable: Bools  # its phone was off or out of coverage: it waited for the phone, or failed for it
    submitted_s: Floats
    answered_s: Floats
    scheduled_s: Floats  # the sender asked the provider to send it then; NaN: at once
    carrier_s: Floats
    final_s: Floats  # delivered, or finally failed
    reported_s: Floats
    confirmed_s: Floats
    submits: Ints
    accepts: Ints  # how often the provider accepted it
    segments: Ints  # of one copy
    segments_of_duplicates: Ints
    price: Floats
    price_of_duplicates: Floats
    copies: Copies  # of messages that the provider accepted more than once
    unknown: UnknownRows  # with a key that the load did not send
    reason: Labels  # why a message was not delivered, in the provider's words
    accepted_s: Floats  # the submit that was accepted
    reply_s: Floats  # the answer's delay as drawn; lengths, not instants, up to ``handset_wait_s``
    radio_s: Floats  # carrier to handset as drawn, without the wait for the handset
    handset_wait_s: Floats  # wait for a phone that was off or out of coverage; 0: reachable, NaN: unknown
    throttled: Ints  # submits of the key that were refused because of a rate limit
    priority: Bools  # sent with the provider's priority flag
    carrier: Labels
    protocol: str  # by which most of the messages came
    fault: Labels  # each is a list of fault names, separated by commas
    odd_characters: tuple[OddCharacter, ...]  # for which texts of several segments need UCS-2
    faults: tuple[tuple[str, int], ...] = ()  # (name, affected messages)

    @cached_property
    def forwarded_s(self) -> Floats:
        """The submit that was accepted; the first one of a message that the provider never accepted, and in
        a journal without the instant of the accepted one.
        """
        return np.where(np.isfinite(self.accepted_s), self.accepted_s, self.submitted_s)

    def scheduled_wait_s(self, end_s: float) -> Floats:
        """From the answer to the time at which the sender asked the provider to send the message; 0 without
        one. A message that has no carrier yet waits until ``end_s``, the end of the observation.
        """
        left_s = np.where(np.isfinite(self.carrier_s), self.carrier_s, end_s)
        found: Floats = np.nan_to_num(np.fmin(self.scheduled_s, left_s) - self.answered_s)
        return np.where(np.isfinite(self.scheduled_s), np.maximum(found, 0.0), 0.0)

    def touched(self, name: str) -> Bools:
        """Messages that the fault of that name affected."""
        with_it = [i for i, label in enumerate(self.fault.names) if name in label.split(",")]
        chosen: Bools = np.isin(self.fault.index, with_it)
        return chosen


@dataclass(frozen=True)
class _Copies:
    """The last row of each (key, provider_id), with the position of its key among the load's rows."""

    rows: pa.Table
    key: Ints
    accepted: Bools
    state: Ints


@dataclass(frozen=True)
class _Parts:
    """Later parts of messages whose first part has the message's key; ``key`` is that key's position."""

    rows: pa.Table
    key: Ints
    again: Bools  # the provider had accepted this part before


def join_provider(rows: pa.Table, keys: pa.ChunkedArray, origin_ns: int) -> ProviderSide:
    """Put the provider's rows in the order of ``keys``, which are unique."""
    count = len(keys)
    copies, others = _copies(rows, keys)
    parts, unknown = _parts(others, keys)
    chosen, owner = _describing_copies(copies, origin_ns)
    speaking = _taken(copies.rows, chosen)

    def spread(values: Floats) -> Floats:
        column: Floats = np.full(count, np.nan)
        column[owner] = values
        return column

    def flags(values: Bools) -> Bools:
        column: Bools = np.zeros(count, dtype=np.bool_)
        column[owner] = values
        return column

    state = np.full(count, ABSENT, dtype=np.int64)
    state[owner] = copies.state[chosen]
    refused = ~copies.accepted[chosen]
    ids = _total(copies.key, copies.accepted.astype(np.float64), count)
    price, price_again = _once_and_again(copies, parts, chosen, count, _prices_of)
    segments, segments_again = _once_and_again(copies, parts, chosen, count, _segments_of)
    undelivered = copies.state[chosen] != PROVIDER_STATES.index("delivered")
    return ProviderSide(
        state=state,
        accepted=ids > 0,
        refused_permanently=flags(refused & (codes(speaking["reason"], PERMANENT) != ABSENT)),
        recipient_at_fault=flags(refused & (codes(speaking["reason"], CAUSED_BY_RECIPIENT) != ABSENT)),
        unreachable=flags(_unreachable(speaking)),
        submitted_s=spread(seconds(speaking["t_submitted_ns"], origin_ns)),
        answered_s=spread(seconds(speaking["t_answered_ns"], origin_ns)),
        scheduled_s=spread(seconds(speaking["t_scheduled_ns"], origin_ns)),
        carrier_s=spread(seconds(speaking["t_carrier_ns"], origin_ns)),
        final_s=spread(seconds(speaking["t_final_ns"], origin_ns)),
        reported_s=spread(seconds(speaking["t_reported_ns"], origin_ns)),
        confirmed_s=spread(seconds(speaking["t_confirmed_ns"], origin_ns)),
        submits=_highest(copies.key, integers(copies.rows["submits"]), count),
        accepts=np.maximum(
            _highest(copies.key, integers(copies.rows["accepts"]), count), ids.astype(np.int64)
        ),
        segments=segments.astype(np.int64),
        segments_of_duplicates=segments_again.astype(np.int64),
        price=price + price_again,
        price_of_duplicates=price_again,
        copies=_accepted_again(copies, origin_ns),
        unknown=unknown_rows(unknown, _prices_of(unknown)),
        reason=labelled(speaking["reason"].filter(pa.array(undelivered)), owner[undelivered], count),
        accepted_s=spread(seconds(speaking["t_accepted_ns"], origin_ns)),
        reply_s=spread(seconds(speaking["reply_ns"], 0)),
        radio_s=spread(seconds(speaking["radio_ns"], 0)),
        handset_wait_s=spread(seconds(speaking["handset_wait_ns"], 0)),
        throttled=_highest(copies.key, integers(copies.rows["throttled"]), count),
        priority=flags(pc.fill_null(speaking["priority"], False).to_numpy()),
        carrier=labelled(speaking["carrier"], owner, count),
        protocol=_most_frequent(speaking["protocol"]),
        fault=labelled(speaking["fault"], owner, count),
        odd_characters=odd_characters(speaking),
        faults=_touched(copies),
    )


def _most_frequent(column: pa.ChunkedArray) -> str:
    counted = pc.value_counts(pc.fill_null(column, "").combine_chunks()).to_pylist()
    return str(max(counted, key=lambda each: each["counts"])["values"]) if counted else ""


def _unreachable(rows: pa.Table) -> Bools:
    """Rows of messages that waited for their phone, or failed because it was unreachable.

    A file without the column ``handset_wait_ns`` has only the latter.
    """
    away: Bools = codes(rows["reason"], UNREACHABLE) != ABSENT
    if "handset_wait_ns" in rows.column_names:
        away |= integers(rows["handset_wait_ns"]) > 0
    return away


def _touched(copies: _Copies) -> tuple[tuple[str, int], ...]:
    """The messages of each fault; a message that was accepted twice counts once."""
    labels = pc.fill_null(copies.rows["fault"], "").combine_chunks()
    encoded = pc.dictionary_encode(labels)
    indices = np.asarray(encoded.indices.to_numpy(zero_copy_only=False))
    keys: dict[str, list[Ints]] = {}
    for index, names in enumerate(encoded.dictionary.to_pylist()):
        for name in filter(None, names.split(",")):
            keys.setdefault(name, []).append(copies.key[indices == index])
    return tuple((name, len(np.unique(np.concatenate(found)))) for name, found in sorted(keys.items()))


def _total(key: Ints, weights: Floats | Ints, count: int) -> Floats:
    return np.asarray(np.bincount(key, weights=weights, minlength=count), dtype=np.float64)


def _highest(key: Ints, values: Ints, count: int) -> Ints:
    highest = np.zeros(count, dtype=np.int64)
    np.maximum.at(highest, key, values)
    return highest


def _copies(rows: pa.Table, keys: pa.ChunkedArray) -> tuple[_Copies, pa.Table]:
    """The last row of each key and id, separately for keys of the load and other keys."""
    key = positions(rows["key"], keys)
    provider_id = labels(rows["provider_id"])
    order: Ints = np.lexsort((np.arange(len(rows)), provider_id, key)).astype(np.int64)
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (np.diff(key[order]) != 0) | (np.diff(provider_id[order]) != 0)
    kept = order[last]
    known = kept[key[kept] != ABSENT]
    # Without copies of a message their order is of no importance, and the rows need not be copied.
    known = known if _repeated(key[known]) else np.sort(known)
    chosen = _taken(rows, known)
    copies = _Copies(
        rows=chosen,
        key=key[known],
        accepted=with_acceptance(chosen),
        state=codes(chosen["state"], PROVIDER_STATES),
    )
    return copies, last_of_unknown(rows.take(pa.array(np.flatnonzero(key == ABSENT))))


def _repeated(key: Ints) -> bool:
    """Whether a key occurs again; the keys are in order."""
    return bool(np.any(np.diff(key) == 0))


def _taken(rows: pa.Table, places: Ints) -> pa.Table:
    """The rows at these places: the table itself, without a copy, if these are all of them in order."""
    if len(places) == len(rows) and np.array_equal(places, np.arange(len(rows))):
        return rows
    return rows.take(pa.array(places))


def _parts(others: pa.Table, keys: pa.ChunkedArray) -> tuple[_Parts, pa.Table]:
    """Rows ``<key>/<number>``: parts of long messages (docs/smpp.md).

    Also the rows without a message of the load.
    """
    base = pc.replace_substring_regex(pc.fill_null(others["key"], ""), r"/[0-9]+$", "")
    key = positions(base, keys)
    found = key != ABSENT
    rows = others.filter(pa.array(found))
    part, refused = labels(rows["key"]), ~with_acceptance(rows)
    order = np.lexsort((refused, part))
    again = np.zeros(len(rows), dtype=np.bool_)
    again[order[1:]] = (np.diff(part[order]) == 0) & ~refused[order[1:]]
    return _Parts(rows, key[found], again), others.filter(pa.array(~found))


def _describing_copies(copies: _Copies, origin_ns: int) -> tuple[Ints, Ints]:
    """The copy that describes each key (row numbers of the copies), and the positions of the keys."""
    arrival = np.nan_to_num(seconds(copies.rows["t_final_ns"], origin_ns), nan=np.inf)
    preference = np.where(copies.accepted, copies.state, len(PROVIDER_STATES))
    order = np.lexsort((arrival, preference, copies.key))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = np.diff(copies.key[order]) != 0
    chosen = np.sort(order[first])
    return np.asarray(chosen, dtype=np.int64), copies.key[chosen]


def _accepted_again(copies: _Copies, origin_ns: int) -> Copies:
    """Hardly a row, so that only these are sorted."""
    accepted = np.flatnonzero(copies.accepted)
    of_key = copies.key[accepted]
    chosen = accepted[np.bincount(of_key)[of_key] > 1] if len(accepted) else accepted
    rows = copies.rows.take(pa.array(chosen))
    return copies_of(
        copies.key[chosen],
        seconds(rows["t_accepted_ns"], origin_ns),
        seconds(rows["t_answered_ns"], origin_ns),
    )


def _once_and_again(
    copies: _Copies, parts: _Parts, chosen: Ints, count: int, values_of: Callable[[pa.Table], Floats]
) -> tuple[Floats, Floats]:
    """The sum of a value of the rows for one copy of each message, and that for its other copies."""
    of_rows, of_parts = values_of(copies.rows), values_of(parts.rows)
    accepted = np.where(copies.accepted, of_rows, 0.0)
    once, one_accepted = np.zeros(count), np.zeros(count)
    owner = copies.key[chosen]
    once[owner], one_accepted[owner] = of_rows[chosen], accepted[chosen]
    once += _total(parts.key, np.where(parts.again, 0.0, of_parts), count)
    again = np.maximum(_total(copies.key, accepted, count) - one_accepted, 0.0)
    return once, again + _total(parts.key, np.where(parts.again, of_parts, 0.0), count)


def _segments_of(rows: pa.Table) -> Floats:
    return integers(rows["segments"]).astype(np.float64)


def _prices_of(rows: pa.Table) -> Floats:
    prices: Floats = pc.fill_null(rows["price"], 0.0).to_numpy()
    return prices
