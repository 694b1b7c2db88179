"""Rates, delivery times and backlogs over time, in bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from analysis.arrays import Bools, Floats, Ints
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes
from analysis.model import Points, Series, Timeline
from analysis.read.journeys import Journeys
from analysis.read.provider_rows import PROVIDER_STATES

_WIDTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
_MOST_BINS = 150
_MOST_WITH_DRAIN = 600  # bins of load and drain together
_LEAST_BINS = 10
_MESSAGES_PER_BIN = 20  # messages per bin; with fewer a line would show single messages
_TIMES_PER_BIN = 100  # mean messages per bin, so that nearly every bin has enough for a p95
FEW_MESSAGES = 400  # messages; a class with fewer is drawn as points
# With fewer messages a p95 has no 95 % interval (docs/report.md).
_P50_NEEDS, _P95_NEEDS = 6, 72
_TAKEN_SHARE = 0.5  # of the messages that were due; a line has a gap where fewer were accepted
_BACKLOG_POINTS = 300


@dataclass(frozen=True)
class BacklogSeries:
    """Messages waiting from ``starts_s`` to ``ends_s``, each sorted; a message that never ends has no end."""

    starts_s: Floats
    ends_s: Floats

    def at(self, instants_s: Floats) -> Ints:
        begun = np.searchsorted(self.starts_s, instants_s, side="right")
        ended = np.searchsorted(self.ends_s, instants_s, side="right")
        waiting: Ints = (begun - ended).astype(np.int64)
        return waiting

    def peak(self) -> tuple[int, float]:
        """The maximum and its instant; (0, 0.0) if no message waited."""
        if len(self.starts_s) == 0:
            return 0, 0.0
        # The maximum is just after a start.
        waiting = self.at(self.starts_s)
        highest = int(waiting.argmax())
        return max(int(waiting[highest]), 0), float(self.starts_s[highest])


def unsubmitted(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> BacklogSeries:
    """Accepted by the sender, not yet submitted.

    Messages that the sender gave up are left out, since the time is unknown.
    """
    waited = (
        among & journeys.accepted & (np.isfinite(journeys.provider.submitted_s) | (outcomes.outcome == OPEN))
    )
    return _backlog(journeys.load.replied_s[waited], journeys.provider.submitted_s[waited])


def undelivered(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> BacklogSeries:
    """Accepted by the sender, not yet delivered and not finally failed."""
    waited = among & journeys.accepted & (np.isfinite(journeys.provider.final_s) | (outcomes.outcome == OPEN))
    return _backlog(journeys.load.replied_s[waited], journeys.provider.final_s[waited])


def _backlog(starts_s: Floats, ends_s: Floats) -> BacklogSeries:
    # The sender may submit before its reply is read. Such a message did not wait.
    begins = np.fmin(starts_s, ends_s)
    return BacklogSeries(starts_s=np.sort(begins), ends_s=np.sort(ends_s[np.isfinite(ends_s)]))


def timeline(journeys: Journeys, outcomes: MessageOutcomes) -> Timeline:
    """All series of one run, over the load and the drain up to 99 % of the deliveries to reachable phones."""
    end_s = drawn_until_s(journeys)
    # From the load: the bins of a drain of hours would hide a load of seconds.
    width = max(bin_width(journeys.load_end_s, journeys.count), _round_width(end_s / _MOST_WITH_DRAIN))
    classes = [(name, journeys.of_class(name) & journeys.accepted) for name in journeys.load.class_names]
    crowds = [(name, among) for name, among in classes if np.count_nonzero(among) >= FEW_MESSAGES]
    few = [(name, among) for name, among in classes if 0 < np.count_nonzero(among) < FEW_MESSAGES]
    # Wide enough for the smallest class that is drawn as a line.
    rarest = min((int(np.count_nonzero(among)) for _, among in crowds), default=0)
    latency_width = bin_width(journeys.load_end_s, rarest, _TIMES_PER_BIN)
    everyone = np.ones(journeys.count, dtype=np.bool_)
    waiting = (
        ("accepted, not yet submitted", unsubmitted(journeys, outcomes, everyone)),
        ("accepted, not yet delivered", undelivered(journeys, outcomes, everyone)),
    )
    (queued, queued_at), (undone, undone_at) = (backlog.peak() for _, backlog in waiting)
    at = np.linspace(0.0, end_s, _BACKLOG_POINTS)
    return Timeline(
        bin_s=width,
        load_end_s=journeys.load_end_s,
        end_s=end_s,
        rates=(
            rate_series("offered", journeys.load.intended_s, width, end_s),
            rate_series("accepted", journeys.load.replied_s[journeys.accepted], width, end_s),
            rate_series("delivered", journeys.provider.final_s[outcomes.outcome == DELIVERED], width, end_s),
        ),
        latency_p50=tuple(
            _latency(journeys, outcomes, name, among, (50, latency_width)) for name, among in crowds
        ),
        latency_p95=tuple(
            _latency(journeys, outcomes, name, among, (95, latency_width)) for name, among in crowds
        ),
        points=tuple(_points(journeys, outcomes, name, among) for name, among in few),
        backlog=tuple(
            Series(name=name, at_s=tuple(at.tolist()), value=tuple(backlog.at(at).astype(float).tolist()))
            for name, backlog in waiting
        ),
        peak_unsubmitted=queued,
        peak_unsubmitted_at_s=queued_at,
        peak_undelivered=undone,
        peak_undelivered_at_s=undone_at,
    )


def drawn_until_s(journeys: Journeys) -> float:
    """The end of the load or of 99 % of the deliveries to reachable phones. The last can take days, like a
    phone that is off, or a message that expires.
    """
    provider = journeys.provider
    arrived = (provider.state == PROVIDER_STATES.index("delivered")) & np.isfinite(provider.final_s)
    at_once = arrived & ~(np.nan_to_num(provider.handset_wait_s) > 0)
    arrived_s = np.sort(provider.final_s[at_once])
    mostly = float(arrived_s[int(0.99 * (len(arrived_s) - 1))]) if len(arrived_s) else 0.0
    return max(journeys.load_end_s, mostly, 1.0)


def bin_width(span_s: float, count: int, wanted_in_each: int = _MESSAGES_PER_BIN) -> float:
    """A round width that gives at most 150 bins and, if possible, enough messages in each."""
    wanted = span_s / _MOST_BINS
    if count:
        wanted = max(wanted, min(span_s * wanted_in_each / count, span_s / _LEAST_BINS))
    return _round_width(wanted)


def _round_width(wanted_s: float) -> float:
    return next((width for width in _WIDTHS_S if width >= wanted_s), _WIDTHS_S[-1])


def rate_series(name: str, instants_s: Floats, width_s: float, end_s: float) -> Series:
    """Events per second in each bin, at the bin's middle; the last bin has its own length."""
    edges = np.append(np.arange(0.0, end_s, width_s), end_s)
    counts, _ = np.histogram(instants_s[np.isfinite(instants_s)], bins=edges)
    lengths = np.diff(edges)
    if len(lengths) > 1 and lengths[-1] < width_s / 2:
        counts, lengths, edges = counts[:-1], lengths[:-1], edges[:-1]
    middles = edges[:-1] + lengths / 2
    return Series(name=name, at_s=tuple(middles.tolist()), value=tuple((counts / lengths).tolist()))


