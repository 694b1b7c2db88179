"""A fault of the provider that lowers a limit. What it refuses is not refused by the contract's limit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.arrays import Bools
from analysis.findings import FaultBand
from analysis.formatting import counted_text, fault_text, quantity_text, round_number_text
from analysis.judge.bottlenecks.contract import contract_of
from analysis.judge.bottlenecks.view import View

THROTTLED_SHARE = 0.01  # of the messages of a window, refused for a limit
_SAMPLED_EACH_S = 1.0  # a counter's growth is known to a second


def bands(view: View) -> list[FaultBand]:
    return [band for band in view.given.faults if band.effect == "lowered_limit" and band.from_s is not None]


def counter_spans(view: View) -> list[tuple[float, float]]:
    """The times whose growth of a counter may be due to a lowered limit, in order and apart."""
    spans: list[tuple[float, float]] = []
    for from_s, to_s in sorted(_span(view, band) for band in bands(view)):
        low_s, high_s = from_s - _SAMPLED_EACH_S, to_s + _SAMPLED_EACH_S
        if spans and low_s <= spans[-1][1]:
            low_s, high_s = spans[-1][0], max(high_s, spans.pop()[1])
        spans.append((low_s, high_s))
    return spans


def refused_messages(view: View, *only: FaultBand) -> Bools:
    """Messages that were refused for a limit while a fault had lowered it: their rows name the fault."""
    touched: Bools = np.zeros(view.journeys.count, dtype=np.bool_)
    for band in only or bands(view):
        touched |= view.provider.touched(band.name)
    return touched & (view.provider.throttled > 0)


def throttled_messages(view: View) -> Bools:
    """Messages that were refused for a limit of the contract, and not for one that a fault had lowered."""
    found: Bools = view.provider.throttled > 0
    return found & ~refused_messages(view)


def lowered(view: View) -> Bools:
    """Windows in which a limit was lowered, and over 1 % of the messages were refused for it."""
    found: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    refused = refused_messages(view)
    active = view.windows.overlapping(_span(view, band) for band in bands(view))
    first_s, until_s = view.provider.submitted_s, view.provider.forwarded_s
    passed = view.windows.counts(until_s, view.provider.accepted)
    for window, (low_s, high_s) in enumerate(pairwise(view.windows.edges_s.tolist())):
        if active[window]:
            met = refused & (first_s < high_s) & (until_s >= low_s)
            found[window] = np.count_nonzero(met) > THROTTLED_SHARE * passed[window]
    return found


def lowered_limit_text(view: View, band: FaultBand) -> str:
    """``the fault "slow" lowered the provider's limit from 200 to 4 requests/s, and 52 messages ...``."""
    name = fault_text(band.name, band.kind, band.title)
    messages = int(np.count_nonzero(refused_messages(view, band)))
    were = "was" if messages == 1 else "were"
    lowered_text = f'the fault "{name}" lowered the provider\'s limit{_rates(view, band)}'
    return f"{lowered_text}, and {counted_text(messages, 'message')} {were} refused for it"


def _rates(view: View, band: FaultBand) -> str:
    """`` from 200 to 4 requests/s``; empty if the profile of the run does not have the fault."""
    contract = contract_of(view.given.profile)
    usual = {"requests": contract.requests_per_s, "segments": contract.segments_per_s}
    for fault in view.given.profile.get("faults") or ():
        if isinstance(fault, Mapping) and fault.get("name") == band.name and fault.get("limit") in usual:
            limit = str(fault["limit"])
            before = usual[limit]
            after = _lowered(fault, before)
            if after is None:
                return ""
            begun = "" if before is None else f" from {round_number_text(before)}"
            return f"{begun} to {quantity_text(round_number_text(after), f'{limit}/s')}"
    return ""


def _lowered(fault: Mapping[str, Any], usual: float | None) -> float | None:
    if fault.get("share") is not None:
        return None if usual is None else float(fault["share"]) * usual
    if fault.get("rate_per_s") is None:
        return None
    rate = float(fault["rate_per_s"])
    return rate if usual is None else min(rate, usual)


def _span(view: View, band: FaultBand) -> tuple[float, float]:
    assert band.from_s is not None
    return band.from_s, view.journeys.end_s if band.to_s is None else band.to_s
