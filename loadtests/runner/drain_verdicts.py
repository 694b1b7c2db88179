"""Checks during the drain, from the run's rows, whether open messages can still change a verdict.

Both files are read completely each time. The longer that takes, the longer is the time to the next read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from analysis.measure.dependence import evidence_of
from analysis.objectives.final_verdict import ObjectiveTally, cost_verdict_is_final, verdict_is_final
from analysis.objectives.grammar import ALL, parse_all
from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, read_rows
from analysis.refusals import PERMANENT
from loadtests.arrays import BoolArray, IntArray
from loadtests.runner.drain_cost import cost_limit_of, cost_tally

_EVERY_S = 1.0
_SHARE_OF_TIME = 0.1  # largest share of the time spent on reading


class Wanted(Struct, frozen=True):
    """More than ``share`` of a class's messages are delivered within ``limit_s`` of their intended start.

    ``limit_s`` None: without a limit, and messages to phones that are off count as well.
    """

    message_class: str  # "all" for all of them
    share: float
    limit_s: float | None


def wanted_of(objectives: Sequence[str]) -> tuple[Wanted, ...]:
    """The objectives on delivery, which open messages can affect.

    Answers of the API, windows of availability and lost, duplicated or unaccounted messages are not changed
    by messages that are on their way to handsets. For the cost see ``drain_cost``.
    """
    return tuple(
        Wanted(spec.message_class, spec.limit, None)
        if spec.percentile is None
        else Wanted(spec.message_class, spec.percentile / 100.0, spec.limit)
        for spec in parse_all(objectives)
        if spec.measure in ("delivery_time", "delivered")
    )


class ObjectiveState(Struct, frozen=True):
    """One class's counts, and the effective number of independent messages per delivered one."""

    tally: ObjectiveTally
    evidence: float


class DrainVerdicts:
    """Call it: true if no open message can change a verdict. Without ``journal``: always false."""

    def __init__(self, run_dir: Path, journal: Path | None, objectives: Sequence[str]) -> None:
        self._run_dir = run_dir
        self._journal = journal
        self._wanted = wanted_of(objectives)
        self._cost_limit = cost_limit_of(objectives)
        self._load: pa.Table | None = None
        self._answer = False
        self._next_s = 0.0

    def __call__(self) -> bool:
        began_s = time.monotonic()
        if began_s >= self._next_s:
            self._answer = self._look(time.monotonic_ns())
            ended_s = time.monotonic()
            self._next_s = ended_s + max(_EVERY_S, (ended_s - began_s) / _SHARE_OF_TIME)
        return self._answer

    def _look(self, now_ns: int) -> bool:
        if self._journal is None or not self._journal.is_file():
            return False
        if self._load is None:  # the load has ended: its rows are complete
            self._load = _arrivals(self._run_dir)
        provider = read_rows(self._journal, PROVIDER_SCHEMA)
        accepted = self._load.filter(pc.equal(self._load["outcome"], "accepted"))
        found = tallies(accepted, provider, now_ns, self._wanted)
        if not all(
            verdict_is_final(each.share, one.tally, one.evidence)
            for each, one in zip(self._wanted, found, strict=True)
        ):
            return False
        limit = self._cost_limit
        return limit is None or cost_verdict_is_final(limit, cost_tally(self._load, provider))


