"""What the run's rows say about its cost during the drain, counted as the analysis counts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.measure.ratio import relative_width
from analysis.objectives.final_verdict import CostTally
from analysis.objectives.grammar import Spec, parse_all
from analysis.refusals import PERMANENT
from loadtests.arrays import BoolArray, IntArray

_MAY_BE_SUBMITTED = ("accepted", "failed", "unfinished")  # a sender that gave no answer may have the message


def cost_limit_of(objectives: Sequence[str]) -> Spec | None:
    """The objective on the cost; None: there is none."""
    return next((spec for spec in parse_all(objectives) if spec.measure == "cost_per_1000"), None)


def cost_tally(load: pa.Table, provider: pa.Table) -> CostTally:
    """``load`` are all arrivals. A row of the provider may be repeated: the last one of each copy counts.

    The provider charges a message when it accepts it, so a row of an accepted message has its price. A
    message that it refused has its row at the end of the run only.
    """
    at, whole = _arrivals_of(provider["key"], load["key"])
    known = at >= 0
    others = provider.filter(pa.array(~known))
    rows, at, whole = provider.filter(pa.array(known)), at[known], whole[known]
    state, accepts = rows["state"], pc.fill_null(rows["accepts"], 0)
    charged: BoolArray = pc.or_(
        pc.not_equal(pc.fill_null(rows["provider_id"], ""), ""), pc.greater(accepts, 0)
    ).to_numpy()
    refused_permanently: BoolArray = (
        pc.is_in(rows["reason"], value_set=pa.array(PERMANENT)).to_numpy() & ~charged
    )
    last = _last_of_each_copy(rows)

    def any_row(chosen: BoolArray) -> BoolArray:
        found: BoolArray = np.zeros(len(load), dtype=np.bool_)
        found[at[chosen]] = True
        return found

    prices = pc.fill_null(rows["price"], 0.0).to_numpy()[last]
    paid = np.bincount(at[last], weights=prices, minlength=len(load))
    priced = any_row(charged)
    delivered = any_row(pc.equal(state, "delivered").to_numpy() & charged & whole)
    on_its_way = any_row(pc.equal(state, "open").to_numpy() & charged & last)
    may_be_submitted: BoolArray = pc.is_in(load["outcome"], value_set=pa.array(_MAY_BE_SUBMITTED)).to_numpy()
    unpriced = may_be_submitted & ~priced & ~any_row(refused_permanently)
    return CostTally(
        paid=float(paid.sum()),
        delivered=int(np.count_nonzero(delivered)),
        open=int(np.count_nonzero((on_its_way | unpriced) & ~delivered)),
        unpriced=int(np.count_nonzero(unpriced)),
        highest=float(paid.max(initial=0.0)),
        width=relative_width(paid[priced].astype(np.float64), (delivered | on_its_way)[priced]),
        other_keys=float(pc.fill_null(others["price"], 0.0).to_numpy()[_last_of_each_copy(others)].sum()),
    )


def _arrivals_of(keys: pa.ChunkedArray, arrivals: pa.ChunkedArray) -> tuple[IntArray, BoolArray]:
    """The arrival of each row, -1 for none, and whether the row is not a later part of a long message.

    The key of a later part is ``<key>/<number>`` (docs/smpp.md).
    """
    known = arrivals.combine_chunks()
    at: IntArray = pc.fill_null(pc.index_in(keys, value_set=known), -1).to_numpy().astype(np.int64)
    whole: BoolArray = at >= 0
    first = pc.replace_substring_regex(pc.fill_null(keys, ""), r"/[0-9]+$", "")
    of_part = pc.fill_null(pc.index_in(first, value_set=known), -1).to_numpy()
    return np.where(whole, at, of_part), whole


def _last_of_each_copy(rows: pa.Table) -> BoolArray:
    """The last row of each key and provider id."""
    copies = pa.table(
        {
            "key": rows["key"],
            "provider_id": pc.fill_null(rows["provider_id"], ""),
            "place": pa.array(np.arange(len(rows))),
        }
    )
    places = copies.group_by(["key", "provider_id"]).aggregate([("place", "max")])["place_max"]
    last: BoolArray = np.zeros(len(rows), dtype=np.bool_)
    last[places.to_numpy()] = True
    return last