def _latency(
    journeys: Journeys, outcomes: MessageOutcomes, name: str, among: Bools, shown: tuple[int, float]
) -> Series:
    """Of reachable phones, as in the tables: with a phone that is off any sender waits.

    Not where the sender accepted few messages: an overloaded sender would look faster than before.
    """
    percentile, width_s = shown
    delivery_s = np.where(
        outcomes.outcome == DELIVERED, journeys.provider.final_s - journeys.load.intended_s, np.inf
    )
    possible = (outcomes.outcome == DELIVERED) | (outcomes.outcome == OPEN)
    counts_in = among & ((possible & ~journeys.provider.unreachable) | outcomes.never)
    due, delivery_s = journeys.load.intended_s[counts_in], delivery_s[counts_in]
    found = binned_percentile(name, due, delivery_s, percentile, width_s)
    of_class = journeys.of_class(name)
    due_s, taken_s = (journeys.load.intended_s[each] for each in (of_class, of_class & among))
    edges = np.array([(at_s - width_s / 2, at_s + width_s / 2) for at_s in found.at_s]).ravel()
    came, taken = (np.diff(np.searchsorted(np.sort(each), edges))[::2] for each in (due_s, taken_s))
    value = tuple(
        None if few else each for each, few in zip(found.value, taken < _TAKEN_SHARE * came, strict=True)
    )
    return replace(found, value=value)


def binned_percentile(
    name: str, due_s: Floats, delivery_s: Floats, percentile: int, width_s: float
) -> Series:
    """Nearest-rank percentile in each bin of intended starts; ``None`` if there are too few messages, or if
    it is unknown.
    """
    need = _P50_NEEDS if percentile <= 50 else _P95_NEEDS
    bins = np.floor(due_s / width_s).astype(np.int64)
    order = np.lexsort((delivery_s, bins))
    found, first, counts = np.unique(bins[order], return_index=True, return_counts=True)
    rank = np.maximum(-((-counts * percentile) // 100), 1)
    values = delivery_s[order][first + rank - 1]
    shown = (counts >= need) & np.isfinite(values)
    return Series(
        name=name,
        at_s=tuple(((found + 0.5) * width_s).tolist()),
        value=tuple(float(value) if show else None for value, show in zip(values, shown, strict=True)),
    )


def _points(journeys: Journeys, outcomes: MessageOutcomes, name: str, among: Bools) -> Points:
    chosen = among & (outcomes.outcome == DELIVERED) & ~journeys.provider.unreachable
    due = journeys.load.intended_s[chosen]
    return Points(
        name=name,
        at_s=tuple(due.tolist()),
        value_s=tuple((journeys.provider.final_s[chosen] - due).tolist()),
    )