def tallies(
    load: pa.Table, provider: pa.Table, now_ns: int, wanted: Sequence[Wanted]
) -> list[ObjectiveState]:
    """``load`` are the accepted arrivals. If the provider has several rows of a message, the last one counts.
    Of two copies of a message, the one that arrived first counts, as in the analysis.

    Messages that waited for their phone do not count, whatever their outcome.
    """
    ranked = provider.take(pa.array(_by_weight(provider)))
    at = pc.fill_null(pc.index_in(load["key"], value_set=ranked["key"].combine_chunks()), -1).to_numpy()
    seen = at >= 0
    rows = ranked.take(pa.array(at[seen]))
    intended_ns: IntArray = load["t_intended_ns"].to_numpy()
    delivered = _spread(pc.equal(rows["state"], "delivered").to_numpy(), seen)
    ended = _spread(pc.not_equal(rows["state"], "open").to_numpy(), seen) & ~_may_yet_arrive(rows, seen)
    waited = _spread(pc.greater(pc.fill_null(rows["handset_wait_ns"], 0), 0).to_numpy(), seen)
    took_ns: IntArray = np.full(len(load), -1, dtype=np.int64)
    took_ns[seen] = pc.fill_null(rows["t_final_ns"], 0).to_numpy()
    took_ns -= intended_ns
    age_ns = now_ns - intended_ns
    failed = ended & ~delivered
    # A message that failed after the carrier failed because of network or phone: it has no delivery time. One
    # that failed before the carrier, or expired, may count or not: only the analysis can decide.
    expired = _spread(pc.equal(rows["state"], "expired").to_numpy(), seen)
    unclear = failed & (expired | ~_spread(rows["t_carrier_ns"].is_valid().to_numpy(), seen))
    is_open = ~ended
    found = []
    for each in wanted:
        mine = _of_class(load, each.message_class)
        if each.limit_s is None:
            within, beyond = delivered, failed
            young, old = is_open, np.zeros_like(is_open)
        else:
            limit_ns = round(each.limit_s * 1e9)
            mine = mine & ~waited
            within, beyond = delivered & (took_ns <= limit_ns), delivered & (took_ns > limit_ns)
            young, old = is_open & (age_ns <= limit_ns), (is_open & (age_ns > limit_ns)) | unclear
        tally = ObjectiveTally(*(_count(mine & chosen) for chosen in (within, beyond, young, old)))
        found.append(ObjectiveState(tally, _evidence(intended_ns, took_ns, mine & delivered & ~waited)))
    return found


def _by_weight(provider: pa.Table) -> IntArray:
    """The rows in the order in which they describe their message: delivered ones, the earliest delivery
    first; then the others, the last row first.
    """
    delivered: BoolArray = pc.equal(provider["state"], "delivered").to_numpy()
    at_ns = np.where(delivered, pc.fill_null(provider["t_final_ns"], 0).to_numpy(), 0)
    order: IntArray = np.lexsort((-np.arange(len(provider)), at_ns, ~delivered)).astype(np.int64)
    return order


def _may_yet_arrive(rows: pa.Table, seen: BoolArray) -> BoolArray:
    """Messages whose row has an end, and that may arrive later. The sender may submit one again that was
    refused for the time being; of one that was accepted twice, another copy may be on its way.
    """
    copies = pc.and_(
        pc.not_equal(rows["state"], "delivered"), pc.greater(pc.fill_null(rows["accepts"], 0), 1)
    )
    refused = pc.and_(pc.equal(rows["state"], "rejected"), pc.equal(pc.fill_null(rows["accepts"], 0), 0))
    permanent = pc.is_in(rows["reason"], value_set=pa.array(PERMANENT))
    may = pc.or_(copies, pc.and_(refused, pc.invert(permanent)))
    return _spread(may.to_numpy(zero_copy_only=False), seen)


def _evidence(intended_ns: IntArray, took_ns: IntArray, arrived: BoolArray) -> float:
    """Measured as in the analysis: from the delivery times in the order in which the messages were due."""
    took_s = took_ns[arrived][np.argsort(intended_ns[arrived], kind="stable")] / 1e9
    return evidence_of(took_s)


def _of_class(load: pa.Table, name: str) -> BoolArray:
    if name == ALL:
        return np.ones(len(load), dtype=np.bool_)
    chosen: BoolArray = pc.equal(load["message_class"], name).to_numpy()
    return chosen


def _arrivals(run_dir: Path) -> pa.Table:
    tables = [read_rows(path, LOAD_SCHEMA) for path in sorted(run_dir.glob("load-*.arrow"))]
    return pa.concat_tables(tables) if tables else LOAD_SCHEMA.empty_table()


def _spread(values: BoolArray, seen: BoolArray) -> BoolArray:
    column: BoolArray = np.zeros(len(seen), dtype=np.bool_)
    column[seen] = values
    return column


def _count(chosen: BoolArray) -> int:
    return int(np.count_nonzero(chosen))
